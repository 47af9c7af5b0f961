"""Values of the ground truth may only move together with the VERSION of the stage that moves them.

golden.json is written by ``python -m tests.e2e.test_golden OUT`` from a finished run on the embedded clip.
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

import numpy as np
import pytest

import sfm_gt

GOLDEN = Path(__file__).with_name("golden.json")
STAGES = ("ingest", "clips", "frames", "sfm", "dense", "moving", "clean", "scale", "dataset")
FRAMES = (10, 30, 50)
# Another processor rounds differently, and PatchMatch turns that into other choices at single pixels; a change of method
# moves these means by more.
REL_TOLERANCE = 0.002
# Outlines of masks hang on thresholds, where rounding flips single pixels of a region that is a few per cent of the picture.
MOVING_TOLERANCE = 0.02


def versions() -> dict[str, int]:
    """VERSION of every stage that shapes ground truth."""
    return {stage: importlib.import_module(f"sfm_gt.stages.{stage}").VERSION for stage in STAGES}


def values(out: Path) -> dict[str, float]:
    """Means over three frames of the embedded clip, and the clip's scale in a unit that does not hang on SfM's."""
    frames = {frame.frame_index: frame for frame in sfm_gt.open_dataset(out) if frame.clip_id == "mannequin-000"}
    found = {"focal_px": frames[FRAMES[0]].camera.fx}
    for index in FRAMES:
        frame = frames[index]
        found[f"mean_depth_m_{index}"] = float(np.nanmean(frame.z_depth_m))
        found[f"valid_fraction_{index}"] = float(frame.valid.mean())
        found[f"mean_sigma_m_{index}"] = float(np.nanmean(frame.sigma_m))
        found[f"moving_fraction_{index}"] = float(frame.moving.mean())
    return found


def test_values_move_only_with_a_version(demo_run):
    golden = json.loads(GOLDEN.read_text())
    assert versions() == golden["versions"], "a VERSION moved: write golden.json anew and add a line to CHANGELOG.md"
    found = values(demo_run[0] / "out")
    assert found.keys() == golden["values"].keys()
    for name, value in golden["values"].items():
        near = {"rel": MOVING_TOLERANCE, "abs": 1e-3} if name.startswith("moving") else {"rel": REL_TOLERANCE}
        assert found[name] == pytest.approx(value, **near), (
            f"{name}: ground truth moved: bump the stage's VERSION, write golden.json anew, add a line to CHANGELOG.md"
        )


if __name__ == "__main__":
    GOLDEN.write_text(json.dumps({"versions": versions(), "values": values(Path(sys.argv[1]))}, indent=1) + "\n")
