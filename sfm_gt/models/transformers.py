"""Depth estimation networks in the format of Hugging Face transformers; ``path`` is a folder on this machine.

The folder is what ``save_pretrained`` or a download of the model's repository leaves: ``config.json``,
``preprocessor_config.json`` and the weights. Nothing is ever fetched, and no code in the folder is run.

    model_type               kind                         remark
    depth_anything           affine_invariant_disparity   v1, v2; metric_depth where depth_estimation_type says "metric"
    dpt                      as configured                MiDaS and DPT give disparity, fine-tuned ones metres: the
                                                          folder does not say which, so ``kind`` must be given
    zoedepth, glpn           metric_depth
    depth_pro                metric_depth                 without a field-of-view head it needs the frame's camera
    prompt_depth_anything    affine_invariant_depth       run without its prompt: a sensor depth is not there to give

Preprocessing is the model's own image processor (its PIL variant, which needs no torchvision). Depth Anything's authors cover
518x518 where the library brings the side that changes less to 518: 640x360 becomes 924x518 by ``input_size: authors`` and
518x294 by ``library``. A map keeps the size of
the network's answer, as for every other model here; where a model crops or inverts at the size of the image it is brought there
bilinearly, since the library's bicubic overshoots at depth edges.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, UInt8

from sfm_gt.errors import ConfigError, InputError
from sfm_gt.geometry.types import PinholeCamera
from sfm_gt.metrics.resizing import resized
from sfm_gt.models.shared.description import InputDescription
from sfm_gt.models.shared.network import NetworkModel
from sfm_gt.models.shared.prediction import Kind, Prediction, agreed_kind, required_path
from sfm_gt.models.shared.settings import ModelConfig
from sfm_gt.models.shared.torch_runtime import facts_of, folder_sha256, inference, offline, one_line

if TYPE_CHECKING:
    import torch

KINDS_OF: dict[str, Kind | None] = {
    "depth_anything": "affine_invariant_disparity",
    "dpt": None,
    "zoedepth": "metric_depth",
    "glpn": "metric_depth",
    "depth_pro": "metric_depth",
    "prompt_depth_anything": "affine_invariant_depth",
}
"""Kind of each ``model_type``; None where the folder does not tell."""

WEIGHT_SUFFIXES = (".safetensors", ".bin")
PROCESSOR_FILE = "preprocessor_config.json"
INVERSE_DEPTH_RANGE = (1e-4, 1e4)  # Depth Pro's own bounds of 1 / m


@dataclass(frozen=True)
class _Input:
    """The network's input, and where in it the image lies; the rest is padding."""

    pixels: torch.Tensor
    rows: slice
    columns: slice

    @classmethod
    def whole(cls, pixels: torch.Tensor) -> _Input:
        """An input without padding."""
        return cls(pixels, slice(0, pixels.shape[-2]), slice(0, pixels.shape[-1]))


class TransformersModel(NetworkModel):
    """One network with its image processor.

    Raises:
        ConfigError: transformers is not installed, or ``kind`` is missing or disagrees.
        InputError: the folder is no model that can be used; one line with what is missing.
    """

    def __init__(self, config: ModelConfig):
        folder = Path(required_path(config, "a folder with config.json, preprocessor_config.json and weights"))
        transformers = _library(config)
        files = _model_files(folder)
        try:
            settings = transformers.AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        except Exception as error:  # the library raises many types for a broken or unknown config.json
            raise InputError(f"{folder / 'config.json'}: {one_line(error)}; known are {', '.join(KINDS_OF)}") from None
        self._type = settings.model_type
        self.kind = _kind(config, settings, folder)
        self._authors_size = config.input_size == "authors" and self._type == "depth_anything"
        self._processor = _image_processor(transformers, self._type, folder)
        self._network = _load(transformers, folder, settings)
        self.facts = facts_of(self._network)
        self.source_sha256 = folder_sha256(files)

    def prepare(self, image: UInt8[np.ndarray, "h w 3"], camera: PinholeCamera | None) -> _Input:
        """The image as the model's own processor gives it, float32 (1, 3, H', W'). Raises InputError for a sliver of one."""
        if self._type == "depth_pro":
            return _Input.whole(_depth_pro_pixels(image, self._processor))
        # Padding is done here, because the processor would not say how much of it has to be cropped again. ZoeDepth's border
        # goes on before resizing and has a known size.
        settings: dict[str, Any] = {"do_pad": False} if self._pads else {}
        if self._authors_size:
            settings |= _covering(image, self._processor)
        try:
            given = self._processor(image, return_tensors="pt", input_data_format="channels_last", **settings)
        except (ValueError, RuntimeError) as error:
            size = f"{image.shape[1]}x{image.shape[0]}"
            raise InputError(f"{self._type}: an image of {size} px cannot be prepared ({one_line(error)})") from None
        return _padded(given["pixel_values"], self._processor.size_divisor if self._pads else 1)

    @property
    def _pads(self) -> bool:
        return bool(getattr(self._processor, "do_pad", False) and getattr(self._processor, "size_divisor", None))

    def forward(self, prepared: _Input) -> tuple[torch.Tensor, torch.Tensor | None, _Input]:
        """The network's map (1, H'', W''), and the field of view in degrees where it estimates one."""
        with inference():
            output = self._network(prepared.pixels)
        return output.predicted_depth, getattr(output, "field_of_view", None), prepared

    def finish(self, output: Any, image: UInt8[np.ndarray, "h w 3"], camera: PinholeCamera | None) -> Prediction:
        """The map. Raises InputError where Depth Pro misses a camera.

        Depth Pro inverts and ZoeDepth crops at the size of the image, so theirs have that size.
        """
        predicted, field_of_view, given = output
        values = predicted[0].float().numpy()
        height, width = image.shape[:2]
        if self._type == "depth_pro":
            values = _depth_pro_depth(values, field_of_view, width, height, camera)
        elif self._type == "zoedepth":
            values = _without_zoe_padding(values, width, height, bool(self._processor.do_pad))
        else:
            values = _without_padding(values, given)
        return Prediction(values.astype(np.float32), self.kind)


def _library(config: ModelConfig) -> Any:
    # Read by the library when it is imported: whatever a folder's config names, no hub is asked.
    os.environ["HF_HUB_OFFLINE"] = os.environ["TRANSFORMERS_OFFLINE"] = "1"
    try:
        import transformers
    except ImportError:
        raise ConfigError(
            f"models: {config.name}: method transformers needs the package; pip install 'sfm-gt[transformers]'"
        ) from None
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    return transformers


def _model_files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; download the model there first, nothing is fetched")
    for name in ("config.json", PROCESSOR_FILE):
        if not (folder / name).is_file():
            raise InputError(f"{folder}: holds no {name}; download all files of the model's repository")
    weights = [file for file in folder.iterdir() if file.suffix in WEIGHT_SUFFIXES]
    if not weights:
        raise InputError(f"{folder}: holds no weights (*.safetensors or *.bin); download them next to config.json")
    return [*weights, folder / "config.json", folder / PROCESSOR_FILE]


def _kind(config: ModelConfig, settings: Any, folder: Path) -> Kind:
    if settings.model_type not in KINDS_OF:
        raise InputError(
            f"{folder / 'config.json'}: model_type {settings.model_type!r} is no depth network known here; "
            f"known are {', '.join(KINDS_OF)}"
        )
    own = KINDS_OF[settings.model_type]
    if settings.model_type == "depth_anything" and settings.depth_estimation_type == "metric":
        own = "metric_depth"
    if own is not None:
        return agreed_kind(config, own)
    if config.kind is None:
        raise ConfigError(
            f"models: {config.name}: {folder} does not say what it gives; state kind: affine_invariant_disparity for "
            "MiDaS and DPT, metric_depth for one fine-tuned on metres"
        )
    return config.kind


def _image_processor(transformers: Any, model_type: str, folder: Path) -> Any:
    try:
        if model_type == "depth_pro":  # has no variant without torchvision, so only its settings are read
            return transformers.BaseImageProcessor.get_image_processor_dict(folder, local_files_only=True)[0]
        return transformers.AutoImageProcessor.from_pretrained(folder, backend="pil", local_files_only=True)
    except Exception as error:  # json's, the library's own and OSError
        raise InputError(f"{folder / PROCESSOR_FILE}: {one_line(error)}; download it again") from None


def _load(transformers: Any, folder: Path, settings: Any) -> torch.nn.Module:
    import torch

    try:
        with offline(folder):
            network, loading = transformers.AutoModelForDepthEstimation.from_pretrained(
                folder, config=settings, dtype=torch.float32, local_files_only=True, trust_remote_code=False,
                output_loading_info=True,
            )  # fmt: skip
    except Exception as error:  # damaged files raise safetensors', pickle's and the library's errors
        raise InputError(f"{folder}: weights cannot be loaded ({one_line(error)}); download them again") from None
    # The library fills what is missing with random numbers and only logs it.
    absent = sorted(loading["missing_keys"]) + sorted(str(key) for key in loading["mismatched_keys"])
    if absent:
        raise InputError(
            f"{folder}: {len(absent)} weights of the network are missing or of another shape ({absent[0]}); "
            "config.json and weights belong to different models"
        )
    return network.eval()


def _covering(image: UInt8[np.ndarray, "h w 3"], processor: Any) -> dict[str, Any]:
    """Settings of the processor by which the image covers its size (Depth Anything's ``lower_bound``)."""
    size, step = processor.size, processor.ensure_multiple_of
    covering = InputDescription(height=size["height"], width=size["width"], fit="cover", multiple_of=step)
    height, width = covering.size_for(*image.shape[:2])
    return {"size": {"height": height, "width": width}, "keep_aspect_ratio": False}


def _padded(pixels: torch.Tensor, divisor: int) -> _Input:
    import torch

    height, width = pixels.shape[-2:]
    rows, columns = -height % divisor, -width % divisor
    top, left = rows // 2, columns // 2
    padded = torch.nn.functional.pad(pixels, (left, columns - left, top, rows - top))
    return _Input(padded, slice(top, top + height), slice(left, left + width))


def _without_padding(values: Float[np.ndarray, "h w"], given: _Input) -> Float[np.ndarray, "h2 w2"]:
    height, width = given.pixels.shape[-2:]
    if (given.rows, given.columns) == (slice(0, height), slice(0, width)):
        return values
    # At the size of the input first, where the padding is a whole number of pixels.
    return resized(values, height, width, "bilinear")[given.rows, given.columns]


def _without_zoe_padding(values: Float[np.ndarray, "h w"], width: int, height: int, padded: bool) -> np.ndarray:
    # ZoeDepth reflects a border of 3 sqrt(side / 2) px around the image before resizing.
    top, left = (int(np.sqrt(side / 2) * 3) if padded else 0 for side in (height, width))
    whole = resized(values, height + 2 * top, width + 2 * left, "bilinear")
    return whole[top : top + height, left : left + width]


def _depth_pro_pixels(image: UInt8[np.ndarray, "h w 3"], settings: dict[str, Any]) -> torch.Tensor:
    """Normalised first, then resized bilinearly without antialiasing (Depth Pro's order, Bochkovskii et al. 2024)."""
    import torch

    mean, std = (torch.tensor(settings[key]).view(3, 1, 1) for key in ("image_mean", "image_std"))
    pixels = torch.from_numpy(image).permute(2, 0, 1).float() * settings.get("rescale_factor", 1 / 255)
    size = (settings["size"]["height"], settings["size"]["width"])
    return torch.nn.functional.interpolate(((pixels - mean) / std)[None], size, mode="bilinear", align_corners=False)


def _depth_pro_depth(
    canonical: Float[np.ndarray, "h w"],
    field_of_view: torch.Tensor | None,
    width: int,
    height: int,
    camera: PinholeCamera | None,
) -> Float[np.ndarray, "h2 w2"]:
    """z-depth in metres from canonical inverse depth: 1/z = canonical · width / focal length (section 3.1 there)."""
    if field_of_view is not None:
        focal_px = 0.5 * width / np.tan(0.5 * np.deg2rad(float(field_of_view.reshape(-1)[0])))
    elif camera is not None:
        focal_px = camera.fx
    else:
        raise InputError("depth_pro: this network has no field-of-view head and the frame no camera; it needs one")
    inverse = resized(canonical * np.float32(width / focal_px), height, width, "bilinear")
    return 1.0 / np.clip(inverse, *INVERSE_DEPTH_RANGE)


PLUGIN = TransformersModel
