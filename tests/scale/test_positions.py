"""Metric positions by time: recovery under lasting noise, honest sigma, and refusal of what says nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.accuracy.scale_draws import FPS, METRIC_FROM_SFM, evidence_of, gps, looking, model_of, trajectory
from sfm_gt import registry
from sfm_gt.errors import InputError, NoEvidenceError
from sfm_gt.formats.position_track import local_metres, read_position_track
from sfm_gt.formats.sidecar import Positions, ScaleEvidence

N_DRAWS = 120
# 120 draws of a share of 0.68 scatter by 0.043, of 0.95 by 0.02: three and two and a half of those to each side.
WITHIN_1_SIGMA, WITHIN_2_SIGMA = (0.55, 0.81), (0.90, 1.0)


def path_m(n_frames: int = 90) -> np.ndarray:
    along = np.linspace(0, 1, n_frames)
    return np.stack([2.0 * along, 0.2 * np.sin(9 * along), 0.5 * np.cos(4 * along)], axis=1)


def ask(folder: Path, rows: np.ndarray, centres: np.ndarray, more: tuple[str, ...] = (), **stated: float):
    np.savetxt(folder / "track.csv", rows, delimiter=",", header="timestamp_s,x_m,y_m,z_m", comments="")
    model = model_of(np.array([looking(centre, centre + np.array([0.0, 0.0, 3.0])) for centre in centres]))
    tracks = tuple(Positions(file=name, **({"sigma_m": 0.01} | stated)) for name in ("track.csv", *more))
    evidence = evidence_of(model, ScaleEvidence(positions=tracks), sidecar=folder / "clip.yaml")
    return registry.load("scale", "positions")().estimate(evidence)


def timed(centres: np.ndarray) -> np.ndarray:
    return np.column_stack([np.arange(len(centres)) / FPS, centres])


@pytest.mark.parametrize("draw", [trajectory, gps])
def test_sigma_is_honest_under_noise_that_lasts(draw):
    found = np.array([draw(np.random.default_rng([1, number])) for number in range(N_DRAWS)])
    apart = np.abs(found[:, 0]) / found[:, 1]
    assert WITHIN_1_SIGMA[0] < (apart < 1).mean() < WITHIN_1_SIGMA[1]
    assert WITHIN_2_SIGMA[0] < (apart < 2).mean() <= WITHIN_2_SIGMA[1]


def test_a_tracker_of_a_centimetre_gives_a_per_cent_over_metres():
    errors = [trajectory(np.random.default_rng([2, number]))[0] for number in range(30)]
    assert np.median(np.abs(errors)) < 0.01


def test_a_camera_that_stands_still_for_its_sensor_is_no_evidence(tmp_path):
    centres = path_m()
    with pytest.raises(NoEvidenceError, match=r"less than 3 times its noise of 1\.5 m: the camera stood still"):
        ask(tmp_path, timed(centres), centres, sigma_m=1.5)


def test_times_that_do_not_overlap_are_named_and_an_offset_mends_them(tmp_path):
    centres = path_m()
    rows = timed(centres) + np.array([1.7e9, 0, 0, 0])
    with pytest.raises(NoEvidenceError, match=r"0 of 90 positions .* lie within the clip .* video's clock"):
        ask(tmp_path, rows, centres)
    repaired = ask(tmp_path, rows, centres, clock_offset_s=-1.7e9)
    assert np.exp(repaired.log_scale) == pytest.approx(METRIC_FROM_SFM, rel=1e-3)


def test_a_sensor_whose_own_unit_is_off_keeps_that_in_sigma(tmp_path):
    centres = path_m()
    assert ask(tmp_path, timed(centres), centres, sigma_scale=0.02).sigma_log_scale > 0.02


def test_a_model_that_stretches_is_found_and_widens_sigma(tmp_path):
    centres = path_m()
    stretched = centres.copy()
    stretched[45:] = centres[45] + 1.06 * (centres[45:] - centres[45])
    straight = ask(tmp_path, timed(centres), centres, sigma_m=0.002)
    found = ask(tmp_path, timed(centres), stretched, sigma_m=0.002)
    assert "(stretch)" in found.notes[0]
    assert "(stretch)" not in straight.notes[0]
    # Halves differ by 6 %: half of that is how far each is from the middle.
    assert found.sigma_log_scale > 0.02


def test_gps_degrees_become_metres():
    # One arc second of latitude is about 30.9 m; of longitude at 60 degrees north about 15.5 m (WGS 84 tables).
    metres = local_metres(np.array([60.0, 60.0 + 1 / 3600]), np.array([10.0, 10.0 + 1 / 3600]), np.array([5.0, 7.0]))
    assert metres[1] == pytest.approx([15.50, 30.95, 2.0], abs=0.05)


def test_positions_of_a_track_that_is_left_out_are_no_observations(tmp_path):
    centres = path_m()
    for name, factor in (("wrong", 1.5), ("other", 1.0)):
        rows = timed(factor * centres)
        np.savetxt(tmp_path / f"{name}.csv", rows, delimiter=",", header="timestamp_s,x_m,y_m,z_m", comments="")
    found = ask(tmp_path, timed(centres), centres, more=("other.csv", "wrong.csv"))
    assert found.notes[-1].startswith("left out, contradicts the others: wrong.csv")
    assert found.n_observations == 2 * len(centres)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", "timestamp_s,latitude_deg\n0,1\n", "no column 'longitude_deg'"),
        ("b.csv", "timestamp_s,x\n0,1\n", "no column 'x_m'; needed timestamp_s and latitude_deg"),
        ("c.csv", "timestamp_s,x_m,y_m,z_m\n0,1,2,far\n", "line 2: z_m is 'far'"),
        ("d.txt", "1 2 3\n4 5 6\n", "line 1: 3 entries; needed 8"),
    ],
)
def test_a_file_of_no_known_kind_is_refused_by_name(tmp_path, name, content, message):
    (tmp_path / name).write_text(content)
    with pytest.raises(InputError, match=message) as refusal:
        read_position_track(tmp_path / name)
    assert name in str(refusal.value)
