"""Any video depth network in ONNX, run by onnxruntime on the CPU; ``path`` is its description YAML with a ``window``.

Input (1, T, 3, H, W), or (1, T, H, W, 3) for layout NHWC; output one map a frame: (1, T, H, W), (T, H, W) or those with one
channel. How windows are joined into a clip stands in video.py.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, UInt8

from sfm_gt.errors import InputError
from sfm_gt.models.shared.description import VideoDescription, check_shape, chosen, read_description
from sfm_gt.models.shared.onnx_session import network_facts, open_session
from sfm_gt.models.shared.prediction import agreed_kind, file_sha256
from sfm_gt.models.shared.settings import ModelConfig
from sfm_gt.models.shared.video import VideoNetworkModel


class OnnxVideoModel(VideoNetworkModel):
    """One network session. Raises InputError where the file is not the network that its YAML describes."""

    def __init__(self, config: ModelConfig):
        self._description, network = read_description(config, VideoDescription)
        self._network = network
        self.kind = agreed_kind(config, self._description.kind)
        self.source_sha256 = file_sha256(network)
        self.overlap = self._description.window.overlap
        self.facts = network_facts(network, self._description.window.frames)
        self._session = open_session(network)
        inputs = {tensor.name: tensor for tensor in self._session.get_inputs()}
        self._input = chosen(list(inputs), self._description.input.name, "input", network)
        outputs = [tensor.name for tensor in self._session.get_outputs()]
        self._output = chosen(outputs, self._description.output.name, "output", network)
        batch, *image = self._description.input.shape
        check_shape(inputs[self._input].shape, (batch, self.facts.frames_per_pass, *image), network)

    def prepare(self, images: Sequence[UInt8[np.ndarray, "h w 3"]]) -> Float[np.ndarray, "1 t a b c"]:
        """The described tensor of each image, stacked in order of time."""
        return np.stack([self._description.tensor(image) for image in images], axis=1)

    def forward(self, prepared: Float[np.ndarray, "1 t a b c"]) -> np.ndarray:
        """One run of the session."""
        (output,) = self._session.run([self._output], {self._input: prepared})
        return output

    def finish(self, output: np.ndarray) -> Float[np.ndarray, "t h w"]:
        """The described output, one map a frame."""
        frames = self.facts.frames_per_pass
        maps = output.reshape([n for n in output.shape if n != 1])
        if maps.ndim != 3 or len(maps) != frames:
            raise InputError(
                f"{self._network}: output of shape {tuple(output.shape)}, needed one map a frame (1, {frames}, H, W); "
                "state the right output: name, or window: frames, in the description YAML"
            )
        return (-maps if self._description.output.negate else maps).astype(np.float32)


PLUGIN = OnnxVideoModel
