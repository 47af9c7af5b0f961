"""Rolling shutter: how long the sensor takes to read a frame out, found from the reconstruction itself.

A phone or webcam exposes its rows one after the other, so that a hand-held camera films the bottom of a frame from another
place than the top. Bundle adjustment with one pose a frame turns that into wrong poses, a wrong focal length and depth
that changes from frame to frame. With one row-time model (Meingast, Geyer & Sastry 2005, "Geometric models of
rolling-shutter cameras") an observation in row y is displaced by the image velocity of its point times the time between
row y and the middle of the frame. The velocity follows from the poses of the frames around, and the readout time is one more
unknown of the linearised bundle adjustment.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float

from sfm_gt.sfm.observations import Observations
from sfm_gt.sfm.score_test import MIN_EXPLAINED, step_and_evidence

Axis = Literal["rows", "columns"]
# Columns one after the other: what a phone held upright delivers after its rotation flag.
AXES: tuple[Axis, Axis] = ("rows", "columns")
# Neighbours farther apart than this in time say nothing about the velocity at the frame between them.
MAX_SPAN_S = 0.2
# A sensor cannot be read for longer than from one frame to the next, plus the error of the estimate.
MAX_READOUT_FRAMES = 1.2


@dataclass(frozen=True)
class Readout:
    """Time from the first to the last row (or column), in seconds; negative when the last is read first."""

    axis: Axis
    seconds: float

    def time_s(self, xy: Float[np.ndarray, "*n 2"], width: int, height: int) -> Float[np.ndarray, "*n"]:
        """When each pixel of the frame as filmed is read, relative to the middle of the frame."""
        along = xy[..., 1] / height if self.axis == "rows" else xy[..., 0] / width
        return self.seconds * (along - 0.5)


def image_velocities_px_s(seen: Observations, times_s: Float[np.ndarray, " n"]) -> Float[np.ndarray, "m 2"]:
    """Velocity in the image of each observed point, from the poses before and after; 0 where these are too far apart.

    Args:
        times_s: presentation time of each image of ``seen``.
    """
    before, after = np.maximum(seen.views - 1, 0), np.minimum(seen.views + 1, len(times_s) - 1)
    span = times_s[after] - times_s[before]
    usable = (span > 0) & (span <= MAX_SPAN_S)
    moved = seen.projected(seen.points_cam(after)) - seen.projected(seen.points_cam(before))
    velocity = np.divide(moved, span[:, None], out=np.zeros_like(moved), where=usable[:, None])
    return np.nan_to_num(velocity, nan=0.0)


def displacement_px(seen: Observations, times_s: Float[np.ndarray, " n"], readout: Readout) -> Float[np.ndarray, "m 2"]:
    """How far the readout displaced each observation; the observation less this is what a global shutter would see."""
    delay = readout.time_s(seen.xy, seen.camera.width, seen.camera.height)
    return delay[:, None] * image_velocities_px_s(seen, times_s)


def readout_step(seen: Observations, times_s: Float[np.ndarray, " n"], axis: Axis) -> tuple[float, float]:
    """One Gauss-Newton step of the readout time in seconds, and the share of the squared residuals that it explains."""
    return step_and_evidence(seen, displacement_px(seen, times_s, Readout(axis, 1.0)))


def find_readout(seen: Observations, times_s: Float[np.ndarray, " n"]) -> Readout | None:
    """The readout of a model fitted as if by a global shutter; None where the residuals show none worth modelling."""
    steps = {axis: readout_step(seen, times_s, axis) for axis in AXES}
    axis = max(AXES, key=lambda name: steps[name][1])
    seconds, explained = steps[axis]
    frame_s = float(np.median(np.diff(times_s))) if len(times_s) > 1 else 0.0
    if explained < MIN_EXPLAINED or abs(seconds) > MAX_READOUT_FRAMES * frame_s:
        return None
    return Readout(axis, seconds)
