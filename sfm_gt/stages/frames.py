"""Frames: decodes a clip to PNG files and marks the keyframes that SfM starts from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sfm_gt.config import FramesConfig
from sfm_gt.errors import Rejected
from sfm_gt.formats.manifest import Manifest
from sfm_gt.formats.workspace import Workspace
from sfm_gt.stages.clip_stage import run_clip_stage

STAGE = "frames"
VERSION: int = 1
MIN_DISTINCT_FRAMES = 2  # fewer distinct frames than this give no second view


def run(workspace: Workspace, clip: dict[str, Any], video_path: Path, config: FramesConfig) -> Manifest:
    """Writes the frames of one clip (an entry of clips.json), ``frames.json`` and the manifest.

    A clip that shows one still image ends in the verdict ``still_image``.
    """

    def body(folder: Path) -> dict[str, Any]:
        return _extract(folder, clip, video_path, config)

    return run_clip_stage(workspace, clip["clip_id"], STAGE, VERSION, None, body)


def _extract(folder: Path, clip: dict[str, Any], video_path: Path, config: FramesConfig) -> dict[str, Any]:
    import numpy as np

    from sfm_gt.formats.frame_folder import FrameList, FrameRecord, write_frame, write_frame_list
    from sfm_gt.video.decode import iterate_frames, shrink
    from sfm_gt.video.keyframes import choose_keyframes, repeats, sharpness, tracking_image
    from sfm_gt.video.shots import is_blank

    rows, greys = [], []
    for frame_index, timestamp_s, source in iterate_frames(video_path, clip["first_frame"], clip["last_frame"]):
        rgb = shrink(source, config.max_long_side_px)
        write_frame(folder, frame_index, rgb)
        greys.append(tracking_image(rgb))
        rows.append((frame_index, timestamp_s, round(sharpness(rgb), 3)))
    repeated, blank = repeats(greys), np.array([is_blank(grey) for grey in greys])
    sharp = np.array([row[2] for row in rows])
    keys = choose_keyframes(
        greys, sharp, ~(repeated | blank), config.keyframe_motion, config.min_keyframes, config.max_keyframes
    )
    if len(keys) < MIN_DISTINCT_FRAMES:
        message = f"{video_path.name}: frames {rows[0][0]} to {rows[-1][0]} show one still image; needs a moving camera"
        raise Rejected("still_image", message, len(keys), MIN_DISTINCT_FRAMES)
    records = tuple(FrameRecord(*row, keyframe=position in keys) for position, row in enumerate(rows))
    height, width = rgb.shape[:2]
    write_frame_list(folder, FrameList(width, height, source.shape[1], source.shape[0], records))
    return {
        "n_frames": len(rows),
        "n_keyframes": len(keys),
        "n_repeated": int(repeated.sum()),
        "n_blank": int(blank.sum()),
        "width_px": width,
        "height_px": height,
    }
