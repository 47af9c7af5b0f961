"""Which sources a run knows, and which of them show the same: what ``forget`` and its messages go by."""

from __future__ import annotations

from pathlib import Path

from sfm_gt.errors import InputError
from sfm_gt.formats.dataset_layout import CLIP_JSON
from sfm_gt.formats.manifest import read_json
from sfm_gt.formats.perceptual_hash import are_near_duplicates
from sfm_gt.formats.sources import Source, hashed_url, read_tombstones, source_of
from sfm_gt.formats.verdict import VERDICT_NAME, Verdict, read_verdict
from sfm_gt.formats.workspace import Workspace


def known_sources(workspace: Workspace) -> dict[str, Source]:
    """Every source of the run by video id; what the data set says of it counts more than what ingest did."""
    found = {}
    # A job that was killed leaves no verdict, one that failed a verdict without the source's hashes; its pictures lie there.
    facts_at = {path: read_json(path) for path in sorted(workspace.root.glob("work/videos/*/ingest.json"))}
    for path in sorted(workspace.root.glob(f"videos/*/{VERDICT_NAME}")):
        verdict = read_verdict(path.parent)
        if not (verdict.failed and workspace.ingest(verdict.facts["video_id"]) in facts_at):
            facts_at[path] = verdict.facts
    for path, facts in facts_at.items():
        found[facts["video_id"]] = source_of({"video_id": facts["video_id"], "source": facts}, str(path))
    for path in sorted(workspace.dataset.glob(f"clips/*/*/{CLIP_JSON}")):
        source = source_of(read_json(path), str(path))
        found[source.video_id] = source
    return found


def find_source(workspace: Workspace, wanted: str) -> Source | None:
    """The one source of that video id, file name, URL or SHA-256; None where there is none, or it was forgotten.

    A file name may lack the folders that it lies in.

    Raises:
        InputError: several such.
    """
    known = known_sources(workspace).values()
    matching = [one for one in known if wanted in (one.video_id, one.path, one.source, one.source_sha256)]
    matching = matching or [one for one in known if one.path and Path(one.path).name == wanted]
    # A video that ingest refused because it was forgotten is still listed there: nothing of it is left to forget.
    if len(matching) > 1:
        ids = ", ".join(source.video_id for source in matching)
        raise InputError(f"{wanted!r} stands for several sources ({ids}); give one video id")
    if matching and _reason(workspace, matching[0].video_id) == "forgotten":
        return None
    return matching[0] if matching else None


def same_bytes(workspace: Workspace, source: Source) -> list[Source]:
    """Other videos of the same bytes: one of them was used, and the next run would use another once it is gone."""
    known = known_sources(workspace).values()
    return [
        other
        for other in known
        if other.video_id != source.video_id
        and source.source_sha256 is not None
        and other.source_sha256 == source.source_sha256
        and _reason(workspace, other.video_id) != "forgotten"
    ]


def near_duplicates(workspace: Workspace, source: Source) -> list[Source]:
    """Other videos, of other bytes, that show what the source shows."""
    return [
        other
        for other in known_sources(workspace).values()
        if other.video_id != source.video_id
        and (source.source_sha256 is None or other.source_sha256 != source.source_sha256)
        and are_near_duplicates(source.perceptual_hash, other.perceptual_hash)
        and _reason(workspace, other.video_id) != "forgotten"
    ]


def _reason(workspace: Workspace, video_id: str) -> str | None:
    verdict = verdict_of(workspace, video_id)
    return verdict.facts["reason"] if verdict else None


def verdict_of(workspace: Workspace, video_id: str) -> Verdict | None:
    """The verdict on a video, None before there is one."""
    folder = workspace.verdict(video_id)
    return read_verdict(folder) if (folder / VERDICT_NAME).is_file() else None


def is_forgotten(workspace: Workspace, wanted: str) -> bool:
    """Whether a video id, URL or SHA-256 belongs to a source that was forgotten."""
    known = read_tombstones(workspace.dataset)
    listed = known_sources(workspace)
    if wanted in listed:
        return True
    return any(wanted == t.source_sha256 or hashed_url(wanted) == t.url_sha256 for t in known)
