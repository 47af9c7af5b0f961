"""Solves a thinned bundle: Levenberg-Marquardt, with long strides of the lens between its short steps.

A lens trades with poses and points at hardly any cost, along a curved valley: a clip cut from one side of a wider picture
asks for 60 damped steps to walk it, each of which looks like the last. A stride takes the whole Gauss-Newton step of the lens,
lets poses and points follow as the geometry says (:meth:`Bundle.behind`) and continues from there.
"""

from __future__ import annotations

import numpy as np

from sfm_gt.sfm.bundle import Bundle
from sfm_gt.sfm.linearised import Linearised, lens_directions

MAX_STRIDES, STEPS_BETWEEN = 6, 4
# Relative fall of the cost below which a solution stands.
CONVERGED = 1e-5
# Longest stride of the log focal length: what follows a stride is right to first order.
MAX_STRIDE = 0.3
START_DAMPING, MAX_DAMPING = 1e-4, 1e3


def solve(bundle: Bundle, free: str = "fe", max_strides: int = MAX_STRIDES) -> Bundle:
    """The bundle of least cost over poses, points and the lens.

    Args:
        free: what of the lens may change: letters of f (focal length), p (principal point), e (distortion terms).
    """
    bundle = _descend(bundle, free)
    for _ in range(max_strides):
        tried = _descend(_stride(bundle, free), free)
        fall = bundle.cost - tried.cost
        if fall > 0:
            bundle = tried
        if fall < CONVERGED * bundle.cost:
            break
    return bundle


def _stride(bundle: Bundle, free: str) -> Bundle:
    moves, focal = lens_directions(bundle.camera, free), bundle.camera.focal_length_idxs()
    lens = moves @ Linearised(bundle, moves).lens_step
    log_focal = lens[focal] / bundle.params[focal]
    lens *= min(1.0, MAX_STRIDE / max(float(np.abs(log_focal).max()), 1e-12))
    return bundle.behind(bundle.params + lens)


def _descend(bundle: Bundle, free: str) -> Bundle:
    damping = START_DAMPING
    for _ in range(STEPS_BETWEEN):
        before, system = bundle.cost, Linearised(bundle, lens_directions(bundle.camera, free))
        while damping <= MAX_DAMPING:
            step = bundle.moved(*system.step(damping))
            if step.cost < before:
                bundle, damping = step, max(damping / 10, 1e-9)
                break
            damping *= 10
        if damping > MAX_DAMPING or before - bundle.cost < CONVERGED * before:
            break
    return bundle
