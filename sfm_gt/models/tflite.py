"""Any depth network in TFLite, run by LiteRT on the CPU; ``path`` is its description YAML (see description.py)."""

from __future__ import annotations

import contextlib
from collections import Counter
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8

from sfm_gt.errors import ConfigError, InputError
from sfm_gt.geometry.types import PinholeCamera
from sfm_gt.models.shared.description import NetworkDescription, check_shape, chosen, read_description
from sfm_gt.models.shared.network import NetworkFacts, NetworkModel
from sfm_gt.models.shared.prediction import Prediction, agreed_kind, file_sha256
from sfm_gt.models.shared.settings import ModelConfig


class TfliteModel(NetworkModel):
    """One interpreter. Raises InputError where the file is not the network that its YAML describes."""

    def __init__(self, config: ModelConfig):
        try:
            from ai_edge_litert.interpreter import Interpreter
        except ImportError:
            raise ConfigError(
                f"models: {config.name}: method tflite needs ai-edge-litert; pip install 'sfm-gt[tflite]'"
            ) from None

        self._description, network = read_description(config, NetworkDescription)
        if self._description.input.fit != "stretch":
            raise ConfigError(f"models: {config.name}: TFLite networks have one size; use fit: stretch")
        self.kind = agreed_kind(config, self._description.kind)
        self.source_sha256 = file_sha256(network)
        try:
            self._interpreter = Interpreter(model_path=str(network), num_threads=1)
        except (ValueError, RuntimeError) as error:
            reason = " ".join(str(error).split())
            raise InputError(f"{network}: LiteRT cannot load it ({reason}); convert it again") from None
        self.facts = _facts(self._interpreter)
        inputs = {tensor["name"]: tensor for tensor in self._interpreter.get_input_details()}
        outputs = {tensor["name"]: tensor for tensor in self._interpreter.get_output_details()}
        self._input = inputs[chosen(list(inputs), self._description.input.name, "input", network)]
        self._output = outputs[chosen(list(outputs), self._description.output.name, "output", network)]
        for tensor in (self._input, self._output):
            if tensor["dtype"] is not np.float32:
                raise InputError(
                    f"{network}: tensor {tensor['name']} is {np.dtype(tensor['dtype']).name}, needed float32; "
                    "convert the network with float inputs and outputs"
                )
        check_shape([int(n) for n in self._input["shape_signature"]], self._description.input.shape, network)
        self._interpreter.resize_tensor_input(self._input["index"], list(self._description.input.shape))
        self._interpreter.allocate_tensors()

    def prepare(self, image: UInt8[np.ndarray, "h w 3"], camera: PinholeCamera | None) -> Float[np.ndarray, "1 a b c"]:
        """The described input tensor; the camera is not used."""
        return self._description.tensor(image)

    def forward(self, prepared: Float[np.ndarray, "1 a b c"]) -> np.ndarray:
        """One invocation of the interpreter."""
        self._interpreter.set_tensor(self._input["index"], prepared)
        self._interpreter.invoke()
        return self._interpreter.get_tensor(self._output["index"])

    def finish(self, output: Any, image: UInt8[np.ndarray, "h w 3"], camera: PinholeCamera | None) -> Prediction:
        """The described output as a map."""
        return self._description.prediction(output)


def _facts(interpreter: Any) -> NetworkFacts:
    """Size and precision. Before tensors are allocated, only constants can be read."""
    sizes: Counter[str] = Counter()
    for tensor in interpreter.get_tensor_details():
        if tensor["dtype"] in (np.float32, np.float16, np.int8):
            with contextlib.suppress(ValueError):
                sizes[np.dtype(tensor["dtype"]).name] += interpreter.get_tensor(tensor["index"]).size
    return NetworkFacts(sizes.total(), precision=max(sizes, key=sizes.__getitem__, default="float32"))


PLUGIN = TfliteModel
