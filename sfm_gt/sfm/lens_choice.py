"""The lens model: two radial terms, or a fisheye by evidence."""

from __future__ import annotations

import numpy as np
import pycolmap
from scipy.optimize import least_squares

from sfm_gt.sfm.bundle import Bundle
from sfm_gt.sfm.bundle_solver import solve
from sfm_gt.sfm.lens_noise import lens_noise

# Both radial terms are estimated in every clip, held by what lenses are like: a lens that bends more at the rim than one term
# can say moves the focal length and the depth at the rim long before a short clip proves it (seen on windows of the kitchen
# that no report uses).
TWO_TERMS = {"SIMPLE_RADIAL": "RADIAL", "SIMPLE_RADIAL_FISHEYE": "RADIAL_FISHEYE"}
# A fisheye is taken when it lowers the error by this many variances of the clip's noise (4 sigma): below, the choice follows
# noise, and moves the focal length.
BETTER = 16.0
# A fisheye differs from a pinhole with radial terms only far off the axis.
FISHEYE_FROM_DEG = 40.0
FIT_NODES = 40


def choose_lens(bundle: Bundle) -> Bundle:
    """``bundle`` with both radial terms free, behind a fisheye where its images ask for one, solved then."""
    if bundle.model in TWO_TERMS:
        bundle = bundle.with_params(np.append(bundle.params, 0.0), TWO_TERMS[bundle.model])
    off_axis = np.degrees(np.arctan(np.linalg.norm(_directions(bundle), axis=1).max()))
    if bundle.model != "RADIAL" or off_axis <= FISHEYE_FROM_DEG:
        return bundle
    straight = solve(bundle)
    fisheye = solve(_as_model(straight, "RADIAL_FISHEYE"))
    # The noise is the fisheye's: a lens that does not fit takes its own misfit for noise.
    better = straight.cost - fisheye.cost > BETTER * lens_noise(fisheye).error_px2
    return fisheye if better else bundle


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
