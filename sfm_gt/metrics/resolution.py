"""How finely ground truth tells two models apart: what its own error moves their difference by.

Both models are graded against the same GT, so what its error does to both alike falls out. The GT of some frames is drawn anew,
as the noise floor draws it, both models are graded against the draw, and what their difference moves by is kept; so is what it
moves by when the clip's scale is off by one sigma, where a model is graded unaligned. Draws of frames are independent, the
scale is one for a clip. A difference below SIGMAS times the root mean square of all that is within the error of the GT.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

from sfm_gt.metrics.alignment import Affine
from sfm_gt.metrics.depth import METRICS, metrics_of
from sfm_gt.metrics.grading import FrameGrader, FramePrediction, Graded, PooledFits
from sfm_gt.metrics.pixel_sums import pixel_sums

SIGMAS = 3.0
"""So many hold 95 % in ``benchmarks/accuracy/gt_error.py``; two held 88 %, since few draws measure what they are of."""

Figures = Float[np.ndarray, " figures"]


@dataclass(frozen=True)
class Moved:
    """What the figures of one model on one frame move by: with the GT drawn anew, and with its scale one sigma off."""

    drawn: Figures
    scaled: Figures


def moved(
    grader: FrameGrader,
    drawn: FrameGrader,
    before: Graded,
    prediction: FramePrediction,
    pooled: PooledFits | None,
    sigma_log_scale: float | None,
    metrics: tuple[str, ...],
) -> Moved | None:
    """Of one model under the protocol and alignment of ``before``; None where the draw cannot be graded.

    Args:
        grader, drawn: of the frame, and of the frame with its GT drawn anew.
        sigma_log_scale: of the clip, None where it is not metric.
        metrics: the figures.
    """
    columns = [METRICS.index(name) for name in metrics]
    (after,) = drawn.grade_pixels(prediction, pooled, [before.protocol.granting(prediction.kind, before.alignment)])
    if not isinstance(after, Graded):
        return None
    by_draw = (metrics_of(after.sums[:1]) - metrics_of(before.sums[:1]))[0, columns]
    by_scale = np.zeros(len(columns))
    if before.alignment == "none" and sigma_log_scale is not None:
        matched, depth_range = grader.usable(before.protocol, prediction, "none"), grader.depth_range(before.protocol)
        every = np.array([0, matched.p.size])
        # A GT that is too large makes a prediction too small.
        scales = [Affine(math.exp(-sign * sigma_log_scale), 0.0) for sign in (1.0, -1.0)]
        sums = [pixel_sums(matched.p, matched.pixels.gt, every, scale, depth_range)[0] for scale in scales]
        larger, smaller = metrics_of(np.stack(sums))[:, columns]
        by_scale = (larger - smaller) / 2
    return Moved(by_draw, by_scale)


@dataclass
class Moves:
    """Of the difference of two models: sums over the frames that were drawn.

    Attributes:
        videos: by video, how many frames, what they moved by, and its squares.
        clips: by video and clip, how many frames, and what an error of the scale moved them by.
    """

    videos: dict[str, Figures] = field(default_factory=dict)
    clips: dict[tuple[str, str], Figures] = field(default_factory=dict)

    def add(self, video_id: str, clip_id: str, one: Moved, other: Moved) -> None:
        """One frame."""
        drawn, scaled = one.drawn - other.drawn, one.scaled - other.scaled
        self.videos[video_id] = self.videos.get(video_id, 0.0) + np.array([1.0, *drawn, *drawn**2])
        key = (video_id, clip_id)
        self.clips[key] = self.clips.get(key, 0.0) + np.array([1.0, *scaled])

    def resolution(self, shares: Mapping[str, float], frames: Mapping[str, int]) -> Figures | None:
        """What a difference must exceed; None where no frame was drawn.

        Args:
            shares: the part that each video has in the difference; together 1.
            frames: of each video, whether drawn or not.
        """
        if not self.videos:
            return None
        of_all = np.sum(list(self.videos.values()), axis=0)
        spread, bias, scale = np.zeros((3, (of_all.size - 1) // 2))
        for video, share in shares.items():
            n, *sums = self.videos.get(video, of_all)
            mean, square = np.split(np.array(sums) / n, 2)
            spread = spread + share**2 * square / frames[video]
            bias = bias + share * mean
        for (video, _), (n_clip, *sums) in self.clips.items():
            part = shares.get(video, 0.0) * n_clip / self.videos[video][0]
            scale = scale + (part * np.array(sums) / n_clip) ** 2
        found: Figures = SIGMAS * np.sqrt(spread + bias**2 + scale)
        return found
