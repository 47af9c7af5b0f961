"""The lens model by evidence: one or two radial terms, or a fisheye."""

from __future__ import annotations

import numpy as np
import pycolmap
from jaxtyping import Float
from scipy.optimize import least_squares

from sfm_gt.sfm.bundle import Bundle
from sfm_gt.sfm.bundle_solver import solve
from sfm_gt.sfm.lens_noise import lens_noise

# A richer lens is taken when it lowers the error by this many variances of the clip's noise (4 sigma for the one or two
# parameters it adds): below, its terms follow noise, and a term that follows noise moves the focal length.
BETTER = 16.0
# A fisheye differs from a pinhole with radial terms only far off the axis.
FISHEYE_FROM_DEG = 40.0
FIT_NODES = 40


def choose_lens(bundle: Bundle, times_s: Float[np.ndarray, " v"]) -> Bundle:
    """``bundle`` behind the lens model that its images ask for, solved; as it was where they ask for nothing.

    Args:
        times_s: of the views.
    """
    chosen = solve(bundle)
    for model in _richer(chosen):
        tried = solve(_as_model(chosen, model))
        # The noise is the richer lens's: the poorer one takes its own misfit for noise.
        if chosen.cost - tried.cost > BETTER * lens_noise(tried, times_s).error_px2:
            chosen = tried
    return bundle if chosen.model == bundle.model else chosen


def _richer(bundle: Bundle) -> list[str]:
    if bundle.model == "SIMPLE_RADIAL_FISHEYE":
        return ["RADIAL_FISHEYE"]
    if bundle.model not in ("SIMPLE_RADIAL", "RADIAL"):
        return []
    off_axis = np.degrees(np.arctan(np.linalg.norm(_directions(bundle), axis=1).max()))
    wide = ["RADIAL_FISHEYE"] if off_axis > FISHEYE_FROM_DEG else []
    return (["RADIAL"] if bundle.model == "SIMPLE_RADIAL" else []) + wide


def _directions(bundle: Bundle) -> np.ndarray:
    """Points on the plane at unit depth."""
    in_front = bundle.points_cam[bundle.points_cam[:, 2] > 0]
    return in_front[:, :2] / in_front[:, 2:]


def _as_model(bundle: Bundle, model: str) -> Bundle:
    """The bundle behind another model whose curve of image radius over angle is the same as nearly as it can."""
    reach = float(np.quantile(np.linalg.norm(_directions(bundle), axis=1), 0.99))
    nodes = np.stack([np.linspace(0, reach, FIT_NODES), np.zeros(FIT_NODES), np.ones(FIT_NODES)], axis=1)
    wanted = np.asarray(bundle.camera.img_from_cam(nodes))[:, 0]
    centre = bundle.params[bundle.camera.principal_point_idxs()]
    params = [bundle.focal_px, *centre, 0.0, 0.0]
    camera = pycolmap.Camera(model=model, width=bundle.size[0], height=bundle.size[1], params=params)
    free = [*camera.focal_length_idxs(), *camera.extra_params_idxs()]

    def misfit(values: np.ndarray) -> np.ndarray:
        camera.params = [values[free.index(i)] if i in free else old for i, old in enumerate(camera.params)]
        return np.asarray(camera.img_from_cam(nodes))[:, 0] - wanted

    start = np.array(camera.params)[free]
    fitted = least_squares(misfit, start, x_scale=np.maximum(np.abs(start), 0.1)).x
    misfit(fitted)
    return bundle.with_params(np.array(camera.params), model)
