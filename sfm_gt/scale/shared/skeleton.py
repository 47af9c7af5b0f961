"""The 3-D skeleton of a person who holds still, from 2-D joints in many frames; one who moves is refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from sfm_gt.errors import NoEvidenceError
from sfm_gt.formats.joints import SIDES
from sfm_gt.geometry.camera import project
from sfm_gt.geometry.triangulation import triangulate
from sfm_gt.geometry.types import SparseModel

MIN_VIEWS, MIN_ANGLE_DEG = 5, 1.5
N_ROUNDS = 3
# Views of a joint further off than this many standard deviations are left out: a swapped side, a misread frame.
OUTLIER_SIGMAS = 3.0
MIN_INLIERS = 0.65
MIN_SIGMA_PX = 0.5
# Joints that scatter by more than this share of the person's size in the picture belong to someone who moved.
MAX_REL_SCATTER = 0.02
# So do joints that drift: more than this share off, and by so many times what noise between neighbouring views would give.
DRIFT_REL, DRIFT_RATIO = 0.01, 1.5
# A network repeats its errors from frame to frame: more views than these do not average further.
INDEPENDENT_VIEWS = 8
# Sides of one person that differ by more than this (log) show a joint in the wrong place.
MAX_SIDES_APART = 0.25
MAX_LIMB_SIGMA = 0.25

JointPx = Mapping[int, Float[np.ndarray, "2"]]


@dataclass(frozen=True)
class Joint:
    """A joint in the world frame, SfM units, with its covariance."""

    point: Float[np.ndarray, "3"]
    covariance: Float[np.ndarray, "3 3"]


def skeleton(model: SparseModel, tracks: Mapping[str, JointPx]) -> dict[str, Joint]:
    """Joints of one person.

    Args:
        tracks: undistorted pixels by joint and frame index; frames that are not registered are left out.

    Raises:
        NoEvidenceError: the joints do not stand still, are swapped in many frames, or are seen too rarely.
    """
    registered = set(model.frame_indices.tolist())
    by_row = {
        name: {model.row_of(frame): px for frame, px in seen.items() if frame in registered}
        for name, seen in tracks.items()
    }
    size_px = _size(by_row)
    found, scatters, ratios, swapped, flat = {}, [], [], 0, 0
    for name, seen in by_row.items():
        if len(seen) < MIN_VIEWS:
            continue
        joint, scatter_px, step_px, inliers, angle_deg = _triangulate(model, seen)
        scatters.append(scatter_px)
        ratios.append(scatter_px / max(step_px, MIN_SIGMA_PX))
        if inliers < MIN_INLIERS or scatter_px > MAX_REL_SCATTER * size_px:
            swapped += 1
        elif angle_deg < MIN_ANGLE_DEG:
            flat += 1
        else:
            found[name] = joint
    if not scatters:
        raise NoEvidenceError(f"no joint is seen in {MIN_VIEWS} registered frames")
    if 2 * swapped > len(scatters):
        raise NoEvidenceError(f"{swapped} of {len(scatters)} joints do not stay in one place ({np.median(scatters):.1f} px "
                              f"of {size_px:.0f}): the person moved, or people's joints are "
                              "swapped")  # fmt: skip
    if np.median(scatters) > DRIFT_REL * size_px and np.median(ratios) > DRIFT_RATIO:
        raise NoEvidenceError(f"the joints drift ({np.median(scatters):.1f} px of {size_px:.0f}, {np.median(ratios):.1f} times "
                              "their noise): the person moved")  # fmt: skip
    if not found:
        raise NoEvidenceError(f"{flat} joints are seen under less than {MIN_ANGLE_DEG:g} degrees of parallax")
    return found


def _size(by_row: Mapping[str, JointPx]) -> float:
    """Size of the person in the picture: median diagonal of the joints' boxes."""
    rows: dict[int, list[Float[np.ndarray, "2"]]] = {}
    for seen in by_row.values():
        for row, px in seen.items():
            rows.setdefault(row, []).append(px)
    return float(np.median([np.linalg.norm(np.ptp(np.array(px), axis=0)) for px in rows.values()])) if rows else 0.0


def _triangulate(model: SparseModel, seen: JointPx) -> tuple[Joint, float, float, float, float]:
    """The joint, scatter of its views and of their steps in pixels, share of views that agree, and its parallax."""
    rows, pixels = np.array(sorted(seen)), np.array([seen[row] for row in sorted(seen)])
    kept = np.ones(len(rows), dtype=bool)
    for _ in range(N_ROUNDS):
        found = triangulate(model.camera, model.cam_from_world[rows[kept]], pixels[kept], MIN_SIGMA_PX)
        points = np.einsum("nij,j->ni", model.cam_from_world[rows, :3], np.append(found.point, 1.0))
        offsets = np.nan_to_num(project(model.camera, points), nan=1e6) - pixels
        residual = np.linalg.norm(offsets, axis=1)
        # The median of a two-dimensional normal residual is 1.18 sigma.
        scatter = max(MIN_SIGMA_PX, float(np.median(residual)) / 1.18)
        now = residual < OUTLIER_SIGMAS * scatter
        if now.sum() < MIN_VIEWS or (now == kept).all():
            break
        kept = now
    widen = (scatter / MIN_SIGMA_PX) ** 2 * max(1.0, kept.sum() / INDEPENDENT_VIEWS)
    step = float(np.median(np.linalg.norm(np.diff(offsets, axis=0), axis=1))) / (1.18 * np.sqrt(2.0))
    return Joint(found.point, widen * found.covariance), scatter, step, float(now.mean()), found.angle_deg


def segments(joints: Mapping[str, Joint]) -> tuple[dict[str, float], dict[str, float]]:
    """Log length in SfM units of the segments that the joints give, and the standard deviations."""
    lengths: dict[str, list[tuple[float, float]]] = {}
    for name, upper, lower in (
        ("shank", "knee", "ankle"), ("thigh", "hip", "knee"), ("upper_arm", "shoulder", "elbow"),
        ("forearm", "elbow", "wrist"),
    ):  # fmt: skip
        for side in SIDES:
            _add(lengths, name, joints.get(f"{side}_{upper}"), joints.get(f"{side}_{lower}"))
    middles = {part: _middle(joints, part) for part in ("hip", "shoulder", "ear")}
    _add(lengths, "trunk", middles["hip"], middles["shoulder"])
    _add(lengths, "neck", middles["shoulder"], middles["ear"])
    _add(lengths, "shoulders", joints.get("left_shoulder"), joints.get("right_shoulder"))
    _add(lengths, "head", joints.get("left_ear"), joints.get("right_ear"))
    logs, sigmas = {}, {}
    for name, found in lengths.items():
        values, spreads = np.array([one for one, _ in found]), np.array([sigma for _, sigma in found])
        if np.ptp(values) > max(MAX_SIDES_APART, OUTLIER_SIGMAS * float(np.linalg.norm(spreads))):
            continue
        logs[name] = float(values.mean())
        sigmas[name] = float(np.sqrt((spreads**2).mean() / len(spreads)))
    return logs, sigmas


def _add(lengths: dict[str, list[tuple[float, float]]], name: str, one: Joint | None, other: Joint | None) -> None:
    if one is None or other is None:
        return
    arm = one.point - other.point
    length = float(np.linalg.norm(arm))
    sigma = float(np.sqrt(arm @ (one.covariance + other.covariance) @ arm)) / length**2
    if sigma < MAX_LIMB_SIGMA:
        lengths.setdefault(name, []).append((float(np.log(length)), sigma))


def _middle(joints: Mapping[str, Joint], part: str) -> Joint | None:
    both = [joints[f"{side}_{part}"] for side in SIDES if f"{side}_{part}" in joints]
    if len(both) < 2:
        return None
    return Joint(0.5 * (both[0].point + both[1].point), 0.25 * (both[0].covariance + both[1].covariance))
