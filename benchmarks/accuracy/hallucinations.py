"""Clips that hold no rigid scene with depth, made here: how many of them are refused, and for what.

    python benchmarks/accuracy/hallucinations.py [--kitchen VIDEO] [--seeds 0 1] [--save]

Clips of noise, of scenes mixed frame by frame, of mirrored halves, of one texture all over, of flat pages and photographs (see
``hallucinated_kinds.py``), one a kind and seed, go through the stages up to structure from motion. VIDEO is the kitchen's, one
source more beside the embedded takes. Thresholds may be chosen on seed 0. --save writes benchmarks/results/hallucinations.json.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from zlib import crc32

import cv2
import numpy as np

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))

from benchmarks.accuracy.footage import write_clip  # noqa: E402 - a script beside the package, not in it
from benchmarks.accuracy.gates import ACCEPTED, CRASH, Worker, other_rows, pass_gates, write_result  # noqa: E402
from benchmarks.accuracy.hallucinated_clips import FPS, Frame, Sources  # noqa: E402
from benchmarks.accuracy.hallucinated_kinds import KINDS  # noqa: E402
from sfm_gt.config import Config  # noqa: E402

RESULTS = REPOSITORY / "benchmarks" / "results"
MIN_REFUSED = 0.99


def make_clip(kind: str, seed: int, sources: Sources) -> list[Frame]:
    """The frames of one clip; the same ones every time."""
    # Two kinds of one seed should not show the same pictures.
    return KINDS[kind](np.random.default_rng([seed, crc32(kind.encode())]), sources)


def measure(kind: str, seed: int, kitchen: Path | None) -> dict[str, Any]:
    """One clip from its frames to the verdict, in scratch."""
    with tempfile.TemporaryDirectory() as scratch:
        frames = make_clip(kind, seed, Sources.of(kitchen))
        video = write_clip(Path(scratch) / "videos" / f"{kind}-{seed}.mp4", frames, FPS)
        passed = pass_gates(video, Config(videos=video.path.parent, out=Path(scratch) / "out"), n_threads=1)
    accepted = [part for part in passed.parts if part.status == ACCEPTED]
    crashed = [part for part in passed.parts if part.status == CRASH]
    return {
        "kind": kind, "seed": seed, "status": "accepted" if accepted else CRASH if crashed else "refused",
        "refused": [{"frames": part.n_frames, "stage": part.stage, "reason": part.reason, "measured": part.measured,
                     "threshold": part.threshold} for part in passed.parts if part.status != ACCEPTED],
        "accepted": [{"first_frame": part.first_frame, "last_frame": part.last_frame, "registered": part.registered,
                      "measures": part.measures} for part in accepted],
        "faults": [part.message for part in crashed],
        "cpu_s": round(sum(passed.cpu_s.values()) + sum(sum(part.cpu_s.values()) for part in passed.parts), 1),
    }  # fmt: skip


def summary(rows: Sequence[dict[str, Any]], windows: Path) -> dict[str, Any]:
    """Shares refused, reasons by kind, and beside them how many sound windows of the kitchen are refused."""
    refused = [row for row in rows if row["status"] == "refused"]
    sound = json.loads(windows.read_text())["summary"] if windows.is_file() else {}
    kinds = list(dict.fromkeys(row["kind"] for row in rows))
    return {
        "clips": len(rows), "refused": len(refused) / max(len(rows), 1),
        "shown": {"refused": len(refused) >= MIN_REFUSED * len(rows)},
        "accepted": [f"{row['kind']}-{row['seed']}" for row in rows if row["status"] == "accepted"],
        "crashed": [f"{row['kind']}-{row['seed']}" for row in rows if row["status"] == CRASH],
        "reasons": {kind: dict(Counter(each["reason"] for row in refused if row["kind"] == kind for each in row["refused"]))
                    for kind in kinds},
        "sound_windows_refused": {name: value for name, value in sound.items() if name.startswith("refused_of")},
    }  # fmt: skip


def print_row(row: dict[str, Any]) -> None:
    """One line a clip."""
    parts = Counter((each["reason"], each["stage"]) for each in row["refused"])
    measured = {(each["reason"], each["stage"]): each["measured"] for each in row["refused"]}
    reasons = [f"{count} x {key[0]} ({key[1]}, {measured[key]})" for key, count in parts.items()]
    kept = [f"ACCEPTED {each['registered']} {each['measures']}" for each in row["accepted"]]
    print(
        f"{row['kind']}-{row['seed']:<3} {row['cpu_s']:6.1f} s  {'; '.join(kept + reasons) or row['faults']}",
        flush=True,
    )


def show(folder: Path, clips: Sequence[tuple[str, int]], sources: Sources) -> None:
    """Five frames of every clip side by side."""
    folder.mkdir(parents=True, exist_ok=True)
    for kind, seed in clips:
        frames = make_clip(kind, seed, sources)
        strip = np.hstack([frames[k] for k in (0, 1, 2, len(frames) // 2, len(frames) - 1)])
        cv2.imwrite(str(folder / f"{kind}-{seed}.png"), cv2.cvtColor(strip, cv2.COLOR_RGB2BGR))


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kitchen", type=Path, help="the kitchen's video")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument(
        "--only", nargs="+", choices=sorted(KINDS), help="kinds; the others stay in the result as they are"
    )
    parser.add_argument("--show", type=Path, help="write some frames of every clip there, and run nothing")
    parser.add_argument("--save", action="store_true", help="write benchmarks/results/hallucinations.json")
    parser.add_argument("--json", type=Path, help="write the result there")
    arguments = parser.parse_args()
    paths = [RESULTS / "hallucinations.json"] * arguments.save + [arguments.json] * (arguments.json is not None)
    if arguments.show:
        clips = [(kind, seed) for seed in arguments.seeds for kind in arguments.only or KINDS]
        show(arguments.show, clips, Sources.of(arguments.kitchen))
        return
    rows, worker = other_rows(paths, "kind", arguments.only), Worker()
    for seed in arguments.seeds:
        for kind in arguments.only or KINDS:
            row, fault = worker.call(measure, kind, seed, arguments.kitchen)
            crash = {
                "kind": kind,
                "seed": seed,
                "status": CRASH,
                "refused": [],
                "accepted": [],
                "faults": [fault],
                "cpu_s": 0.0,
            }
            rows.append(row or crash)
            print_row(rows[-1])
        write_result({"summary": summary(rows, RESULTS / "windows.json"), "rows": rows}, paths)
    print(json.dumps(summary(rows, RESULTS / "windows.json"), indent=1))


if __name__ == "__main__":
    main()
