"""The other side of peers.py: euler-eval and depth-estimation on the same maps. Runs in their environment; prints JSON."""

from __future__ import annotations

import json
import sys
from typing import Any

import numpy as np
import torch
from depth_estimation.evaluation.metrics import DepthMetrics
from euler_eval.metrics import compute_standard_depth_metrics


def main() -> None:
    """Figures of both packages for every case of the archive."""
    maps = np.load(sys.argv[1])
    found: dict[str, Any] = {}
    for case in sorted({name.split("/")[0] for name in maps.files}):
        prediction, gt = maps[f"{case}/prediction"], maps[f"{case}/gt"]
        valid = torch.ones(gt.shape, dtype=torch.bool)
        found[case] = {
            "euler_eval": compute_standard_depth_metrics(prediction, gt)[0],
            "depth_estimation": DepthMetrics()(torch.from_numpy(prediction), torch.from_numpy(gt), valid),
        }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
