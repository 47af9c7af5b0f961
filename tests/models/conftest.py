"""Tiny networks made on the spot, so that the plug-ins are tested without anybody's weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml


@pytest.fixture
def tiny_onnx(tmp_path: Path) -> Callable[..., Path]:
    """Writes a network whose output is the mean over channels of its input, and its description; returns the YAML.

    Keyword arguments replace or add keys of the description.
    """
    onnx = pytest.importorskip("onnx")

    def write(**changes: object) -> Path:
        inputs = [onnx.helper.make_tensor_value_info("image", onnx.TensorProto.FLOAT, [1, 3, 6, 8])]
        outputs = [onnx.helper.make_tensor_value_info("disparity", onnx.TensorProto.FLOAT, [1, 1, 6, 8])]
        axes = onnx.numpy_helper.from_array(np.array([1], np.int64), "axes")
        mean = onnx.helper.make_node("ReduceMean", ["image", "axes"], ["disparity"], keepdims=1)
        graph = onnx.helper.make_graph([mean], "tiny", inputs, outputs, [axes])
        model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)], ir_version=9)
        onnx.save(model, tmp_path / "tiny.onnx")
        description = {
            "name": "tiny",
            "file": "tiny.onnx",
            "kind": "affine_invariant_disparity",
            "input": {"name": "image", "height": 6, "width": 8},
            "output": {"name": "disparity"},
        } | changes
        path = tmp_path / "tiny.yaml"
        path.write_text(yaml.safe_dump(description))
        return path

    return write
