"""Whether what looks the same nearby has the same depth."""

from __future__ import annotations

import numpy as np
import pytest

from sfm_gt.dense.matching.likeness import alike_agreement
from tests.dense.halo import FAR, HALO_PX, PERSON, SHAPE, colours_of, with_halo

# A sum of up to 121 weights in single precision.
TOLERANCE = 1e-4


def agreement(colours: np.ndarray, inverse_depth: np.ndarray) -> np.ndarray:
    """Of known depth with itself."""
    return alike_agreement(colours, inverse_depth, inverse_depth)


@pytest.mark.parametrize("wall", [FAR, np.float32(0.0)], ids=["wall known", "wall unknown"])
def test_a_halo_agrees_with_little_of_the_wall_and_the_person_with_itself(wall: np.float32) -> None:
    share = agreement(colours_of(), with_halo(wall))
    halo = share[40:80, PERSON.start - HALO_PX : PERSON.start]
    # Half of the window is person, of another colour; of its wall, a halo of 6 pixels on a grid of 3 within 15 pixels.
    assert (halo < 0.5).all()
    assert (share[40:80, PERSON.start + 16 : PERSON.stop - 16] > 1.0 - TOLERANCE).all()


def test_a_colour_channel_is_enough_to_tell_wall_from_person() -> None:
    grey = agreement(colours_of(person=(150, 150, 150)), with_halo(FAR))
    blue = agreement(colours_of(person=(150, 150, 220)), with_halo(FAR))
    beside = (60, PERSON.start - 2)
    # Two columns of the halo of six of its wall, where seven of eleven columns looked alike.
    assert blue[beside] < 0.4 < 0.6 < grey[beside]


def test_a_slope_agrees_with_itself() -> None:
    # A floor: 10 % of inverse depth over 100 rows, 3 % and more within the window of 12 rows nowhere.
    slope = np.broadcast_to(np.linspace(0.5, 0.45, SHAPE[0], dtype=np.float32)[:, None], SHAPE)
    assert (agreement(colours_of((9, 9, 9), (9, 9, 9)), np.ascontiguousarray(slope)) > 0.9).all()


def test_of_a_picture_twice_the_size_it_is_the_same() -> None:
    small = agreement(colours_of(), with_halo(FAR))
    large = agreement(
        *(np.ascontiguousarray(each.repeat(2, 0).repeat(2, 1)) for each in (colours_of(), with_halo(FAR)))
    )
    # Every sample falls on the same surface but for one column of the six on the wall, by the rounding of the grid.
    assert np.abs(large[::2, ::2] - small)[:, 20:-20].max() < 0.17


def test_a_plane_agrees_with_what_is_known_of_it_not_with_itself() -> None:
    # A plane over the whole wall at its depth, of which the left half is known, and one at the person's depth.
    known = np.full(SHAPE, 0.0, np.float32)
    known[:, :80] = FAR
    grey = colours_of((150, 150, 150))
    right, wrong = (alike_agreement(grey, np.full(SHAPE, each, np.float32), known) for each in (FAR, 2 * FAR))
    assert (right[30:90, 20:60] > 1.0 - TOLERANCE).all()
    assert (right[30:90, 100:] == 0).all()
    assert (wrong == 0).all()
