"""What neighbours say about a view's depth, on maps worked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from sfm_gt.dense.matching.consistency import check_consistency
from sfm_gt.dense.matching.hypothesis import MAX_COST
from sfm_gt.dense.matching.patch import Geometry

HEIGHT, WIDTH = 6, 9
INVERSE_DEPTH = 0.5
MAX_REL_DIFFERENCE = np.float32(0.02)
# Sums of a few values near 0.5 in float32, and the root of a difference of their squares.
ROUNDING, ROUNDING_SPREAD = 3e-7, 3e-5


def _checked(planes: np.ndarray, maps: list[np.ndarray], beside_px: float = 0.0) -> tuple[np.ndarray, ...]:
    """Fused map, count, violations and spread before neighbours at the view's own place, turned by ``beside_px``."""
    there, back = (np.tile(np.eye(3, dtype=np.float32), (len(maps), 1, 1)) for _ in range(2))
    there[:, 0, 2], back[:, 0, 2] = beside_px, -beside_px
    still = np.zeros((len(maps), 3), np.float32)
    cost = np.zeros(planes.shape[:2], np.float32)
    return check_consistency(
        planes, cost, Geometry(there, still), Geometry(back, still), np.stack(maps).astype(np.float32), MAX_REL_DIFFERENCE,
        MAX_COST,
    )  # fmt: skip


def _facing() -> np.ndarray:
    planes = np.zeros((HEIGHT, WIDTH, 3), np.float32)
    planes[..., 0] = INVERSE_DEPTH
    return planes


def _says(rel: float) -> np.ndarray:
    return np.full((HEIGHT, WIDTH), INVERSE_DEPTH * (1.0 + rel))


def test_the_view_itself_is_one_voice_of_three() -> None:
    fused, count, violations, spread = _checked(_facing(), [_says(0.01), _says(-0.004)])
    voices = INVERSE_DEPTH * np.array([1.0, 1.01, 0.996])
    assert (count == 2).all()
    assert not violations.any()
    np.testing.assert_allclose(fused, voices.mean(), atol=ROUNDING)
    np.testing.assert_allclose(spread, voices.std(), atol=ROUNDING_SPREAD)


@pytest.mark.parametrize(("rel", "violated"), [(-0.06, 1), (0.06, 0), (-0.03, 0)])
def test_only_who_sees_through_a_point_speaks_against_it(rel: float, violated: int) -> None:
    # A neighbour that sees something nearer may have the point hidden from it, one a little off is not sure.
    fused, count, violations, _ = _checked(_facing(), [_says(rel)])
    assert (violations == violated).all()
    assert not count.any()
    assert not fused.any()


def test_slanted_surfaces_are_not_charged_for_the_neighbour_s_pixel_grid() -> None:
    planes, slope, beside_px = _facing(), 0.02, 0.4
    planes[..., 0] += slope * np.arange(WIDTH, dtype=np.float32)
    planes[..., 1] = slope
    # The neighbour's pixel shows what the view sees 0.4 px to the left, exactly as it is there.
    seen = planes[..., 0] - beside_px * slope
    fused, count, _, spread = _checked(planes, [seen], beside_px)
    assert (count == 1).all()
    np.testing.assert_allclose(fused, planes[..., 0], atol=ROUNDING)
    np.testing.assert_allclose(spread, 0.0, atol=ROUNDING_SPREAD)
