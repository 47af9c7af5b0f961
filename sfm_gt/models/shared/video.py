"""The base of video networks, and how one runs over a whole clip.

Windows overlap, and each is fitted to the one before on the frames that they share. The freedom of the fit is that of the
kind: nothing for metric depth, a scale for scale-invariant depth, a scale and a shift for affine-invariant maps; in the overlap
one window fades into the next (after Chen et al. 2025, Video Depth Anything, which also overlaps and fades its windows).
Only one window of frames is held at a time, so memory does not grow with the clip.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8

from sfm_gt.geometry.types import PinholeCamera
from sfm_gt.models.shared.latency import PassTime
from sfm_gt.models.shared.network import NetworkFacts
from sfm_gt.models.shared.prediction import FrameKey, Kind, Prediction


@dataclass(frozen=True)
class ClipFrame:
    """One frame of a clip as a video network is given it."""

    image: UInt8[np.ndarray, "h w 3"]
    camera: PinholeCamera | None
    key: FrameKey


class VideoNetworkModel(ABC):
    """A network that sees several frames of a clip at once; ``predict_clip`` runs it over a whole one.

    Attributes:
        overlap: frames that a window shares with the one before it, at least 1.
    """

    kind: Kind
    source_sha256: str | None
    facts: NetworkFacts
    overlap: int

    @abstractmethod
    def prepare(self, images: Sequence[UInt8[np.ndarray, "h w 3"]]) -> Any:
        """Preprocessing of ``facts.frames_per_pass`` RGB images of one size."""

    @abstractmethod
    def forward(self, prepared: Any) -> Any:
        """One pass of the network."""

    @abstractmethod
    def finish(self, output: Any) -> Float[np.ndarray, "t h w"]:
        """One map a frame, at the size that the network answers in. Raises InputError if it is no such thing."""

    def predict(self, image: UInt8[np.ndarray, "h w 3"], camera: PinholeCamera | None, key: FrameKey) -> Prediction:
        """The prediction for a clip of one frame."""
        ((_, prediction),) = predict_clip(self, [ClipFrame(image, camera, key)], [])
        return prediction


def predict_clip(
    model: VideoNetworkModel, frames: Iterable[ClipFrame], times: list[PassTime]
) -> Iterator[tuple[ClipFrame, Prediction]]:
    """Each frame of the clip in order with its prediction; what each pass took is added to ``times``.

    A window that the clip does not fill is filled up with its last frame.
    """
    window, source = model.facts.frames_per_pass, iter(frames)
    held, tail = list(islice(source, window)), None
    while held:
        maps = _pass(model, held, times)
        maps = maps if tail is None else joined(tail, maps, model.kind)
        following = list(islice(source, window - model.overlap))
        # The shared frames wait for the next window, which moves them a little.
        n_done = len(held) - model.overlap if following else len(held)
        for frame, values in zip(held[:n_done], maps[:n_done], strict=True):
            yield frame, Prediction(values, model.kind)
        tail, held = maps[n_done:], held[n_done:] + following if following else []


def _pass(model: VideoNetworkModel, held: list[ClipFrame], times: list[PassTime]) -> Float[np.ndarray, "t h w"]:
    start = time.perf_counter()
    images = [frame.image for frame in held]
    prepared = model.prepare(images + images[-1:] * (model.facts.frames_per_pass - len(images)))
    before = time.perf_counter()
    output = model.forward(prepared)
    after = time.perf_counter()
    maps = model.finish(output)[: len(held)]
    times.append(PassTime(after - before, time.perf_counter() - start))
    return maps


def joined(
    tail: Float[np.ndarray, "o h w"], maps: Float[np.ndarray, "t h w"], kind: Kind
) -> Float[np.ndarray, "t h w"]:
    """``maps``, whose first frames are those of ``tail``, fitted to ``tail`` and faded in over them."""
    overlap = len(tail)
    scale, shift = _fit(maps[:overlap].astype(np.float64), tail.astype(np.float64), kind)
    fitted = (maps * scale + shift).astype(np.float32)
    share = (np.arange(1, overlap + 1, dtype=np.float32) / (overlap + 1))[:, None, None]
    fitted[:overlap] = share * fitted[:overlap] + (1 - share) * tail
    return fitted


def _fit(p: Float[np.ndarray, "o h w"], g: Float[np.ndarray, "o h w"], kind: Kind) -> tuple[float, float]:
    """Least-squares scale and shift from ``p`` to ``g``, as far as ``kind`` leaves them open."""
    usable = np.isfinite(p) & np.isfinite(g)
    p, g = p[usable], g[usable]
    if kind == "metric_depth" or p.size == 0:
        return 1.0, 0.0
    p0, g0 = (p, g) if kind == "scale_invariant_depth" else (p - p.mean(), g - g.mean())
    covariance, variance = float(p0 @ g0), float(p0 @ p0)
    # Windows that contradict each other, or are constant, give no scale that could be trusted.
    scale = covariance / variance if covariance > 0 else 1.0
    return scale, 0.0 if kind == "scale_invariant_depth" else float(g.mean() - scale * p.mean())
