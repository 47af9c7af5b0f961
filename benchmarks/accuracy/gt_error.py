"""What errors of ground truth do to scores and to differences, beside what tables say they do, on simulated clips.

    python -m benchmarks.accuracy.gt_error [--save]

Models are off by 10 and 11 %, GT by 2 % a pixel and 3 % a clip. --save writes benchmarks/results/gt_error.json.
"""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from sfm_gt.metrics.evaluation import EvaluatedFrame, Evaluation
from sfm_gt.metrics.grading import FramePrediction, GtFrame
from sfm_gt.metrics.leaderboard import differences, rows
from sfm_gt.metrics.noise_floor import GtErrors
from sfm_gt.metrics.protocol import load_protocol

RESULT = Path(__file__).resolve().parents[1] / "results" / "gt_error.json"
SHAPE, N_VIDEOS, N_FRAMES, N_TRIALS = (60, 80), 4, 4, 60
SIGMA, SIGMA_CLIP, SIGMA_FRAME = 0.02, 0.03, 0.02
ERRORS = {"one": 0.10, "other": 0.11}


def evaluated(seed: int, alignment: str, sigma: float, clip: float, frame: float, gt_errors: GtErrors) -> Evaluation:
    """Both models and one that knows the truth, against GT with errors of such standard deviations."""
    protocol = load_protocol("sfm_gt").completed(1e-3, 80.0, 1).granting("metric_depth", alignment)
    models = (*ERRORS, "truth")
    evaluation = Evaluation([protocol], dict.fromkeys(models, "metric_depth"), seed, gt_errors)
    nowhere = np.zeros(SHAPE, bool)
    for video in range(N_VIDEOS):
        of_models, of_gt = (np.random.default_rng([seed, video, which]) for which in range(2))
        scale = math.exp(clip * of_gt.normal())
        for number in range(N_FRAMES):
            truth = of_models.uniform(1, 8, SHAPE)
            maps = {name: truth * np.exp(of_models.normal(0, error, SHAPE)) for name, error in ERRORS.items()}
            gt = truth * scale * math.exp(frame * of_gt.normal()) * (1 + sigma * of_gt.normal(size=SHAPE))
            predictions = {name: FramePrediction("metric_depth", z) for name, z in {**maps, "truth": truth}.items()}
            name = f"v{video}_{seed}"  # draws follow the name, so other runs have others
            frame_ = EvaluatedFrame(name, name, number, GtFrame(gt, nowhere, nowhere, None, True),
                                    sigma * gt, clip, None, predictions)  # fmt: skip
            evaluation.add(evaluation.grade(frame_, {}))
    return evaluation


def of_differences(alignment: str) -> dict[str, float]:
    """How often the stated resolution holds what GT moved the difference by, and both beside the floor of a score."""
    moved, stated, floors = [], [], []
    for seed in range(N_TRIALS):
        without = differences(evaluated(seed, alignment, 0.0, 0.0, 0.0, GtErrors()))[0]
        evaluation = evaluated(seed, alignment, SIGMA, SIGMA_CLIP, 0.0, GtErrors())
        found = differences(evaluation)[0]
        moved.append(abs(found["difference"] - without["difference"]))
        stated.append(found["resolution"])
        floors.append(rows(evaluation, "sfm_gt", 0)[0]["abs_rel_floor"])
    return {
        "held": float(np.mean(np.array(moved) <= stated)), "moved": float(np.median(moved)),
        "resolution": float(np.median(stated)), "floor": float(np.median(floors)), "difference": float(without["difference"]),
    }  # fmt: skip


def of_scores() -> dict[str, float]:
    """What the truth scores where frames have a scale of their own, and its floor with and without knowing so."""
    found: dict[str, list[float]] = {"score": [], "floor": [], "floor_of_pixels": []}
    for seed in range(N_TRIALS // 3):
        for name, frame_sigma in (("floor", SIGMA_FRAME), ("floor_of_pixels", 0.0)):
            evaluation = evaluated(seed, "none", 0.005, 1e-6, SIGMA_FRAME, GtErrors(frame_sigma))
            row = next(row for row in rows(evaluation, "sfm_gt", 0) if row["model"] == "truth")
            found[name].append(row["abs_rel_floor"])
        found["score"].append(row["abs_rel"])
    return {name: float(np.mean(values)) for name, values in found.items()}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--save", action="store_true", help="write benchmarks/results/gt_error.json")
    content: dict[str, Any] = {
        "trials": N_TRIALS, "differences": {name: of_differences(name) for name in ("none", "median")}, "scores": of_scores(),
    }  # fmt: skip
    print(json.dumps(content, indent=1))
    if parser.parse_args().save:
        RESULT.write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
