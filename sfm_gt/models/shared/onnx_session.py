"""What the ONNX plug-ins share: a session on the CPU, and what a file tells of its network."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path
from typing import Any

from sfm_gt.errors import InputError
from sfm_gt.models.shared.network import NetworkFacts

_WEIGHT_TYPES = {1: "float32", 3: "int8", 10: "float16", 16: "bfloat16"}  # of TensorProto; shapes and axes are INT64


def open_session(network: Path) -> Any:
    """An onnxruntime session on the CPU. Raises InputError where the file is no network."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    # The workflow runs one job a core; more threads here would also make sums depend on the machine.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    try:
        return onnxruntime.InferenceSession(str(network), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's exceptions have no base class of their own
        reason = " ".join(str(error).split())
        raise InputError(f"{network}: onnxruntime cannot load it ({reason}); export it again") from None


def network_facts(network: Path, frames_per_pass: int = 1) -> NetworkFacts:
    """Size and precision of a network file; both need the onnx package, which the runtime itself does not."""
    try:
        import onnx
    except ImportError:
        return NetworkFacts(None, frames_per_pass=frames_per_pass)
    try:
        weights = onnx.load(network, load_external_data=False).graph.initializer
    except Exception:  # protobuf's own type; whether the file is a network is for the session to say
        return NetworkFacts(None, frames_per_pass=frames_per_pass)
    sizes: Counter[str] = Counter()
    for tensor in weights:
        if tensor.data_type in _WEIGHT_TYPES:
            sizes[_WEIGHT_TYPES[tensor.data_type]] += math.prod(tensor.dims)
    precision = max(sizes, key=sizes.__getitem__, default="float32")
    return NetworkFacts(sizes.total(), precision=precision, frames_per_pass=frames_per_pass)
