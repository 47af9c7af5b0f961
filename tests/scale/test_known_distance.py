"""Known distances on the rendered clip: error, honest sigma, and refusal with the fix."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from sfm_gt import registry
from sfm_gt.errors import ContradictionError, NoEvidenceError
from sfm_gt.formats.sidecar import KnownDistance, ScaleEvidence, read_sidecar
from sfm_gt.geometry.camera import pixel_grid, project, unproject
from sfm_gt.geometry.transforms import inverse_rigid, scale_world, transform_points
from sfm_gt.geometry.types import PinholeCamera, SparseModel
from sfm_gt.scale.shared.estimate import Evidence
from sfm_gt.scale.shared.pixel_depth import SIGMA_CLICK_PX, locate

DEMO, ROOMS = (Path(__file__).resolve().parents[2] / "examples" / name for name in ("demo", "rooms"))
METRIC_FROM_SFM = 0.25
FPS = 15.0


@pytest.fixture(scope="module")
def evidence() -> Evidence:
    return evidence_of(DEMO, "mannequin", with_points_of=0)


def evidence_of(data: Path, video: str, with_points_of: int) -> Evidence:
    """True cameras and a few true points of one frame in a world whose unit is a quarter of a metre, with the frames."""
    folder = data / "truth" / video if (data / "truth" / video).is_dir() else data / "truth"
    truth = json.loads((folder / "truth.json").read_text())
    poses = scale_world(np.array([frame["cam_from_world"] for frame in truth["frames"]]), 1 / METRIC_FROM_SFM)
    camera = PinholeCamera(**{key: truth["camera"][key] for key in ("width", "height", "fx", "fy", "cx", "cy")})
    stored = cv2.imread(str(folder / "depth" / f"{with_points_of:06d}.png"), cv2.IMREAD_UNCHANGED)[::20, ::20].ravel()
    pixels = pixel_grid(camera.width, camera.height)[::20, ::20].reshape(-1, 2)[stored > 0]
    z_depth = stored[stored > 0] * truth["unit_m"] / METRIC_FROM_SFM
    points = transform_points(inverse_rigid(poses[with_points_of]), unproject(camera, pixels, z_depth))
    seen = np.stack([np.full(len(points), with_points_of), np.arange(len(points))], axis=1)
    frames = np.array([frame["frame_index"] for frame in truth["frames"]])
    with av.open(str(data / "videos" / f"{video}.mp4")) as container:
        grays = [cv2.cvtColor(f.to_ndarray(format="rgb24"), cv2.COLOR_RGB2GRAY) for f in container.decode(video=0)]
    model = SparseModel(camera, frames, poses, points, seen, pixels)
    times = {int(index): index / FPS for index in frames}
    return Evidence(model, ScaleEvidence(), None, times, lambda index, px: px, grays.__getitem__)


def ask(evidence: Evidence, *distances: KnownDistance):
    stated = ScaleEvidence(known_distance=distances)
    return registry.load("scale", "known_distance")().estimate(replace(evidence, stated=stated))


@pytest.fixture(scope="module")
def stated() -> tuple[KnownDistance, ...]:
    return read_sidecar(DEMO / "videos" / "mannequin.yaml").scale.known_distance


def test_known_distances_give_the_scale_of_the_rendered_clip(evidence, stated):
    found = ask(evidence, *stated)
    # Poses are exact; half a pixel of click over 92 and 57 px wide distances is what the sidecar's writer can miss.
    assert found.log_scale == pytest.approx(np.log(METRIC_FROM_SFM), abs=0.01)
    assert found.n_observations >= 2
    assert found.sigma_log_scale < 0.012
    assert abs(found.log_scale - np.log(METRIC_FROM_SFM)) < 3 * found.sigma_log_scale


def test_a_pixel_that_no_lens_reaches_is_named_as_it_was_stated(evidence, stated):
    def undistorted_px(_index: int, px: np.ndarray) -> np.ndarray:
        return np.where(px[:, :1] > 2000, np.nan, px)

    outside = stated[0].model_copy(update={"point_b": (2100.0, 80.0)})
    with pytest.raises(NoEvidenceError, match=r"point_b: \(2100, 80\) px lies outside of frame \d+; state pixels"):
        ask(replace(evidence, undistorted_px=undistorted_px), outside)


def test_the_tape_measure_s_own_error_is_in_the_sigma(evidence, stated):
    metres = stated[1].metres
    fine, coarse = (
        ask(evidence, stated[1].model_copy(update={"sigma_m": share * metres})).sigma_log_scale for share in (0.1, 0.2)
    )
    # Independent of where the two spots were found, so its square adds to that of the length; rounding alone is left.
    assert coarse**2 - fine**2 == pytest.approx(0.2**2 - 0.1**2, rel=1e-6)


def test_a_distance_in_centimetres_among_two_in_metres_is_left_out_by_name(evidence, stated):
    one, other, wrong = stated[1], stated[2], stated[1].model_copy(update={"metres": 83.3, "label": "wrong unit"})
    found = ask(evidence, one, other, wrong)
    assert "wrong unit: left out, contradicts the others" in found.notes
    assert found.log_scale == pytest.approx(ask(evidence, one, other).log_scale)


def test_two_distances_that_contradict_are_refused_with_the_likely_cause(evidence, stated):
    with pytest.raises(ContradictionError, match="is one stated in another unit"):
        ask(evidence, stated[1], stated[2].model_copy(update={"metres": 52.6}))


def test_a_spot_without_texture_is_refused_with_the_fix(evidence):
    flat = replace(evidence, load_gray=lambda frame: np.full((360, 640), 128, np.uint8))
    with pytest.raises(NoEvidenceError, match="without texture; choose a corner"):
        ask(flat, KnownDistance(frame_index=4, point_a=(50.5, 50.5), point_b=(90.5, 50.5), metres=1))


def test_a_frame_that_is_not_registered_is_refused_by_number(evidence):
    with pytest.raises(NoEvidenceError, match="frame 999 is not a registered frame"):
        ask(evidence, KnownDistance(frame_index=999, point_a=(1, 1), point_b=(9, 9), metres=1))


def test_scale_moves_with_the_unit_of_the_model_and_sigma_does_not(evidence, stated):
    model, factor = evidence.model, 3.7
    scaled = replace(
        model, cam_from_world=scale_world(model.cam_from_world, factor), points_sfm=factor * model.points_sfm
    )
    one, other = ask(evidence, stated[1]), ask(replace(evidence, model=scaled), stated[1])
    # Sim(3): the search runs on a grid of inverse depths that scales with the scene, so only rounding is left.
    assert other.log_scale == pytest.approx(one.log_scale - np.log(factor), abs=1e-4)
    assert other.sigma_log_scale == pytest.approx(one.sigma_log_scale, rel=0.02)


def test_a_spot_beside_the_outline_of_somebody_is_refused() -> None:
    # The corner of a poster, 5 px from a striped sleeve a metre and a half before it, whose stripes are the stronger pattern.
    room = evidence_of(ROOMS, "bricks", with_points_of=10)
    with pytest.raises(NoEvidenceError, match="near a depth discontinuity"):
        locate(room.model, room.load_gray, 10, np.array([137.5, 70.5]))
    on_the_wall = locate(room.model, room.load_gray, 10, np.array([135.5, 7.5]))
    z_depth = (room.model.cam_from_world[10] @ np.append(on_the_wall.point, 1.0))[2] * METRIC_FROM_SFM
    assert z_depth == pytest.approx(4.45, rel=0.01)


def test_in_its_picture_a_point_is_as_unsure_as_the_click_whichever_way_the_camera_looks(evidence, stated):
    # The world's +z points up and the camera looks along +y: axes of the world are none of the camera's.
    pair, model = stated[1].pairs[0], evidence.model
    pose = model.cam_from_world[model.row_of(pair.frame_index)]
    found = locate(model, evidence.load_gray, pair.frame_index, np.array(pair.point_a))
    step = 1e-5 * np.linalg.norm(found.point)
    ahead, behind = (
        project(model.camera, transform_points(pose, found.point + sign * step * np.eye(3))) for sign in (1, -1)
    )
    px_from_world = (ahead - behind).T / (2 * step)
    # What is unsure of its depth moves along the ray, which is one pixel: the click alone is left.
    in_picture = px_from_world @ found.covariance @ px_from_world.T
    assert in_picture == pytest.approx(SIGMA_CLICK_PX**2 * np.eye(2), abs=1e-3)
