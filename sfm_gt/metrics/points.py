"""Errors of points in space, for models that predict point maps, and of depth seen as points.

    point_rel       mean |P - G| / |G| (MoGe); no unit
    point_delta1    share of points with |P - G| < 0.25 min(|P|, |G|), strictly (MoGe)
    f_score         harmonic mean of the shares of points whose nearest neighbour in the other cloud is within a distance,
                    10 and 20 cm in MDEC

Depth on the camera of the GT puts P and G on one ray, where |P - G| / |G| = |p - g| / g and max(|P| / |G|, |G| / |P|) =
max(p/g, g/p): point_rel is AbsRel and point_delta1 is delta1 then, so tables of depth models have no columns for them.
"""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float
from scipy.spatial import cKDTree

DELTA = 0.25

Points = Float[np.ndarray, "n 3"]


def point_rel(prediction: Points, gt: Points) -> float:
    """mean |P - G| / |G| of matched points; NaN when there are none."""
    return float(np.mean(_distance(prediction, gt) / _length(gt))) if len(gt) else math.nan


def point_delta1(prediction: Points, gt: Points) -> float:
    """Share of matched points with |P - G| < 0.25 min(|P|, |G|); NaN when there are none."""
    if not len(gt):
        return math.nan
    return float(np.mean(_distance(prediction, gt) < DELTA * np.minimum(_length(prediction), _length(gt))))


def f_score(prediction: Points, gt: Float[np.ndarray, "m 3"], distance: float) -> float:
    """F-score of two clouds at a distance in their unit; NaN when one is empty, 0 when nothing matches.

    Precision is the share of predicted points with a GT point within ``distance``, recall the other way round.
    """
    if not len(prediction) or not len(gt):
        return math.nan
    precision, recall = (
        float(np.mean(np.isfinite(cKDTree(there).query(here, distance_upper_bound=distance)[0])))
        for here, there in ((prediction, gt), (gt, prediction))
    )
    return 2 * precision * recall / (precision + recall) if precision + recall > 0 else 0.0


def _distance(one: Points, other: Points) -> Float[np.ndarray, " n"]:
    return _length(one - other)


def _length(points: Points) -> Float[np.ndarray, " n"]:
    found: Float[np.ndarray, " n"] = np.linalg.norm(points, axis=1)
    return found
