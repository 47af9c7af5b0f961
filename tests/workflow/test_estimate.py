"""The estimate of time and disk: its costs are those of the benchmarks, and it meets finished runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from sfm_gt.config import Config
from sfm_gt.formats.manifest import read_json
from sfm_gt.workflow import estimate as module
from sfm_gt.workflow.estimate import Film, estimate, film_of, films_of, time_left
from tests.video.make_videos import panning, write_video

RESULTS = Path(__file__).resolve().parents[2] / "benchmarks" / "results"
FILM = Film(n_frames=300, minutes=0.2, pixels=640 * 480)
RUNS = read_json(RESULTS / "run_cost.json")


def config(models: int = 0, frame_step: int = 1) -> Config:
    named = [{"name": f"m{number}", "method": "constant"} for number in range(models)]
    return Config.model_validate({"videos": "v", "out": "o", "models": named, "dense": {"frame_step": frame_step}})


def test_the_costs_are_those_that_were_measured() -> None:
    kitchen, long = read_json(RESULTS / "sfm_kitchen.json"), read_json(RESULTS / "long_clip.json")
    cost = [module.SFM_S_A_CLIP + module.SFM_S_A_FRAME * clip["frames"] for clip in (long, kitchen)]
    assert pytest.approx(long["cpu_s"]["sfm"], rel=0.02) == cost[0]
    # Twice as many pixels, and measured beside a peer on a day when the machine was slower: held to what is promised.
    assert 0.5 < cost[1] / kitchen["sfm_gt"]["cpu_s"] < 2.0
    dense = read_json(RESULTS / "dense_every_frame.json")["cpu_seconds_a_frame"]
    assert pytest.approx(dense, rel=0.02) == module.DENSE_S_A_PIXEL * 640 * 480
    disk = read_json(RESULTS / "disk.json")
    a_frame, pixels = disk["mb_a_frame"], disk["width"] * disk["height"]
    costs = (module.PUBLISHED_MB, module.KEPT_MB, module.PREDICTIONS_MB * 3, module.PEAK_MB)
    names = ("published", "kept_for_another_run", "predictions", "peak")
    assert [cost * pixels for cost in costs] == pytest.approx([a_frame[name] for name in names])


@pytest.mark.parametrize("name", RUNS)
def test_finished_runs_lie_within_a_factor_of_two(name: str) -> None:
    run = RUNS[name]
    expected = estimate(config(run["models"], run["frame_step"]), [Film(**film) for film in run["films"]], cores=1)
    assert 0.5 < expected.seconds / run["cpu_s"] < 2.0
    if run["mb"] is not None:
        assert 0.5 < expected.megabytes / run["mb"] < 2.0


def test_cores_help_until_one_video_keeps_the_others_waiting() -> None:
    one, two, eight = (estimate(config(), [FILM] * 2, cores).seconds for cores in (1, 2, 8))
    assert one == pytest.approx(2 * two)
    assert eight == estimate(config(), [FILM], 4).seconds
    assert two / 4 < eight < two


def test_large_frames_cost_what_they_are_shrunk_to() -> None:
    full, ultra = (estimate(config(), [Film(300, 0.2, w * h)], 1) for w, h in ((1280, 720), (3840, 2160)))
    assert ultra == full


def test_headers_are_read_and_unreadable_files_count_nothing(tmp_path: Path) -> None:
    write_video(tmp_path / "pan.mp4", panning(16, 160, 120))
    (tmp_path / "text.mp4").write_text("no video")
    found = film_of(tmp_path / "pan.mp4")
    assert (found.n_frames, found.pixels) == (16, 160 * 120)
    assert found.minutes > 0
    assert film_of(tmp_path / "text.mp4") == Film()
    assert estimate(config(), [found, Film()], 2) == estimate(config(), [found], 2)


def test_of_a_large_corpus_some_headers_stand_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    read = []
    monkeypatch.setattr(module, "film_of", lambda path: read.append(path) or FILM)
    assert films_of([Path(str(number)) for number in range(10_001)]) == [FILM] * 10_001
    assert 100 < len(read) <= module.MOST_HEADERS
    assert films_of([]) == []


def test_time_left_follows_the_pace_more_and_more() -> None:
    assert time_left(100.0, 30.0, 0.0) == 70.0
    assert time_left(100.0, 130.0, 0.0) is None
    assert time_left(100.0, 50.0, 0.5) == pytest.approx(50.0)
    slow = [time_left(100.0, 200.0 * done, done) for done in (0.1, 0.5, 0.9, 1.0)]
    assert slow == pytest.approx([99.0, 75.0, 19.0, 0.0]), "a run at half the pace"
