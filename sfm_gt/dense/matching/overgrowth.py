"""Signs that a matched surface has grown over its outline, onto something with little texture that lies behind it.

A patch that straddles an outline matches the outline, so that the pixels beside it get the nearer surface's depth, in all views
alike: agreement between views says nothing against them. What does: the images do not mind if the surface lies far behind, what
looks the same nearby has other depth or none, and there is a step of depth to fall down.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Float

from sfm_gt.dense.matching.hypothesis import Hypothesis
from sfm_gt.dense.matching.likeness import alike_agreement
from sfm_gt.dense.matching.pyramid import Pyramid
from sfm_gt.dense.matching.surface_evidence import Images, rise_behind
from sfm_gt.imaging.regions import disc

# A patch reaches 8 pixels; the surface behind is looked for a little beyond. The median takes lone mistaken pixels out.
STEP_REACH_PX, _MEDIAN_PX = 10, 5


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
        alike_agreement(here.colours, inverse_depth, inverse_depth),
        step_down(own.inverse_depth, inverse_depth),
    )


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
