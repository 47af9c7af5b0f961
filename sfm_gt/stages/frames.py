"""Frames: decodes a clip, finds its overlays, and marks the keyframes that SfM starts from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np

from sfm_gt.config import FramesConfig
from sfm_gt.errors import Rejected, knowing
from sfm_gt.formats.frame_folder import (
    FrameList,
    FrameRecord,
    read_frame,
    write_frame,
    write_frame_list,
    write_thumbnail,
)
from sfm_gt.formats.manifest import Manifest
from sfm_gt.formats.overlay_folder import Overlay, covered_ever, write_overlays
from sfm_gt.formats.workspace import Workspace
from sfm_gt.imaging.resizing import fitted
from sfm_gt.report.mask_sheet import write_mask_sheet
from sfm_gt.video import picture_area
from sfm_gt.video.composites import judge_composition
from sfm_gt.video.decode import iterate_frames
from sfm_gt.video.displacement import Displacements
from sfm_gt.video.keyframes import choose_keyframes, keyframe_bound, repeats, sharpness, tracking_image
from sfm_gt.video.motion import judge_parallax, measure_motion, motion_image
from sfm_gt.video.overlay import find_overlays, working_image
from sfm_gt.video.picture_area import Rectangle, picture_of
from sfm_gt.video.shots import is_blank
from sfm_gt.workflow.clip_stage import run_clip_stage
from sfm_gt.workflow.versions import VERSIONS

STAGE = "frames"
VERSION = VERSIONS[STAGE]
MIN_DISTINCT_FRAMES = 2  # fewer distinct frames than this give no second view
OVERLAY_MARGIN_PX = 8  # tracks that start nearer to an overlay follow it


def run(workspace: Workspace, clip: dict[str, Any], video_path: Path, config: FramesConfig) -> Manifest:
    """Writes the frames of one clip (an entry of clips.json), ``frames.json``, its overlays and the manifest.

    Its thumbnail and mask sheet lie outside the folder, so that they stay when this or a later stage refuses the clip.
    Ends in the verdict ``still_image``, ``split_screen``, ``mirrored_picture``, ``picture_in_picture``, ``static_camera`` or
    ``rotation_only`` where the frames already prove it; whether the scene is frozen is judged from the reconstruction.
    """

    def body(folder: Path) -> dict[str, Any]:
        decoded = _Decoded(folder, clip, video_path, config)
        decoded.write_thumbnail(workspace.thumbnail(clip["clip_id"]))
        return _extract(folder, decoded, video_path, config, workspace.mask_sheet(clip["clip_id"]))

    return run_clip_stage(workspace, clip["clip_id"], STAGE, VERSION, (), body)


def _extract(folder: Path, decoded: _Decoded, video_path: Path, config: FramesConfig, sheet: Path) -> dict[str, Any]:
    measures: dict[str, Any] = {
        "n_frames": len(decoded.rows), "width_px": decoded.width, "height_px": decoded.height,
    }  # fmt: skip
    with knowing(measures):
        _judged(measures, folder, decoded, video_path, config, sheet)
    return measures


def _judged(
    measures: dict[str, Any], folder: Path, decoded: _Decoded, video_path: Path, config: FramesConfig, sheet: Path
) -> None:
    """Writes what a clip has besides its frames, adds to ``measures`` what becomes known, and raises the verdict."""
    measures |= decoded.find_picture()
    # Bars would say that nothing moves and that nothing is blank.
    tracking = [picture_of(grey, decoded.picture, decoded.width) for grey in decoded.tracking]
    repeated, blank = repeats(tracking), np.array([is_blank(grey) for grey in tracking])
    indices, n_distinct = [row[0] for row in decoded.rows], int((~(repeated | blank)).sum())
    measures |= {"n_repeated": int(repeated.sum()), "n_blank": int(blank.sum())}
    still = n_distinct < MIN_DISTINCT_FRAMES
    overlays = [] if still else decoded.find_overlays()
    measures["n_overlays"] = len(overlays)
    write_mask_sheet(sheet, folder, indices, overlays, {})
    if still:
        message = f"{video_path.name}: frames {decoded.span} show one still image; needs a moving camera"
        raise Rejected("still_image", message, n_distinct, MIN_DISTINCT_FRAMES)
    measures |= _judge_motion(decoded, overlays, config)
    keys = choose_keyframes(
        tracking, np.array([row[2] for row in decoded.rows]), ~(repeated | blank),
        config.keyframe_motion, config.min_keyframes, keyframe_bound(config.max_keyframes, len(decoded.rows)),
    )  # fmt: skip
    measures["n_keyframes"] = len(keys)
    write_overlays(folder, overlays)
    records = tuple(
        FrameRecord(*row, keyframe=position in keys, repeated=bool(repeated[position]))
        for position, row in enumerate(decoded.rows)
    )
    write_frame_list(folder, FrameList(decoded.width, decoded.height, *decoded.source_size, records, decoded.picture))


class _Decoded:
    """Writes the frames one after the other and keeps small grey versions of them, so that memory stays low."""

    def __init__(self, folder: Path, clip: dict[str, Any], video_path: Path, config: FramesConfig):
        self.rows: list[tuple[int, float, float]] = []
        self.tracking: list[np.ndarray] = []
        self.printed: list[np.ndarray] = []
        for frame_index, timestamp_s, source in iterate_frames(video_path, clip["first_frame"], clip["last_frame"]):
            rgb = fitted(source, config.max_long_side_px)
            write_frame(folder, frame_index, rgb)
            self.tracking.append(tracking_image(rgb))
            self.printed.append(working_image(rgb))
            self.rows.append((frame_index, timestamp_s, round(sharpness(rgb), 3)))
        self._folder = folder
        self.height, self.width = rgb.shape[:2]
        self.source_size = source.shape[1], source.shape[0]
        self.picture = self._working_picture = Rectangle(0, 0, self.width, self.height)

    def write_thumbnail(self, path: Path) -> None:
        """A small picture of the middle frame, which stays when the clip is refused."""
        write_thumbnail(path, read_frame(self._folder, self.rows[len(self.rows) // 2][0]))

    def find_picture(self) -> dict[str, float]:
        """Sets ``picture``, (x0, y0, x1, y1) in pixels of the frames, and returns figures for the manifest.

        Raises:
            Rejected: the frames are put together of several pictures.
        """
        greys, displacements = picture_area.sampled(self.printed), Displacements(self.printed)
        self._working_picture = picture_area.find_picture(greys, displacements)
        measures = judge_composition(greys, self._working_picture, displacements)
        canvas = greys[0].shape
        if self._working_picture != (0, 0, canvas[1], canvas[0]):
            chosen = picture_area.sampled(self.rows)[:: picture_area.REFINE_STEP]
            large = [cv2.cvtColor(read_frame(self._folder, row[0]), cv2.COLOR_RGB2GRAY) for row in chosen]
            self.picture = picture_area.refined(self._working_picture, canvas, large)
        return measures

    def find_overlays(self) -> list[Any]:
        """Overlays on the picture, and all that lies outside of it."""
        indices = [row[0] for row in self.rows]
        found = find_overlays(self.printed, indices, self.height, self.width, self._working_picture)
        bars = self.picture.outside(self.height, self.width)
        return ([Overlay(indices[0], indices[-1], bars)] if bars.any() else []) + found

    @property
    def span(self) -> str:
        """First and last frame, for messages."""
        return f"{self.rows[0][0]} to {self.rows[-1][0]}"


def _judge_motion(decoded: _Decoded, overlays: list[Any], config: FramesConfig) -> dict[str, float]:
    """Figures on the camera's motion.

    Raises:
        Rejected: ``static_camera`` or ``rotation_only``: the tracks show for certain that there is no parallax.
    """
    indices = [row[0] for row in decoded.rows]
    ever = covered_ever(overlays, indices, (decoded.height, decoded.width), OVERLAY_MARGIN_PX)
    greys = [motion_image(grey) for grey in decoded.printed]
    ignored = cv2.resize(ever.astype(np.uint8), greys[0].shape[::-1], interpolation=cv2.INTER_NEAREST) > 0
    return judge_parallax(measure_motion(greys, ignored), config.min_motion, config.max_homography)
