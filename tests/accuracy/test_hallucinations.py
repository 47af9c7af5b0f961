"""The generator of clips that must be refused: each is what its name says, and the same every time."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from benchmarks.accuracy.hallucinated_clips import HEIGHT, N_FRAMES, WIDTH, Sources
from benchmarks.accuracy.hallucinated_kinds import KINDS
from benchmarks.accuracy.hallucinations import make_clip

SOURCES = Sources.of(None)
FLAT = ("noise_moving", "photograph_panned", "photograph_zoomed", "photograph_filmed", "page_filmed")


def test_there_are_sixty_clips_in_two_seeds() -> None:
    assert 2 * len(KINDS) >= 60


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_makes_small_frames_that_depend_on_the_seed(kind: str) -> None:
    frames, other = make_clip(kind, 0, SOURCES), make_clip(kind, 1, SOURCES)
    assert len(frames) == N_FRAMES
    assert {frame.shape for frame in frames} == {(HEIGHT, WIDTH, 3)}
    assert {frame.dtype for frame in frames} == {np.dtype(np.uint8)}
    assert not np.array_equal(frames[20], other[20])


@pytest.mark.parametrize("kind", ["every_third_from_elsewhere", "photograph_filmed", "tiles_in_layers"])
def test_a_seed_makes_the_same_clip_every_time(kind: str) -> None:
    frames, again = make_clip(kind, 0, SOURCES), make_clip(kind, 0, SOURCES)
    assert all(np.array_equal(a, b) for a, b in zip(frames, again, strict=True))


@pytest.mark.parametrize("kind", FLAT)
def test_a_homography_explains_all_that_is_flat(kind: str) -> None:
    """Most of the second picture is the first one under the homography that the best corners give."""
    first, second = (cv2.cvtColor(make_clip(kind, 1, SOURCES)[k], cv2.COLOR_RGB2GRAY) for k in (20, 23))
    corners = cv2.goodFeaturesToTrack(first, 300, 0.01, 6)
    moved, found, _ = cv2.calcOpticalFlowPyrLK(first, second, corners, None)
    matrix, _ = cv2.findHomography(corners[found > 0], moved[found > 0], cv2.RANSAC, 2.0)
    # Corners that left the picture or were lost follow nothing.
    there = cv2.perspectiveTransform(corners, matrix)
    good = np.linalg.norm((there - moved)[:, 0], axis=1)[found[:, 0] > 0] < 2.0
    assert good.mean() > 0.85


def test_mirrored_clips_are_mirrored() -> None:
    for frame in make_clip("kaleidoscope", 0, SOURCES)[::16]:
        assert np.array_equal(frame, frame[:, ::-1])
        assert np.array_equal(frame, frame[::-1])
