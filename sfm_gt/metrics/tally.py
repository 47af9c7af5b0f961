"""What is kept of a run while frames stream by: sums a video, and two figures of a frame for quantiles over frames.

Everything in the tables follows from these; no figure needs a second pass over pixels or frames.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float

from sfm_gt.metrics.comparison import COMPARED
from sfm_gt.metrics.depth import IN_METRES, METRICS, metrics_of, si_rmse_between
from sfm_gt.metrics.grading import Graded
from sfm_gt.metrics.pixel_sums import SUMS
from sfm_gt.metrics.points import POINTS
from sfm_gt.metrics.protocol import Protocol
from sfm_gt.metrics.regions import DEPTH_EDGES_M, REGIONS
from sfm_gt.metrics.structure import STRUCTURE
from sfm_gt.metrics.uncertainty import UNCERTAINTY

PAIR_SETS = {"si_rmse_person_all": ("person", "all"), "si_rmse_person_environment": ("person", "environment")}
"""Scale-invariant errors between two sets of pixels (MannequinChallenge's si-hum and si-inter). Within people and within the
environment they are ``si_rmse`` of these regions."""
TEMPORAL = ("tae", "tae_unmasked")
OWN = (*UNCERTAINTY, *POINTS)
"""Of what a model states beside depth."""
FIGURES = (*METRICS, *STRUCTURE, *PAIR_SETS, *TEMPORAL, *OWN)
"""Everything that region ``all`` has."""

_COMPARED = [FIGURES.index(name) for name in COMPARED]
_METRES = np.array([name in IN_METRES for name in FIGURES])


@dataclass(frozen=True)
class FrameFigures:
    """Figures of one frame under one protocol and alignment; NaN where one does not exist.

    Attributes:
        regional: metrics of every region.
        overall: FIGURES of region ``all``.
    """

    graded: Graded
    regional: Float[np.ndarray, "regions metrics"]
    overall: Float[np.ndarray, " figures"]

    @property
    def spoilt(self) -> bool:
        """Whether a prediction that is not finite makes figures NaN that exist, as the protocol asks."""
        return self.graded.protocol.non_finite == "propagate" and bool(self.graded.answered[0] < self.graded.scored[0])

    def counted(self, metric: bool) -> tuple[Bool[np.ndarray, "regions metrics"], Bool[np.ndarray, " figures"]]:
        """Which of ``regional`` and ``overall`` enter means: those that exist, and NaN where values propagate."""
        regional, overall = np.isfinite(self.regional), np.isfinite(self.overall)
        if self.graded.protocol.non_finite == "propagate":
            exists = (self.graded.sums[:, :1] >= self.graded.protocol.least_pixels) & (
                metric | ~_METRES[: len(METRICS)]
            )
            regional, overall[: len(METRICS)] = regional | exists, overall[: len(METRICS)] | exists[0]
        return regional, overall


def figures_of(
    graded: Graded,
    metric: bool,
    temporal: tuple[float, float] | None = None,
    own: tuple[float, ...] | None = None,
) -> FrameFigures:
    """Figures from the sums of a frame. Regions with too few pixels, and metres where there are none, are NaN."""
    regional = metrics_of(graded.sums)
    regional[graded.sums[:, 0] < graded.protocol.least_pixels] = np.nan
    if not metric:
        regional[:, len(METRICS) - len(IN_METRES) :] = np.nan
    pairs = [si_rmse_between(*(graded.sums[REGIONS.index(region)] for region in sets)) for sets in PAIR_SETS.values()]
    structure = [graded.structure[name] for name in STRUCTURE]
    overall = np.array([*regional[0], *structure, *pairs, *(temporal or (np.nan,) * 2), *(own or (np.nan,) * len(OWN))])
    return FrameFigures(graded, regional, overall)


@dataclass
class VideoTally:
    """Sums over the frames of one video. The second row of ``sums`` is of metric clips alone, for figures in metres."""

    frames: int = 0
    value_sums: Float[np.ndarray, " figures"] = field(default_factory=lambda: np.zeros(len(FIGURES)))
    value_counts: Float[np.ndarray, " figures"] = field(default_factory=lambda: np.zeros(len(FIGURES)))
    pixel_value_sums: Float[np.ndarray, " figures"] = field(default_factory=lambda: np.zeros(len(FIGURES)))
    pixel_counts: Float[np.ndarray, " figures"] = field(default_factory=lambda: np.zeros(len(FIGURES)))
    region_sums: Float[np.ndarray, "regions metrics"] = field(
        default_factory=lambda: np.zeros((len(REGIONS), len(METRICS)))
    )
    region_counts: Float[np.ndarray, "regions metrics"] = field(
        default_factory=lambda: np.zeros((len(REGIONS), len(METRICS)))
    )
    sums: Float[np.ndarray, "2 sums"] = field(default_factory=lambda: np.zeros((2, len(SUMS))))

    def add(self, figures: FrameFigures, metric: bool) -> None:
        """One more frame."""
        self.frames += 1
        regional, known = figures.counted(metric)
        pixels = figures.graded.sums[0, 0]
        values = np.where(known, figures.overall, 0.0)
        self.value_sums += values
        self.value_counts += known
        self.pixel_value_sums += pixels * values
        self.pixel_counts += pixels * known
        self.region_sums += np.where(regional, figures.regional, 0.0)
        self.region_counts += regional
        self.sums[0] += figures.graded.sums[0]
        if metric:
            self.sums[1] += figures.graded.sums[0]

    def pooled(self) -> Float[np.ndarray, " figures"]:
        """Figures over all pixels of the video at once; structure has no pooled form and stays a mean over frames."""
        with np.errstate(invalid="ignore", divide="ignore"):
            found = self.value_sums / self.value_counts
        over_pixels = metrics_of(self.sums)
        found[: len(METRICS)] = np.where(_METRES[: len(METRICS)], over_pixels[1], over_pixels[0])
        return found


@dataclass
class Tally:
    """All frames of one model under one protocol and alignment.

    Attributes:
        unscored: frames by reason.
        spoilt: frames whose figures are NaN since values that are not finite propagate.
        depth_sums: sums over pixels of every depth bin, of metric clips.
        by_frame: COMPARED of every frame, NaN where one has none: quantiles need them all.
    """

    protocol: Protocol
    alignment: str
    kind: str
    videos: dict[str, VideoTally] = field(default_factory=dict)
    clips: set[str] = field(default_factory=set)
    unscored: Counter[str] = field(default_factory=Counter)
    inverted: int = 0
    spoilt: int = 0
    scored_pixels: int = 0
    answered_pixels: int = 0
    depth_sums: Float[np.ndarray, "bins sums"] = field(
        default_factory=lambda: np.zeros((len(DEPTH_EDGES_M) + 1, len(SUMS)))
    )
    by_frame: list[Float[np.ndarray, " compared"]] = field(default_factory=list)

    def add(self, figures: FrameFigures, video_id: str, clip_id: str, metric: bool) -> None:
        """One more frame."""
        self.videos.setdefault(video_id, VideoTally()).add(figures, metric)
        self.clips.add(clip_id)
        self.by_frame.append(figures.overall[_COMPARED])
        self.inverted += figures.graded.inverted
        self.spoilt += figures.spoilt
        self.scored_pixels += int(figures.graded.scored[0])
        self.answered_pixels += int(figures.graded.answered[0])
        if metric:
            self.depth_sums += figures.graded.depth_sums

    @property
    def frames(self) -> int:
        """Scored frames."""
        return sum(video.frames for video in self.videos.values())

    def quotients(
        self, reducer: str, video_ids: list[str]
    ) -> tuple[Float[np.ndarray, "videos figures"], Float[np.ndarray, "videos figures"]]:
        """Numerator and denominator of every figure for each video; see ``bootstrap``. Zero where it has none.

        Args:
            reducer: video = frame > video > data set (Video-Depth-Anything, DepthCrafter); image = mean over frames (Depth
                Anything, ZoeDepth, Marigold, MoGe); pixel = frames weighted by their pixels (MonST3R); pooled = pixels
                pooled over a video, mean over videos (MegaSaM).
        """
        parts = [_quotient(self.videos.get(video, VideoTally()), reducer) for video in video_ids]
        none = np.empty((0, len(FIGURES)))
        return (
            np.stack([part[0] for part in parts]) if parts else none,
            np.stack([part[1] for part in parts]) if parts else none,
        )

    def means(self, reducer: str) -> Float[np.ndarray, " figures"]:
        """Every figure over the data set; NaN where no frame has it."""
        numerator, denominator = self.quotients(reducer, sorted(self.videos))
        with np.errstate(invalid="ignore", divide="ignore"):
            found: Float[np.ndarray, " figures"] = numerator.sum(axis=0) / denominator.sum(axis=0)
        return found

    def frame_quantile(self, metric: str, quantile: float) -> float:
        """Quantile over frames of one of COMPARED; NaN where a frame is spoilt or none has it."""
        values = np.array([figures[list(COMPARED).index(metric)] for figures in self.by_frame])
        values = values if self.spoilt else values[np.isfinite(values)]
        return float(np.quantile(values, quantile)) if values.size else math.nan

    def region_means(self) -> Float[np.ndarray, "regions metrics"]:
        """Metrics of every region, frame > video > data set."""
        with np.errstate(invalid="ignore", divide="ignore"):
            videos = [
                self.videos[video].region_sums / self.videos[video].region_counts for video in sorted(self.videos)
            ]
        if not videos:
            return np.full((len(REGIONS), len(METRICS)), np.nan)
        stacked = np.stack(videos)
        known = np.isfinite(stacked) | np.stack(
            [np.isnan(self.videos[video].region_sums) for video in sorted(self.videos)]
        )
        with np.errstate(invalid="ignore"):
            found: Float[np.ndarray, "regions metrics"] = np.where(known, stacked, 0.0).sum(axis=0) / known.sum(axis=0)
        return found


def _quotient(video: VideoTally, reducer: str) -> tuple[Float[np.ndarray, " figures"], Float[np.ndarray, " figures"]]:
    if reducer == "image":
        return video.value_sums, video.value_counts
    if reducer == "pixel":
        return video.pixel_value_sums, video.pixel_counts
    with np.errstate(invalid="ignore", divide="ignore"):
        found = video.pooled() if reducer == "pooled" else video.value_sums / video.value_counts
    # A sum is NaN only where values that are not finite propagate.
    known = np.isfinite(found) | np.isnan(video.value_sums)
    return np.where(known, found, 0.0), known.astype(np.float64)
