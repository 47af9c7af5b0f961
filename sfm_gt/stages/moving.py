"""Moving: what is not frozen in each frame with dense depth, on undistorted frames."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sfm_gt.config import MovingConfig
from sfm_gt.formats.manifest import Manifest
from sfm_gt.formats.workspace import Workspace
from sfm_gt.stages.clip_stage import run_clip_stage

if TYPE_CHECKING:
    from sfm_gt.geometry.types import View

STAGE = "moving"
VERSION: int = 1


def run(workspace: Workspace, clip_id: str, config: MovingConfig) -> Manifest:
    """Writes ``work/clips/<clip>/moving/NNNNNN.png`` (255 = moving) for every frame with dense depth."""
    return run_clip_stage(
        workspace, clip_id, STAGE, VERSION, "dense", lambda folder: _segment(folder, workspace, clip_id, config)
    )


def _segment(folder: Path, workspace: Workspace, clip_id: str, config: MovingConfig) -> dict[str, Any]:
    import numpy as np

    from sfm_gt.registry import load
    from sfm_gt.stages.clip_views import write_mask

    views = _views_with_depth(workspace, clip_id)
    segmenter = load("masks", config.method)(config.threshold_px, config.dilate_px)
    moving = segmenter.segment([view.image for view in views], views)
    for view, mask in zip(views, moving, strict=True):
        write_mask(folder / f"{view.frame_index:06d}.png", mask)
    fractions = moving.mean(axis=(1, 2))
    return {
        "frames": len(views),
        "moving_fraction_mean": round(float(np.mean(fractions)), 6),
        "moving_fraction_max": round(float(np.max(fractions)), 6),
    }


def _views_with_depth(workspace: Workspace, clip_id: str) -> list[View]:
    import numpy as np

    from sfm_gt.stages.clip_views import ClipViews

    clip, views = ClipViews(workspace, clip_id), []
    # Print stands still while the scene moves and would be taken for motion; it is a layer of its own. What was found
    # before SfM is judged again.
    usable = clip.undistortion.inside & ~clip.overlay
    for path in sorted(workspace.clip_stage(clip_id, "dense").glob("*.npz")):
        with np.load(path) as maps:
            # The hypothesis, before the consistency test: what moves fails that test, and a wrong depth shows it.
            view = clip.view(int(path.stem)).with_depth(maps["hypothesis_sfm"])
        views.append(replace(view, usable=usable))
    return views
