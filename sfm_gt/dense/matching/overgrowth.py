"""Signs that a matched surface has grown over its outline, onto something with little texture that lies behind it.

A patch that straddles an outline matches the outline, so that the pixels beside it get the nearer surface's depth, in all views
alike: agreement between views says nothing against them. What does: the images do not mind if the surface lies far behind, what
looks the same nearby has other depth or none, and there is a step of depth to fall down.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Float, UInt8
from numba import njit

from sfm_gt.dense.matching.hypothesis import Hypothesis
from sfm_gt.dense.matching.pyramid import Pyramid
from sfm_gt.dense.matching.surface_evidence import Images, rise_behind
from sfm_gt.imaging.regions import disc

# Pixels are alike by their largest difference in a colour channel; weights fall to 1/e at this many levels.
_LIKE_LEVELS = 6.0
# So far about a pixel what looks like it is asked, as a share of the long side, on a grid of so many steps either way.
_ALIKE_SHARE, _N_STEPS = 0.08, 5
# Depths within this of each other, relatively, agree.
_AGREE_REL = np.float32(0.03)
# A patch reaches 8 pixels; the surface behind is looked for a little beyond. The median takes lone mistaken pixels out.
STEP_REACH_PX, _MEDIAN_PX = 10, 5
_WEIGHTS = np.exp(-np.arange(256) / _LIKE_LEVELS).astype(np.float32)
_ZERO = np.float32(0.0)


class Overgrowth(NamedTuple):
    """What speaks for and against overgrowth, (h, w) float32 maps; 0 where there is no depth.

    Attributes:
        rise: see :func:`~sfm_gt.dense.matching.surface_evidence.rise_behind`; small where the surface may lie far behind.
        alike: share of what looks the same nearby that has the same depth.
        step: logarithm of the inverse depth over the smallest about it, at least 0.
    """

    rise: Float[np.ndarray, "h w"]
    alike: Float[np.ndarray, "h w"]
    step: Float[np.ndarray, "h w"]


def find_overgrowth(
    here: Pyramid, images: Images, own: Hypothesis, inverse_depth: Float[np.ndarray, "h w"]
) -> Overgrowth:
    """The signs for a view's matched depth.

    Args:
        own: the view's answer before its neighbours had to agree: it also shows what lies behind an outline.
        inverse_depth: what they agree on, 0 = unknown.
    """
    return Overgrowth(
        rise_behind(images, inverse_depth),
        alike_agreement(here.colours, inverse_depth),
        step_down(own.inverse_depth, inverse_depth),
    )


def alike_agreement(colours: UInt8[np.ndarray, "h w 3"], inverse_depth: Float[np.ndarray, "h w"]) -> np.ndarray:
    """Share of the pixels around, weighted by likeness of colour, that have the same depth; (h, w) float32.

    Pixels of unknown depth count as others: a wall's halo around a person is surrounded by bare wall that matched nothing.
    """
    step_px = max(round(_ALIKE_SHARE * max(inverse_depth.shape) / _N_STEPS), 1)
    return _alike_agreement(colours, inverse_depth, step_px, _WEIGHTS)


@njit(cache=True, nogil=True, error_model="numpy")
def _alike_agreement(colours, inverse_depth, step_px, weights):
    height, width = inverse_depth.shape
    share = np.zeros((height, width), dtype=np.float32)
    for y in range(height):
        for x in range(width):
            w = inverse_depth[y, x]
            if w == _ZERO:
                continue
            red, green, blue = np.int32(colours[y, x, 0]), np.int32(colours[y, x, 1]), np.int32(colours[y, x, 2])
            agreeing, total = _ZERO, _ZERO
            for dy in range(-_N_STEPS, _N_STEPS + 1):
                yy = y + dy * step_px
                if yy < 0 or yy >= height:
                    continue
                for dx in range(-_N_STEPS, _N_STEPS + 1):
                    xx = x + dx * step_px
                    if xx < 0 or xx >= width:
                        continue
                    apart = max(
                        abs(np.int32(colours[yy, xx, 0]) - red),
                        abs(np.int32(colours[yy, xx, 1]) - green),
                        abs(np.int32(colours[yy, xx, 2]) - blue),
                    )
                    weight = weights[apart]
                    total += weight
                    if abs(inverse_depth[yy, xx] - w) < _AGREE_REL * w:
                        agreeing += weight
            share[y, x] = agreeing / total
    return share


def step_down(hypothesis: Float[np.ndarray, "h w"], inverse_depth: Float[np.ndarray, "h w"]) -> np.ndarray:
    """How far the depth falls within STEP_REACH_PX: logarithm of inverse depth over the smallest there; (h, w) float32.

    Args:
        hypothesis, inverse_depth: 0 = unknown.
    """
    surface = cv2.medianBlur(hypothesis, _MEDIAN_PX)
    farthest = cv2.erode(np.where(surface > 0, surface, np.float32(1e9)), disc(STEP_REACH_PX))
    known = inverse_depth > 0
    return np.where(known, np.log(np.maximum(np.where(known, inverse_depth, 1.0) / farthest, 1.0)), 0.0).astype(
        np.float32
    )
