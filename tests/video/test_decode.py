"""Frames as shown, with the container's times, counted alike by everybody."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from sfm_gt.imaging.resizing import fitted
from sfm_gt.video.decode import Display, iterate_frames
from sfm_gt.video.hdr import hlg_curve, pq_curve
from tests.video.make_videos import cut_off, panning, write_video

CODING_ERROR = 12.0  # grey levels, mean: x264 at crf 12 with halved colour resolution


def marked(height: int = 240, width: int = 320) -> np.ndarray:
    """Red in the top left corner, green top right, blue bottom left."""
    image = np.full((height, width, 3), 128, np.uint8)
    image[:60, :60], image[:60, -60:], image[-60:, :60] = (255, 0, 0), (0, 255, 0), (0, 0, 255)
    return image


def difference(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.abs(a.astype(float) - b).mean())


@pytest.mark.parametrize(("counterclockwise_deg", "quarters"), [(0, 0), (90, 1), (180, 2), (-90, 3)])
def test_the_rotation_flag_is_obeyed(tmp_path: Path, counterclockwise_deg: int, quarters: int) -> None:
    path = write_video(tmp_path / "a.mp4", [marked()] * 3, rotation_deg=counterclockwise_deg)
    _, _, shown = next(iterate_frames(path))
    assert difference(shown, np.rot90(marked(), quarters)) < CODING_ERROR


@pytest.mark.parametrize(
    "axes", [(1, 0, 0, 1), (0, 1, -1, 0), (-1, 0, 0, -1), (0, -1, 1, 0), (-1, 0, 0, 1), (0, 1, 1, 0)]
)
def test_display_moves_every_pixel_where_the_matrix_says(axes: tuple[int, int, int, int]) -> None:
    coded = np.arange(3 * 4 * 3, dtype=np.uint8).reshape(3, 4, 3)
    shown = Display(Fraction(1), axes).apply(coded)
    a, b, c, d = axes
    corners = np.array([(a * x + c * y, b * x + d * y) for x in range(4) for y in range(3)])
    for x in range(4):
        for y in range(3):
            column, row = np.array([a * x + c * y, b * x + d * y]) - corners.min(axis=0)
            assert (shown[row, column] == coded[y, x]).all()


def test_pixels_are_made_square(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", [marked()] * 3, sample_aspect_ratio=Fraction(2, 1))
    _, _, shown = next(iterate_frames(path))
    assert shown.shape == (240, 640, 3)
    assert difference(shown[:, ::2], marked()) < CODING_ERROR


def test_variable_times_come_from_the_container(tmp_path: Path) -> None:
    ticks = [0, 1, 5, 6, 20, 21, 30]
    path = write_video(tmp_path / "a.mp4", panning(7), ticks=ticks)
    found = [(index, time) for index, time, _ in iterate_frames(path)]
    assert [index for index, _ in found] == list(range(7))
    assert [time for _, time in found] == pytest.approx([tick / 30 for tick in ticks], abs=1e-4)


def test_a_range_of_frames_is_the_same_frames(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", panning(25))
    everything = list(iterate_frames(path))
    part = list(iterate_frames(path, 7, 12))
    assert [index for index, _, _ in part] == [7, 8, 9, 10, 11, 12]
    assert all(np.array_equal(rgb, everything[index][2]) for index, _, rgb in part)


def test_the_frames_of_a_truncated_video_are_those_of_the_whole(tmp_path: Path) -> None:
    whole = write_video(tmp_path / "whole.mp4", panning(40), fast_start=True)
    truth = [rgb for _, _, rgb in iterate_frames(whole)]
    found = [rgb for _, _, rgb in iterate_frames(cut_off(tmp_path / "part.mp4", whole, 0.55))]
    assert 5 < len(found) < 40
    assert all(np.array_equal(a, b) for a, b in zip(found, truth, strict=False))


def test_damage_in_the_middle_yields_no_invented_frames(tmp_path: Path) -> None:
    whole = write_video(tmp_path / "whole.avi", panning(40), codec="mpeg4")
    content = bytearray(whole.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 400] = bytes(400)
    damaged = tmp_path / "damaged.avi"
    damaged.write_bytes(content)
    truth = [rgb for _, _, rgb in iterate_frames(whole)]
    found = [rgb for _, _, rgb in iterate_frames(damaged)]
    assert 5 < len(found) < 40
    assert all(np.array_equal(a, b) for a, b in zip(found, truth, strict=False))


def test_ten_bit_video_comes_as_eight(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mkv", [marked()] * 2, codec="ffv1", pixel_format="yuv420p10le")
    _, _, shown = next(iterate_frames(path))
    assert shown.dtype == np.uint8
    assert difference(shown, marked()) < CODING_ERROR


@pytest.mark.parametrize(("curve", "white_code"), [(pq_curve, 0.5807), (hlg_curve, 0.75)])
def test_hdr_curves_rise_and_put_paper_white_below_the_highlights(curve, white_code: float) -> None:
    # Code values of diffuse white by ITU-R BT.2408: 58 % PQ, 75 % HLG.
    levels = curve()
    assert (np.diff(levels.astype(int)) >= 0).all()
    assert levels[0] == 0
    assert levels[-1] == 255
    assert 170 < levels[round(white_code * 65535)] < 210


def test_hdr_frames_go_through_the_curve(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mkv", [marked()] * 2, codec="ffv1", pixel_format="yuv420p10le", transfer=16)
    _, _, shown = next(iterate_frames(path))
    grey = shown[120, 160].astype(int)
    assert grey == pytest.approx(pq_curve()[round(128 / 255 * 65535)], abs=6)


def test_shrink_keeps_small_frames_and_the_shape_of_large_ones() -> None:
    assert fitted(marked(), 320).shape == (240, 320, 3)
    assert fitted(marked(243, 321), 160).shape == (121, 160, 3)


def test_frames_with_b_frames_in_avi_come_in_order_at_steady_times(tmp_path: Path) -> None:
    film = panning(24)
    path = write_video(tmp_path / "a.avi", film, b_frames=3)
    found = list(iterate_frames(path))
    assert [index for index, _, _ in found] == list(range(24))
    assert np.diff([time for _, time, _ in found]) == pytest.approx(1 / 30, abs=1e-6)
    assert max(difference(shown, truth) for (_, _, shown), truth in zip(found, film, strict=True)) < CODING_ERROR


def test_every_part_of_a_video_has_the_same_repaired_times(tmp_path: Path) -> None:
    part = write_video(tmp_path / "part.ts", panning(20))
    path = tmp_path / "joined.ts"
    path.write_bytes(3 * part.read_bytes())
    everything = [time for _, time, _ in iterate_frames(path)]
    assert np.diff(everything) == pytest.approx(1 / 30, abs=1e-4)
    assert [time for _, time, _ in iterate_frames(path, 15, 45)] == everything[15:46]


@pytest.mark.parametrize("name", ["a:b.mp4", "pipe:.mp4", "-x {y} %d\n.mp4"])
def test_names_are_no_protocols(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    write_video(tmp_path / "a.mp4", panning(3)).rename(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    assert sum(1 for _ in iterate_frames(Path(name))) == 3
