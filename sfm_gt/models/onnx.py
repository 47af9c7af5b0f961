"""Any depth network in ONNX, run by onnxruntime on the CPU; ``path`` is its description YAML (see description.py)."""

from __future__ import annotations

import numpy as np
from jaxtyping import UInt8

from sfm_gt.errors import InputError
from sfm_gt.geometry.types import PinholeCamera
from sfm_gt.models.description import check_shape, chosen, read_description
from sfm_gt.models.prediction import FrameKey, Prediction, agreed_kind, file_sha256
from sfm_gt.models.settings import ModelConfig


class OnnxModel:
    """One network session. Raises InputError where the file is not the network that its YAML describes."""

    def __init__(self, config: ModelConfig):
        import onnxruntime

        self._description, network = read_description(config)
        self.kind = agreed_kind(config, self._description.kind)
        self.source_sha256 = file_sha256(network)
        options = onnxruntime.SessionOptions()
        # The workflow runs one job a core; more threads here would also make sums depend on the machine.
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        try:
            self._session = onnxruntime.InferenceSession(str(network), options, providers=["CPUExecutionProvider"])
        except Exception as fault:  # onnxruntime's exceptions have no base class of their own
            reason = " ".join(str(fault).split())
            raise InputError(f"{network}: onnxruntime cannot load it ({reason}); export it again") from None
        inputs = {tensor.name: tensor for tensor in self._session.get_inputs()}
        self._input = chosen(list(inputs), self._description.input.name, "input", network)
        outputs = [tensor.name for tensor in self._session.get_outputs()]
        self._output = chosen(outputs, self._description.output.name, "output", network)
        check_shape(inputs[self._input].shape, self._description, network)

    def predict(self, image: UInt8[np.ndarray, "h w 3"], camera: PinholeCamera | None, key: FrameKey) -> Prediction:
        """One forward pass; the camera is not used."""
        (output,) = self._session.run([self._output], {self._input: self._description.tensor(image)})
        return self._description.prediction(output, image.shape[1], image.shape[0])


PLUGIN = OnnxModel
