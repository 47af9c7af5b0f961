"""A whole evaluation as frames stream by: grading, sums a video, comparison of models, noise floor.

Where a protocol aligns over more than an image, the frames of the clip pass by once more before (``fit``). Memory holds
sums a video, the pool of one clip and two frames, however many frames there are.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeGuard, TypeVar

import numpy as np
from jaxtyping import Float

from sfm_gt.metrics.comparison import COMPARED, Comparison
from sfm_gt.metrics.depth import METRICS
from sfm_gt.metrics.grading import FrameGrader, FramePrediction, Graded, GtFrame, PooledFits, Unscored
from sfm_gt.metrics.noise_floor import GtErrors, ScaleFloor, distance_from_best, perfect_depth, scale_figures
from sfm_gt.metrics.points import point_figures
from sfm_gt.metrics.pooling import PooledAlignment
from sfm_gt.metrics.protocol import Protocol
from sfm_gt.metrics.resolution import Moved, moved
from sfm_gt.metrics.tally import FrameFigures, Tally, figures_of
from sfm_gt.metrics.temporal import FramePair, TemporalView
from sfm_gt.metrics.uncertainty import uncertainty_figures

PERFECT = ""
"""Name of the noise floor among the models; no model can have it, since none is without a name."""
INDEPENDENT = GtErrors()
"""Errors of pixels that share nothing but the clip's scale."""
_DEPTH_LIKE = "metric_depth"

Key = TypeVar("Key", bound=tuple[str, ...])


@dataclass(frozen=True)
class EvaluatedFrame:
    """One frame with everything that is graded on it.

    Attributes:
        sigma: (H, W) standard deviation of the GT in its unit; None = unknown, so no noise floor.
        redraw: whether its GT is drawn anew for noise floor and resolution; a share of all frames is enough.
        sigma_log_scale: of the clip's scale; None where it is not metric.
        view: camera and pose, for temporal figures.
        predictions: by model.
    """

    clip_id: str
    video_id: str
    frame_index: int
    gt: GtFrame
    sigma: Float[np.ndarray, "h w"] | None
    sigma_log_scale: float | None
    view: TemporalView | None
    predictions: Mapping[str, FramePrediction]
    redraw: bool = True

    @property
    def seed(self) -> tuple[int, int]:
        """The same for the same frame, whatever else is evaluated."""
        return zlib.crc32(self.clip_id.encode()), self.frame_index


@dataclass(frozen=True)
class GradedFrame:
    """What :meth:`Evaluation.grade` found out about one frame.

    Attributes:
        results: by model, one entry for each protocol and alignment.
        maps: aligned depth by (model, protocol, alignment), for temporal figures.
        aligned: the same by model, of what it is ranked by under the first protocol, where the evaluation keeps it.
        own: OWN by the same, of what models state beside depth: uncertainty, camera.
        perfect: results of the true depth as far as it is known.
        scale_figures: unaligned figures of the true depth under errors of the clip's scale, by protocol.
        moved: what errors of the GT move the figures that a model is ranked by, by protocol and model.
    """

    frame: EvaluatedFrame
    results: Mapping[str, list[Graded | Unscored]]
    maps: Mapping[tuple[str, str, str], Float[np.ndarray, "h w"]]
    aligned: Mapping[str, Float[np.ndarray, "h w"]]
    own: Mapping[tuple[str, str, str], tuple[float, ...]]
    perfect: list[Graded | Unscored]
    scale_figures: Mapping[str, Float[np.ndarray, "nodes metrics"]]
    moved: Mapping[str, Mapping[str, Moved]]


@dataclass(frozen=True)
class ModelResult:
    """One model on one frame under one protocol and alignment."""

    model: str
    result: FrameFigures | Unscored


class Evaluation:
    """Grades frames of any number of clips. Frames may be graded side by side, but are added one by one, in order."""

    def __init__(
        self,
        protocols: Sequence[Protocol],
        models: Mapping[str, str],
        seed: int = 0,
        gt_errors: GtErrors = INDEPENDENT,
        keep_aligned: bool = False,
    ):
        """``models``: kind by name, in the order of the tables. ``unflipped`` gathers those without flipped predictions."""
        self.protocols, self.models, self._seed, self._gt_errors = list(protocols), dict(models), seed, gt_errors
        self._keep_aligned = keep_aligned
        self.tallies: dict[tuple[str, str, str], Tally] = {}
        self.comparison = Comparison(seed)
        self.unflipped: set[str] = set()
        self._floor_tallies: dict[tuple[str, str], Tally] = {}
        self._scale_floors: dict[str, ScaleFloor] = {}
        self._floor_protocols = [_with_alignments_of(protocol, set(models.values())) for protocol in protocols]
        self._previous: GradedFrame | None = None

    @property
    def scopes(self) -> set[str]:
        """What alignments are fitted over: image, clip or dataset."""
        return {protocol.scope for protocol in self.protocols}

    def pools(self, scope: str, n_frames: int) -> dict[str, PooledAlignment]:
        """Empty alignments over a clip or the data set of ``n_frames``, by model."""
        pools = {model: PooledAlignment(_of_scope(self.protocols, scope), n_frames) for model in self.models}
        return pools | {PERFECT: PooledAlignment(_of_scope(self._floor_protocols, scope), n_frames)}

    def fit(self, frame: EvaluatedFrame, pools: Mapping[str, PooledAlignment]) -> None:
        """Adds one frame to the alignments over its clip or the data set."""
        grader = self._grader(frame)
        for model, prediction in frame.predictions.items():
            pools[model].add(grader, prediction)
        if frame.sigma is not None and frame.redraw:
            pools[PERFECT].add(grader, self._perfect(frame))

    def grade(self, frame: EvaluatedFrame, pooled: Mapping[str, PooledFits]) -> GradedFrame:
        """All results of one frame; changes nothing, so frames can be graded side by side."""
        grader = self._grader(frame)
        results: dict[str, list[Graded | Unscored]] = {}
        maps: dict[tuple[str, str, str], Float[np.ndarray, "h w"]] = {}
        aligned: dict[str, Float[np.ndarray, "h w"]] = {}
        own: dict[tuple[str, str, str], tuple[float, ...]] = {}
        for model, prediction in frame.predictions.items():
            results[model] = list(grader.grade(prediction, pooled.get(model), self.protocols))
            first = results[model][0]
            if self._keep_aligned and isinstance(first, Graded) and first.affine.known:
                aligned[model] = grader.aligned(first, prediction)
            for found in results[model]:
                key = (model, found.protocol.name, found.alignment)
                if _has_temporal(found) and frame.view is not None:
                    maps[key] = grader.aligned(found, prediction)
                if isinstance(found, Graded):
                    own[key] = uncertainty_figures(grader, found, prediction)
                    own[key] += point_figures(grader, found, prediction, frame.gt.camera)
        if frame.sigma is None or not frame.redraw:
            return GradedFrame(frame, results, maps, aligned, own, [], {}, {})
        perfect = self._perfect(frame)
        floor = list(grader.grade_pixels(perfect, pooled.get(PERFECT), self._floor_protocols))
        scale_figures = self._scale_figures(grader, frame, perfect)
        by_errors = self._moved(grader, frame, perfect, results, pooled)
        return GradedFrame(frame, results, maps, aligned, own, floor, scale_figures, by_errors)

    def add(self, graded: GradedFrame) -> list[ModelResult]:
        """Takes one frame into the sums and gives its figures."""
        frame, pair = graded.frame, self._pair_with_previous(graded)
        found: list[ModelResult] = []
        for model, results in graded.results.items():
            if frame.predictions[model].flipped is None and frame.predictions[model].values is not None:
                self.unflipped.add(model)
            for result in results:
                found.append(ModelResult(model, self._add_one(model, result, graded, pair)))
        for result in graded.perfect:
            if isinstance(result, Graded):
                tally = _tally(self._floor_tallies, (result.protocol.name, result.alignment), result, _DEPTH_LIKE)
                tally.add(figures_of(result, frame.gt.metric), frame.video_id, frame.clip_id, frame.gt.metric)
        for name, figures in graded.scale_figures.items():
            protocol = next(protocol for protocol in self.protocols if protocol.name == name)
            self._scale_floors.setdefault(name, ScaleFloor(protocol)).add(figures, frame.video_id)
        self._compare(frame, found)
        for name, of_models in graded.moved.items():
            self.comparison.add_moves(name, frame.video_id, frame.clip_id, of_models)
        self._previous = graded
        return found

    def floors(self) -> dict[tuple[str, str], Float[np.ndarray, " metrics"]]:
        """Distance of a perfect model's figures from the best ones, by protocol and alignment; METRICS."""
        found = {
            key: distance_from_best(tally.means(tally.protocol.reducer)[: len(METRICS)])
            for key, tally in self._floor_tallies.items()
        }
        for name, scale_floor in self._scale_floors.items():
            found[name, "none"] = distance_from_best(scale_floor.floor(self._seed))
        return found

    def _grader(self, frame: EvaluatedFrame) -> FrameGrader:
        return FrameGrader(frame.gt, self.protocols, frame.seed)

    def _perfect(self, frame: EvaluatedFrame) -> FramePrediction:
        assert frame.sigma is not None, "the caller looks"
        return FramePrediction(_DEPTH_LIKE, perfect_depth(frame.gt.z_depth, frame.sigma, frame.seed, self._gt_errors))

    def _moved(
        self,
        grader: FrameGrader,
        frame: EvaluatedFrame,
        perfect: FramePrediction,
        results: Mapping[str, list[Graded | Unscored]],
        pooled: Mapping[str, PooledFits],
    ) -> dict[str, dict[str, Moved]]:
        assert perfect.values is not None, "it is what was drawn"
        if len(results) < 2:
            return {}
        drawn = FrameGrader(replace(frame.gt, z_depth=perfect.values), self.protocols, frame.seed)
        found: dict[str, dict[str, Moved]] = {}
        for model, of_model in results.items():
            prediction = frame.predictions[model]
            for before in of_model:
                if isinstance(before, Graded) and before.alignment == before.protocol.granted(prediction.kind)[0]:
                    fits, sigma = pooled.get(model), frame.sigma_log_scale
                    by = moved(grader, drawn, before, prediction, fits, sigma, tuple(COMPARED))
                    if by is not None:
                        found.setdefault(before.protocol.name, {})[model] = by
        return found

    def _scale_figures(
        self, grader: FrameGrader, frame: EvaluatedFrame, perfect: FramePrediction
    ) -> dict[str, Float[np.ndarray, "nodes metrics"]]:
        if frame.sigma_log_scale is None or _DEPTH_LIKE not in self.models.values():
            return {}
        unaligned = [protocol for protocol in self.protocols if "none" in protocol.granted(_DEPTH_LIKE)]
        return scale_figures(grader, unaligned, perfect, frame.sigma_log_scale)

    def _add_one(
        self, model: str, result: Graded | Unscored, graded: GradedFrame, pair: FramePair | None
    ) -> FrameFigures | Unscored:
        frame, key = graded.frame, (model, result.protocol.name, result.alignment)
        tally = _tally(self.tallies, key, result, self.models[model])
        if isinstance(result, Unscored):
            tally.unscored[result.reason] += 1
            return result
        figures = figures_of(result, frame.gt.metric, self._temporal(key, graded, pair), graded.own[key])
        tally.add(figures, frame.video_id, frame.clip_id, frame.gt.metric)
        return figures

    def _pair_with_previous(self, graded: GradedFrame) -> FramePair | None:
        before = self._previous
        if before is None or before.frame.clip_id != graded.frame.clip_id or not graded.maps:
            return None
        if before.frame.view is None or graded.frame.view is None:
            return None
        return FramePair(before.frame.view, graded.frame.view)

    def _temporal(
        self, key: tuple[str, str, str], graded: GradedFrame, pair: FramePair | None
    ) -> tuple[float, float] | None:
        if pair is None or self._previous is None or key not in self._previous.maps or key not in graded.maps:
            return None
        one, other = self._previous.maps[key], graded.maps[key]
        return pair.tae(one, other), pair.tae_unmasked(one, other)

    def _compare(self, frame: EvaluatedFrame, found: list[ModelResult]) -> None:
        for protocol in self.protocols:
            ranked = {model: names[0] for model, kind in self.models.items() if (names := protocol.granted(kind))}
            scored = {
                entry.model: entry.result
                for entry in found
                if isinstance(entry.result, FrameFigures)
                and entry.result.graded.protocol.name == protocol.name
                and entry.result.graded.alignment == ranked.get(entry.model)
            }
            figures = {model: result.overall for model, result in scored.items()}
            pixels = {model: float(result.graded.sums[0, 0]) for model, result in scored.items()}
            self.comparison.add(protocol, frame.video_id, list(ranked), figures, pixels)


def _has_temporal(found: Graded | Unscored) -> TypeGuard[Graded]:
    return isinstance(found, Graded) and found.protocol.scope != "image" and found.affine.known


def _with_alignments_of(protocol: Protocol, kinds: set[str]) -> Protocol:
    """The protocol granting the true depth every alignment that any of the kinds may have, but for ``none``."""
    names = dict.fromkeys(name for kind in sorted(kinds) for name in protocol.granted(kind) if name != "none")
    return protocol.model_copy(
        update={"alignment": protocol.alignment.model_copy(update={_DEPTH_LIKE: tuple(names)})}
    )  # fmt: skip


def _of_scope(protocols: Sequence[Protocol], scope: str) -> list[Protocol]:
    return [protocol for protocol in protocols if protocol.scope == scope]


def _tally(tallies: dict[Key, Tally], key: Key, result: Graded | Unscored, kind: str) -> Tally:
    if key not in tallies:
        tallies[key] = Tally(result.protocol, result.alignment, kind)
    return tallies[key]
