"""Scale cues on simulated and rendered evidence: error, honest sigma, and refusal without evidence."""

from __future__ import annotations

import json
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from sfm_gt import registry
from sfm_gt.errors import InputError, NoEvidenceError
from sfm_gt.formats.sidecar import KnownDistance, ScaleEvidence, Trajectory, read_sidecar
from sfm_gt.geometry.transforms import camera_centres, scale_world
from sfm_gt.geometry.types import PinholeCamera, SparseModel
from sfm_gt.scale.estimate import Evidence, ScaleEstimate
from sfm_gt.scale.fusion import fuse, weighted_mean
from sfm_gt.scale.gps import local_metres

DEMO = Path(__file__).resolve().parents[2] / "examples" / "demo"
METRIC_FROM_SFM = 0.25
FPS = 15.0


def model_from_truth() -> SparseModel:
    """The demo's true cameras in a world whose unit is a quarter of a metre."""
    truth = json.loads((DEMO / "truth" / "truth.json").read_text())
    poses = np.array([frame["cam_from_world"] for frame in truth["frames"]])
    camera = PinholeCamera(**{key: truth["camera"][key] for key in ("width", "height", "fx", "fy", "cx", "cy")})
    return SparseModel(
        camera, np.array([frame["frame_index"] for frame in truth["frames"]]), scale_world(poses, 1 / METRIC_FROM_SFM),
        np.zeros((0, 3)), np.zeros((0, 2), dtype=np.int64), np.zeros((0, 2)),
    )  # fmt: skip


def evidence(model: SparseModel, stated: ScaleEvidence, sidecar: Path | None = None, load_gray=None) -> Evidence:
    times = {int(index): index / FPS for index in model.frame_indices}
    return Evidence(
        model, stated, sidecar, times, lambda index, source_px: source_px, load_gray or (lambda index: None)
    )


@pytest.fixture(scope="module")
def demo_gray() -> list[np.ndarray]:
    with av.open(str(DEMO / "videos" / "mannequin.mp4")) as container:
        return [cv2.cvtColor(f.to_ndarray(format="rgb24"), cv2.COLOR_RGB2GRAY) for f in container.decode(video=0)]


@pytest.mark.parametrize("name", registry.names("scale"))
def test_a_cue_without_evidence_raises_and_never_answers(name):
    cue = registry.load("scale", name)()
    with pytest.raises(NoEvidenceError):
        cue.estimate(evidence(model_from_truth(), ScaleEvidence()))


def test_known_distances_give_the_scale_of_the_rendered_clip(demo_gray):
    stated = read_sidecar(DEMO / "videos" / "mannequin.yaml").scale
    found = registry.load("scale", "known_distance")().estimate(
        evidence(model_from_truth(), stated, load_gray=demo_gray.__getitem__)
    )
    # The poses are exact, so the tracks' 0.1 px over 92 and 57 px wide distances are all that is left: 0.2 %.
    assert found.log_scale == pytest.approx(np.log(METRIC_FROM_SFM), abs=0.004)
    assert found.n_observations >= 2
    assert found.sigma_log_scale < 0.01, "stated to 0.6 and 0.9 per cent each"


def test_a_distance_to_a_spot_without_texture_is_refused_with_the_mend(demo_gray):
    flat = [np.full_like(gray, 128) for gray in demo_gray]
    stated = ScaleEvidence(
        known_distance=(KnownDistance(frame_index=4, point_a=(50.5, 50.5), point_b=(90.5, 50.5), metres=1),)
    )
    with pytest.raises(NoEvidenceError, match="choose a corner"):
        registry.load("scale", "known_distance")().estimate(
            evidence(model_from_truth(), stated, load_gray=flat.__getitem__)
        )


def test_a_distance_in_a_frame_that_is_not_registered_is_refused_by_number(demo_gray):
    stated = ScaleEvidence(known_distance=(KnownDistance(frame_index=999, point_a=(1, 1), point_b=(9, 9), metres=1),))
    with pytest.raises(NoEvidenceError, match="frame 999 is not a registered frame"):
        registry.load("scale", "known_distance")().estimate(evidence(model_from_truth(), stated))


def write_tum(path: Path, times: np.ndarray, positions: np.ndarray) -> None:
    rows = np.column_stack([times, positions, np.tile([0.0, 0.0, 0.0, 1.0], (len(times), 1))])
    np.savetxt(path, rows)


def test_known_poses_recover_scale_and_their_sigma_is_honest(tmp_path):
    model, sigma_m = model_from_truth(), 0.02
    (tmp_path / "clip.yaml").write_text("")
    stated = ScaleEvidence(known_poses=Trajectory(file="poses.txt", sigma_m=sigma_m))
    # Positions every half second: the spacing at which the cue holds errors for independent.
    rows = np.arange(0, 60, 8)
    times, exact = model.frame_indices[rows] / FPS, METRIC_FROM_SFM * camera_centres(model.cam_from_world)[rows]
    rng, normalised = np.random.default_rng(3), []
    for _ in range(200):
        write_tum(tmp_path / "poses.txt", times, exact + rng.normal(scale=sigma_m, size=exact.shape))
        found = registry.load("scale", "known_poses")().estimate(evidence(model, stated, tmp_path / "clip.yaml"))
        normalised.append((found.log_scale - np.log(METRIC_FROM_SFM)) / found.sigma_log_scale)
    within = np.mean(np.abs(normalised) < 1)
    # A true sigma covers 68 %; 200 draws scatter by 3.3 %, and sigma never falls below the stated noise (wider, not narrower).
    assert 0.60 < within < 0.85


def test_a_path_that_stands_still_or_misses_the_clip_is_no_evidence(tmp_path):
    model = model_from_truth()
    (tmp_path / "clip.yaml").write_text("")
    stated = ScaleEvidence(known_poses=Trajectory(file="poses.txt", sigma_m=0.05))
    cue, ask = registry.load("scale", "known_poses")(), evidence(model, stated, tmp_path / "clip.yaml")
    write_tum(tmp_path / "poses.txt", np.arange(5) * 0.5, np.zeros((5, 3)))
    with pytest.raises(NoEvidenceError, match="less than 3 times its noise"):
        cue.estimate(ask)
    write_tum(tmp_path / "poses.txt", 100 + np.arange(5.0), np.eye(5, 3))
    with pytest.raises(NoEvidenceError, match="0 of 5 positions lie within the clip"):
        cue.estimate(ask)
    (tmp_path / "poses.txt").write_text("1 2 3\n4 5 6\n")
    with pytest.raises(InputError, match="3 columns; needed 8"):
        cue.estimate(ask)


def test_gps_degrees_become_metres():
    # One arc second of latitude is about 30.9 m; of longitude at 60 degrees north about 15.5 m (WGS 84 tables).
    metres = local_metres(np.array([60.0, 60.0 + 1 / 3600]), np.array([10.0, 10.0 + 1 / 3600]), np.array([5.0, 7.0]))
    assert metres[1] == pytest.approx([15.50, 30.95, 2.0], abs=0.05)


def test_a_gps_file_without_a_column_is_named(tmp_path):
    (tmp_path / "clip.yaml").write_text("")
    (tmp_path / "track.csv").write_text("timestamp_s,latitude_deg\n0,1\n")
    stated = ScaleEvidence(gps=Trajectory(file="track.csv", sigma_m=3.0))
    with pytest.raises(InputError, match="no column 'longitude_deg'"):
        registry.load("scale", "gps")().estimate(evidence(model_from_truth(), stated, tmp_path / "clip.yaml"))


def test_weighted_mean_by_hand_and_its_widening():
    mean, sigma = weighted_mean(np.array([1.0, 2.0]), np.array([1.0, 1.0]))
    # chi2 = 0.5, below its one degree of freedom: no widening.
    assert (mean, sigma) == (pytest.approx(1.5), pytest.approx(np.sqrt(0.5)))
    _, wide = weighted_mean(np.array([0.0, 4.0]), np.array([1.0, 1.0]))
    assert wide == pytest.approx(np.sqrt(0.5) * np.sqrt(8.0))


def test_cues_that_contradict_are_reported_and_not_averaged():
    a = ScaleEstimate(np.log(1.0), 0.02, 3)
    b = ScaleEstimate(np.log(1.3), 0.02, 3)
    with pytest.raises(NoEvidenceError, match="cues contradict: gps says 1, known_distance says 1"):
        fuse({"gps": a, "known_distance": b}, 4.0)
    agreed = fuse({"gps": a, "known_distance": ScaleEstimate(np.log(1.01), 0.02, 3)}, 4.0)
    assert np.exp(agreed.log_scale) == pytest.approx(1.005, abs=1e-4)
    with pytest.raises(NoEvidenceError, match="no cue"):
        fuse({}, 4.0)
