"""What ingest finds out about sound videos, and how broken ones are refused."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from sfm_gt.errors import Rejected
from sfm_gt.video.probe import probe_video
from tests.video.make_videos import (
    cut_off,
    interlaced,
    panning,
    pulled_down,
    retimed,
    with_edit_list,
    write_audio,
    write_tracks,
    write_video,
)

MIN_SIDE_PX = 120


def reason(path: Path) -> str:
    with pytest.raises(Rejected) as caught:
        probe_video(path, MIN_SIDE_PX)
    assert path.name in str(caught.value)
    assert "\n" not in str(caught.value)
    return caught.value.reason


@pytest.mark.parametrize(
    ("suffix", "codec"), [("mp4", "libx264"), ("avi", "mpeg4"), ("mkv", "ffv1"), ("ts", "libx264")]
)
def test_facts_of_a_plain_video(tmp_path: Path, suffix: str, codec: str) -> None:
    found = probe_video(write_video(tmp_path / f"a.{suffix}", panning(20), codec=codec), MIN_SIDE_PX)
    assert (found.width, found.height, found.n_frames, found.codec) == (
        320,
        240,
        20,
        codec.removeprefix("lib").replace("x264", "h264"),
    )
    # Matroska keeps whole milliseconds: 19 steps of 1/30 s end 0.3 ms off.
    assert found.fps_mean == pytest.approx(30, abs=0.05)
    assert found.duration_s == pytest.approx(20 / 30, abs=0.002)
    assert not found.variable_frame_rate
    assert not found.truncated
    assert found.warnings == ()


def test_odd_sizes(tmp_path: Path) -> None:
    found = probe_video(write_video(tmp_path / "a.mp4", panning(5, 321, 243), pixel_format="yuv444p"), MIN_SIDE_PX)
    assert (found.width, found.height) == (321, 243)


def test_rotation_and_pixel_shape_give_the_size_as_shown(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", panning(5), rotation_deg=90, sample_aspect_ratio=Fraction(4, 3))
    found = probe_video(path, MIN_SIDE_PX)
    assert (found.width, found.height) == (240, 427)
    assert found.rotation_deg == 270
    assert found.sample_aspect_ratio == "4:3"
    assert not found.mirrored


def test_variable_frame_rate(tmp_path: Path) -> None:
    ticks = [2 * i if i < 10 else 20 + 5 * (i - 10) for i in range(20)]
    found = probe_video(write_video(tmp_path / "a.mp4", panning(20), ticks=ticks), MIN_SIDE_PX)
    assert found.variable_frame_rate
    assert found.n_frames == 20
    # 19 steps over 65 ticks of 1/30 s.
    assert found.fps_mean == pytest.approx(19 / (65 / 30), abs=1e-3)


def test_a_truncated_video_is_used_up_to_the_cut(tmp_path: Path) -> None:
    whole = write_video(tmp_path / "whole.mp4", panning(40), fast_start=True)
    found = probe_video(cut_off(tmp_path / "part.mp4", whole, 0.6), MIN_SIDE_PX)
    assert found.truncated
    assert 10 < found.n_frames < 40
    assert "part.mp4" in found.warnings[0]
    assert str(found.n_frames) in found.warnings[0]


def test_a_truncated_video_without_index_is_refused(tmp_path: Path) -> None:
    whole = write_video(tmp_path / "whole.mp4", panning(20))
    assert reason(cut_off(tmp_path / "part.mp4", whole, 0.6)) == "truncated"


def test_a_video_cut_off_before_its_first_frame_is_refused(tmp_path: Path) -> None:
    whole = write_video(tmp_path / "whole.mp4", panning(20), fast_start=True)
    assert reason(cut_off(tmp_path / "head.mp4", whole, 0.0005)) == "truncated"
    assert reason(cut_off(tmp_path / "part.mp4", whole, 0.02)) == "unreadable"


def test_what_is_no_video_is_refused_by_name(tmp_path: Path) -> None:
    text, empty = tmp_path / "text.mp4", tmp_path / "empty.mp4"
    text.write_text("this is no video\n" * 100)
    empty.touch()
    assert reason(text) == "not_a_video"
    assert reason(empty) == "empty_file"
    assert reason(write_audio(tmp_path / "sound.mp4")) == "no_video_stream"
    assert reason(tmp_path / "gone.mp4") == "unreadable"
    noise = tmp_path / "noise.mp4"
    noise.write_bytes(np.random.default_rng(0).bytes(20_000))
    assert reason(noise) == "not_a_video"


def test_too_small_and_too_few(tmp_path: Path) -> None:
    dot = [np.full((1, 1, 3), 90, np.uint8)] * 5
    assert reason(write_video(tmp_path / "dot.mkv", dot, codec="ffv1", pixel_format="bgr0")) == "too_small"
    assert reason(write_video(tmp_path / "one.mp4", panning(1))) == "too_few_frames"


def test_an_interlaced_video_is_refused_with_the_fix(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mpg", panning(8), codec="mpeg2video", interlaced=True)
    assert reason(path) == "interlaced"


def test_hdr_is_named(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mkv", panning(4), codec="ffv1", pixel_format="yuv420p10le", transfer=16)
    assert probe_video(path, MIN_SIDE_PX).transfer == "pq"
    assert probe_video(write_video(tmp_path / "b.mp4", panning(4)), MIN_SIDE_PX).transfer == "sdr"


def test_joined_transport_streams_have_one_growing_clock(tmp_path: Path) -> None:
    part = write_video(tmp_path / "part.ts", panning(30), b_frames=3)
    path = tmp_path / "joined.ts"
    path.write_bytes(2 * part.read_bytes())
    found = probe_video(path, MIN_SIDE_PX)
    assert (found.timestamps, found.n_timestamps_repaired, found.n_frames) == ("repaired", 1, 60)
    assert found.duration_s == pytest.approx(2, abs=1e-3)
    assert not found.variable_frame_rate
    assert not found.truncated
    assert "joined.ts" in found.warnings[0]
    assert probe_video(part, MIN_SIDE_PX).timestamps == "container"


@pytest.mark.parametrize(
    ("times", "n_repaired"),
    [
        (lambda i: i // 4 * 4, 39),
        (lambda i: i if i != 7 else 6, 2),
        (lambda i: i if i < 20 else i + 3_000_000, 1),
    ],
)
def test_times_that_repeat_or_jump_are_put_right(tmp_path: Path, times, n_repaired: int) -> None:
    source = write_video(tmp_path / "source.mkv", panning(40), codec="mpeg4")
    found = probe_video(retimed(tmp_path / "a.mkv", source, times), MIN_SIDE_PX)
    # Matroska's milliseconds make some of the kept steps differ by one.
    assert found.n_timestamps_repaired == pytest.approx(n_repaired, abs=1)
    assert found.fps_mean == pytest.approx(30, abs=0.1)
    assert found.timestamps == "repaired"


def test_times_without_order_or_rate_are_refused(tmp_path: Path) -> None:
    source = write_video(tmp_path / "source.mkv", panning(40), codec="ffv1")
    # FFmpeg answers 1000 frames a second then, the tick of Matroska's clock.
    assert reason(retimed(tmp_path / "a.mkv", source, lambda i: 0)) == "broken_timestamps"


def test_an_edit_list_is_no_truncation(tmp_path: Path) -> None:
    whole = write_video(tmp_path / "whole.mp4", panning(60), b_frames=3)
    cut = probe_video(with_edit_list(tmp_path / "cut.mp4", whole, 0.5, 1.0), MIN_SIDE_PX)
    assert (cut.n_frames, cut.truncated, cut.timestamps, cut.warnings) == (30, False, "container", ())


def test_further_tracks_are_mentioned_and_covers_are_none(tmp_path: Path) -> None:
    two = probe_video(write_tracks(tmp_path / "two.mp4", panning(8), panning(8, 160, 120)), MIN_SIDE_PX)
    assert (two.width, two.n_frames) == (320, 8)
    assert "2 video tracks" in two.warnings[0]
    covered = probe_video(write_tracks(tmp_path / "song.mp4", panning(8), cover=panning(1)[0]), MIN_SIDE_PX)
    assert covered.warnings == ()


@pytest.mark.parametrize("comb", [interlaced, pulled_down])
def test_combed_frames_without_a_flag_are_refused_with_the_fix(tmp_path: Path, comb) -> None:
    path = write_video(tmp_path / "a.mp4", comb(panning(32)))
    assert reason(path) == "interlaced"
