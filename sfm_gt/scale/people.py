"""Cue: people who hold still are rulers. Their triangulated skeletons are held against published body measures."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from sfm_gt.errors import ContradictionError, NoEvidenceError
from sfm_gt.formats.joints import JointTracks, read_joints
from sfm_gt.formats.sidecar import evidence_path
from sfm_gt.scale.shared.anthropometry import (
    NETWORK_JOINT_M,
    POINTED_JOINT_M,
    SIGMA_POPULATION,
    SIGMA_SHARED,
    PersonScale,
    Stature,
    scale_of_person,
)
from sfm_gt.scale.shared.estimate import Evidence, ScaleEstimate
from sfm_gt.scale.shared.fusion import consistent_majority
from sfm_gt.scale.shared.skeleton import segments, skeleton

# One segment alone is as likely a misread joint as a bone.
MIN_SEGMENTS = 2
MAX_APART_SIGMA = 3.0


class PeopleCue:
    """Scale from ``scale.people`` of the sidecar, or from the joints that a configured pose network finds."""

    needs_depth = False

    def estimate(self, evidence: Evidence) -> ScaleEstimate:
        """Raises NoEvidenceError without people who hold still, InputError when the joints file cannot be read."""
        statures = _statures(evidence)
        people: dict[str, PersonScale] = {}
        notes = []
        tracks_of, joint_m = joints_of(evidence)
        for person, tracks in tracks_of.items():
            try:
                logs, sigmas = segments(skeleton(evidence.model, tracks))
                if len(logs) < MIN_SEGMENTS:
                    raise NoEvidenceError(f"{len(logs)} segments are measured, needed {MIN_SEGMENTS}")
            except NoEvidenceError as refusal:
                notes.append(f"{person}: not used, {refusal}")
                continue
            people[person] = found = scale_of_person(logs, sigmas, statures.get(person), joint_m)
            kind = f", child with probability {found.child:.2f}" if found.child > 0.05 else ""
            notes.append(f"{person}: {len(logs)} segments, scale {np.exp(found.log_scale):.4g} ± {100 * found.sigma:.2g} %"
                         f"{', stature stated' if person in statures else ''}{kind}")  # fmt: skip
        if not people:
            raise NoEvidenceError("; ".join(notes) if notes else "no people are found")
        return _joined(people, set(statures), notes)


def _statures(evidence: Evidence) -> dict[str, Stature]:
    stated = evidence.stated.people.statures if evidence.stated.people else ()
    return {one.person: Stature(float(np.log(one.stature_m)), one.sigma_m / one.stature_m) for one in stated}


def joints_of(evidence: Evidence) -> tuple[JointTracks, float]:
    """Joints in undistorted pixels, from the sidecar's file where it names one, and how far they lie off the landmarks.

    Raises:
        NoEvidenceError: nobody names joints, and there is no pose network.
        InputError: the file cannot be read, or lacks a person whose stature is stated.
    """
    stated = evidence.stated.people
    if stated is not None and stated.joints is not None and evidence.sidecar is not None:
        path = evidence_path(evidence.sidecar, stated.joints)
        tracks = read_joints(path)
        undistorted = {
            person: {
                joint: {frame: evidence.undistorted_px(frame, px[None])[0] for frame, px in seen.items()}
                for joint, seen in joints.items()
            }
            for person, joints in tracks.items()
        }
        return undistorted, POINTED_JOINT_M
    if evidence.find_joints is None:
        raise NoEvidenceError("the sidecar names no joints, and no pose network is configured (scale.pose_network)")
    return evidence.find_joints(), NETWORK_JOINT_M


def _joined(people: dict[str, PersonScale], stated: set[str], notes: list[str]) -> ScaleEstimate:
    """Generalised mean over people, with what they share: the meaning of joints, and the population of unknown ones."""
    names = list(people)
    values, sigmas = (
        np.array([getattr(people[name], field) for name in names]) for field in ("log_scale", "sigma")
    )  # fmt: skip
    try:
        kept = consistent_majority(values, sigmas, MAX_APART_SIGMA)
    except ContradictionError:
        raise ContradictionError(
            f"people contradict one another, are their names swapped? {'; '.join(notes)}"
        ) from None
    notes += [f"{name}: left out, contradicts the others" for name, ok in zip(names, kept, strict=True) if not ok]
    unknown = np.array([float(name not in stated) for name in names])[kept]
    covariance = np.diag(sigmas[kept] ** 2) + SIGMA_SHARED**2 + SIGMA_POPULATION**2 * np.outer(unknown, unknown)
    information: Float[np.ndarray, "n n"] = np.linalg.inv(covariance)
    total = float(information.sum())
    mean = float(information.sum(axis=0) @ values[kept]) / total
    return ScaleEstimate(mean, float(total**-0.5), int(kept.sum()), tuple(notes))


PLUGIN = PeopleCue
