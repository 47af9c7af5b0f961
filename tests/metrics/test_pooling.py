"""Alignments over a clip: every frame has its say."""

from __future__ import annotations

import numpy as np
import pytest

from sfm_gt.metrics.grading import FrameGrader, FramePrediction, GtFrame
from sfm_gt.metrics.pooling import PooledAlignment
from sfm_gt.metrics.protocol import load_protocol


@pytest.mark.parametrize("fit_pixels", [None, 600])
def test_a_robust_fit_over_a_clip_is_a_fair_sample_of_all_its_frames(fit_pixels):
    protocol = load_protocol("sfm_gt").completed(0.1, 100.0, 4)
    protocol = protocol.model_copy(update={"scope": "clip", "fit_pixels": fit_pixels})
    nowhere, pooled = np.zeros((30, 40), bool), PooledAlignment([protocol], 3)
    rng = np.random.default_rng(0)
    for far in (4.0, 8.0, 16.0):  # the camera walks out of a room; the prediction is half of the square of depth
        z_depth = rng.uniform(0.5 * far, far, nowhere.shape)
        grader = FrameGrader(GtFrame(z_depth, nowhere, nowhere, None, True), [protocol])
        pooled.add(grader, FramePrediction("metric_depth", 0.5 * z_depth**2))
    # The pixel in the middle is one of the middle frame, at 6 m: 2 / 6. A sample of n has the middle frame's median off by
    # (8 - 4) / (2 sqrt(n / 3)), 2.4 % of it at n = 600. Three sigma; frames at the start alone would say 2 / 4 or so.
    assert pooled(protocol, "median").scale == pytest.approx(2 / 6, rel=0.08)
