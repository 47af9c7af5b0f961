"""The camera of an adjusted model, proven: what the images say of its focal length, and what they leave open.

:func:`settle_lens` belongs between the first and the last adjustment: it looks for the best valley of the error and decides
the lens. :func:`prove_camera` questions the adjusted model; :func:`judge_camera` turns the answers into a verdict.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pycolmap
from jaxtyping import Float
from scipy.spatial.transform import Rotation, Slerp

from sfm_gt.errors import Rejected
from sfm_gt.sfm.bundle import FREE, Bundle, LensPrior, meet
from sfm_gt.sfm.bundle_solver import solve
from sfm_gt.sfm.flatness import FLAT_SHARE, STANDING_SHARE, Flatness, flatness
from sfm_gt.sfm.focal_curve import FocalCurve, focal_curve
from sfm_gt.sfm.focal_profile import FocalPrior, FocalProfile, focal_profile
from sfm_gt.sfm.lens_choice import choose_lens
from sfm_gt.sfm.lens_noise import CameraSigma, camera_sigma, lens_noise
from sfm_gt.sfm.observations import Observations
from sfm_gt.sfm.pixel_aspect import MIN_OFF, PixelAspect, pixel_aspect

# Views and points that state sigma; it takes one linearisation, so that many may take part.
PROOF_VIEWS, PROOF_POINTS = 40, 2000
# The model is brought to the best focal length found when that lies farther off than this, relative.
MOVED = 0.1
# Focal length by the long side of the picture: from a fisheye lens to the tele lens of a phone at five times.
PLAUSIBLE_FOCAL = (0.3, 4.0)
# Another focal length that fits is a second valley beyond this factor from the found one: the second step of the profile.
# Nearer ones are sigma's matter.
SECOND_VALLEY = 1.3
# A swing that goes mostly one way is a zoom; to and fro is breathing.
ONE_WAY = 0.8
# A swing of which this share lies beyond noise is named first; a lesser one only where the focal length is well determined,
# for its curve over time is less so.
CLEAR_SWING = 0.6


@dataclass(frozen=True)
class CameraProof:
    """What is known of the camera of a model.

    Attributes:
        sigma: of the focal length, and of depth by the cameras.
        focal_by_long_side: focal length over the long side of the picture.
        focal_range_px: focal lengths that fit as well, see :class:`FocalProfile`; the found one twice where it was not asked.
        focal_open_ended: whether focal lengths beyond those that were tried may fit as well.
        depth_change: by how much depths, apart from their common scale, differ within two sigma of the focal length, relative.
        principal_point_off: distance of the principal point from the picture's centre, over the long side.
        flatness: of the scene.
        curve: the focal length over time.
        aspect: of the pixels.
    """

    focal_px: float
    sigma: CameraSigma
    focal_by_long_side: float
    focal_range_px: tuple[float, float]
    focal_open_ended: bool
    depth_change: float
    principal_point_off: float
    flatness: Flatness
    curve: FocalCurve
    aspect: PixelAspect

    def measures(self) -> dict[str, float]:
        """Figures for the manifest."""
        return {
            "focal_sigma_rel": self.sigma.focal_rel,
            "camera_depth_sigma_rel": self.sigma.depth_rel,
            "focal_by_long_side": self.focal_by_long_side,
            "focal_low_px": self.focal_range_px[0],
            "focal_high_px": self.focal_range_px[1],
            "focal_depth_change": self.depth_change,
            "principal_point_off": self.principal_point_off,
            "flat_share": self.flatness.share,
            "standing_out_share": self.flatness.standing_out,
            "pixel_aspect": self.aspect.ratio,
            "pixel_aspect_sigmas": self.aspect.sigmas,
            "focal_swing": self.curve.swing,
            "focal_significant_swing": self.curve.significant_swing,
        }


@dataclass(frozen=True)
class Settled:
    """What was decided about the lens before the last adjustment.

    Attributes:
        profile: the error over focal lengths.
        sigma: of the focal length, and of depth by the cameras.
    """

    profile: FocalProfile
    sigma: CameraSigma


def settle_lens(model: pycolmap.Reconstruction, prior: FocalPrior | None) -> Settled:
    """Finds the lens that images and prior knowledge agree on, and gives it to ``model``.

    COLMAP's adjustment stays in the valley where it starts and knows no prior; what follows keeps the lens.
    """
    seen = Observations.of(model)
    bundle = Bundle.of(seen)
    bundle = choose_lens(bundle)
    noise = lens_noise(bundle)
    known = replace(bundle, prior=_lens_prior(prior, noise.error_px2))
    profile = focal_profile(known, noise.error_px2)
    changed = profile.best.model != seen.camera.model.name
    if changed or abs(np.log(profile.best.focal_px / seen.camera.mean_focal_length())) > MOVED:
        carry(model, seen, profile.best)
        seen = Observations.of(model)
    bundle = Bundle.of(seen, PROOF_VIEWS, PROOF_POINTS)
    noise = lens_noise(bundle)
    known = replace(bundle, prior=_lens_prior(prior, noise.error_px2))
    best = solve(known, FREE)
    carry(model, seen, best)
    sigma = camera_sigma(best, noise)
    # Two sigma reach the outermost focal length that fits.
    outermost = max(abs(np.log(end)) for end in profile.range_rel) / 2
    focal_rel = float(max(sigma.focal_rel, profile.sigma_rel, outermost))
    depth_rel = max(sigma.depth_rel, profile.depth_change_within(focal_rel) / 2)
    return Settled(profile, CameraSigma(focal_rel, depth_rel))


def _lens_prior(prior: FocalPrior | None, error_px2: float) -> LensPrior:
    return LensPrior(prior.focal_px if prior else None, prior.sigma_rel if prior else 1.0, error_px2)


def carry(model: pycolmap.Reconstruction, seen: Observations, solved: Bundle) -> None:
    """Brings ``model`` to the lens and the poses of a bundle solved from it: views between follow, points are met anew.

    Args:
        seen: the observations of ``model`` that the bundle was made from.
    """
    rows = solved.view_rows
    change = solved.cam_from_world @ np.linalg.inv(seen.cam_from_world[rows])
    every = np.arange(len(seen.image_ids))
    turned = Slerp(rows, Rotation.from_matrix(change[:, :3, :3]))(every).as_matrix()
    shifted = np.stack([np.interp(every, rows, axis) for axis in change[:, :3, 3].T], axis=1)
    poses = seen.cam_from_world.copy()
    poses[:, :3, :3] = turned @ poses[:, :3, :3]
    poses[:, :3, 3] = np.einsum("nij,nj->ni", turned, poses[:, :3, 3]) + shifted
    poses[rows] = solved.cam_from_world
    camera = model.cameras[seen.camera.camera_id]
    camera.model, camera.params = solved.camera.model, solved.params.tolist()
    for image_id, pose in zip(seen.image_ids, poses, strict=True):
        model.images[image_id].frame.set_cam_from_world(
            camera.camera_id, pycolmap.Rigid3d(pycolmap.Rotation3d(pose[:3, :3]), pose[:3, 3])
        )
    rays = np.asarray(camera.cam_from_img(seen.xy), dtype=np.float64)[:, :2]
    met = meet(rays, seen.views, seen.points, poses, seen.xyz)
    for point_id, xyz in zip(seen.point_ids.tolist(), met, strict=True):
        model.points3D[point_id].xyz = xyz


def prove_camera(
    model: pycolmap.Reconstruction, times_s: Float[np.ndarray, " n"], settled: Settled | None
) -> CameraProof:
    """Questions the camera of an adjusted model.

    Args:
        times_s: presentation time of each registered image, in the order of their names.
        settled: what :func:`settle_lens` answered; None where the intrinsics are given, which have no sigma then.
    """
    seen = Observations.of(model)
    bundle = Bundle.of(seen, PROOF_VIEWS, PROOF_POINTS)
    focal = bundle.focal_px
    # The profile stands on fewer points, whose own best lies a little off; what counts is how far the others lie from that.
    low, high = settled.profile.range_rel if settled is not None else (1.0, 1.0)
    focal_rel = settled.sigma.focal_rel if settled is not None else 0.0
    centre = np.array([bundle.camera.principal_point_x, bundle.camera.principal_point_y]) - np.array(bundle.size) / 2
    return CameraProof(
        focal_px=focal, sigma=settled.sigma if settled is not None else CameraSigma(0.0, 0.0),
        focal_by_long_side=focal / max(bundle.size), focal_range_px=(low * focal, high * focal),
        focal_open_ended=settled is not None and settled.profile.open_ended(focal_rel),
        depth_change=settled.profile.depth_change_within(focal_rel) if settled is not None else 0.0,
        principal_point_off=float(np.linalg.norm(centre)) / max(bundle.size), flatness=flatness(Bundle.of(seen)),
        curve=focal_curve(bundle, times_s[bundle.view_rows]), aspect=pixel_aspect(bundle),
    )  # fmt: skip


_CAMERA_HELPS = "camera: {focal_px: ...} in the clip's sidecar settles it"


def judge_camera(
    proof: CameraProof, max_rel_focal_sigma: float, max_rel_depth_sigma: float, max_focal_swing: float
) -> None:
    """Raises Rejected where the images do not prove the camera: ``flat_scene``, ``non_square_pixels``,
    ``zoom``, ``breathing``, ``implausible_focal``, ``focal_uncertain``, ``small_parallax``."""
    if proof.flatness.flat:
        share, standing_out = proof.flatness
        raise Rejected("flat_scene", f"{100 * share:.0f} % of the points lie on one plane, at most {100 * FLAT_SHARE:.0f} % "
                       f"allowed unless {100 * STANDING_SHARE:g} % stand out of it ({100 * standing_out:.1f} % do); a page, a "
                       "photograph, or a camera that only turns determines neither focal length nor depth: move it "
                       "sideways in a scene with depth", share, FLAT_SHARE)  # fmt: skip
    # Where a slide leaves the focal length open it leaves each of the two open.
    if not proof.aspect.square and proof.sigma.focal_rel <= max_rel_focal_sigma:
        ratio = proof.aspect.ratio
        raise Rejected("non_square_pixels", f"the vertical focal length is about {ratio:.2f} times the horizontal one, at "
                       f"{proof.aspect.sigmas:.0f} sigma: the picture was squeezed or its pixel aspect ratio lost; "
                       "rescale it to its original aspect ratio (ffmpeg -vf scale=WIDTH:HEIGHT,setsar=1)",
                       ratio, 1.0 + float(np.copysign(MIN_OFF, ratio - 1.0)))  # fmt: skip
    judge_clear_swing(proof, max_focal_swing)
    # A camera that slides past a scene says next to nothing of its focal length, yet depths apart from their scale are the same
    # whatever it is: then its sigma is stated, and the clip is good.
    depths_agree = not proof.focal_open_ended and proof.depth_change <= max_rel_depth_sigma
    low, high = proof.focal_range_px
    # Before the bounds: where nearly every focal length fits, the one found may lie anywhere, and footage is not at fault.
    if not depths_agree and (high > SECOND_VALLEY * proof.focal_px or low * SECOND_VALLEY < proof.focal_px):
        zoomed = proof.curve.significant_swing > max_focal_swing
        cause = (
            "and it seems to change: cut the video where it zooms"
            if zoomed
            else "as after a short or purely sideways move, or electronic stabilisation"
        )
        # Of those that fit none is the one: none is named, lest somebody states it.
        beyond = " and beyond" if proof.focal_open_ended else ""
        raise Rejected("focal_uncertain", f"focal lengths from {low:.0f} to {high:.0f} px{beyond} fit the clip equally well, "
                       f"and depths differ between them by {100 * proof.depth_change:.1f} % apart from their scale, "
                       f"{cause}; {_CAMERA_HELPS}, or film a take that turns a little while it moves",
                       high / low - 1.0, SECOND_VALLEY - 1.0)  # fmt: skip
    shortest, longest = PLAUSIBLE_FOCAL
    if not shortest <= proof.focal_by_long_side <= longest:
        raise Rejected("implausible_focal", f"the estimated focal length is {proof.focal_by_long_side:.2f} of the picture's "
                       f"long side, plausible are {shortest:g} to {longest:g}; {_CAMERA_HELPS}", proof.focal_by_long_side,
                       longest if proof.focal_by_long_side > longest else shortest)  # fmt: skip
    # A sigma that is no number is no small one.
    if not depths_agree and not proof.sigma.focal_rel <= max_rel_focal_sigma:
        raise Rejected("focal_uncertain", f"the focal length is {proof.focal_px:.0f} px with a sigma of "
                       f"{100 * proof.sigma.focal_rel:.1f} %, needed at most {100 * max_rel_focal_sigma:g} %, and depths "
                       f"change with it by {100 * proof.depth_change:.1f} % within two sigma; {_CAMERA_HELPS}",
                       proof.sigma.focal_rel, max_rel_focal_sigma)  # fmt: skip
    _judge_swing(proof.curve, max_focal_swing, 0.0)
    if proof.sigma.depth_rel > max_rel_depth_sigma:
        raise Rejected("small_parallax", f"poses and focal length contribute {100 * proof.sigma.depth_rel:.1f} % to the "
                       f"sigma of depth, needed at most {100 * max_rel_depth_sigma:g} %; move the camera farther, and around "
                       "the scene, without electronic stabilisation",
                       proof.sigma.depth_rel, max_rel_depth_sigma)  # fmt: skip


def judge_clear_swing(proof: CameraProof, max_focal_swing: float) -> None:
    """Raises Rejected where the focal length changes beyond doubt: ``zoom``, ``breathing``."""
    _judge_swing(proof.curve, max_focal_swing, CLEAR_SWING)


def _judge_swing(curve: FocalCurve, max_focal_swing: float, min_clear: float) -> None:
    """Raises Rejected where the focal length changes, by at least ``min_clear`` of its swing beyond noise."""
    swing = curve.significant_swing
    if swing > max_focal_swing and swing >= min_clear * curve.swing:
        reason = "zoom" if curve.first_to_last > ONE_WAY else "breathing"
        raise Rejected(reason, f"the focal length changes by {100 * curve.swing:.1f} % over the clip, of which "
                       f"{100 * swing:.1f} % are beyond noise and at most {100 * max_focal_swing:g} % may; film with zoom and "
                       "focus locked, and without electronic stabilisation", swing, max_focal_swing)  # fmt: skip
