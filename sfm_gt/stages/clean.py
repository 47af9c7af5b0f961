"""Clean: which pixels of dense depth stay, and by which rule the others are dropped. Seconds, where dense takes minutes."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from sfm_gt.config import CleanConfig
from sfm_gt.dense.shared.cleaning import NO_DEPTH, Cleaned, Limits, Rule, clean
from sfm_gt.dense.shared.parallax import Companion, choose_companion
from sfm_gt.formats.dense_maps import frames_with_maps, read_dense_maps
from sfm_gt.formats.manifest import Manifest
from sfm_gt.formats.workspace import Workspace
from sfm_gt.geometry.transforms import inverse_rigid
from sfm_gt.imaging.flow import flow_both_ways
from sfm_gt.imaging.pools import in_parallel
from sfm_gt.sfm.clip_views import ClipViews
from sfm_gt.workflow.clip_stage import run_clip_stage
from sfm_gt.workflow.versions import VERSIONS

STAGE = "clean"
VERSION = VERSIONS[STAGE]
# As in the masks: flow that misses its start by more has lost its way.
MAX_ROUND_TRIP_PX = 1.0


def run(workspace: Workspace, clip_id: str, config: CleanConfig, n_threads: int = 1) -> Manifest:
    """Writes ``work/clips/<clip>/clean/NNNNNN.png``, 8 bit, for every frame with dense depth.

    0 = valid, 255 = no depth there, anything else the rule of ``dense/shared/cleaning.py`` that dropped the pixel. The manifest
    counts pixels: ``dropped_<rule>`` those that a rule was the first to drop, ``found_<rule>`` all that it speaks against.
    """
    return run_clip_stage(
        workspace,
        clip_id,
        STAGE,
        VERSION,
        ("frames", "sfm", "dense"),
        lambda folder: _clean(folder, workspace, clip_id, config, n_threads),
    )


def _clean(folder: Path, workspace: Workspace, clip_id: str, config: CleanConfig, n_threads: int) -> dict[str, Any]:
    frames = _Frames(workspace, clip_id, Limits(**config.model_dump()))
    totals: dict[str, int] = {}
    for frame_index, cleaned in in_parallel(frames.clean, frames.frame_indices, n_threads):
        path = folder / f"{frame_index:06d}.png"
        if not cv2.imwrite(str(path), cleaned.dropped_by):
            raise OSError(f"{path}: could not be written")
        for name, count in _counts(cleaned).items():
            totals[name] = totals.get(name, 0) + count
    return {"frames": len(frames.frame_indices)} | totals


def _counts(cleaned: Cleaned) -> dict[str, int]:
    counts = {"pixels": cleaned.dropped_by.size, "pixels_with_depth": int((cleaned.dropped_by != NO_DEPTH).sum()),
              "pixels_valid": int(cleaned.valid.sum())}  # fmt: skip
    counts |= {f"dropped_{rule.label}": cleaned.dropped[rule] for rule in Rule}
    return counts | {f"found_{rule.label}": cleaned.found[rule] for rule in Rule}


class _Frames:
    """The clip's dense depth, and flow from each frame to its companion, which need not have depth itself."""

    def __init__(self, workspace: Workspace, clip_id: str, limits: Limits):
        self._views, self._limits = ClipViews(workspace, clip_id), limits
        self._dense = workspace.clip_stage(clip_id, "dense")
        self.frame_indices = frames_with_maps(self._dense)
        # Companions lie within some ten frames.
        self._grey = lru_cache(maxsize=32)(self._read_grey)

    def clean(self, frame_index: int) -> tuple[int, Cleaned]:
        """The verdict on one frame."""
        depth, sigma, outlier, hypothesis = read_dense_maps(
            self._dense, frame_index, "z_depth_sfm", "sigma_sfm", "outlier", "hypothesis_sfm"
        )
        needed = self._limits.sky or self._limits.max_parallax_difference > 0
        companion = self._companion(frame_index, depth) if needed else None
        return frame_index, clean(depth, sigma, outlier, hypothesis, companion, self._limits)

    def _companion(self, frame_index: int, z_depth_sfm: np.ndarray) -> Companion | None:
        model = self._views.model
        row = model.row_of(frame_index)
        other = choose_companion(z_depth_sfm, model.camera, model.cam_from_world, model.frame_indices.tolist(), row)
        if other is None:
            return None
        grey_a, grey_b = self._grey(frame_index), self._grey(int(model.frame_indices[other]))
        there, _ = flow_both_ways([grey_a, grey_b], 0, 1, MAX_ROUND_TRIP_PX)
        b_from_a = model.cam_from_world[other] @ inverse_rigid(model.cam_from_world[row])
        return Companion(model.camera, b_from_a, grey_a, grey_b, there.flow_px, there.followed)

    def _read_grey(self, frame_index: int) -> np.ndarray:
        return cv2.cvtColor(self._views.image(frame_index), cv2.COLOR_RGB2GRAY)
