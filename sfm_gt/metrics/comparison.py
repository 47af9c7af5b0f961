"""Models against one another, on the frames that both were scored on: paired differences and ranks with intervals."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import combinations, product

import numpy as np
from jaxtyping import Float

from sfm_gt.metrics.bootstrap import LEVEL, Interval, Scale, draw_videos, holm, interval
from sfm_gt.metrics.depth import METRICS
from sfm_gt.metrics.protocol import Protocol
from sfm_gt.metrics.resolution import Moved, Moves

COMPARED: dict[str, Scale] = {"abs_rel": "error", "delta1": "share"}
RANKED_BY = "abs_rel"
_COLUMNS = [METRICS.index(name) for name in COMPARED]


@dataclass(frozen=True)
class Difference:
    """``model`` minus ``other``.

    Attributes:
        p: of no difference, adjusted for all comparisons under the protocol, of every two models by every metric (Holm).
        frames, videos: on which both were scored; ``left_out`` frames had only one of them.
        resolution: what errors of the GT move the difference by (``resolution``), NaN where unknown.
        verdict: resolved; below_resolution: smaller than ``resolution``; interval_holds_zero; among_many: the interval does
            not, but among so many comparisons that is chance; too_few_videos: no interval; no_figure: one of both has none,
            since values that are not finite propagate.
    """

    protocol: str
    model: str
    other: str
    metric: str
    difference: Interval
    p: float
    frames: int
    videos: int
    left_out: int
    resolution: float
    verdict: str


@dataclass(frozen=True)
class Rank:
    """Place of a model by AbsRel among those that it shares frames with, 1 is best.

    Attributes:
        low, high: the places that resolved differences leave open; a model that it shares no frame with may be on either
            side. None where no difference has an interval.
        frames: the fewest that it shares with a model it was compared with.
    """

    protocol: str
    model: str
    rank: int
    low: int | None
    high: int | None
    frames: int


@dataclass
class _Pair:
    """Weighted sums a video: the weights of one model and of the other, then COMPARED of one, then of the other."""

    videos: dict[str, Float[np.ndarray, " sums"]] = field(default_factory=dict)
    frames_of: Counter[str] = field(default_factory=Counter)
    left_out: int = 0
    moves: Moves = field(default_factory=Moves)

    def differences(self, protocol: Protocol, video_ids: list[str]) -> tuple[np.ndarray, np.ndarray]:
        """Numerators (videos, compared) and denominators (videos,) of the differences."""
        none = np.zeros(2 + 2 * len(COMPARED))
        sums = np.stack([self.videos.get(video, none) for video in video_ids])
        weights, both = np.split(sums, [2], axis=1)
        means = both.reshape(-1, 2, len(COMPARED)) / np.maximum(weights, 1)[:, :, None]
        # Where a video counts by its pixels, those of two models with other gaps differ a little.
        weight = weights.mean(axis=1)
        if protocol.reducer not in ("image", "pixel"):
            weight = (weight > 0).astype(np.float64)
        return (means[:, 0] - means[:, 1]) * weight[:, None], weight


class Comparison:
    """Gathers frames, then answers. A model stands for itself by the alignment that it is ranked by."""

    def __init__(self, seed: int = 0):
        self._pairs: dict[tuple[str, str, str], _Pair] = {}
        self._protocols: dict[str, Protocol] = {}
        self._models: dict[str, list[str]] = {}
        self._seed = seed

    def add(
        self,
        protocol: Protocol,
        video_id: str,
        models: list[str],
        scored: Mapping[str, Float[np.ndarray, " figures"]],
        pixels: Mapping[str, float],
    ) -> None:
        """One frame.

        Args:
            models: all that the protocol can grade, in a fixed order.
            scored: figures (METRICS first) of those that were scored on this frame.
            pixels: on how many pixels each was; frames weigh by them under protocols that pool pixels.
        """
        self._protocols[protocol.name] = protocol
        known = self._models.setdefault(protocol.name, [])
        known.extend(model for model in models if model not in known)
        for one, other in combinations(models, 2):
            pair = self._pairs.setdefault((protocol.name, one, other), _Pair())
            if one in scored and other in scored:
                by_pixels = protocol.reducer in ("pixel", "pooled")
                weights = [pixels[model] if by_pixels else 1.0 for model in (one, other)]
                figures = [weights[0] * scored[one][_COLUMNS], weights[1] * scored[other][_COLUMNS]]
                pair.videos[video_id] = pair.videos.get(video_id, 0.0) + np.concatenate([weights, *figures])
                pair.frames_of[video_id] += 1
            elif one in scored or other in scored:
                pair.left_out += 1

    def add_moves(self, protocol_name: str, video_id: str, clip_id: str, moved: Mapping[str, Moved]) -> None:
        """What errors of the GT move on a frame that was added, by model."""
        for one, other in combinations(moved, 2):
            self._pairs[protocol_name, one, other].moves.add(video_id, clip_id, moved[one], moved[other])

    def differences(self) -> list[Difference]:
        """Every two models under every protocol."""
        return [one for name in self._protocols for one in self._family(name)]

    def _family(self, name: str) -> list[Difference]:
        """All comparisons under one protocol."""
        keys = [key for key, pair in self._pairs.items() if key[0] == name and pair.videos]
        estimates = [self._estimate(key, number) for key in keys for number in range(len(COMPARED))]
        adjusted = iter(holm(np.array([estimate.p for estimate in estimates])).tolist())
        found = []
        for (key, metric), estimate in zip(product(keys, COMPARED), estimates, strict=True):
            pair, p = self._pairs[key], next(adjusted)
            counts = (pair.frames_of.total(), len(pair.videos), pair.left_out)
            resolution = self._resolution(key)[list(COMPARED).index(metric)]
            found.append(Difference(*key, metric, estimate, p, *counts, resolution, _verdict(estimate, p, resolution)))
        return found

    def _resolution(self, key: tuple[str, str, str]) -> list[float]:
        pair = self._pairs[key]
        videos = sorted(pair.videos)
        _, weights = pair.differences(self._protocols[key[0]], videos)
        found = pair.moves.resolution(dict(zip(videos, weights / weights.sum(), strict=True)), pair.frames_of)
        return [math.nan] * len(COMPARED) if found is None else found.tolist()

    def _estimate(self, key: tuple[str, str, str], number: int) -> Interval:
        pair = self._pairs[key]
        apart, weights = pair.differences(self._protocols[key[0]], sorted(pair.videos))
        found = interval(apart[:, number], weights, draw_videos(len(pair.videos), self._seed), "difference")
        if list(COMPARED.values())[number] == "share":
            # Two shares are at most 1 apart; NaN stays NaN.
            return replace(found, low=float(np.maximum(found.low, -1.0)), high=float(np.minimum(found.high, 1.0)))
        return found

    def ranks(self) -> list[Rank]:
        """Places by RANKED_BY under every protocol; a model is behind each one that beats it on the frames of both.

        A model without a figure on frames that another one has, too, was compared with nobody and has no place.
        """
        differences = [one for one in self.differences() if one.metric == RANKED_BY]
        return [
            rank for name in self._protocols for rank in _ranks([one for one in differences if one.protocol == name])
        ]


def _ranks(differences: list[Difference]) -> list[Rank]:
    against: dict[str, list[tuple[float, Difference]]] = {}
    for one in differences:
        if math.isfinite(one.difference.value):
            against.setdefault(one.model, []).append((one.difference.value, one))
            against.setdefault(one.other, []).append((-one.difference.value, one))
    return [_rank(model, found, len(against)) for model, found in against.items()]


def _rank(model: str, against: list[tuple[float, Difference]], n_models: int) -> Rank:
    behind = [one for worse_by, one in against if worse_by > 0]
    ahead = [one for worse_by, one in against if worse_by < 0]
    low = high = None
    if any(one.difference.known for _, one in against):
        low, high = 1 + sum(map(_is_resolved, behind)), n_models - sum(map(_is_resolved, ahead))
    frames = min(one.frames for _, one in against)
    return Rank(against[0][1].protocol, model, 1 + len(behind), low, high, frames)


def _is_resolved(one: Difference) -> bool:
    return one.verdict == "resolved"


def _verdict(estimate: Interval, p: float, resolution: float) -> str:
    if not math.isfinite(estimate.value):
        return "no_figure"
    if abs(estimate.value) < resolution:
        return "below_resolution"
    if not estimate.known:
        return "too_few_videos"
    if not estimate.excludes_zero:
        return "interval_holds_zero"
    return "resolved" if p < 1 - LEVEL else "among_many"
