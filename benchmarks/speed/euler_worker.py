"""The other side of evaluation.py: euler-eval on the same files. Runs in an environment that has euler-eval.

Reads paths of ground truth from its input and answers each with one line of JSON, so that both sides take turns on a frame.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from euler_eval.data import compute_scale_and_shift
from euler_eval.metrics import compute_standard_depth_metrics


def frame(gt_path: Path) -> dict[str, Any]:
    """Figures of a frame, seconds for reading, alignment and metrics, and processor seconds of the last two."""
    start = time.perf_counter()
    gt = np.load(gt_path)
    prediction = np.load(gt_path.with_name(gt_path.name.replace("gt_", "prediction_")))
    read, read_cpu = time.perf_counter(), time.process_time()
    valid = np.isfinite(gt) & np.isfinite(prediction)
    depth, _, _ = compute_scale_and_shift(prediction, gt, valid)
    aligned, aligned_cpu = time.perf_counter(), time.process_time()
    metrics, _ = compute_standard_depth_metrics(depth, gt, valid)
    end, end_cpu = time.perf_counter(), time.process_time()
    return {
        "figures": metrics,
        "seconds": (read - start, aligned - read, end - aligned),
        "cpu_seconds": (aligned_cpu - read_cpu, end_cpu - aligned_cpu),
    }


def main() -> None:
    """Answers until the input ends."""
    for line in sys.stdin:
        print(json.dumps(frame(Path(line.strip()))), flush=True)


if __name__ == "__main__":
    main()
