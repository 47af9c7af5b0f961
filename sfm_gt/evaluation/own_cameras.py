"""Figures of the cameras that lie beside predictions (``models.shared.cameras``): a row for each model that has any."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from sfm_gt.datasets.frames import Dataset
from sfm_gt.evaluation.gt_camera import known_camera
from sfm_gt.metrics.cameras import CAMERAS, LENGTHS, focal_figures, pose_figures
from sfm_gt.models.shared.cameras import read_cameras
from sfm_gt.public_datasets import Benchmark


def camera_rows(dataset: Dataset | Benchmark, folders: Mapping[str, Path]) -> list[dict[str, Any]]:
    """CAMERAS of each model, mean over the clips that have them; lengths over metric clips.

    Args:
        folders: of predictions, by model.

    Raises:
        InputError: a file holds no cameras.
    """
    rows = []
    for model, folder in folders.items():
        of_clips = {clip_id: _clip_figures(dataset, clip_id, folder / clip_id) for clip_id in dataset.clip_ids}
        known = {clip_id: figures for clip_id, figures in of_clips.items() if figures}
        means = {
            name: float(np.mean(values))
            for name in CAMERAS
            if (values := [f[name] for f in known.values() if np.isfinite(f.get(name, np.nan))])
        }
        if means:
            rows.append({"model": model, "clips": len(known), **means})
    return rows


def _clip_figures(dataset: Dataset | Benchmark, clip_id: str, folder: Path) -> dict[str, float]:
    frames, figures = dataset.frames_of(clip_id), dict[str, float]()
    stated = read_cameras(folder)
    intrinsics, poses = stated.intrinsics, stated.cam_from_world
    cameras = [
        (camera, intrinsics[f.frame_index])
        for f in frames
        if f.frame_index in intrinsics and (camera := known_camera(f)) is not None
    ]
    if cameras:
        fx, gt_fx, width = np.array([(own[0, 0], gt.fx, gt.width) for gt, own in cameras], dtype=np.float64).T
        figures |= focal_figures(fx, gt_fx, width)
    pairs = [
        (poses[f.frame_index], f.cam_from_world)
        for f in frames
        if f.cam_from_world is not None and f.frame_index in poses
    ]
    if pairs:
        own, gt = (np.stack(side).astype(np.float64) for side in zip(*pairs, strict=True))
        figures |= pose_figures(own, gt)
    return figures if frames[0].metric else {name: value for name, value in figures.items() if name not in LENGTHS}
