"""SfM: camera, poses and sparse points of one clip, or the reason why it cannot give ground truth."""

from __future__ import annotations

import tempfile
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sfm_gt.config import SfmConfig
from sfm_gt.formats.manifest import Manifest, write_json
from sfm_gt.formats.sidecar import CameraHints
from sfm_gt.formats.workspace import Workspace
from sfm_gt.stages.clip_stage import run_clip_stage

if TYPE_CHECKING:
    import numpy as np
    import pycolmap

    from sfm_gt.stages.given_cameras import GivenCameras

STAGE = "sfm"
VERSION: int = 1


def run(
    workspace: Workspace,
    clip_id: str,
    config: SfmConfig,
    hints: CameraHints,
    seed: int,
    n_threads: int,
    cameras: GivenCameras | None = None,
) -> Manifest:
    """Writes ``work/clips/<clip>/sfm/``: sparse model, undistortion, COLMAP model, overlay and moving masks.

    Args:
        cameras: cameras from elsewhere, None where SfM has to find them.
    """
    return run_clip_stage(
        workspace, clip_id, STAGE, VERSION, "frames",
        lambda folder: _reconstruct(
            folder, workspace.clip_stage(clip_id, "frames"), config, hints, seed, n_threads, cameras
        ),
    )  # fmt: skip


def _reconstruct(
    folder: Path,
    frames_folder: Path,
    config: SfmConfig,
    hints: CameraHints,
    seed: int,
    n_threads: int,
    cameras: GivenCameras | None,
) -> dict[str, Any]:
    from sfm_gt.formats.frame_folder import read_frame_list
    from sfm_gt.formats.sparse_model import write_sparse_model
    from sfm_gt.sfm import undistortion, verdicts
    from sfm_gt.stages.clip_views import MODEL_NAME, UNDISTORTION_NAME

    listed = read_frame_list(frames_folder)
    indices = [frame.frame_index for frame in listed.frames]
    keyframes = [frame.frame_index for frame in listed.keyframes]
    focal_px = hints.focal_px * listed.width / listed.source_width if hints.focal_px else None
    ignored = _find_ignored(folder, frames_folder, indices)
    if cameras is None:
        model, known = _map(frames_folder, indices, keyframes, ignored, config, focal_px, seed, n_threads), {}
    else:
        from sfm_gt.stages.given_cameras import reconstruct

        model, known = reconstruct(cameras, frames_folder, listed, ignored, config, seed, n_threads)
    lens = undistortion.Undistortion.of(next(iter(model.cameras.values())))
    sparse = undistortion.sparse_model(model, lens, lambda name: int(Path(name).stem))
    measures = verdicts.measure(sparse, len(indices)) | {"keyframes": len(keyframes)} | known
    verdicts.judge(
        measures, config.min_registered, config.min_points, config.min_median_tri_angle_deg,
        config.max_reprojection_error_px,
    )  # fmt: skip
    write_sparse_model(folder / MODEL_NAME, sparse)
    write_json(folder / UNDISTORTION_NAME, lens.to_dict())
    (folder / "colmap").mkdir()
    model.write(folder / "colmap")
    return measures


def _find_ignored(folder: Path, frames_folder: Path, indices: list[int]) -> dict[int, np.ndarray]:
    """Overlay and moving pixels by frame, found before SfM and written as masks into ``folder``."""
    import cv2

    from sfm_gt.formats.frame_folder import frame_path
    from sfm_gt.masks.epipolar_flow import EpipolarFlow
    from sfm_gt.masks.overlay import find_overlay
    from sfm_gt.stages.clip_views import MOVING_FOLDER, OVERLAY_NAME, write_mask

    frames = [cv2.imread(str(frame_path(frames_folder, index)), cv2.IMREAD_GRAYSCALE) for index in indices]
    overlay = find_overlay(frames)
    moving = EpipolarFlow().segment(frames, None)
    write_mask(folder / OVERLAY_NAME, overlay)
    for index, mask in zip(indices, moving, strict=True):
        write_mask(folder / MOVING_FOLDER / f"{index:06d}.png", mask)
    return {index: overlay | mask for index, mask in zip(indices, moving, strict=True)}


def _map(
    frames_folder: Path,
    indices: list[int],
    keyframes: list[int],
    ignored: dict[int, np.ndarray],
    config: SfmConfig,
    focal_px: float | None,
    seed: int,
    n_threads: int,
) -> pycolmap.Reconstruction:
    """Maps the keyframes, registers all other frames and adjusts everything together."""
    import cv2

    from sfm_gt.formats.frame_folder import frame_path
    from sfm_gt.sfm.adjustment import adjust_all
    from sfm_gt.sfm.database import build_database
    from sfm_gt.sfm.mapping import map_keyframes
    from sfm_gt.sfm.refinement import refine_observations
    from sfm_gt.sfm.registration import register_frames

    def name_of(index: int) -> str:
        return frame_path(frames_folder, index).name

    def load_gray(index: int) -> np.ndarray:
        return cv2.imread(str(frame_path(frames_folder, index)), cv2.IMREAD_GRAYSCALE)

    with tempfile.TemporaryDirectory() as scratch_name:
        scratch = Path(scratch_name)
        names = [name_of(index) for index in keyframes]
        masks = {name_of(index): ignored[index] for index in keyframes}
        database = scratch / "database.db"
        build_database(database, frames_folder, names, masks, config.max_features, focal_px, seed, n_threads)
        model = map_keyframes(database, frames_folder, scratch / "models", config.init_min_tri_angle_deg, seed)
    register_frames(model, indices, name_of, load_gray, ignored.get, seed)
    # Frames are wanted in the order of their names, many times over: as many stay in memory as a long clip's tracks span.
    load_by_name = lru_cache(maxsize=512)(lambda name: load_gray(int(Path(name).stem)))
    refine_observations(model, load_by_name, set(names))
    adjust_all(model)
    return model
