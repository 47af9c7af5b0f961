"""What a scale cue is given and what it answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np
from jaxtyping import Float, UInt8

from sfm_gt import registry
from sfm_gt.formats.joints import JointTracks
from sfm_gt.formats.sidecar import ScaleEvidence
from sfm_gt.formats.sidecar_row import SidecarSource
from sfm_gt.geometry.types import SparseModel

PixelMap = Callable[[int, Float[np.ndarray, "n 2"]], Float[np.ndarray, "n 2"]]


@dataclass(frozen=True)
class NetworkEvidence:
    """What a metric depth model says of the clip.

    Attributes:
        model: its name, recorded with the scale that it sets.
        sha256: of its weights, None where unknown; a renamed model is still the same.
        sigma_log_scale: published spread of its scale from clip to clip.
        source: where that spread is published.
        load_depth_m: its (H, W) z-depth of an undistorted frame in metres by frame index; None where it gave none.
    """

    model: str
    sha256: str | None
    sigma_log_scale: float
    source: str
    load_depth_m: Callable[[int], Float[np.ndarray, "h w"] | None]


@dataclass(frozen=True)
class Evidence:
    """All that cues may look at.

    Attributes:
        stated: the sidecar's scale section; its pixels are those of the source video.
        sidecar: beside which its files lie; None where there is none.
        timestamps_s: presentation time by frame index.
        undistorted_px: pixels (N, 2) of a frame of the source video, by its index, to pixels of the undistorted frame.
        load_gray: undistorted grey frame by frame index.
        depth_frames: frames with dense depth; empty for a cue that does not ask for it (``needs_depth``).
        load_depth_sfm: (H, W) valid dense z-depth in SfM units by frame index, NaN where there is none.
        find_joints: people's joints found by a configured pose network, in undistorted pixels; None without one.
        network: a metric depth model's stored predictions; None where the configuration names none.
    """

    model: SparseModel
    stated: ScaleEvidence
    sidecar: SidecarSource | None
    timestamps_s: Mapping[int, float]
    undistorted_px: PixelMap
    load_gray: Callable[[int], UInt8[np.ndarray, "h w"]]
    depth_frames: tuple[int, ...] = ()
    load_depth_sfm: Callable[[int], Float[np.ndarray, "h w"]] | None = None
    find_joints: Callable[[], JointTracks] | None = None
    network: NetworkEvidence | None = None


@dataclass(frozen=True)
class ScaleEstimate:
    """``metric_from_sfm = exp(log_scale)``, metres per SfM unit.

    Attributes:
        sigma_log_scale: one standard deviation of ``log_scale``, close to a relative error of the scale.
        n_observations: measurements that it rests on.
        notes: one line for each piece of evidence used or refused, for the report.
        set_by: depth models that it rests on, by name and by the hash of their weights; they may not be graded by it.
    """

    log_scale: float
    sigma_log_scale: float
    n_observations: int
    notes: tuple[str, ...] = ()
    set_by: tuple[str, ...] = ()


class ScaleCue(Protocol):
    """The interface of the cues: one file a cue, ``PLUGIN`` names its class.

    Attributes:
        needs_depth: whether the cue looks at dense depth.
    """

    needs_depth: ClassVar[bool]

    def estimate(self, evidence: Evidence) -> ScaleEstimate:
        """Raises NoEvidenceError where there is none; it never answers 1."""
        ...


def need_depth(cues: Iterable[str]) -> bool:
    """Whether one of these cues looks at dense depth."""
    plugins: list[type[ScaleCue]] = [registry.load("scale", name) for name in cues]
    return any(plugin.needs_depth for plugin in plugins)
