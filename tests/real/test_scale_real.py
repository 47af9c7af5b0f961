"""Scale cues on real photographs with truth."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.accuracy.scale import aprilgrid
from sfm_gt.errors import InputError
from sfm_gt.scale.shared.pose_network import PoseNetwork

# The board's stated edge is good to 4.5 %.
APRILGRID_ERROR = 0.05


def test_a_photographed_aprilgrid_gives_the_scale_of_its_metric_poses(shared_data: Path):
    found = aprilgrid(shared_data / "aprilgrid")
    assert abs(found["error"]) < APRILGRID_ERROR
    assert abs(found["error"]) < 2 * found["sigma"]


def test_pose_networks_find_a_person_or_refuse_another_network(shared_data: Path):
    pytest.importorskip("ai_edge_litert")
    models = shared_data / "models"
    with pytest.raises(InputError, match=r"takes .*, needed \(1, 224, 224, 3\)"):
        PoseNetwork(models / "pose_landmark_lite.tflite", models / "pose_landmark_lite.tflite")
    network = PoseNetwork(models / "pose_detection.tflite", models / "pose_landmark_lite.tflite")
    assert network.people(np.full((360, 640, 3), 128, np.uint8)) == []
