"""Where a clip lies in a published tree. Apart from the layout itself, since the workflow asks without reading a data set."""

from __future__ import annotations

from pathlib import Path


def video_of(clip_id: str) -> str:
    """Video id of a clip id, which is its video's and a number."""
    return clip_id.rsplit("-", 1)[0]


def clip_folder(dataset: Path, clip_id: str) -> Path:
    """Folder of one clip; what is made of one video lies together."""
    return dataset / "clips" / video_of(clip_id) / clip_id
