"""Grading one prediction of one frame: every protocol, every alignment it grants, every region and metric.

Protocols share work: pixels are gathered once for each set of scored pixels, and an alignment that several protocols ask for
is fitted and summed once.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from sfm_gt.geometry.types import PinholeCamera
from sfm_gt.metrics.alignment import LEAST_SQUARES, Affine, AlignmentError, DepthRange, fit_moments, fit_vectors
from sfm_gt.metrics.moments import Moments
from sfm_gt.metrics.pixel_sums import aligned_depth, pixel_sums, sums_of_nan, with_negatives_inside
from sfm_gt.metrics.protocol import Protocol
from sfm_gt.metrics.regions import ScoredPixels, boundary_band, by_depth, by_region, scored_pixels
from sfm_gt.metrics.resizing import resized
from sfm_gt.metrics.structure import STRUCTURE, GtStructure

DEPTH_KINDS = ("metric_depth", "scale_invariant_depth", "affine_invariant_depth")
NO_STRUCTURE: Mapping[str, float] = dict.fromkeys(STRUCTURE, math.nan)
NOT_FINITE = Affine(math.nan, math.nan)
"""The fit of values that are not finite."""
_AS_IT_IS = Affine(1.0, 0.0)


@dataclass(frozen=True)
class GtFrame:
    """Ground truth of one frame.

    Attributes:
        z_depth: (H, W), metres where ``metric``, else SfM units; NaN = invalid.
        person: None where there is no person mask.
        camera: None where it is not known, so that there are no normals.
    """

    z_depth: Float[np.ndarray, "h w"]
    moving: Bool[np.ndarray, "h w"]
    overlay: Bool[np.ndarray, "h w"]
    person: Bool[np.ndarray, "h w"] | None
    metric: bool
    camera: PinholeCamera | None = None


@dataclass(frozen=True)
class FramePrediction:
    """One model's answer for one frame. A map of another size than the GT is resized as each protocol says.

    Attributes:
        values: None where the model gave none.
        flipped: prediction of the mirrored image, mirrored back; None where nobody made one.
        set_the_scale: whether the model set the metric scale of the clip, so that metres would be its own homework.
        sigma: standard deviation that the model states, in the unit of ``values``.
        confidence: larger where the model is surer, in any unit.
        camera: the model's own of an image of the GT's size; None where it states none.
    """

    kind: str
    values: Float[np.ndarray, "h2 w2"] | None
    flipped: Float[np.ndarray, "h2 w2"] | None = None
    set_the_scale: bool = False
    sigma: Float[np.ndarray, "h2 w2"] | None = None
    confidence: Float[np.ndarray, "h2 w2"] | None = None
    camera: PinholeCamera | None = None


@dataclass(frozen=True)
class Graded:
    """Everything that one protocol and alignment say of one frame.

    Attributes:
        sums: sums over pixels of every region (REGIONS by ``pixel_sums.SUMS``).
        depth_sums: the same of every depth bin.
        scored, answered: scored GT pixels of every region, and those of them whose prediction is finite.
        structure: metrics that need neighbours or pairs of pixels, of region ``all``.
        affine: the alignment.
    """

    protocol: Protocol
    alignment: str
    sums: Float[np.ndarray, "regions sums"]
    depth_sums: Float[np.ndarray, "bins sums"]
    scored: Int[np.ndarray, " regions"]
    answered: Int[np.ndarray, " regions"]
    structure: Mapping[str, float]
    affine: Affine

    @property
    def coverage(self) -> float:
        """Share of the scored GT pixels on which the prediction is finite."""
        return float(self.answered[0] / self.scored[0])

    @property
    def inverted(self) -> bool:
        """Whether the fit had to turn the prediction around, so that near became far."""
        return self.affine.scale < 0


@dataclass(frozen=True)
class Unscored:
    """A frame that an alignment could not grade; ``reason`` is a key of ``protocol.REASONS``."""

    protocol: Protocol
    alignment: str
    reason: str


PooledFits = Callable[[Protocol, str], Affine]
"""The alignment of a protocol whose scope is wider than the image. Raises AlignmentError where it does not exist."""


class FrameGrader:
    """Grades any number of predictions of one frame under any number of protocols."""

    def __init__(self, gt: GtFrame, protocols: Sequence[Protocol], seed: Sequence[int] = (0,)):
        """``seed`` draws the pairs of pixels of the ordinal metrics; the same for all models."""
        self._gt, self._protocols, self._seed = gt, protocols, seed
        self._boundary = boundary_band(gt.z_depth)
        self._sets: list[tuple[Bool[np.ndarray, "h w"], ScoredPixels]] = []
        self._structures: dict[int, GtStructure] = {}
        self._of_protocol = {protocol.name: self._pixel_set(protocol) for protocol in protocols}

    def _pixel_set(self, protocol: Protocol) -> int:
        gt = self._gt
        scored = protocol.scored(gt.z_depth, gt.moving, gt.overlay, gt.metric)
        for number, (known, _) in enumerate(self._sets):
            if np.array_equal(scored, known):
                return number
        pixels = scored_pixels(gt.z_depth, scored, gt.moving, gt.person, self._boundary, gt.metric)
        self._sets.append((scored, pixels))
        return len(self._sets) - 1

    def pixels(self, protocol: Protocol) -> ScoredPixels:
        """The pixels that the protocol scores."""
        return self._sets[self._of_protocol[protocol.name]][1]

    def usable(self, protocol: Protocol, prediction: FramePrediction, alignment: str) -> Matched:
        """Finite values of the prediction on the scored pixels, in the domain of the alignment. Needs ``values``."""
        values = self._in_domain(protocol, prediction, alignment)
        return _matched(self.pixels(protocol), values)

    def depth_range(self, protocol: Protocol) -> DepthRange:
        """Where aligned depth ends on this frame, which has scored pixels."""
        return protocol.depth_range(float(self.pixels(protocol).gt.max()), self._gt.metric)

    def aligned(self, graded: Graded, prediction: FramePrediction) -> Float[np.ndarray, "h w"]:
        """The whole prediction as depth in the unit of the GT, float32, NaN where it has none."""
        values = self._in_domain(graded.protocol, prediction, graded.alignment)
        return graded.affine.depth(values, self.depth_range(graded.protocol)).astype(np.float32)

    def _in_domain(self, protocol: Protocol, prediction: FramePrediction, alignment: str) -> Float[np.ndarray, "h w"]:
        values = _averaged(protocol, prediction, self._gt.z_depth.shape)
        if _is_inverted(prediction.kind, alignment):
            values = _inverted(values, 0.0 if protocol.non_finite == "propagate" else math.nan)
        return values if protocol.prediction_range is None else np.clip(values, *protocol.prediction_range)

    def grade(
        self, prediction: FramePrediction, pooled: PooledFits | None, protocols: Sequence[Protocol]
    ) -> Iterator[Graded | Unscored]:
        """What every protocol says, one entry for each alignment that it grants to the kind.

        Args:
            pooled: needed by protocols whose scope is wider than the image.
            protocols: those given at first, or the same with other alignments.
        """
        return self._grade(prediction, pooled, protocols, self._structure)

    def grade_pixels(
        self, prediction: FramePrediction, pooled: PooledFits | None, protocols: Sequence[Protocol]
    ) -> Iterator[Graded | Unscored]:
        """As :meth:`grade` without structure, whose figures are NaN."""
        return self._grade(prediction, pooled, protocols, lambda *_: NO_STRUCTURE)

    def _grade(
        self,
        prediction: FramePrediction,
        pooled: PooledFits | None,
        protocols: Sequence[Protocol],
        structure_of: Callable[..., Mapping[str, float]],
    ) -> Iterator[Graded | Unscored]:
        shared: dict[Any, Any] = {}
        for protocol in protocols:
            alignments = protocol.granted(prediction.kind)
            if not alignments:
                yield Unscored(protocol, "not_granted", "not_granted")
            for alignment in alignments:
                yield self._grade_one(protocol, alignment, prediction, pooled, shared, structure_of)

    def _grade_one(
        self,
        protocol: Protocol,
        alignment: str,
        prediction: FramePrediction,
        pooled: PooledFits | None,
        shared: dict[Any, Any],
        structure_of: Callable[..., Mapping[str, float]],
    ) -> Graded | Unscored:
        if not self._gt.metric and (alignment == "none" or protocol.scope == "dataset"):
            return Unscored(protocol, alignment, "not_metric")
        if prediction.set_the_scale and (alignment == "none" or protocol.scope == "dataset"):
            return Unscored(protocol, alignment, "set_the_scale")
        if self.pixels(protocol).gt.size < protocol.least_pixels:
            return Unscored(protocol, alignment, "too_few_pixels")
        if prediction.values is None:
            return Unscored(protocol, alignment, "missing_prediction")
        set_number = self._of_protocol[protocol.name]
        values_key = (set_number, *self._preparation(protocol, prediction), _is_inverted(prediction.kind, alignment))
        matched = _once(shared, values_key, lambda: self.usable(protocol, prediction, alignment))
        if protocol.non_finite == "leave_out" and matched.p.size < protocol.least_pixels:
            return Unscored(protocol, alignment, "non_finite_prediction")
        try:
            affine = self._affine(protocol, alignment, matched, pooled, shared, values_key)
        except AlignmentError:
            return Unscored(protocol, alignment, "alignment_failed")
        depth_range = self.depth_range(protocol)
        key = (values_key, affine, depth_range, protocol.non_finite, protocol.negative_depth)
        sums = _once(shared, key, lambda: _cell_sums(matched, affine, depth_range, protocol))
        structure = structure_of(set_number, matched, affine, depth_range, values_key, shared)
        return _graded(protocol, alignment, self.pixels(protocol), matched, sums, structure, affine)

    def _preparation(self, protocol: Protocol, prediction: FramePrediction) -> tuple[Any, ...]:
        """What the protocol does to the prediction's maps: protocols that do the same share all that follows."""
        assert prediction.values is not None, "a frame without a prediction has no values"
        averaged = protocol.flip_averaging and prediction.flipped is not None
        same_size = prediction.values.shape == self._gt.z_depth.shape
        propagates = protocol.non_finite == "propagate"
        return averaged, "" if same_size else protocol.resize, protocol.prediction_range, propagates

    def _affine(
        self,
        protocol: Protocol,
        alignment: str,
        matched: Matched,
        pooled: PooledFits | None,
        shared: dict[Any, Any],
        values_key: Any,
    ) -> Affine:
        if protocol.scope != "image":
            assert pooled is not None, f"{protocol.name} needs alignments over each {protocol.scope}"
            return pooled(protocol, alignment)
        if matched.spoils_fit(protocol, alignment):
            return NOT_FINITE
        if alignment in LEAST_SQUARES:
            # The same for scale alone as for scale and shift.
            key = ("moments", values_key, alignment == "ls_affine_disparity", protocol.fit_on)
            return fit_moments(alignment, _once(shared, key, lambda: matched.moments(protocol, alignment)))
        spread_key = ("spread", values_key, protocol.fit_pixels)
        spread = _once(shared, spread_key, lambda: matched.spread(protocol.fit_pixels))
        found: Affine = _once(shared, ("fit", alignment, *spread_key), lambda: fit_vectors(alignment, *spread))
        return found

    def _structure(
        self,
        set_number: int,
        matched: Matched,
        affine: Affine,
        depth_range: DepthRange,
        values_key: Any,
        shared: dict[Any, Any],
    ) -> Mapping[str, float]:
        if not affine.known:
            return NO_STRUCTURE
        scored, pixels = self._sets[set_number]
        structure: GtStructure = _once(
            self._structures,
            set_number,
            lambda: GtStructure(self._gt.z_depth, scored, pixels, self._seed, self._gt.camera),
        )
        # Ratios of depth, and so edges and order, are the same under every scale.
        scale_only = not affine.inverse and affine.shift == 0 and affine.scale > 0
        key = ("structure", values_key, "scaled" if scale_only else (affine, depth_range))

        def measure() -> Mapping[str, float]:
            values = _once(shared, ("map", values_key), lambda: _map_of(matched, scored))
            if scale_only:
                return structure.measure(values)
            depth = aligned_depth(values, affine, depth_range)
            if depth_range.boundary_floor is None:
                return structure.measure(depth)
            return structure.measure(depth, aligned_depth(values, affine, depth_range.for_boundary))

        found: Mapping[str, float] = _once(shared, key, measure)
        return found


@dataclass(frozen=True)
class Matched:
    """Finite values of a prediction beside the GT of the same pixels.

    Attributes:
        pixels: the scored pixels that have a value.
        p: their values, inverted where the alignment is one of disparity and the prediction is depth.
        image: the whole map that ``p`` is of.
        missing: the scored pixels without one, and ``missing_p``, the values that are not finite.
    """

    pixels: ScoredPixels
    p: Float[np.ndarray, " n"]
    image: Float[np.ndarray, "h w"]
    missing: ScoredPixels | None = None
    missing_p: Float[np.ndarray, " m"] = field(default_factory=lambda: np.empty(0, np.float32))

    def spread(self, n_pixels: int | None) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
        """Values and GT of at most ``n_pixels`` pixels, evenly spread over regions and rows."""
        if n_pixels is None or self.p.size <= n_pixels:
            return self.p, self.pixels.gt
        chosen = np.linspace(0, self.p.size - 1, n_pixels).round().astype(np.int64)
        return self.p[chosen], self.pixels.gt[chosen]

    def moments(self, protocol: Protocol, alignment: str) -> Moments:
        """What a least-squares alignment is fitted on."""
        inverse = alignment == "ls_affine_disparity"
        if inverse and protocol.fit_on == "positive":
            return Moments.of(self.p[self.p > 0], self.pixels.gt[self.p > 0], inverse)
        return Moments.of(self.p, self.pixels.gt, inverse)

    def spoils_fit(self, protocol: Protocol, alignment: str) -> bool:
        """Whether a value that is not finite takes part in a fit, which gives NaN or stops with an error then."""
        if protocol.non_finite != "propagate" or alignment == "none":
            return False
        only_positive = alignment == "ls_affine_disparity" and protocol.fit_on == "positive"
        return bool((self.missing_p > 0).any() if only_positive else self.missing_p.size)


def _is_inverted(kind: str, alignment: str) -> bool:
    return alignment == "ls_affine_disparity" and kind in DEPTH_KINDS


def _averaged(protocol: Protocol, prediction: FramePrediction, shape: tuple[int, ...]) -> Float[np.ndarray, "h w"]:
    assert prediction.values is not None, "a frame without a prediction has no values"
    values = prediction.values
    if protocol.flip_averaging and prediction.flipped is not None:
        values = 0.5 * (values + prediction.flipped)
    return values if values.shape == shape else resized(values, shape[0], shape[1], protocol.resize)


def _inverted(values: Float[np.ndarray, "h w"], not_positive: float) -> Float[np.ndarray, "h w"]:
    with np.errstate(divide="ignore", invalid="ignore"):
        inverted: Float[np.ndarray, "h w"] = np.where(values <= 0, not_positive, 1.0 / values.astype(np.float64))
    # Infinite depth is a value that is not finite, not disparity 0.
    return np.where(np.isinf(values), np.nan, inverted)


def _matched(pixels: ScoredPixels, image: Float[np.ndarray, "h w"]) -> Matched:
    values = image.take(pixels.order)
    finite = np.isfinite(values)
    if finite.all():
        return Matched(pixels, values, image)
    return Matched(pixels.kept(finite), values[finite], image, pixels.kept(~finite), values[~finite])


def _cell_sums(
    matched: Matched, affine: Affine, depth_range: DepthRange, protocol: Protocol
) -> Float[np.ndarray, "k sums"]:
    if affine.known:
        sums = pixel_sums(matched.p, matched.pixels.gt, matched.pixels.offsets, affine, depth_range)
    else:
        sums = sums_of_nan(matched.pixels.offsets)
    if protocol.negative_depth == "inside":
        sums = with_negatives_inside(sums)
    if matched.missing is None or protocol.non_finite == "leave_out":
        return sums
    if protocol.non_finite == "propagate":
        return sums + sums_of_nan(matched.missing.offsets)
    ends = np.where(matched.missing_p == np.inf, depth_range.highest, depth_range.lowest)
    return sums + pixel_sums(ends, matched.missing.gt, matched.missing.offsets, _AS_IT_IS, depth_range)


def _map_of(matched: Matched, scored: Bool[np.ndarray, "h w"]) -> Float[np.ndarray, "h w"]:
    """The values as an image, float32, NaN where nothing is scored or a value is not finite."""
    image = matched.image.astype(np.float32, copy=False)
    answered: Float[np.ndarray, "h w"] = np.where(scored & np.isfinite(image), image, np.float32(np.nan))
    return answered


def _graded(
    protocol: Protocol,
    alignment: str,
    pixels: ScoredPixels,
    matched: Matched,
    sums: Float[np.ndarray, "k sums"],
    structure: Mapping[str, float],
    affine: Affine,
) -> Graded:
    scored, answered = pixels.counts_by_region(), matched.pixels.counts_by_region()
    regional, by_bin = by_region(pixels, sums), by_depth(pixels, sums)
    return Graded(protocol, alignment, regional, by_bin, scored, answered, structure, affine)


def _once(shared: dict[Any, Any], key: Any, make: Callable[[], Any]) -> Any:
    if key not in shared:
        shared[key] = make()
    return shared[key]
