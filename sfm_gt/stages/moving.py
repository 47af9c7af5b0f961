"""Moving: what is not frozen in each frame with dense depth, on undistorted frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from sfm_gt.config import MovingConfig
from sfm_gt.formats.dense_maps import frames_with_maps, read_dense_maps
from sfm_gt.formats.manifest import Manifest
from sfm_gt.formats.workspace import Workspace
from sfm_gt.geometry.types import View
from sfm_gt.masks.shared.person import PersonFinder, snapped
from sfm_gt.registry import load
from sfm_gt.sfm.clip_views import ClipViews, write_mask
from sfm_gt.workflow.clip_stage import run_clip_stage
from sfm_gt.workflow.versions import VERSIONS

STAGE = "moving"
VERSION = VERSIONS[STAGE]
PERSON_FOLDER = "person"


def run(workspace: Workspace, clip_id: str, config: MovingConfig, n_threads: int = 1) -> Manifest:
    """Writes ``work/clips/<clip>/moving/NNNNNN.png`` (255 = moving) for every frame with dense depth.

    Where a person network is configured, ``person/NNNNNN.png`` (255 = person, moving or frozen) lies next to them.
    """
    return run_clip_stage(
        workspace,
        clip_id,
        STAGE,
        VERSION,
        ("frames", "sfm", "dense"),
        lambda folder: _segment(folder, workspace, clip_id, config, n_threads),
    )


def _segment(folder: Path, workspace: Workspace, clip_id: str, config: MovingConfig, n_threads: int) -> dict[str, Any]:
    views = ViewsWithDepth(workspace, clip_id)
    segmenter = load("masks", config.method)(config.threshold_px, config.dilate_px, n_threads)
    moving = segmenter.segment(Images(views), views)
    measures = _find_people(folder, views, moving, config) if config.person_segmentation else {}
    for frame_index, mask in zip(views.frame_indices, moving, strict=True):
        write_mask(folder / f"{frame_index:06d}.png", mask)
    shares = [views.share_of_picture(mask, position) for position, mask in enumerate(moving)]
    return measures | {
        "frames": len(views),
        "moving_fraction_mean": round(float(np.mean(shares)), 6),
        "moving_fraction_max": round(float(np.max(shares)), 6),
    }


def _find_people(folder: Path, views: ViewsWithDepth, moving: np.ndarray, config: MovingConfig) -> dict[str, float]:
    """Writes the person layer and lets ``moving`` take the outlines of those who move."""
    assert config.person_segmentation is not None
    finder, total = PersonFinder(config.person_segmentation, config.person_detection), 0.0
    for position, (frame_index, image) in enumerate(zip(views.frame_indices, Images(views), strict=True)):
        person = finder.find(image)
        write_mask(folder / PERSON_FOLDER / f"{frame_index:06d}.png", person)
        moving[position] = snapped(moving[position], person)
        total += views.share_of_picture(person, position)
    return {"person_fraction_mean": round(total / len(views), 6)}


class ViewsWithDepth(Sequence["View"]):
    """The clip's views with depth, read from disk when asked for: all of them at once would fill the memory."""

    def __init__(self, workspace: Workspace, clip_id: str):
        self._clip = ClipViews(workspace, clip_id)
        self._dense = workspace.clip_stage(clip_id, "dense")
        self.frame_indices = frames_with_maps(self._dense)

    def __len__(self) -> int:
        return len(self.frame_indices)

    def share_of_picture(self, mask: np.ndarray, position: int) -> float:
        """Share of the picture that a mask covers in the frame at this position."""
        return self._clip.share_of_picture(mask, self.frame_indices[position])

    def __getitem__(self, position: int) -> View:  # type: ignore[override]

        frame_index = self.frame_indices[position]
        # Only what neighbours confirmed: other frames are drawn from it, and a wrong depth would draw a wrong scene.
        (depth,) = read_dense_maps(self._dense, frame_index, "z_depth_sfm")
        # Overlays stand still while the scene moves and would be taken for motion; it is a layer of its own. What was
        # found before SfM is judged again.
        usable = self._clip.undistortion_of(frame_index).inside & ~self._clip.near_overlay(frame_index)
        return replace(self._clip.view(frame_index).with_depth(depth), usable=usable)


class Images(Sequence["np.ndarray"]):
    def __init__(self, views: Sequence[View]):
        self._views = views

    def __len__(self) -> int:
        return len(self._views)

    def __getitem__(self, position: int) -> np.ndarray:  # type: ignore[override]
        return self._views[position].image
