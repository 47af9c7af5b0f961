"""Errors of points in space, of models that state a camera of their own.

    point_rel       mean |P - G| / |G| (MoGe); no unit
    point_delta1    share of points with |P - G| < 0.25 min(|P|, |G|), strictly (MoGe)

P is the aligned depth of a pixel on the model's own camera, G the depth of the GT on the GT's, both in the camera frame: a
wrong focal length is an error here, and none of any other metric. The alignment is that of depth; MoGe aligns points. On the
camera of the GT, P and G lie on one ray, where |P - G| / |G| = |p - g| / g, so that point_rel is AbsRel and point_delta1 is
delta1: models without a camera have no figure.
"""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float

from sfm_gt.geometry.camera import pixel_grid, unproject
from sfm_gt.geometry.types import PinholeCamera
from sfm_gt.metrics.grading import FrameGrader, FramePrediction, Graded

POINTS = ("point_rel", "point_delta1")
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


def point_figures(
    grader: FrameGrader, graded: Graded, prediction: FramePrediction, camera: PinholeCamera | None
) -> tuple[float, float]:
    """POINTS of one frame under its alignment; NaN where model or GT state no camera.

    Args:
        camera: of the GT, whose image the model's own camera is of.
    """
    own, affine = prediction.camera, graded.affine
    if own is None or camera is None or not affine.known:
        return math.nan, math.nan
    matched = grader.usable(graded.protocol, prediction, graded.alignment)
    pixels = pixel_grid(camera.width, camera.height).reshape(-1, 2)[matched.pixels.order]
    depth = affine.depth(matched.p.astype(np.float64), grader.depth_range(graded.protocol))
    points, gt = unproject(own, pixels, depth), unproject(camera, pixels, matched.pixels.gt.astype(np.float64))
    return point_rel(points, gt), point_delta1(points, gt)


def _distance(one: Points, other: Points) -> Float[np.ndarray, " n"]:
    return _length(one - other)


def _length(points: Points) -> Float[np.ndarray, " n"]:
    found: Float[np.ndarray, " n"] = np.linalg.norm(points, axis=1)
    return found
