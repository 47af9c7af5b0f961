"""Ground truth that is not as it was written grades nobody."""

from __future__ import annotations

import numpy as np
import pytest

from sfm_gt.commands import evaluate_predictions
from sfm_gt.config import EvaluateConfig, ModelConfig
from sfm_gt.errors import InputError
from sfm_gt.formats.manifest import Manifest, files_of, write_manifest
from sfm_gt.stages import evaluate


@pytest.mark.parametrize("in_workflow", [True, False])
def test_ground_truth_that_was_changed_later_is_named_and_grades_nobody(
    workspace, predict_by_hand, tiny, tmp_path, in_workflow
):
    clip = workspace.clip_stage("near", "dataset")
    write_manifest(clip, Manifest("dataset", 1, files=files_of(clip)))
    (clip / "depth" / "000007.png").unlink()
    with pytest.raises(InputError, match=r"depth/000007.png: is missing after the data set was complete"):
        if in_workflow:
            predict_by_hand("net", "near", "metric_depth", lambda _: tiny.gt)
            evaluate.run(workspace, EvaluateConfig(), [ModelConfig(name="net", method="on_disk")], ("near",))
        else:
            (tmp_path / "theirs" / "near").mkdir(parents=True)
            np.save(tmp_path / "theirs" / "near" / "000007.npy", tiny.gt)
            evaluate_predictions.run(
                workspace.root, [str(tmp_path / "theirs")], ["metric_depth"], tmp_path / "found", ("sfm_gt",), 1
            )
    assert not workspace.evaluation.exists()
    assert not (tmp_path / "found").exists()
