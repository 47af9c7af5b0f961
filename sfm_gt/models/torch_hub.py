"""Networks of torch hub, MiDaS first, from a clone of their repository on this machine; ``path`` is a description YAML.

    name: midas-dpt-large
    file: dpt_large_384.pt
    kind: affine_invariant_disparity
    hub: {repository: MiDaS, entry: DPT_Large, arguments: {pretrained: false}}    # relative to the YAML
    input: {height: 384, width: 384, fit: minimal, multiple_of: 32, mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5]}

The repository's own code runs, without network: a backbone that it would download must be in torch's cache already. Licences
of such repositories differ; MiDaS is MIT.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float, UInt8

from sfm_gt.errors import InputError
from sfm_gt.geometry.types import PinholeCamera
from sfm_gt.models.shared.description import HubNetworkDescription, description_path, read_description
from sfm_gt.models.shared.hub import load_from_hub
from sfm_gt.models.shared.network import NetworkModel
from sfm_gt.models.shared.prediction import Prediction, agreed_kind, file_sha256
from sfm_gt.models.shared.settings import ModelConfig
from sfm_gt.models.shared.torch_runtime import facts_of, inference


class TorchHubModel(NetworkModel):
    """One network. Raises InputError where repository, entry or weights cannot be used."""

    def __init__(self, config: ModelConfig):
        self._description, weights = read_description(config, HubNetworkDescription)
        self.kind = agreed_kind(config, self._description.kind)
        self._network = load_from_hub(self._description.hub, description_path(config).parent, weights)
        self.facts = facts_of(self._network)
        self.source_sha256 = file_sha256(weights)

    def prepare(self, image: UInt8[np.ndarray, "h w 3"], camera: PinholeCamera | None) -> Float[np.ndarray, "1 a b c"]:
        """The described input tensor; the camera is not used."""
        return self._description.tensor(image)

    def forward(self, prepared: Float[np.ndarray, "1 a b c"]) -> Any:
        """One pass of the network."""
        import torch

        with inference():
            return self._network(torch.from_numpy(prepared))

    def finish(self, output: Any, image: UInt8[np.ndarray, "h w 3"], camera: PinholeCamera | None) -> Prediction:
        """The network's tensor as a map."""
        if not hasattr(output, "numpy"):
            raise InputError(f"{self._description.hub.entry}: returned {type(output).__name__}, needed one tensor")
        return self._description.prediction(output.float().numpy())


PLUGIN = TorchHubModel
