"""Signs of a surface that has grown over its outline: what looks alike, and the step beside it."""

from __future__ import annotations

import numpy as np
import pytest

from sfm_gt.dense.matching.overgrowth import STEP_REACH_PX, alike_agreement, step_down

SHAPE = (120, 160)
NEAR, FAR = np.float32(0.5), np.float32(0.25)
PERSON = slice(60, 100)
HALO_PX = 6
# A sum of up to 121 weights in single precision.
TOLERANCE = 1e-4


def _colours(person: tuple[int, int, int] = (40, 60, 140), wall: tuple[int, int, int] = (150, 150, 150)) -> np.ndarray:
    colours = np.empty((*SHAPE, 3), np.uint8)
    colours[:], colours[:, PERSON] = wall, person
    return colours


def _with_halo(wall: np.float32) -> np.ndarray:
    """A person's depth, grown over its outline, before a wall of this inverse depth (0 = unknown)."""
    inverse = np.full(SHAPE, wall, np.float32)
    inverse[:, PERSON.start - HALO_PX : PERSON.stop + HALO_PX] = NEAR
    return inverse


class TestAlikeAgreement:
    @pytest.mark.parametrize("wall", [FAR, np.float32(0.0)], ids=["wall known", "wall unknown"])
    def test_a_halo_agrees_with_little_of_the_wall_and_the_person_with_itself(self, wall: np.float32) -> None:
        share = alike_agreement(_colours(), _with_halo(wall))
        halo = share[40:80, PERSON.start - HALO_PX : PERSON.start]
        # Half of the window is person, of another colour; of its wall, a halo of 6 pixels on a grid of 3 within 15 pixels.
        assert (halo < 0.5).all()
        assert (share[40:80, PERSON.start + 16 : PERSON.stop - 16] > 1.0 - TOLERANCE).all()

    def test_a_colour_channel_is_enough_to_tell_wall_from_person(self) -> None:
        grey = alike_agreement(_colours(person=(150, 150, 150)), _with_halo(FAR))
        blue = alike_agreement(_colours(person=(150, 150, 220)), _with_halo(FAR))
        beside = (60, PERSON.start - 2)
        # Two columns of the halo of six of its wall, where seven of eleven columns looked alike.
        assert blue[beside] < 0.4 < 0.6 < grey[beside]

    def test_a_slope_agrees_with_itself(self) -> None:
        # A floor: 10 % of inverse depth over 100 rows, 3 % and more within the window of 12 rows nowhere.
        slope = np.broadcast_to(np.linspace(0.5, 0.45, SHAPE[0], dtype=np.float32)[:, None], SHAPE)
        assert (alike_agreement(_colours((9, 9, 9), (9, 9, 9)), np.ascontiguousarray(slope)) > 0.9).all()

    def test_of_a_picture_twice_the_size_it_is_the_same(self) -> None:
        small = alike_agreement(_colours(), _with_halo(FAR))
        large = alike_agreement(
            *(np.ascontiguousarray(each.repeat(2, 0).repeat(2, 1)) for each in (_colours(), _with_halo(FAR)))
        )
        # Every sample falls on the same surface but for one column of the six on the wall, by the rounding of the grid.
        assert np.abs(large[::2, ::2] - small)[:, 20:-20].max() < 0.17


class TestStepDown:
    def test_as_deep_as_the_surface_behind_within_reach_and_none_beyond(self) -> None:
        step = step_down(_with_halo(FAR), _with_halo(FAR))
        edge = PERSON.start - HALO_PX
        np.testing.assert_allclose(step[60, edge : edge + STEP_REACH_PX - 1], np.log(NEAR / FAR), rtol=1e-5)
        assert (step[60, edge + STEP_REACH_PX + 1 : PERSON.stop - HALO_PX] == 0).all()
        assert (step[:, : edge - 1] == 0).all(), "what lies behind has nothing to fall down to"

    def test_nothing_known_behind_is_no_step(self) -> None:
        assert (step_down(_with_halo(np.float32(0.0)), _with_halo(np.float32(0.0))) == 0).all()

    def test_a_lone_mistaken_pixel_is_no_step(self) -> None:
        inverse = np.full(SHAPE, NEAR, np.float32)
        mistaken = inverse.copy()
        mistaken[60, 80] = FAR
        assert (step_down(mistaken, inverse) == 0).all()
