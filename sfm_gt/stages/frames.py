"""Frames: decodes a clip to PNG files and marks the keyframes that SfM starts from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sfm_gt.config import FramesConfig
from sfm_gt.errors import Rejected
from sfm_gt.formats.atomic import replacing_directory
from sfm_gt.formats.manifest import Manifest, write_manifest
from sfm_gt.formats.workspace import Workspace

STAGE = "frames"
VERSION: int = 1
MIN_KEYFRAMES = 2  # fewer distinct frames than this give no second view


def run(workspace: Workspace, clip: dict[str, Any], video_path: Path, config: FramesConfig) -> Manifest:
    """Writes the frames of one clip, ``frames.json`` and the manifest.

    A clip that shows one still image ends in the verdict ``still_image``.
    """
    with replacing_directory(workspace.clip_stage(clip["clip_id"], STAGE)) as folder:
        try:
            manifest = Manifest(STAGE, VERSION, measures=_extract(folder, clip, video_path, config))
        except Rejected as verdict:
            _remove_frames(folder)
            manifest = Manifest.rejected(STAGE, VERSION, verdict)
        write_manifest(folder, manifest)
    return manifest


def _extract(folder: Path, clip: dict[str, Any], video_path: Path, config: FramesConfig) -> dict[str, Any]:
    import numpy as np

    from sfm_gt.formats.frame_folder import FrameList, FrameRecord, write_frame, write_frame_list
    from sfm_gt.video.decode import iterate_frames, shrink
    from sfm_gt.video.keyframes import choose_keyframes, repeats, sharpness, tracking_image
    from sfm_gt.video.shots import is_blank

    indices, times, sharp, greys, blank = [], [], [], [], []
    for frame_index, timestamp_s, source in iterate_frames(video_path, clip["first_frame"], clip["last_frame"]):
        rgb = shrink(source, config.max_long_side_px)
        write_frame(folder, frame_index, rgb)
        grey = tracking_image(rgb)
        indices.append(frame_index)
        times.append(timestamp_s)
        sharp.append(sharpness(rgb))
        greys.append(grey)
        blank.append(is_blank(grey))
    repeated = repeats(greys)
    eligible = ~(repeated | np.array(blank))
    keys = choose_keyframes(greys, np.array(sharp), eligible, config.keyframe_motion, config.max_keyframes)
    if len(keys) < MIN_KEYFRAMES:
        message = f"{video_path.name}: frames {indices[0]}-{indices[-1]} show one still image; needs a moving camera"
        raise Rejected("still_image", message, len(keys), MIN_KEYFRAMES)
    rows = zip(indices, times, sharp, strict=True)
    records = tuple(FrameRecord(i, t, round(s, 3), n in keys) for n, (i, t, s) in enumerate(rows))
    height, width = rgb.shape[:2]
    write_frame_list(folder, FrameList(width, height, source.shape[1], source.shape[0], records))
    return {"n_frames": len(records), "n_keyframes": len(keys), "n_repeated": int(repeated.sum()),
            "n_blank": sum(blank), "width_px": width, "height_px": height}


def _remove_frames(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()
