"""Any depth network in ONNX, run by onnxruntime on the CPU; ``path`` is its description YAML (see description.py)."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float, UInt8

from sfm_gt.geometry.types import PinholeCamera
from sfm_gt.models.shared.description import NetworkDescription, check_shape, chosen, read_description
from sfm_gt.models.shared.network import NetworkModel
from sfm_gt.models.shared.onnx_session import network_facts, open_session
from sfm_gt.models.shared.prediction import Prediction, agreed_kind, file_sha256
from sfm_gt.models.shared.settings import ModelConfig


class OnnxModel(NetworkModel):
    """One network session. Raises InputError where the file is not the network that its YAML describes."""

    def __init__(self, config: ModelConfig):
        self._description, network = read_description(config, NetworkDescription)
        self.kind = agreed_kind(config, self._description.kind)
        self.source_sha256 = file_sha256(network)
        self.facts = network_facts(network)
        self._session = open_session(network)
        inputs = {tensor.name: tensor for tensor in self._session.get_inputs()}
        self._input = chosen(list(inputs), self._description.input.name, "input", network)
        outputs = [tensor.name for tensor in self._session.get_outputs()]
        self._output = chosen(outputs, self._description.output.name, "output", network)
        check_shape(inputs[self._input].shape, self._description.input.shape, network)

    def prepare(self, image: UInt8[np.ndarray, "h w 3"], camera: PinholeCamera | None) -> Float[np.ndarray, "1 a b c"]:
        """The described input tensor; the camera is not used."""
        return self._description.tensor(image)

    def forward(self, prepared: Float[np.ndarray, "1 a b c"]) -> np.ndarray:
        """One run of the session."""
        (output,) = self._session.run([self._output], {self._input: prepared})
        return output

    def finish(self, output: Any, image: UInt8[np.ndarray, "h w 3"], camera: PinholeCamera | None) -> Prediction:
        """The described output as a map."""
        return self._description.prediction(output)


PLUGIN = OnnxModel
