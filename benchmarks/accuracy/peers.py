"""Agreement with euler-eval and depth-estimation where definitions coincide, and what each makes of missing predictions.

    python benchmarks/accuracy/peers.py --peer-python PATH [--save]

PATH is the interpreter of an environment with both packages (MIT; neither is a dependency). --save writes
benchmarks/results/peers.json. depth-estimation computes in the precision of its input, so maps are float64.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from sfm_gt.metrics.depth import METRICS, metrics_of, scores
from sfm_gt.metrics.grading import FrameGrader, FramePrediction, GtFrame
from sfm_gt.metrics.protocol import load_protocol

RESULT = Path(__file__).resolve().parents[1] / "results" / "peers.json"
WORKER = Path(__file__).with_name("peers_worker.py")
NAMES = {
    "euler_eval": {
        "absrel": "abs_rel", "sqrel": "sq_rel_eigen", "mae": "mae", "rmse": "rmse", "rmse_log": "rmse_log",
        "log10": "log10", "silog": "silog", "delta1": "delta1", "delta2": "delta2", "delta3": "delta3",
    },
    "depth_estimation": {
        "abs_rel": "abs_rel", "sq_rel": "sq_rel_eigen", "rmse": "rmse", "rmse_log": "rmse_log", "delta1": "delta1",
        "delta2": "delta2", "delta3": "delta3",
    },
}  # fmt: skip
FACTOR = {("euler_eval", "silog"): 0.01}
"""euler-eval's SILog is not multiplied by 100."""


def cases() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Prediction and GT: three random maps without gaps, then one pixel of 16 without an answer, NaN and 0."""
    rng = np.random.default_rng(0)
    found = {}
    for number in range(3):
        gt = rng.uniform(0.5, 20, (60, 80))
        found[f"map_{number}"] = (gt * np.exp(rng.normal(0, 0.3, gt.shape)), gt)
    for name, missing in (("one_nan", np.nan), ("one_zero", 0.0)):
        gt = np.full((4, 4), 2.0)
        prediction = 1.1 * gt
        prediction[0, 0] = missing
        found[name] = (prediction, gt)
    return found


def compare(peer_python: str) -> dict[str, Any]:
    """Largest relative differences, and AbsRel and delta1 where an answer is missing."""
    maps = cases()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "maps.npz"
        np.savez(path, **{f"{case}/{name}": values for case, pair in maps.items()
                          for name, values in zip(("prediction", "gt"), pair, strict=True)})  # fmt: skip
        answer = subprocess.run([peer_python, str(WORKER), str(path)], capture_output=True, text=True, check=True)
    theirs = json.loads(answer.stdout)
    largest = dict.fromkeys(NAMES, 0.0)
    for case in ("map_0", "map_1", "map_2"):
        mine = scores(*maps[case], np.ones(maps[case][1].shape, bool))
        for package, names in NAMES.items():
            for name, ours in names.items():
                expected = mine[ours] * FACTOR.get((package, name), 1.0)
                largest[package] = max(largest[package], abs(theirs[case][package][name] / expected - 1))
    missing = {case: {package: _headline(theirs[case][package]) for package in NAMES} | {"sfm_gt": _graded(*maps[case])}
               for case in ("one_nan", "one_zero")}  # fmt: skip
    return {"largest_relative_difference": largest, "one_of_16_missing": missing}


def _headline(figures: dict[str, float]) -> dict[str, float | None]:
    found = {"abs_rel": figures.get("absrel", figures.get("abs_rel")), "delta1": figures["delta1"]}
    return {name: None if value != value else round(float(value), 4) for name, value in found.items()}


def _graded(prediction: np.ndarray, gt: np.ndarray) -> dict[str, float | None]:
    protocol, nowhere = load_protocol("sfm_gt").completed(1e-3, 80.0, 4), np.zeros(gt.shape, bool)
    grader = FrameGrader(GtFrame(gt, nowhere, nowhere, None, True), [protocol])
    graded = next(iter(grader.grade(FramePrediction("metric_depth", prediction), None, [protocol])))
    figures = dict(zip(METRICS, metrics_of(graded.sums)[0].tolist(), strict=True))
    return _headline(figures) | {"coverage": graded.coverage}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer-python", required=True, help="interpreter of an environment with both packages")
    parser.add_argument("--save", action="store_true", help="write benchmarks/results/peers.json")
    arguments = parser.parse_args()
    figures = compare(arguments.peer_python)
    print(json.dumps(figures, indent=1))
    if arguments.save:
        RESULT.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
