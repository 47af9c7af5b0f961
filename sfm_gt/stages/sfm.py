"""SfM: camera, poses and sparse points of one clip, or the reason why it cannot give ground truth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pycolmap

from sfm_gt.config import SfmConfig
from sfm_gt.errors import Rejected, knowing
from sfm_gt.formats.dataset_layout import SHUTTER_NPZ
from sfm_gt.formats.frame_folder import FrameList, FrozenInterval, frame_path, read_frame_list, write_frozen
from sfm_gt.formats.manifest import Manifest, read_manifest, write_json
from sfm_gt.formats.overlay_folder import covered, read_overlays
from sfm_gt.formats.scratch import scratch_folder
from sfm_gt.formats.shutter_shifts import ShutterShifts, write_shutter_shifts
from sfm_gt.formats.sidecar import CameraHints
from sfm_gt.formats.sparse_model import write_sparse_model
from sfm_gt.formats.workspace import Workspace
from sfm_gt.imaging.regions import enlarge
from sfm_gt.report.mask_sheet import write_mask_sheet
from sfm_gt.sfm import undistortion, verdicts
from sfm_gt.sfm.adjustment import Adjusted, Begun, begin_adjustment, finish_adjustment
from sfm_gt.sfm.camera_proof import PLAUSIBLE_FOCAL, judge_camera, judge_clear_swing, prove_camera
from sfm_gt.sfm.clip_views import MODEL_NAME, MOVING_FOLDER, OVERLAY_MARGIN_PX, UNDISTORTION_NAME, write_mask
from sfm_gt.sfm.database import KnownCamera
from sfm_gt.sfm.frozen import MIN_KNOWN
from sfm_gt.sfm.given_cameras import GivenCameras, reconstruct
from sfm_gt.sfm.keyframes import KeyframeOptions, reconstruct_keyframes
from sfm_gt.sfm.observations import Observations
from sfm_gt.sfm.pruning import drop_observations, drop_torn_ends, keep_images
from sfm_gt.sfm.rectification import shift_fields
from sfm_gt.sfm.refinement import refine_observations
from sfm_gt.sfm.registration import Frames, register_frames
from sfm_gt.sfm.rest import Rest, find_rest
from sfm_gt.sfm.rolling_shutter import Readout
from sfm_gt.sfm.solution import Solution, times_of
from sfm_gt.sfm.undistortion import Undistortion
from sfm_gt.workflow.clip_stage import run_clip_stage
from sfm_gt.workflow.versions import VERSIONS

STAGE = "sfm"
VERSION = VERSIONS[STAGE]
# Share of the tracks that one homography explains in every pair of frames: above, a clip without a model lacks parallax. Until
# structure from motion has failed this proves nothing.
LITTLE_PARALLAX = 0.85
# Of the frames. Where fewer show one scene at rest and these fail, it is for the others that they are so few.
MIN_REST_SHARE = 0.5


def run(
    workspace: Workspace,
    clip_id: str,
    config: SfmConfig,
    hints: CameraHints,
    seed: int,
    n_threads: int,
    cameras: GivenCameras | None = None,
) -> Manifest:
    """Writes ``work/clips/<clip>/sfm/``: sparse model, undistortion, COLMAP model, frozen interval, moving masks.

    Args:
        cameras: cameras from elsewhere, None where SfM has to find them.
    """
    sheet = workspace.mask_sheet(clip_id)
    return run_clip_stage(
        workspace, clip_id, STAGE, VERSION, ("frames",),
        lambda folder: _reconstruct(
            folder, workspace.clip_stage(clip_id, "frames"), config, hints, seed, n_threads, cameras, sheet
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
    sheet: Path,
) -> dict[str, Any]:
    listed, overlays = read_frame_list(frames_folder), read_overlays(frames_folder)
    n_distinct = sum(not frame.repeated for frame in listed.frames)
    if n_distinct < config.min_frozen_frames:
        raise Rejected("still_image", f"{len(listed.frames)} frames show {n_distinct} different pictures, the others repeat "
                       f"them; needed {config.min_frozen_frames} (sfm.min_frozen_frames), filmed with a moving camera",
                       n_distinct, config.min_frozen_frames)  # fmt: skip
    options = KeyframeOptions(
        config.max_features,
        config.init_min_tri_angle_deg,
        _known_camera(hints, listed),
        config.learned_weights,
        seed,
        n_threads,
        listed.picture,
    )
    shape = listed.height, listed.width

    # Frames are wanted in the order of their names, many times over: as many stay in memory as a long clip's tracks span.
    @lru_cache(maxsize=512)
    def load_gray(name: str) -> np.ndarray:
        return cv2.imread(str(frames_folder / name), cv2.IMREAD_GRAYSCALE)

    # Painted when they are asked for: all of a long clip's would take a gigabyte.
    @lru_cache(maxsize=64)
    def printed(index: int) -> np.ndarray:
        return covered(overlays, index, shape, OVERLAY_MARGIN_PX)

    solve = _map if cameras is None else partial(_on_given_cameras, cameras, config)
    motion = read_manifest(frames_folder).measures
    try:
        solution = solve(frames_folder, listed, load_gray, printed, options)
        adjusted, rest, interval = _at_rest(
            solution, frames_folder, listed, load_gray, printed, config, sheet, n_threads
        )
    except Rejected as verdict:
        named = _named(verdict, motion)
        named.measures |= verdict.measures
        raise named from None
    frozen = _frozen_measures(interval, [frame.frame_index for frame in listed.frames])
    try:
        measures = _judged(solution.model, adjusted, listed, interval, config) | solution.known | frozen
    except Rejected as verdict:
        named = _for_want_of_rest(_named(verdict, motion), interval, len(rest.motions), len(listed.frames))
        named.measures |= verdict.measures | solution.known | frozen
        raise named from None
    _write(folder, solution.model, adjusted, listed, rest)
    write_frozen(folder, interval)
    return measures


def _frozen_measures(interval: FrozenInterval, frame_indices: list[int]) -> dict[str, int]:
    """Where the frozen interval lies, and how many of the clip's frames are left out: registered, but not at rest, or not
    registered at all, within it or next to it."""
    beside = [index for index in interval.score if not interval.first_frame <= index <= interval.last_frame]
    return {
        "frozen_first_frame": interval.first_frame,
        "frozen_last_frame": interval.last_frame,
        "frames_not_at_rest": len(beside),
        "frames_not_registered": len(frame_indices) - len(interval.score),
    }


def _named(verdict: Rejected, motion: dict[str, Any]) -> Rejected:
    """The verdict, or what is behind it where the tracks of the stage frames tell: a camera that hardly does more than turn."""
    share = motion.get("homography_share", 0.0)
    if verdict.reason not in ("sfm_failed", "few_registered") or share <= LITTLE_PARALLAX:
        return verdict
    return Rejected("rotation_only", f"no model of the whole clip, and one homography explains {100 * share:.1f} % of all "
                    f"tracks, more than {100 * LITTLE_PARALLAX:g} %: the camera hardly does more than rotate, or the scene "
                    "is nearly planar; move it sideways", share, LITTLE_PARALLAX)  # fmt: skip


def _for_want_of_rest(verdict: Rejected, interval: FrozenInterval, n_registered: int, n_frames: int) -> Rejected:
    """The verdict, or what is behind it where most of the clip had to go because things move in it or fit no rigid scene."""
    n_frozen = interval.last_frame + 1 - interval.first_frame
    if n_frozen >= MIN_REST_SHARE * n_frames:
        return verdict
    return Rejected("scene_not_frozen", f"only frames {interval.first_frame} to {interval.last_frame} of {n_frames} show one "
                    f"scene at rest ({n_registered} could be registered), and these give no ground truth by themselves "
                    f"({verdict.reason}: {verdict}); people have to hold still for longer", n_frozen / n_frames,
                    MIN_REST_SHARE)  # fmt: skip


def _at_rest(
    solution: Solution,
    frames_folder: Path,
    listed: FrameList,
    load_gray: Callable[[str], np.ndarray],
    printed: Callable[[int], np.ndarray],
    config: SfmConfig,
    sheet: Path,
    n_threads: int,
) -> tuple[Adjusted | None, Rest, FrozenInterval]:
    """Adjusts the model so far that it shows what moves, and then without that and outside of the frozen interval."""
    model = solution.model
    begun = solution.begin(model)
    rest = find_rest(model, begun.readout if begun else None, listed, load_gray, printed, n_threads)
    indices = [frame.frame_index for frame in listed.frames]
    write_mask_sheet(sheet, frames_folder, indices, read_overlays(frames_folder), rest.moving)
    registered = len(rest.motions) / len(listed.frames)
    try:
        with knowing(_known_before_rest(rest, listed, registered)):
            interval = rest.interval(config.max_moving, config.min_frozen_frames)
    except Rejected as verdict:
        if registered >= config.min_registered:
            raise
        few = Rejected("few_registered", f"{len(rest.motions)} of {len(listed.frames)} frames are registered, needed "
                       f"{100 * config.min_registered:g} % of them or enough in a row ({verdict})", registered,
                       config.min_registered)  # fmt: skip
        few.measures |= verdict.measures
        raise few from None
    inside = range(interval.first_frame, interval.last_frame + 1)
    lens = Undistortion.of(next(iter(model.cameras.values())))
    keep_images(model, {frame_path(frames_folder, index).name for index in inside})
    drop_observations(model, {frame_path(frames_folder, i).name: mask for i, mask in rest.moving.items()}, lens)
    return solution.finish(model, begun), rest, interval


def _known_before_rest(rest: Rest, listed: FrameList, registered: float) -> dict[str, Any]:
    """Figures of a clip without a frozen interval, over all of it."""
    scores = [1.0 - motion.share for motion in rest.motions.values() if motion.known_share >= MIN_KNOWN]
    return {
        "registered_frames": float(len(rest.motions)), "registered_fraction": registered,
        "frames_not_registered": len(listed.frames) - len(rest.motions), "keyframes": len(listed.keyframes),
    } | ({"frozen_score_mean": round(sum(scores) / len(scores), 4), "frozen_score_min": round(min(scores), 4)}
         if scores else {})  # fmt: skip


def _judged(
    model: pycolmap.Reconstruction,
    adjusted: Adjusted | None,
    listed: FrameList,
    interval: FrozenInterval,
    config: SfmConfig,
) -> dict[str, Any]:
    """Figures of the adjusted model. Raises Rejected where they do not carry ground truth."""
    lens = undistortion.Undistortion.of(next(iter(model.cameras.values())))
    sparse = undistortion.sparse_model(model, lens, lambda name: int(Path(name).stem))
    timestamps_s = listed.times_s(sparse.frame_indices)
    inside = [f for f in listed.frames if interval.first_frame <= f.frame_index <= interval.last_frame]
    scores = [score for index in sparse.frame_indices.tolist() if (score := interval.score[index]) is not None]
    measures = verdicts.measure(sparse, len(inside), timestamps_s) | {
        "keyframes": sum(frame.keyframe for frame in inside), "radial_terms": len(lens.to_dict()["params"]) - 3,
        "readout_s": adjusted.readout.seconds if adjusted and adjusted.readout else 0.0,
        "frozen_score_mean": round(sum(scores) / len(scores), 4), "frozen_score_min": min(scores),
    }  # fmt: skip
    with knowing(measures):
        _judge(measures, model, adjusted, timestamps_s, config)
    return measures


def _judge(
    measures: dict[str, Any],
    model: pycolmap.Reconstruction,
    adjusted: Adjusted | None,
    timestamps_s: np.ndarray,
    config: SfmConfig,
) -> None:
    """Raises the verdict on these figures, and adds those of the camera's proof where one is asked for."""
    bounds = verdicts.Bounds(**{field.name: getattr(config, field.name) for field in fields(verdicts.Bounds)})
    try:
        verdicts.judge(measures, bounds)
    except Rejected as verdict:
        if adjusted is not None and verdict.reason in verdicts.LEFT_BY_A_ZOOM:
            proof = prove_camera(model, timestamps_s, adjusted.settled)
            measures |= proof.measures()
            judge_clear_swing(proof, config.max_focal_swing)
        raise
    if adjusted is not None:
        proof = prove_camera(model, timestamps_s, adjusted.settled)
        measures |= proof.measures()
        judge_camera(proof, config.max_rel_focal_sigma, config.max_rel_depth_sigma, config.max_focal_swing)


def _write(
    folder: Path, model: pycolmap.Reconstruction, adjusted: Adjusted | None, listed: FrameList, rest: Rest
) -> None:
    lens = undistortion.Undistortion.of(next(iter(model.cameras.values())))
    sparse = undistortion.sparse_model(model, lens, lambda name: int(Path(name).stem))
    if adjusted is not None and adjusted.settled is not None:
        sigma = adjusted.settled.sigma
        sparse = replace(sparse, depth_sigma_rel=sigma.depth_rel, focal_sigma_rel=sigma.focal_rel)
    write_sparse_model(folder / MODEL_NAME, sparse)
    write_json(folder / UNDISTORTION_NAME, lens.to_dict())
    for index in sparse.frame_indices.tolist():
        write_mask(
            folder / MOVING_FOLDER / f"{index:06d}.png", enlarge(rest.moving[index], listed.height, listed.width)
        )
    if adjusted is not None and adjusted.readout is not None:
        shifts = _shutter_shifts(model, sparse.frame_indices, listed, adjusted.readout)
        write_shutter_shifts(folder / SHUTTER_NPZ, shifts)
    (folder / "colmap").mkdir()
    model.write(folder / "colmap")


def _known_camera(hints: CameraHints, listed: FrameList) -> KnownCamera | None:
    """The sidecar's camera, in pixels of the frames. Raises Rejected ``implausible_focal``."""
    by_x, by_y = listed.width / listed.source_width, listed.height / listed.source_height
    long_side, (shortest, longest) = max(listed.source_width, listed.source_height), PLAUSIBLE_FOCAL
    stated_px = hints.focal_px if hints.intrinsics_px is None else hints.intrinsics_px[0]
    if stated_px is not None and not shortest <= stated_px / long_side <= longest:
        raise Rejected("implausible_focal", f"the sidecar states a focal length of {stated_px:g} px, "
                       f"{stated_px / long_side:.3g} times the video's long side ({long_side} px); plausible are "
                       f"{shortest:g} to {longest:g}: state it in pixels of the video, or leave it out",
                       stated_px / long_side, longest if stated_px > long_side else shortest)  # fmt: skip
    if hints.intrinsics_px is not None:
        fx, fy, cx, cy = hints.intrinsics_px
        return KnownCamera("PINHOLE", (fx * by_x, fy * by_y, cx * by_x, cy * by_y), fixed=True)
    if hints.focal_px is not None:
        x0, y0, x1, y1 = listed.picture_area
        guess = (hints.focal_px * by_x, (x0 + x1) / 2, (y0 + y1) / 2, 0.0)
        return KnownCamera("SIMPLE_RADIAL", guess, fixed=False)
    return None


def _shutter_shifts(
    model: pycolmap.Reconstruction, frame_indices: np.ndarray, listed: FrameList, readout: Readout
) -> ShutterShifts:
    times_s = listed.times_s(frame_indices)
    return ShutterShifts(frame_indices, shift_fields(Observations.of(model), times_s, readout))


def _map(
    frames_folder: Path,
    listed: FrameList,
    load_gray: Callable[[str], np.ndarray],
    printed: Callable[[int], np.ndarray],
    options: KeyframeOptions,
) -> Solution:
    """Maps the keyframes and registers all other frames."""

    def name_of(index: int) -> str:
        return frame_path(frames_folder, index).name

    masks = {name_of(frame.frame_index): printed(frame.frame_index) for frame in listed.keyframes}
    with scratch_folder() as scratch:
        model = reconstruct_keyframes(frames_folder, list(masks), masks, scratch, options)
    indices = [frame.frame_index for frame in listed.frames]
    register_frames(model, indices, Frames(name_of, load_gray, printed), options.seed, options.n_threads)
    drop_torn_ends(model)
    refine_observations(model, load_gray, set(masks), options.n_threads)

    def begin(model: pycolmap.Reconstruction) -> Begun:
        return begin_adjustment(model, times_of(model, listed), options.known_camera)

    def finish(model: pycolmap.Reconstruction, begun: Begun | None) -> Adjusted:
        assert begun is not None
        return finish_adjustment(model, times_of(model, listed), options.known_camera, begun)

    return Solution(model, begin, finish, {})


def _on_given_cameras(
    cameras: GivenCameras,
    config: SfmConfig,
    frames_folder: Path,
    listed: FrameList,
    load_gray: Callable[[str], np.ndarray],
    printed: Callable[[int], np.ndarray],
    options: KeyframeOptions,
) -> Solution:
    indices = [frame.frame_index for frame in listed.frames]
    limit_px = config.max_reprojection_error_px
    return reconstruct(cameras, frames_folder, listed, indices, load_gray, printed, limit_px, options)
