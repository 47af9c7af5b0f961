"""The other side of evaluation.py: euler-eval on the same files. Runs in an environment that has euler-eval; prints JSON."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np
from euler_eval.data import compute_scale_and_shift
from euler_eval.metrics import compute_standard_depth_metrics


def main() -> None:
    """Figures of every frame, and seconds a frame for reading, alignment and the ten standard metrics."""
    figures, seconds, cpu = [], [], time.process_time()
    for gt_path in sorted(Path(sys.argv[1]).glob("gt_*.npy")):
        start = time.perf_counter()
        gt = np.load(gt_path)
        prediction = np.load(gt_path.with_name(gt_path.name.replace("gt_", "prediction_")))
        read = time.perf_counter()
        valid = np.isfinite(gt) & np.isfinite(prediction)
        depth, _, _ = compute_scale_and_shift(prediction, gt, valid)
        aligned = time.perf_counter()
        metrics, _ = compute_standard_depth_metrics(depth, gt, valid)
        end = time.perf_counter()
        figures.append(metrics)
        seconds.append((read - start, aligned - read, end - aligned))
    print(json.dumps({"figures": figures, "seconds": seconds, "cpu_seconds": time.process_time() - cpu}))


if __name__ == "__main__":
    main()
