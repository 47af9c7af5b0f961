"""Which frames of real clips come through, beside what a careful person would keep of them.

    python benchmarks/accuracy/yields.py DATA... --out OUT [--half choose|report|both] [--save]

DATA are folders of videos with an ``expected.yaml`` (file name or stem: ``expect`` or ``verdict``, ``frames``, ``why``).
Runs the stages up to the verdict of structure from motion, with the sidecars that lie beside the videos; stages that are
finished in OUT are used again. ``yields.yaml`` beside this file says which videos thresholds may be chosen on, and which
reasons are right.
--save writes benchmarks/results/yields.json.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))

from benchmarks.accuracy.gates import (  # noqa: E402 - a script beside the package, not in it
    ACCEPTED,
    BEFORE_SFM,
    CRASH,
    Part,
    Passed,
    Run,
    Worker,
    frames_of,
    other_rows,
    pass_gates,
    runs,
    write_result,
)
from sfm_gt.config import Config  # noqa: E402
from sfm_gt.video.catalog import VideoFile, list_videos  # noqa: E402

RESULT = REPOSITORY / "benchmarks" / "results" / "yields.json"
RULES = Path(__file__).with_suffix(".yaml")
# What has to be shown: share of a usable clip's frames, frames at the ends of a take, share of right reasons.
MIN_KEPT, MAX_END_ERROR, MIN_REASONS_RIGHT = 0.95, 2, 0.8
# What is wrong with the scene holds for the frames; what is wrong with the camera model does not (see ``Expected.takes``).
OF_THE_SCENE = ("scene_not_frozen",)


@dataclass(frozen=True)
class Expected:
    """What a careful person would do with one video.

    Attributes:
        verdict: accept, refuse, cut, trim or either.
        takes: of cut and trim, the frames that may be kept, each take in a clip of its own. These videos are judged by the
            frames of the clips and of the frozen interval, whatever is found of the camera: two takes have two cameras.
        optional: frames that may be kept or not.
        reasons: that are right when the video is refused.
    """

    name: str
    verdict: str
    half: str
    takes: tuple[Run, ...] = ()
    optional: tuple[Run, ...] = ()
    reasons: tuple[str, ...] = ()


def read_expected(data: Path) -> dict[str, Expected]:
    """What ``data``'s expected.yaml says of each video, by its stem, with what ``yields.yaml`` adds."""
    rules = yaml.safe_load(RULES.read_text())
    found = {}
    for file_name, entry in yaml.safe_load((data / "expected.yaml").read_text()).items():
        name = Path(file_name).stem
        frames = entry.get("frames") or []
        takes = frames if frames and isinstance(frames[0], list) else [frames] * bool(frames)
        verdict = {"reject": "refuse"}.get(entry.get("verdict"), entry.get("verdict") or entry.get("expect"))
        found[name] = Expected(
            name, verdict, "choose" if name in rules["choose"] else "report", tuple((a, b) for a, b in takes),
            tuple((a, b) for a, b in rules["optional"].get(name, ())), tuple(rules["reasons"].get(name, ())),
        )  # fmt: skip
    return found


def _bare(name: str) -> str:
    return f"{name} without sidecar"


def cases(data: Path) -> list[tuple[VideoFile, Expected]]:
    """Every video of a folder with what is expected of it; those with a known camera once more without."""
    expected, without = read_expected(data), yaml.safe_load(RULES.read_text())["without_sidecar"]
    found = [(video, expected[video.path.stem]) for video in list_videos(data) if video.path.stem in expected]
    for video, wanted in list(found):
        if wanted.name in without:
            bare = replace(video, video_id=f"{video.video_id}-without-sidecar", sidecar=None)
            reasons = tuple(without[wanted.name])
            found.append((bare, Expected(_bare(wanted.name), "refuse", wanted.half, reasons=reasons)))
    return found


def judge(passed: Passed, expected: Expected) -> dict[str, Any]:
    """One row: what was kept of a video against what was expected."""
    usable, forbidden = _sets(passed, expected)
    by_clip = {part.clip_id: _kept(part, expected) for part in passed.parts}
    kept = set().union(*by_clip.values()) if by_clip else set()
    accounted = frames_of((part.first_frame, part.last_frame) for part in passed.parts)
    row = {
        "video": expected.name, "half": expected.half, "expected": expected.verdict,
        "given": _given(passed, kept, usable), "frames": passed.n_frames, "kept": runs(kept),
        "kept_share": len(kept & usable) / len(usable) if usable else None,
        "usable_kept": len(kept & usable), "usable_lost": len(usable - kept),
        "unusable_kept": len(kept & forbidden), "unusable_refused": len(forbidden - kept),
        "unaccounted": passed.n_frames - len(accounted),
        "reasons": _reasons(passed, kept),
    }  # fmt: skip
    row |= _by_take(by_clip, expected) if expected.takes else {}
    row["reason_right"] = _reason_right(row["reasons"], expected) if expected.verdict == "refuse" and not kept else None
    row["right"] = _right(row, by_clip, usable)
    return row | {"cpu_s": passed.cpu_s, "parts": [_part(part) for part in passed.parts]}


def _sets(passed: Passed, expected: Expected) -> tuple[set[int], set[int]]:
    """Frames that ought to be kept, and frames that must not be; the others are left to taste."""
    every = set(range(passed.n_frames))
    if expected.verdict == "either":
        return set(), set()
    if expected.verdict == "accept":
        return every, set()
    usable = frames_of(expected.takes) & every
    return usable, every - usable - frames_of(expected.optional)


def _kept(part: Part, expected: Expected) -> set[int]:
    whole = frames_of([(part.first_frame, part.last_frame)])
    if not expected.takes:
        return frames_of(part.registered) if part.status == ACCEPTED else set()
    if part.status == CRASH or part.stage in BEFORE_SFM or part.reason in OF_THE_SCENE:
        return set()
    return whole & frames_of([part.frozen]) if part.frozen else whole


def _given(passed: Passed, kept: set[int], usable: set[int]) -> str:
    if any(part.status == CRASH for part in passed.parts):
        return CRASH
    if not kept:
        return "refuse"
    return "whole" if not usable or len(kept & usable) >= MIN_KEPT * len(usable) else "part"


def _reasons(passed: Passed, kept: set[int]) -> dict[str, int]:
    """Frames that were refused, by reason."""
    frames: Counter[str] = Counter()
    for part in passed.parts:
        if part.status != ACCEPTED and not frames_of([(part.first_frame, part.last_frame)]) & kept:
            frames[part.reason or part.status] += part.n_frames
    return dict(frames)


def _reason_right(reasons: Mapping[str, int], expected: Expected) -> bool:
    """Most of the frames were refused for a right reason; a video that ingest could not read has no frames."""
    right = sum(frames for reason, frames in reasons.items() if reason in expected.reasons)
    return right > sum(reasons.values()) / 2


def _by_take(by_clip: Mapping[str, set[int]], expected: Expected) -> dict[str, Any]:
    """Ends of every take, and frames kept by a clip outside of its own take, which is the one it shares most with."""
    own: list[set[int]] = [set() for _ in expected.takes]
    outside = 0
    for kept in filter(None, by_clip.values()):
        takes = [frames_of([take]) for take in expected.takes]
        best = max(range(len(takes)), key=lambda k: len(takes[k] & kept))
        own[best] |= kept & takes[best]
        outside += len(kept - takes[best] - frames_of(expected.optional))
    ends = [
        [min(kept) - first, max(kept) - last] if kept else None
        for kept, (first, last) in zip(own, expected.takes, strict=True)
    ]
    return {"end_errors": ends, "blended_kept": outside}


def _right(row: Mapping[str, Any], by_clip: Mapping[str, set[int]], usable: set[int]) -> bool:
    if row["given"] == CRASH:
        return False
    if row["expected"] == "either":
        return True
    if row["expected"] == "refuse":
        return not row["kept"]
    if row["expected"] == "accept":
        # Whole is in one piece: two halves are two scales.
        return max((len(kept & usable) for kept in by_clip.values()), default=0) >= MIN_KEPT * len(usable)
    ends = row["end_errors"]
    return row["blended_kept"] == 0 and all(end is not None and max(map(abs, end)) <= MAX_END_ERROR for end in ends)


def _part(part: Part) -> dict[str, Any]:
    return {key: value for key, value in asdict(part).items() if value not in (None, [], {})}


def summary(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Counts by clips and by frames, and each bound with whether it was kept."""
    by_verdict = {verdict: [row for row in rows if row["expected"] == verdict] for verdict in
                  ("accept", "refuse", "cut", "trim", "either")}  # fmt: skip
    usable, refused = by_verdict["accept"], by_verdict["refuse"]
    takes = by_verdict["cut"] + by_verdict["trim"]
    reasons_right = sum(bool(row["reason_right"]) for row in refused)
    frames = {key: sum(row[key] for row in rows)
              for key in ("usable_kept", "usable_lost", "unusable_kept", "unusable_refused", "unaccounted")}  # fmt: skip
    return {
        "videos": len(rows), "right": sum(row["right"] for row in rows),
        "by_clips": {verdict: dict(Counter(row["given"] for row in some)) for verdict, some in by_verdict.items()},
        "by_frames": frames,
        "usable_whole": sum(row["right"] for row in usable), "usable": len(usable),
        "refused_accepted": sum(bool(row["kept"]) for row in refused), "refused": len(refused),
        "reasons_right": reasons_right,
        "takes_right": sum(row["right"] for row in takes), "takes": len(takes),
        "blended_kept": sum(row["blended_kept"] for row in takes),
        "cpu_s_a_frame": cost(rows),
        "shown": {
            "usable_whole": all(row["right"] for row in usable),
            "none_accepted": not any(row["kept"] for row in refused),
            "reasons": reasons_right >= MIN_REASONS_RIGHT * len(refused),
            "takes": all(row["right"] for row in takes),
            "every_frame_accounted": frames["unaccounted"] == 0,
            "no_crash": not any(row["given"] == CRASH for row in rows),
        },
    }  # fmt: skip


def by_half(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The summary of each half of which anything was run."""
    halves = {half: [row for row in rows if row["half"] == half] for half in ("choose", "report")}
    return {half: summary(some) for half, some in halves.items() if some}


def cost(rows: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """CPU seconds a frame by stage, over the frames on which that stage ran in this call."""
    seconds: Counter[str] = Counter()
    frames: Counter[str] = Counter()
    for row in rows:
        for holder in [row, *row["parts"]]:
            n_frames = holder["frames"] if "frames" in holder else holder["last_frame"] + 1 - holder["first_frame"]
            for stage, spent in holder.get("cpu_s", {}).items():
                seconds[stage] += spent
                frames[stage] += n_frames
    return {stage: round(seconds[stage] / frames[stage], 4) for stage in seconds if frames[stage]}


def crashed(video: VideoFile, error: str) -> Passed:
    """What is left of a video whose process died."""
    return Passed(video.video_id, 0, [Part(video.video_id, 0, -1, CRASH, "unknown", message=error)])


def print_row(row: Mapping[str, Any]) -> None:
    """One line a video."""
    mark = "right" if row["right"] else "WRONG"
    reasons = " ".join(f"{name}:{count}" for name, count in row["reasons"].items())
    kept = " ".join(f"{first}-{last}" for first, last in row["kept"])
    figures = ", ".join(f"{part['reason']} {part['measured']:.4g} against {part['threshold']:.4g}" for part in row["parts"]
                        if "measured" in part and "threshold" in part)  # fmt: skip
    ends = f"ends {row['end_errors']} blended {row['blended_kept']}" if "end_errors" in row else ""
    verdict = f"{row['video']:26} {row['expected']:7} {row['given']:7} {mark}"
    print(f"{verdict}  kept {kept or '-'}  {reasons} {ends} {figures}".rstrip(), flush=True)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, help="where stages are left and found again; a scratch folder by default")
    parser.add_argument("--half", choices=("choose", "report", "both"), default="both")
    parser.add_argument("--only", nargs="+", help="stems of videos; the others stay in the result as they are")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--save", action="store_true", help="write benchmarks/results/yields.json")
    parser.add_argument("--json", type=Path, help="write the result there")
    arguments = parser.parse_args()
    paths = [RESULT] * arguments.save + [arguments.json] * (arguments.json is not None)
    named = arguments.only and [*arguments.only, *(_bare(name) for name in arguments.only)]
    rows, worker = other_rows(paths, "video", named), Worker()
    with tempfile.TemporaryDirectory() as scratch:
        for data in arguments.data:
            config = Config(videos=data, out=arguments.out or Path(scratch))
            for video, expected in cases(data):
                if arguments.half not in ("both", expected.half) or video.path.stem not in (
                    arguments.only or [video.path.stem]
                ):
                    continue
                passed, error = worker.call(pass_gates, video, config, arguments.threads)
                rows.append(judge(passed or crashed(video, error), expected))
                print_row(rows[-1])
                write_result(by_half(rows) | {"rows": rows}, paths)
    print(json.dumps(by_half(rows), indent=1))


if __name__ == "__main__":
    main()
