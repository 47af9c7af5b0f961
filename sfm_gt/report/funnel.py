"""The yield funnel: how much of what was put in became ground truth, and why the rest did not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sfm_gt.dense.shared.cleaning import Rule
from sfm_gt.formats.manifest import Manifest

SHOT_REASONS = frozenset({"too_short"})  # of the stage clips; its other reasons are those of frames between shots


class Beside(NamedTuple):
    """Frames of an accepted clip that its ground truth leaves out: where they are counted, and what it means."""

    stage: str
    measure: str
    meaning: str


BESIDE = {
    "not_at_rest": Beside("sfm", "frames_not_at_rest", "lie outside of the frozen interval"),
    "not_registered": Beside("sfm", "frames_not_registered", "fit no model with the others (another take, blur)"),
    "too_little_depth": Beside(
        "dataset", "dropped_frames", "have valid depth at less than dataset.min_valid of the picture"
    ),
}


@dataclass(frozen=True)
class Level:
    """``kept`` of ``total`` things of one sort; ``lost`` says in words what the others were."""

    name: str
    kept: int
    total: int
    lost: str

    @property
    def share(self) -> float:
        """kept / total, 0 where there is nothing."""
        return self.kept / self.total if self.total else 0.0


@dataclass(frozen=True)
class Drop:
    """One rule of cleaning: of all pixels with dense depth, how many it dropped first, and how many it speaks against."""

    rule: str
    dropped: int
    dropped_share: float
    found_share: float


@dataclass(frozen=True)
class Refusal:
    """A video, shot or clip that gave no ground truth, or frames between shots, and the verdict on it."""

    what: str
    name: str
    stage: str
    reason: str
    message: str
    measured: float | None
    threshold: float | None


def refusals(corpus: Mapping[str, Any], manifests: Mapping[str, Mapping[str, Manifest]]) -> list[Refusal]:
    """Everything refused, once each, in the order videos, shots and what lies between them, clips.

    Args:
        corpus: content of clips.json.
        manifests: by clip and stage; a clip whose data set stage has none counts as ``unfinished``.
    """
    found = [_refusal("video", video["path"], "ingest", video) for video in corpus["videos"] if video["status"] != "ok"]
    for stretch in corpus["rejected"]:
        what = "shot" if stretch["reason"] in SHOT_REASONS else "between shots"
        found.append(_refusal(what, stretch["clip_id"], "clips", stretch))
    for clip_id, stages in manifests.items():
        rejecting = [manifest for manifest in stages.values() if manifest.status == "rejected"]
        found += [_refusal("clip", clip_id, manifest.stage, vars(manifest)) for manifest in rejecting]
        if "dataset" not in stages:
            unfinished = {"reason": "unfinished", "message": "a stage did not finish; see its log and run again"}
            found.append(_refusal("clip", clip_id, list(stages)[-1] if stages else "frames", unfinished))
    return found


def _refusal(what: str, name: str, stage: str, verdict: Mapping[str, Any]) -> Refusal:
    return Refusal(
        what, name, stage, verdict.get("reason") or "unknown", verdict.get("message") or "",
        verdict.get("measured"), verdict.get("threshold"),
    )  # fmt: skip


def drops(manifests: Mapping[str, Mapping[str, Manifest]]) -> list[Drop]:
    """What each rule of cleaning took from the frames of all clips, in the order of the rules.

    Args:
        manifests: by clip and stage.
    """
    cleaned = [stages["clean"].measures for stages in manifests.values() if "clean" in stages and stages["clean"].ok]
    pixels = sum(measures["pixels_with_depth"] for measures in cleaned)
    found = []
    for rule in Rule if pixels else ():
        dropped = sum(measures[f"dropped_{rule.label}"] for measures in cleaned)
        against = sum(measures[f"found_{rule.label}"] for measures in cleaned)
        found.append(Drop(rule.label, dropped, dropped / pixels, against / pixels))
    return found


def n_frames(stretches: Iterable[Mapping[str, Any]]) -> int:
    """Frames of entries of clips.json."""
    return sum(stretch["last_frame"] - stretch["first_frame"] + 1 for stretch in stretches)


def frames_left_out(corpus: Mapping[str, Any]) -> dict[str, int]:
    """Frames of sound videos that lie in no clip, by reason; with those of the clips they are all frames there are."""
    reasons = sorted({stretch["reason"] for stretch in corpus["rejected"]})
    return {reason: n_frames(s for s in corpus["rejected"] if s["reason"] == reason) for reason in reasons}


def frames_beside(manifests: Mapping[str, Mapping[str, Manifest]]) -> dict[str, int]:
    """Frames of accepted clips that ground truth does not come from, by reason."""
    counts = {
        reason: sum(_measure(stages, beside) for stages in manifests.values()) for reason, beside in BESIDE.items()
    }
    return {reason: count for reason, count in counts.items() if count}


def _measure(stages: Mapping[str, Manifest], beside: Beside) -> int:
    manifest = stages.get(beside.stage)
    return int(manifest.measures.get(beside.measure, 0)) if manifest is not None and manifest.ok else 0


def _skipped(manifests: Mapping[str, Mapping[str, Manifest]]) -> int:
    """Registered frames that were not to get depth."""
    both = [(stages["sfm"].measures, stages["dense"].measures) for stages in manifests.values()
            if "sfm" in stages and "dense" in stages and stages["dense"].ok]  # fmt: skip
    return sum(int(sfm.get("registered_frames", 0)) - int(dense["frames"]) for sfm, dense in both)


def levels(
    corpus: Mapping[str, Any], manifests: Mapping[str, Mapping[str, Manifest]], index: Sequence[Mapping[str, Any]]
) -> list[Level]:
    """Videos, their frames, shots, clips, frames of clips and pixels.

    Args:
        index: rows of the data set's index.
    """
    videos, clips = corpus["videos"], corpus["clips"]
    in_clips = n_frames(clips)
    left_out = frames_left_out(corpus)
    too_short = sum(stretch["reason"] in SHOT_REASONS for stretch in corpus["rejected"])
    registered = sum(
        int(stages["sfm"].measures.get("registered_frames", 0)) for stages in manifests.values() if "sfm" in stages
    )
    pixels = sum(row["width"] * row["height"] for row in index)
    beside, skipped = frames_beside(manifests), _skipped(manifests)
    by_stage = {stage: [f"{reason} {count}" for reason, count in beside.items() if BESIDE[reason].stage == stage]
                for stage in ("sfm", "dataset")}  # fmt: skip
    by_stage["dataset"] += [f"between steps of dense.frame_step {skipped}"] if skipped > 0 else []
    valid = sum(round(row["valid_fraction"] * row["width"] * row["height"]) for row in index)
    with_gt = {row["clip_id"] for row in index}
    return [
        Level("videos", sum(video["status"] == "ok" for video in videos), len(videos), "refused by ingest"),
        Level("shots", len(clips), len(clips) + too_short, "too short"),
        Level(
            "frames in clips",
            in_clips,
            in_clips + sum(left_out.values()),
            ", ".join(f"{reason} {count}" for reason, count in left_out.items()) or "left out",
        ),
        Level("clips", len(with_gt), len(clips), "rejected by a stage"),
        Level(
            "frames registered",
            registered,
            in_clips,
            ", ".join([*by_stage["sfm"], "of rejected clips"]),
        ),
        Level(
            "frames with ground truth",
            len(index),
            in_clips,
            ", ".join([*by_stage["dataset"], "of rejected clips, without a pose"]),
        ),
        Level("pixels of these frames", valid, pixels, "without consistent depth, moving or overlaid"),
    ]
