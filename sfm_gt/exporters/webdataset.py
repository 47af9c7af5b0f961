"""WebDataset shards with all layers: ``<split>/<clip>-NNN.tar``, see formats/shards.py."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from sfm_gt.datasets.frames import Frame
from sfm_gt.exporters.shared.clip import ExportedClip, name_of
from sfm_gt.exporters.shared.sample import facts, layer_bytes
from sfm_gt.formats.manifest import write_json
from sfm_gt.formats.shards import SHARDS_JSON, SUFFIXES, Sample, write_shard

FRAMES_A_SHARD = 256


class WebDatasetExporter:
    """Samples of ``jpg``, ``depth.png16``, ``sigma.png16``, ``outlier.png``, ``moving.png``, ``overlay.png``,
    ``person.png`` and ``json``.

    All are the data set's own files: depth and sigma PNGs of 16 bits in steps of ``depth_unit`` and ``sigma_unit`` of the JSON,
    the probability of a gross error one of 8 bits in steps of 1/255.
    """

    VERSION = 4
    LENGTHS = "any"

    def write(self, clips: Sequence[ExportedClip], folder: Path) -> dict[str, Any]:
        """Writes the shards and shards.json into ``folder``."""
        entries = []
        for clip in clips:
            for number, first in enumerate(range(0, len(clip.frames), FRAMES_A_SHARD)):
                name = f"{clip.split}/{clip.clip_id}-{number:03d}.tar"
                entry = write_shard(folder / name, _samples(clip, clip.frames[first : first + FRAMES_A_SHARD]))
                entries.append(
                    {"shard": name, "clip_id": clip.clip_id, "split": clip.split, "metric": clip.metric, **entry}
                )
        write_json(folder / SHARDS_JSON, {"shards": entries})
        return {"shards": len(entries)}


def _samples(clip: ExportedClip, frames: Sequence[Frame]) -> Iterator[Sample]:
    for frame in frames:
        layers = {SUFFIXES[layer]: content for layer, content in layer_bytes(frame).items()}
        yield f"{clip.clip_id}_{name_of(frame)}", layers | {"json": json.dumps(facts(clip, frame)).encode()}


PLUGIN = WebDatasetExporter
