"""Writes the network as one self-contained ONNX file and checks that onnxruntime computes the same."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch

OPSET = 18
MAX_BYTES = 3_000_000
# float32 sums in another order: a few hundred roundings of 6e-8 over some forty layers.
MAX_RELATIVE_DIFFERENCE = 1e-3


def _without_traces(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model without the exporter's notes: they name source files of this machine and are a tenth of the size."""
    slim = onnx.ModelProto()
    slim.CopyFrom(model)
    for holder in (slim, slim.graph, *slim.graph.node, *slim.graph.value_info, *slim.graph.initializer):
        holder.ClearField("metadata_props")
        holder.ClearField("doc_string")
    return slim


def export_onnx(network: torch.nn.Module, path: Path, images: np.ndarray) -> float:
    """Exports and compares on 8-bit RGB pictures (N, H, W, 3).

    Returns the largest difference between onnxruntime and torch, over the spread of torch's disparity.
    Raises ValueError when they disagree or the file is too large.
    """
    height, width = images.shape[1:3]
    path.parent.mkdir(parents=True, exist_ok=True)
    program = torch.onnx.export(
        network.to(memory_format=torch.contiguous_format),
        (torch.zeros(1, 3, height, width),),
        dynamo=True,
        opset_version=OPSET,
        input_names=["image"],
        output_names=["disparity"],
    )
    onnx.save(_without_traces(program.model_proto), str(path))
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    worst = 0.0
    for image in images:
        batch = np.ascontiguousarray(image.astype(np.float32).transpose(2, 0, 1)[None] / 255.0)
        with torch.no_grad():
            expected = network(torch.from_numpy(batch)).numpy()
        got = session.run(["disparity"], {"image": batch})[0]
        worst = max(worst, float(np.abs(got - expected).max() / np.ptp(expected)))
    if worst > MAX_RELATIVE_DIFFERENCE:
        raise ValueError(
            f"onnxruntime differs from torch by {worst:.2e} of the spread, at most {MAX_RELATIVE_DIFFERENCE}"
        )
    if path.stat().st_size > MAX_BYTES:
        raise ValueError(f"{path.name} has {path.stat().st_size} bytes, at most {MAX_BYTES}: use fewer channels")
    return worst
