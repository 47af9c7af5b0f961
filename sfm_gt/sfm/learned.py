"""ALIKED keypoints matched by LightGlue (kornia), for clips whose keyframes SIFT cannot join.

Zhao et al. 2023, "ALIKED: A Lighter Keypoint and Descriptor Extraction Network via Deformable Transformation";
Lindenberger et al. 2023, "LightGlue: Local Feature Matching at Light Speed". The networks propose matches; what is kept of them
COLMAP's geometric verification decides, as with SIFT.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pycolmap
from jaxtyping import Bool

from sfm_gt.errors import InputError
from sfm_gt.geometry.conventions import pixel_from_integer_centred

if TYPE_CHECKING:
    import torch

DETECTOR_WEIGHTS, MATCHER_WEIGHTS = "aliked-n16.pth", "aliked_lightglue.pth"
DESCRIPTOR_SIZE = 128


class LearnedFeatures:
    """Detector and matcher.

    Args:
        weights: folder that holds ``aliked-n16.pth`` and ``aliked_lightglue.pth``.

    Raises:
        InputError: a file of weights is missing or belongs to another network.
    """

    def __init__(self, weights: Path, max_features: int):
        import torch
        from kornia.feature import ALIKED, LightGlue

        detector = ALIKED("aliked-n16", max_num_keypoints=max_features)
        # None builds the network without a download; its documentation allows it, its annotation does not.
        matcher = LightGlue(None, input_dim=DESCRIPTOR_SIZE)  # type: ignore[arg-type]
        self._torch = torch
        self._detector = _load(detector, weights / DETECTOR_WEIGHTS, lambda name: name)
        self._matcher = _load(matcher, weights / MATCHER_WEIGHTS, _present_name)

    def extract(self, rgb: np.ndarray) -> dict[str, Any]:
        """Keypoints (1, N, 2) with integer centres and descriptors (1, N, 128) of an RGB image, and its size."""
        image = self._torch.from_numpy(rgb).permute(2, 0, 1)[None].float() / 255.0
        with self._torch.inference_mode():
            (found,) = self._detector(image)
        size = self._torch.tensor([[rgb.shape[1], rgb.shape[0]]])
        return {"keypoints": found.keypoints[None], "descriptors": found.descriptors[None], "image_size": size}

    def match(self, a: dict[str, Any], b: dict[str, Any]) -> np.ndarray:
        """(K, 2) rows of keypoints that match."""
        if not a["keypoints"].shape[1] or not b["keypoints"].shape[1]:
            return np.zeros((0, 2), np.uint32)
        with self._torch.inference_mode():
            (matches,) = self._matcher({"image0": a, "image1": b})["matches"]
        return matches.numpy().astype(np.uint32)


def write_learned_matches(
    database: Path,
    images: Path,
    ignored: Mapping[str, Bool[np.ndarray, "h w"]],
    pairs: Sequence[tuple[str, str]],
    features: LearnedFeatures,
) -> None:
    """Writes keypoints of all images of ``database`` and the matches of ``pairs``, which verification has yet to judge."""
    with pycolmap.Database.open(database) as content:
        ids = {image.name: image.image_id for image in content.read_all_images()}
        found = {}
        for name in sorted(ids):
            rgb = cv2.cvtColor(cv2.imread(str(images / name)), cv2.COLOR_BGR2RGB)
            found[name] = _without(features.extract(rgb), ignored.get(name))
            xy = pixel_from_integer_centred(found[name]["keypoints"][0].numpy().astype(np.float64))
            content.write_keypoints(ids[name], xy.astype(np.float32))
        for a, b in pairs:
            content.write_matches(ids[a], ids[b], features.match(found[a], found[b]))


def _without(features: dict[str, Any], ignored: Bool[np.ndarray, "h w"] | None) -> dict[str, Any]:
    if ignored is None:
        return features
    columns, rows = np.rint(features["keypoints"][0].numpy()).astype(int).T
    height, width = ignored.shape
    keep = ~ignored[rows.clip(0, height - 1), columns.clip(0, width - 1)]
    kept = {name: features[name][:, keep] for name in ("keypoints", "descriptors")}
    return features | kept


def _load(network: torch.nn.Module, path: Path, rename: Any) -> torch.nn.Module:
    import torch

    if not path.is_file():
        raise InputError(
            f"{path}: missing; sfm.learned_weights must be a folder with {DETECTOR_WEIGHTS} and {MATCHER_WEIGHTS}"
        )
    state = {rename(name): value for name, value in torch.load(path, map_location="cpu", weights_only=True).items()}
    # Buffers may be absent from a file or stale in it; parameters may not.
    parameters = dict(network.named_parameters())
    result = network.load_state_dict(state, strict=False)
    missing = [name for name in result.missing_keys if name in parameters]
    if missing:
        raise InputError(
            f"{path}: holds no {missing[0]}; needed are the weights of {type(network).__name__} for ALIKED n16"
        )
    return network.eval()


def _present_name(name: str) -> str:
    """The published file says ``self_attn.3.x`` where the network has ``transformers.3.self_attn.x``."""
    kind, _, rest = name.partition(".")
    if kind not in ("self_attn", "cross_attn"):
        return name
    layer, _, parameter = rest.partition(".")
    return f"transformers.{layer}.{kind}.{parameter}"
