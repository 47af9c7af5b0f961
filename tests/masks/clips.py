"""Rendered clips, shared by the tests of all mask methods since rendering takes longer than testing."""

import pytest

from tests.masks.scenes import Rectangle, Scene, film

N_FRAMES = 24
MOVES_IN = range(8, 17)
# Sideways with the camera at first sight: mostly along the epipolar lines, which is the hard direction.
WALKER = Rectangle((-0.1, -0.9, 3.2), (0.7, 0, 0), (0, 1.5, 0), 9, velocity=(0.03, 0.006, 0), moves_in=MOVES_IN)
# Up and down: across the epipolar lines.
JUMPER = Rectangle((-0.1, -0.9, 3.2), (0.7, 0, 0), (0, 1.5, 0), 9, velocity=(0.0, 0.03, 0), moves_in=MOVES_IN)


@pytest.fixture(scope="session")
def frozen() -> Scene:
    """Strong parallax, nothing moves."""
    return film(N_FRAMES)


@pytest.fixture(scope="session")
def jumping() -> Scene:
    """One board moves across the epipolar lines, there and back, for a third of the clip."""
    return film(N_FRAMES, (JUMPER,))


@pytest.fixture(scope="session")
def walking() -> Scene:
    """One board moves along the epipolar lines, there and back, for a third of the clip."""
    return film(N_FRAMES, (WALKER,))


@pytest.fixture(scope="session")
def standing() -> Scene:
    """The camera stands still while a board moves."""
    return film(N_FRAMES, (JUMPER,), step=0.0, turn_rad=0.0)
