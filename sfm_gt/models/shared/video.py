"""The bases of models that see several frames, and how one runs over a whole clip.

Windows overlap, and each is fitted to the one before on the frames that they share. The freedom of the fit is that of the
kind: nothing for metric depth, a scale for scale-invariant depth, a scale and a shift for affine-invariant maps; in the overlap
one window fades into the next (after Chen et al. 2025, Video Depth Anything, which also overlaps and fades its windows).
Only one window of frames is held at a time, so memory does not grow with the clip. Poses are scaled with the depth, and the
worlds of two windows are laid on each other at the first frame that they share.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
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


class WindowModel(ABC):
    """A model that sees several frames of a clip at once; ``predict_clip`` runs it over a whole one.

    Attributes:
        facts: ``frames_per_pass`` is the longest window.
        overlap: frames that a window shares with the one before it, at least 1.
    """

    kind: Kind
    source_sha256: str | None
    facts: NetworkFacts
    overlap: int

    @abstractmethod
    def answer(self, images: Sequence[UInt8[np.ndarray, "h w 3"]], times: list[PassTime]) -> list[Prediction]:
        """One prediction for each of at most ``facts.frames_per_pass`` RGB images of one size; adds what it took."""

    def predict(self, image: UInt8[np.ndarray, "h w 3"], camera: PinholeCamera | None, key: FrameKey) -> Prediction:
        """The prediction for a clip of one frame."""
        return self.answer([image], [])[0]


class VideoNetworkModel(WindowModel):
    """A network with a fixed number of input frames, in three steps, so that its pass alone can be timed."""

    @abstractmethod
    def prepare(self, images: Sequence[UInt8[np.ndarray, "h w 3"]]) -> Any:
        """Preprocessing of ``facts.frames_per_pass`` RGB images of one size."""

    @abstractmethod
    def forward(self, prepared: Any) -> Any:
        """One pass of the network."""

    @abstractmethod
    def finish(self, output: Any) -> Float[np.ndarray, "t h w"]:
        """One map a frame, at the size that the network answers in. Raises InputError if it is no such thing."""

    def answer(self, images: Sequence[UInt8[np.ndarray, "h w 3"]], times: list[PassTime]) -> list[Prediction]:
        """A window that the clip does not fill is filled up with its last frame."""
        start = time.perf_counter()
        prepared = self.prepare([*images, *[images[-1]] * (self.facts.frames_per_pass - len(images))])
        before = time.perf_counter()
        output = self.forward(prepared)
        after = time.perf_counter()
        maps = self.finish(output)[: len(images)]
        times.append(PassTime(after - before, time.perf_counter() - start))
        return [Prediction(values, self.kind) for values in maps]


class PackageClipModel(WindowModel):
    """A model of several frames whose package does everything between images and maps, so that a pass includes that."""

    @abstractmethod
    def infer(self, images: Sequence[UInt8[np.ndarray, "h w 3"]]) -> list[Prediction]:
        """One prediction for each image."""

    def answer(self, images: Sequence[UInt8[np.ndarray, "h w 3"]], times: list[PassTime]) -> list[Prediction]:
        """``infer``, timed as a whole."""
        start = time.perf_counter()
        found = self.infer(images)
        times.append(PassTime(time.perf_counter() - start, time.perf_counter() - start))
        return found


def predict_clip(
    model: WindowModel, frames: Iterable[ClipFrame], times: list[PassTime]
) -> Iterator[tuple[ClipFrame, Prediction]]:
    """Each frame of the clip in order with its prediction; what each pass took is added to ``times``."""
    window, source = model.facts.frames_per_pass, iter(frames)
    held = list(islice(source, window))
    tail: list[Prediction] = []
    while held:
        found = model.answer([frame.image for frame in held], times)
        found = _continued(tail, found) if tail else found
        following = list(islice(source, window - model.overlap))
        # The shared frames wait for the next window, which moves them a little.
        n_done = len(held) - model.overlap if following else len(held)
        yield from zip(held[:n_done], found[:n_done], strict=True)
        tail, held = found[n_done:], held[n_done:] + following if following else []


def _continued(tail: list[Prediction], found: list[Prediction]) -> list[Prediction]:
    """The next window in unit and world of the one before, whose last frames are its first."""
    before, maps = (np.stack([each.values for each in window]) for window in (tail, found))
    scale, _ = _fit(maps[: len(tail)].astype(np.float64), before.astype(np.float64), found[0].kind)
    values = joined(before, maps, found[0].kind)
    pivot, kept = found[0].cam_from_world, tail[0].cam_from_world
    # The frame that the last window saw first is where both worlds meet.
    old_from_new = None if pivot is None or kept is None else np.linalg.inv(kept) @ _scaled(pivot, scale)
    poses = [
        None if one.cam_from_world is None or old_from_new is None
        else _scaled(one.cam_from_world, scale) @ np.linalg.inv(old_from_new)
        for one in found
    ]  # fmt: skip
    return [replace(one, values=own, cam_from_world=pose) for one, own, pose in zip(found, values, poses, strict=True)]


def _scaled(cam_from_world: Float[np.ndarray, "4 4"], scale: float) -> Float[np.ndarray, "4 4"]:
    moved = cam_from_world.astype(np.float64)
    moved[:3, 3] *= scale
    return moved


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
