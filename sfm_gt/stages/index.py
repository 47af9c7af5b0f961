"""Index: one Parquet row a frame over all clips, the videos they come from, and the data set's own JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from sfm_gt.formats.atomic import replacing_file
from sfm_gt.formats.dataset_layout import CLIP_INDEX, CLIP_JSON, FORMAT_VERSION, INDEX_NAME, INDEX_SCHEMA
from sfm_gt.formats.frame_index import vouch_for_index
from sfm_gt.formats.manifest import read_json, read_manifest
from sfm_gt.formats.sources import source_of, write_sources
from sfm_gt.formats.workspace import Workspace
from sfm_gt.workflow.versions import VERSIONS

STAGE = "index"
VERSION = VERSIONS[STAGE]


def run(workspace: Workspace, clip_ids: Sequence[str]) -> dict[str, Any]:
    """Writes the data set's index, sources.json and dataset.json; clips without ground truth have no rows."""
    folders = {clip_id: workspace.clip_stage(clip_id, "dataset") for clip_id in sorted(clip_ids)}
    accepted = {clip_id: folder for clip_id, folder in folders.items() if read_manifest(folder).ok}
    tables = [pq.read_table(folder / CLIP_INDEX, schema=INDEX_SCHEMA) for folder in accepted.values()]
    table = pa.concat_tables(tables) if tables else INDEX_SCHEMA.empty_table()
    with replacing_file(workspace.dataset / INDEX_NAME) as partial:
        pq.write_table(table, partial)
    infos = [folder / CLIP_JSON for folder in accepted.values()]
    write_sources(workspace.dataset, [source_of(read_json(info), str(info)) for info in infos])
    content = {"format_version": FORMAT_VERSION, "clips": list(accepted), "frames": table.num_rows}
    vouch_for_index(workspace.dataset, content)
    return content
