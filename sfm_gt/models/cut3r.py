"""CUT3R (Wang et al. 2025), run by the authors' package; ``path`` is a checkpoint such as ``cut3r_512_dpt_4_64.pth``.

Frames are seen one after the other with a state that persists, as in the authors' ``demo.py``: resized so that the longer side
is 512 px, in -1..1. Depth is z of the points in the frame's own camera, metric; the focal length is that which fits their rays
best, since the network states none.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import UInt8

from sfm_gt.errors import ConfigError, InputError
from sfm_gt.models.shared.prediction import Prediction, agreed_kind, file_sha256, required_path
from sfm_gt.models.shared.settings import ModelConfig
from sfm_gt.models.shared.torch_runtime import facts_of, inference, offline
from sfm_gt.models.shared.video import PackageClipModel
from sfm_gt.models.shared.views import (
    OVERLAP,
    VIEWS,
    in_image_pixels,
    intrinsics_of_points,
    network_input,
    package,
)

if TYPE_CHECKING:
    import torch

LONG_SIDE_PX, PATCH_PX = 512, 16


class Cut3rModel(PackageClipModel):
    """One network. Raises ConfigError without the package, InputError where the checkpoint is not there."""

    overlap = OVERLAP

    def __init__(self, config: ModelConfig):
        path = Path(required_path(config, "a checkpoint of the authors"))
        if not path.is_file():
            raise InputError(f"{path}: no such file; download the checkpoint first, nothing is fetched")
        models = package(config, "dust3r.model")
        if not hasattr(models, "ARCroco3DStereo"):
            raise ConfigError(
                f"models: {config.name}: method cut3r found the package dust3r of DUSt3R, needed that of CUT3R; put the "
                "src folder of its repository on PYTHONPATH"
            )
        self._camera: Any = package(config, "dust3r.utils.camera")
        self.kind = agreed_kind(config, "metric_depth")
        with offline(path):
            self._network: Any = models.ARCroco3DStereo.from_pretrained(str(path)).eval()
        self.facts = facts_of(self._network, VIEWS)
        self.source_sha256 = file_sha256(path)

    def infer(self, images: Sequence[UInt8[np.ndarray, "h w 3"]]) -> list[Prediction]:
        """One pass over the frames in order; the first frame's camera is the world."""
        views = 2 * network_input(images, LONG_SIDE_PX, PATCH_PX) - 1
        with inference():
            found = self._network([_view(n, view) for n, view in enumerate(views)]).ress
        size, image = views.shape[-2:], images[0].shape[:2]
        predictions = []
        for each in found:
            points = each["pts3d_in_self_view"][0].float().numpy()
            pose = self._camera.pose_encoding_to_camera(each["camera_pose"].clone())[0].double().numpy()
            predictions.append(
                Prediction(
                    points[..., 2], self.kind, in_image_pixels(intrinsics_of_points(points), size, image),
                    np.linalg.inv(pose), each["conf_self"][0].float().numpy(),
                )
            )  # fmt: skip
        return predictions


def _view(n: int, image: torch.Tensor) -> dict[str, Any]:
    """A frame that is seen, changes the state and comes without rays, as the package's ``inference`` takes it."""
    import torch

    yes, no = torch.tensor([True]), torch.tensor([False])
    return {
        "img": image[None],
        "ray_map": torch.full((1, 6, *image.shape[1:]), torch.nan),
        "true_shape": torch.tensor([image.shape[1:]], dtype=torch.int32),
        "idx": n,
        "instance": str(n),
        "camera_pose": torch.eye(4)[None],
        "img_mask": yes,
        "ray_mask": no,
        "update": yes,
        "reset": no,
    }


PLUGIN = Cut3rModel
