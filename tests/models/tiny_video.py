"""A tiny video network: the mean over channels of each of five frames, divided by the mean over all of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import yaml


def write_tiny_video_model(folder: Path, kind: str = "affine_invariant_disparity") -> Path:
    """Writes the network and its description; returns the YAML."""
    import onnx

    folder.mkdir(parents=True, exist_ok=True)
    make, float32 = onnx.helper.make_node, onnx.TensorProto.FLOAT
    inputs = [onnx.helper.make_tensor_value_info("clip", float32, [1, 5, 3, 6, 8])]
    outputs = [onnx.helper.make_tensor_value_info("depth", float32, [1, 5, 6, 8])]
    channels = onnx.numpy_helper.from_array(np.array([2], np.int64), "channels")
    nodes = [
        make("ReduceMean", ["clip", "channels"], ["grey"], keepdims=0),
        make("ReduceMean", ["grey"], ["mean"], keepdims=1),
        make("Div", ["grey", "mean"], ["depth"]),
    ]
    graph = onnx.helper.make_graph(nodes, "tiny_video", inputs, outputs, [channels])
    onnx.save(
        onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)], ir_version=9),
        folder / "tiny.onnx",
    )
    description = {
        "name": "tiny", "file": "tiny.onnx", "kind": kind, "input": {"height": 6, "width": 8},
        "window": {"frames": 5, "overlap": 2},
    }  # fmt: skip
    path = folder / "tiny.yaml"
    path.write_text(yaml.safe_dump(description))
    return path
