"""Dense: depth and sigma of every frame of one clip, in SfM units."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from sfm_gt import registry
from sfm_gt.config import DenseConfig
from sfm_gt.dense.shared.clip import densify
from sfm_gt.dense.shared.temporal import temporal_difference
from sfm_gt.formats.dense_maps import write_dense_maps
from sfm_gt.formats.manifest import Manifest
from sfm_gt.formats.workspace import Workspace
from sfm_gt.sfm.clip_views import ClipViews
from sfm_gt.workflow.clip_stage import run_clip_stage
from sfm_gt.workflow.progress import progress
from sfm_gt.workflow.versions import VERSIONS

STAGE = "dense"
VERSION = VERSIONS[STAGE]


def run(workspace: Workspace, clip_id: str, config: DenseConfig, n_workers: int) -> Manifest:
    """Writes ``work/clips/<clip>/dense/NNNNNN.parquet`` with maps of a DepthEstimate, see formats/dense_maps.py."""
    return run_clip_stage(
        workspace, clip_id, STAGE, VERSION, ("frames", "sfm"),
        lambda folder: _densify(folder, workspace, clip_id, config, n_workers),
    )  # fmt: skip


def _densify(folder: Path, workspace: Workspace, clip_id: str, config: DenseConfig, n_workers: int) -> dict[str, Any]:
    views = ClipViews(workspace, clip_id)
    method = registry.load("dense", config.method)(config.min_consistent, config.max_rel_difference, config.device)
    frame_indices = views.model.frame_indices[:: config.frame_step].tolist()
    fractions, inferred, drifts, before = [], [], [], None
    with progress(f"dense {clip_id}") as report:
        for frame_index, depth in densify(
            views.model, views.view, frame_indices, method, config.n_neighbours, n_workers, report
        ):
            write_dense_maps(folder, frame_index, vars(depth))
            fractions.append(views.share_of_picture(np.isfinite(depth.z_depth_sfm), frame_index))
            inferred.append(views.share_of_picture(np.isfinite(depth.inferred_sfm), frame_index))
            if before is not None:
                drifts.append(temporal_difference(views.model, before, (frame_index, depth)))
            before = frame_index, depth
    # Where no two neighbouring frames share a pixel there is nothing to compare.
    drifts = [drift for drift in drifts if np.isfinite(drift)]
    return {
        "frames": len(fractions),
        "mean_valid_fraction": float(np.mean(fractions)),
        "mean_inferred_fraction": float(np.mean(inferred)),
        "median_temporal_difference": float(np.median(drifts)) if drifts else None,
    }
