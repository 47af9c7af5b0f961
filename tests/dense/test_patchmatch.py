"""Planes stay the same surface when they go from one size of the image to another."""

from __future__ import annotations

import numpy as np
import pytest

from sfm_gt.dense.matching.hypothesis import Hypothesis
from sfm_gt.dense.patchmatch import PatchMatch, _finer
from tests.dense.scenes import Scene

# A plane in pixels of the full size: inverse depth in the corner and its slopes, unlike in x and y.
CORNER, SLOPE_X, SLOPE_Y = 0.25, 4e-4, -3e-4
# A plane is what it was but for float32's rounding: a ten millionth of 0.25 at every step. The smallest slip, a quarter of
# a coarse pixel, is 1e-4.
ROUNDING = 3e-7


def _plane(height: int, width: int, size: int) -> np.ndarray:
    """The plane at 1 / ``size`` of the full size; (h, w, 3) inverse depth and slopes a pixel."""
    # Integers are pixel centres: that of a coarse pixel lies between those of the pixels that it covers.
    x, y = (size * np.arange(n) + 0.5 * (size - 1) for n in (width, height))
    inverse_depth = CORNER + SLOPE_X * x + SLOPE_Y * y[:, None]
    slopes = np.broadcast_to([size * SLOPE_X, size * SLOPE_Y], (height, width, 2))
    return np.concatenate([inverse_depth[..., None], slopes], axis=-1).astype(np.float32)


@pytest.mark.parametrize(("height", "width"), [(60, 80), (59, 79)])
def test_a_plane_of_half_the_size_is_the_same_plane_at_full_size(height: int, width: int) -> None:
    shape = ((height + 1) // 2, (width + 1) // 2)
    flat = np.zeros(shape, np.float32)
    coarse = Hypothesis(_plane(*shape, size=2), flat, flat, 0.01, np.zeros((*shape, 4), np.int8))
    finer, _ = _finer(coarse, width, height)
    np.testing.assert_allclose(finer, _plane(height, width, size=1), atol=ROUNDING, rtol=0)


def test_source_views_are_chosen_with_slopes_of_the_size_they_are_chosen_at(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    method, asked = PatchMatch(), []
    reference, other = (method.pyramid(view) for view in scene.views[:2])

    def select(_: object, planes: np.ndarray) -> np.ndarray:
        asked.append(planes)
        return np.zeros((*planes.shape[:2], 4), np.int8)

    monkeypatch.setattr(method, "_select_views", select)
    full = reference.levels[0].camera
    planes = _plane(full.height, full.width, size=1)
    method._views_at_half_size(reference, [other], np.array([0.1, 1.0], np.float32), planes)
    (half,) = asked
    # From one pixel to the next inverse depth changes by its slope, or patches would be laid over another surface.
    np.testing.assert_allclose(np.diff(half[..., 0], axis=1), half[:, 1:, 1], atol=ROUNDING, rtol=0)
    np.testing.assert_allclose(np.diff(half[..., 0], axis=0), half[1:, :, 2], atol=ROUNDING, rtol=0)
