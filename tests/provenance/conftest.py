"""The run of two videos, ``anna.mp4`` and ``bert.mp4``."""

from __future__ import annotations

from pathlib import Path

import pytest

from sfm_gt.formats.workspace import Workspace
from tests.provenance.small_run import Shape, write_run

VIDEOS = ("anna", "bert")


def facts_of(video_id: str) -> dict:
    """Content of ingest.json, and what its sidecar says."""
    number = VIDEOS.index(video_id) + 1
    return {
        "video_id": video_id, "path": f"{video_id}.mp4", "status": "ok", "reason": None, "message": None,
        "source_sha256": f"{number}" * 64, "perceptual_hash": [f"{number}" * 16, f"{number + 2}" * 16],
        "source": f"https://example.org/{video_id}", "license": "CC-BY-4.0", "consent": "given",
        "recorded_by": None, "recorded_on": "2024-05-01", "uploader_hash": None,
    }  # fmt: skip


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A finished run in small; the constant model has predicted, nothing is evaluated yet."""
    workspace = Workspace(tmp_path / "out")
    write_run(workspace, [facts_of(video_id) for video_id in VIDEOS], Shape())
    return workspace
