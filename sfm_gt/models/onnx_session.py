"""What the ONNX plug-ins share: a session on the CPU, and the number of weights in a file."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from sfm_gt.errors import InputError

_WEIGHT_TYPES = (1, 3, 10, 16)  # TensorProto: FLOAT, INT8, FLOAT16, BFLOAT16; shapes and axes are INT64


def open_session(network: Path) -> Any:
    """An onnxruntime session on the CPU. Raises InputError where the file is no network."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    # The workflow runs one job a core; more threads here would also make sums depend on the machine.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    try:
        return onnxruntime.InferenceSession(str(network), options, providers=["CPUExecutionProvider"])
    except Exception as fault:  # onnxruntime's exceptions have no base class of their own
        reason = " ".join(str(fault).split())
        raise InputError(f"{network}: onnxruntime cannot load it ({reason}); export it again") from None


def count_parameters(network: Path) -> int | None:
    """Number of weights of a network file; None without the onnx package, which the runtime itself does not need."""
    try:
        import onnx
    except ImportError:
        return None
    try:
        graph = onnx.load(network, load_external_data=False).graph
    except Exception:  # protobuf's own type; whether the file is a network is for the session to say
        return None
    return sum(math.prod(weight.dims) for weight in graph.initializer if weight.data_type in _WEIGHT_TYPES)
