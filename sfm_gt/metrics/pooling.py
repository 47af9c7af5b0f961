"""Alignments over a whole clip or data set: what is gathered while its frames pass by once, before they are graded.

Least squares need only moments, so they are exact. Robust alignments need values: those of at most MAX_PIXELS pixels, evenly
spread over frames and pixels, stand for all, and keep memory the same for any number of frames.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

from sfm_gt.metrics.alignment import LEAST_SQUARES, Affine, AlignmentError, fit_moments, fit_vectors
from sfm_gt.metrics.grading import NOT_FINITE, FrameGrader, FramePrediction, Matched
from sfm_gt.metrics.moments import Moments
from sfm_gt.metrics.protocol import Protocol

MAX_PIXELS = 1 << 20

Vector = Float[np.ndarray, " n"]


@dataclass
class _Pool:
    moments: Moments = field(default_factory=Moments)
    p: list[Vector] = field(default_factory=list)
    g: list[Vector] = field(default_factory=list)
    spoilt: bool = False


class PooledAlignment:
    """One model's alignments over the frames that were added; protocols fitted over each image are passed over."""

    def __init__(self, protocols: list[Protocol], n_frames: int):
        """``n_frames`` will be added at most."""
        self._protocols = [protocol for protocol in protocols if protocol.scope != "image"]
        self._pixels_a_frame = max(1, MAX_PIXELS // max(n_frames, 1))
        self._pools: dict[tuple[str, str], _Pool] = {}
        self._fitted: dict[tuple[str, str], Affine | AlignmentError] = {}

    def add(self, grader: FrameGrader, prediction: FramePrediction) -> None:
        """One frame; one without a prediction adds nothing."""
        if prediction.values is None:
            return
        for protocol in self._protocols:
            for alignment in protocol.granted(prediction.kind):
                if grader.pixels(protocol).gt.size:
                    self._add(protocol, alignment, grader.usable(protocol, prediction, alignment))

    def _add(self, protocol: Protocol, alignment: str, matched: Matched) -> None:
        pool = self._pools.setdefault((protocol.name, alignment), _Pool())
        pool.spoilt |= matched.spoils_fit(protocol, alignment)
        if alignment in LEAST_SQUARES:
            pool.moments = pool.moments + matched.moments(protocol, alignment)
        elif alignment != "none":
            p, g = matched.spread(self._pixels_a_frame)
            pool.p.append(p.astype(np.float32))
            pool.g.append(g)

    def __call__(self, protocol: Protocol, alignment: str) -> Affine:
        """The alignment. Raises AlignmentError where it does not exist."""
        key = (protocol.name, alignment)
        if key not in self._fitted:
            self._fitted[key] = self._fit(alignment, self._pools.get(key, _Pool()), protocol.fit_pixels)
        found = self._fitted[key]
        if isinstance(found, AlignmentError):
            raise found
        return found

    @staticmethod
    def _fit(alignment: str, pool: _Pool, fit_pixels: int | None) -> Affine | AlignmentError:
        if pool.spoilt:
            return NOT_FINITE
        try:
            if alignment in LEAST_SQUARES:
                return fit_moments(alignment, pool.moments)
            p, g = np.concatenate([np.empty(0, np.float32), *pool.p]), np.concatenate([np.empty(0), *pool.g])
            step = 1 if fit_pixels is None else max(1, p.size // fit_pixels)
            return fit_vectors(alignment, p[::step], g[::step])
        except AlignmentError as error:
            return error
