"""How long people's segments are: published distributions, and what they say of a skeleton of unknown unit.

Sources:
  proportions   2012 Anthropometric Survey of U.S. Army Personnel (ANSUR II, Gordon et al. 2014, NATICK/TR-15/007): mean and
                covariance of log(segment / stature) over 29 men of the public working database. Segments are differences
                of landmark heights (malleolus, epicondyle, trochanterion, acromion, tragion) and the measured lengths.
  stature       of adults: NCD Risk Factor Collaboration 2016 (eLife 5:e13410): means by country and sex, about 1.71 m for men
                and 1.59 m for women world-wide, countries 4 cm apart (standard deviation); within a country and sex 4 %.
  children      Snyder et al. 1977 (UM-HSRI-77-17): stature 0.9 to 1.6 m from 3 to 13 years, head breadth within a tenth
                of an adult's throughout, so wide against the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

SEGMENTS = ("shank", "thigh", "trunk", "neck", "upper_arm", "forearm", "shoulders", "head")
"""trunk: mid-hips to mid-shoulders; neck: mid-shoulders to mid-ears; head: ear to ear."""
_ADULT = np.log([0.2382, 0.2500, 0.2884, 0.1067, 0.1931, 0.1521, 0.2338, 0.0870])
# Of log(segment / stature), 1e-4.
_COVARIANCE = 1e-4 * np.array([
    [9.52, 6.08, -8.30, -5.40, 3.85, 6.83, -3.10, -9.68],
    [6.08, 14.41, -15.54, 1.25, 5.57, 3.52, 0.32, -5.69],
    [-8.30, -15.54, 21.52, -8.46, -3.13, -3.78, 1.05, 5.97],
    [-5.40, 1.25, -8.46, 44.99, -8.85, -9.94, -1.59, -0.17],
    [3.85, 5.57, -3.13, -8.85, 8.48, 5.45, 1.67, -3.85],
    [6.83, 3.52, -3.78, -9.94, 5.45, 14.53, 2.65, -7.55],
    [-3.10, 0.32, 1.05, -1.59, 1.67, 2.65, 14.35, 6.73],
    [-9.68, -5.69, 5.97, -0.17, -3.85, -7.55, 6.73, 24.00],
])  # fmt: skip
# Posture bends trunk and neck and lifts shoulders: our own estimate, as a share of the segment.
_POSTURE = np.array([0.0, 0.0, 0.03, 0.12, 0.0, 0.0, 0.05, 0.0])
# Limbs are measured on both sides; trunk and neck run between middles of two joints.
_JOINTS_AVERAGED = np.array([2, 2, 2, 2, 2, 2, 1, 1])
POINTED_JOINT_M, NETWORK_JOINT_M = 0.01, 0.02
"""How far joints lie off the bones' landmarks where a person pointed at them, and where a network did: our own estimate."""
# A child's segments against an adult's of the same stature: the head is wide, legs are short.
CHILD_SHIFT = np.log([0.97, 0.96, 1.02, 1.10, 0.98, 0.97, 0.97, 1.35])
SIGMA_SHARED = 0.01
"""The same offset of joints from landmarks in all people: no number of them averages it."""
SIGMA_POPULATION = 0.025
"""The country that people come from is not known, and shared by all of them."""


@dataclass(frozen=True)
class Stature:
    """Normal distribution of log stature in metres."""

    log_m: float
    sigma: float


# Men and women in equal parts: 3.6 % between the sexes and 4 % within.
ADULT_STATURE = Stature(float(np.log(1.65)), 0.054)
CHILD_STATURE = Stature(float(np.log(1.25)), 0.20)
CHILD_SHARE = 0.1
"""Of people of whom nothing is known: our own estimate. More of it widens every adult's scale, less misleads on children."""
CHILD_BELOW_M = 1.45
"""A stated stature below is taken to have a child's proportions as likely as an adult's."""


@dataclass(frozen=True)
class PersonScale:
    """Log of metres per SfM unit by one person.

    Attributes:
        sigma: what other people do not share; SIGMA_SHARED and, without a stated stature, SIGMA_POPULATION come on top.
        child: probability that it is a child.
    """

    log_scale: float
    sigma: float
    child: float


def scale_of_person(
    log_lengths_sfm: Mapping[str, float], sigmas: Mapping[str, float], stated: Stature | None, joint_m: float
) -> PersonScale:
    """Scale from the segments of one skeleton.

    Adult and child are two hypotheses, weighed by how well the proportions fit; where the segments cannot tell, the answer is
    the mixture of both, wide and between them.

    Args:
        log_lengths_sfm: log of the length in SfM units, by any of SEGMENTS.
        sigmas: standard deviation of each from measurement.
        stated: known stature of this person.
        joint_m: how far joints lie off the bones' landmarks.
    """
    rows = [row for row, name in enumerate(SEGMENTS) if name in log_lengths_sfm]
    lengths = np.array([log_lengths_sfm[SEGMENTS[row]] for row in rows])
    noise = np.array([sigmas[SEGMENTS[row]] for row in rows])
    covariance = proportions(joint_m)[1][np.ix_(rows, rows)] + np.diag(noise**2)
    share = 0.5 if stated and stated.log_m < np.log(CHILD_BELOW_M) else CHILD_SHARE if stated is None else 0.0
    logs, variances, weights = [], [], []
    for fractions, prior, weight in (
        (_ADULT[rows], ADULT_STATURE, 1.0 - share),
        ((_ADULT + CHILD_SHIFT)[rows], CHILD_STATURE, share),
    ):
        stature = stated or prior
        log_stature_sfm, variance, likelihood = _stature(lengths - fractions, covariance)
        logs.append(stature.log_m - log_stature_sfm)
        variances.append(variance + stature.sigma**2)
        weights.append(weight * likelihood)
    weight = np.array(weights) / np.sum(weights)
    mean = float(weight @ np.array(logs))
    variance = float(weight @ (np.array(variances) + (np.array(logs) - mean) ** 2))
    return PersonScale(mean, float(np.sqrt(variance)), float(weight[1]))


def proportions(joint_m: float) -> tuple[Float[np.ndarray, " k"], Float[np.ndarray, "k k"]]:
    """Mean and covariance of log(segment / stature) of an adult by SEGMENTS, as joints show them."""
    offset = joint_m * np.sqrt(2.0 / _JOINTS_AVERAGED) / np.exp(_ADULT + ADULT_STATURE.log_m)
    return _ADULT, _COVARIANCE + np.diag(offset**2 + _POSTURE**2)


def _stature(log_statures: Float[np.ndarray, " k"], covariance: Float[np.ndarray, "k k"]) -> tuple[float, float, float]:
    """Generalised least squares of one stature from several, its variance, and the likelihood of their disagreement."""
    information = np.linalg.inv(covariance)
    total = float(information.sum())
    mean = float(information.sum(axis=0) @ log_statures) / total
    residual = log_statures - mean
    return mean, 1.0 / total, float(np.exp(-0.5 * residual @ information @ residual))
