"""Any depth network in ONNX, run by onnxruntime on the CPU; ``path`` is its description YAML (see description.py)."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8

from sfm_gt.errors import InputError
from sfm_gt.geometry.types import PinholeCamera
from sfm_gt.models.description import check_shape, chosen, read_description
from sfm_gt.models.network import NetworkFacts, NetworkModel
from sfm_gt.models.prediction import Prediction, agreed_kind, file_sha256
from sfm_gt.models.settings import ModelConfig


class OnnxModel(NetworkModel):
    """One network session. Raises InputError where the file is not the network that its YAML describes."""

    def __init__(self, config: ModelConfig):
        self._description, network = read_description(config)
        self.kind = agreed_kind(config, self._description.kind)
        self.source_sha256 = file_sha256(network)
        self.facts = NetworkFacts(count_parameters(network))
        self._session = open_session(network)
        inputs = {tensor.name: tensor for tensor in self._session.get_inputs()}
        self._input = chosen(list(inputs), self._description.input.name, "input", network)
        outputs = [tensor.name for tensor in self._session.get_outputs()]
        self._output = chosen(outputs, self._description.output.name, "output", network)
        check_shape(inputs[self._input].shape, self._description, network)

    def prepare(self, image: UInt8[np.ndarray, "h w 3"], camera: PinholeCamera | None) -> Float[np.ndarray, "1 a b c"]:
        """The described input tensor; the camera is not used."""
        return self._description.tensor(image)

    def forward(self, prepared: Float[np.ndarray, "1 a b c"]) -> np.ndarray:
        """One run of the session."""
        (output,) = self._session.run([self._output], {self._input: prepared})
        return output

    def finish(self, output: Any, image: UInt8[np.ndarray, "h w 3"], camera: PinholeCamera | None) -> Prediction:
        """The described output as a map."""
        return self._description.prediction(output, image.shape[1], image.shape[0])


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


_WEIGHT_TYPES = (1, 3, 10, 16)  # TensorProto: FLOAT, INT8, FLOAT16, BFLOAT16; shapes and axes are INT64
PLUGIN = OnnxModel
