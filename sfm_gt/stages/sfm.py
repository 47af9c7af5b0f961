"""SfM: camera, poses and sparse points of one clip, or the reason why it cannot give ground truth."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import fields
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

    from sfm_gt.formats.frame_folder import FrameList
    from sfm_gt.formats.shutter_shifts import ShutterShifts
    from sfm_gt.sfm.adjustment import Adjusted
    from sfm_gt.sfm.database import KnownCamera
    from sfm_gt.sfm.keyframes import KeyframeOptions
    from sfm_gt.sfm.rolling_shutter import Readout
    from sfm_gt.stages.given_cameras import GivenCameras

STAGE = "sfm"
VERSION: int = 4


def run(
    workspace: Workspace,
    clip_id: str,
    config: SfmConfig,
    hints: CameraHints,
    seed: int,
    n_threads: int,
    cameras: GivenCameras | None = None,
) -> Manifest:
    """Writes ``work/clips/<clip>/sfm/``: sparse model, undistortion, COLMAP model, moving masks.

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
    from sfm_gt.formats.dataset_layout import SHUTTER_NPZ
    from sfm_gt.formats.frame_folder import read_frame_list, read_frozen
    from sfm_gt.formats.shutter_shifts import write_shutter_shifts
    from sfm_gt.formats.sparse_model import write_sparse_model
    from sfm_gt.sfm import undistortion, verdicts
    from sfm_gt.sfm.camera_proof import judge_camera, prove_camera
    from sfm_gt.sfm.keyframes import KeyframeOptions
    from sfm_gt.stages.clip_views import MODEL_NAME, UNDISTORTION_NAME

    listed = read_frame_list(frames_folder)
    # Ground truth comes from the frozen interval alone.
    indices = read_frozen(frames_folder).frame_indices
    keyframes = [frame.frame_index for frame in listed.keyframes]
    options = KeyframeOptions(
        config.max_features,
        config.init_min_tri_angle_deg,
        _known_camera(hints, listed),
        config.learned_weights,
        seed,
        n_threads,
    )
    ignored = _find_ignored(folder, frames_folder, indices)
    known: dict[str, Any] = {}
    adjusted: Adjusted | None
    if cameras is None:
        model, adjusted = _map(frames_folder, listed, indices, keyframes, ignored, options)
    else:
        from sfm_gt.stages.given_cameras import reconstruct

        model, adjusted, known = reconstruct(cameras, frames_folder, listed, indices, ignored, config, options)
    readout = adjusted.readout if adjusted is not None else None
    lens = undistortion.Undistortion.of(next(iter(model.cameras.values())))
    sparse = undistortion.sparse_model(model, lens, lambda name: int(Path(name).stem))
    timestamps_s = listed.times_s(sparse.frame_indices)
    measures = verdicts.measure(sparse, len(indices), timestamps_s) | known | {
        "keyframes": len(keyframes), "radial_terms": len(lens.to_dict()["params"]) - 3,
        "readout_s": readout.seconds if readout else 0.0,
    }  # fmt: skip
    if adjusted is not None:
        proof = prove_camera(model, timestamps_s, adjusted.settled)
        measures |= proof.measures()
        judge_camera(proof, config.max_rel_focal_sigma, config.max_focal_swing)
    bounds = verdicts.Bounds(**{field.name: getattr(config, field.name) for field in fields(verdicts.Bounds)})
    verdicts.judge(measures, bounds)
    write_sparse_model(folder / MODEL_NAME, sparse)
    write_json(folder / UNDISTORTION_NAME, lens.to_dict())
    if readout is not None:
        write_shutter_shifts(folder / SHUTTER_NPZ, _shutter_shifts(model, sparse.frame_indices, listed, readout))
    (folder / "colmap").mkdir()
    model.write(folder / "colmap")
    return measures


def _find_ignored(folder: Path, frames_folder: Path, indices: list[int]) -> dict[int, np.ndarray]:
    """Printed and moving pixels by frame, found before SfM; the moving masks are written into ``folder``."""
    from sfm_gt.formats.overlay_folder import covered, read_overlays
    from sfm_gt.masks.epipolar_flow import EpipolarFlow
    from sfm_gt.stages.clip_views import MOVING_FOLDER, OVERLAY_MARGIN_PX, write_mask

    overlays = read_overlays(frames_folder)
    moving = EpipolarFlow().segment(_Grays(frames_folder, indices), None)
    ignored = {}
    for index, mask in zip(indices, moving, strict=True):
        printed = covered(overlays, index, mask.shape, OVERLAY_MARGIN_PX)
        write_mask(folder / MOVING_FOLDER / f"{index:06d}.png", mask)
        ignored[index] = printed | mask
    return ignored


class _Grays(Sequence["np.ndarray"]):
    """Frames in grey, read when asked for: all of them at once would fill the memory."""

    def __init__(self, frames_folder: Path, indices: list[int]):
        self._folder, self._indices = frames_folder, indices

    def __len__(self) -> int:
        return len(self._indices)

    def __getitem__(self, position: int) -> np.ndarray:  # type: ignore[override]
        import cv2

        from sfm_gt.formats.frame_folder import frame_path

        return cv2.imread(str(frame_path(self._folder, self._indices[position])), cv2.IMREAD_GRAYSCALE)


def _known_camera(hints: CameraHints, listed: FrameList) -> KnownCamera | None:
    """The sidecar's camera, in pixels of the frames."""
    from sfm_gt.sfm.database import KnownCamera

    by_x, by_y = listed.width / listed.source_width, listed.height / listed.source_height
    if hints.intrinsics_px is not None:
        fx, fy, cx, cy = hints.intrinsics_px
        return KnownCamera("PINHOLE", (fx * by_x, fy * by_y, cx * by_x, cy * by_y), fixed=True)
    if hints.focal_px is not None:
        guess = (hints.focal_px * by_x, listed.width / 2, listed.height / 2, 0.0)
        return KnownCamera("SIMPLE_RADIAL", guess, fixed=False)
    return None


def _shutter_shifts(
    model: pycolmap.Reconstruction, frame_indices: np.ndarray, listed: FrameList, readout: Readout
) -> ShutterShifts:
    from sfm_gt.formats.shutter_shifts import ShutterShifts
    from sfm_gt.sfm.observations import Observations
    from sfm_gt.sfm.rectification import shift_fields

    times_s = listed.times_s(frame_indices)
    return ShutterShifts(frame_indices, shift_fields(Observations.of(model), times_s, readout))


def _map(
    frames_folder: Path,
    listed: FrameList,
    indices: list[int],
    keyframes: list[int],
    ignored: dict[int, np.ndarray],
    options: KeyframeOptions,
) -> tuple[pycolmap.Reconstruction, Adjusted]:
    """Maps the keyframes, registers all other frames and adjusts everything together."""
    import cv2

    from sfm_gt.formats.frame_folder import frame_path
    from sfm_gt.sfm.adjustment import adjust_all
    from sfm_gt.sfm.keyframes import reconstruct_keyframes
    from sfm_gt.sfm.observations import Observations
    from sfm_gt.sfm.refinement import refine_observations
    from sfm_gt.sfm.registration import Frames, register_frames

    def name_of(index: int) -> str:
        return frame_path(frames_folder, index).name

    def load_gray(index: int) -> np.ndarray:
        return cv2.imread(str(frame_path(frames_folder, index)), cv2.IMREAD_GRAYSCALE)

    names = [name_of(index) for index in keyframes]
    with tempfile.TemporaryDirectory() as scratch:
        masks = {name_of(index): ignored[index] for index in keyframes}
        model = reconstruct_keyframes(frames_folder, names, masks, Path(scratch), options)
    register_frames(model, indices, Frames(name_of, load_gray, ignored.get), options.seed, options.n_threads)
    # Frames are wanted in the order of their names, many times over: as many stay in memory as a long clip's tracks span.
    load_by_name = lru_cache(maxsize=512)(lambda name: load_gray(int(Path(name).stem)))
    refine_observations(model, load_by_name, set(names))
    registered = [int(Path(name).stem) for name in Observations.of(model).names]
    return model, adjust_all(model, listed.times_s(registered), options.known_camera)
