"""The YAML that describes a network file (ONNX, TFLite), and the pre- and postprocessing that it states.

    name: smallnet
    file: smallnet.onnx                   # relative to the YAML
    kind: affine_invariant_disparity      # what the output means
    input: {name: image, height: 192, width: 256, layout: NCHW, channels: RGB, mean: [0, 0, 0], std: [1, 1, 1]}
    output: {name: disparity, negate: false}
    window: {frames: 32, overlap: 8}      # onnx_video only
    hub: {repository: MiDaS, entry: DPT_Large, arguments: {pretrained: false}}    # torch_hub and metric3d only
    license: Apache-2.0
    note: "what it was trained on"

``fit: stretch`` (the default) brings the image to height x width whatever its shape. ``fit: inside`` and ``fit: cover`` keep
its shape: as large as fits into height x width, or as small as covers it, each side rounded to ``multiple_of``; for networks
of no fixed size. ``fit: minimal`` brings one side to its bound, the one that changes less. Depth Anything's authors cover
518x518, MiDaS and DPT change as little as they can, and so does ``transformers`` for both: 640x360 becomes 924x518 or 518x294.
``mean`` and ``std`` apply to RGB in 0..1, in the order of ``channels``. ``name`` of input and output may be left out where the
network has just one. ``path: builtin:NAME`` in the configuration means ``sfm_gt/models/weights/NAME.yaml``.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import numpy as np
from jaxtyping import Float, UInt8
from pydantic import BaseModel, ConfigDict, Field, model_validator

from sfm_gt.errors import ConfigError, InputError
from sfm_gt.formats.validation import Number, Whole, validated
from sfm_gt.formats.yaml_text import read_yaml
from sfm_gt.models.shared.prediction import Kind, Prediction, required_path
from sfm_gt.models.shared.resizing import image_to_input
from sfm_gt.models.shared.settings import ModelConfig

BUILTIN = "builtin:"
WEIGHTS = Path(__file__).parents[1] / "weights"

Three = tuple[Number, Number, Number]
Positive = Annotated[Number, Field(gt=0)]
Form = TypeVar("Form", bound="FileDescription")


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class InputDescription(_Part):
    """What the network wants to be given."""

    name: str | None = None
    height: Annotated[Whole, Field(gt=0)]
    width: Annotated[Whole, Field(gt=0)]
    fit: Literal["stretch", "inside", "cover", "minimal"] = "stretch"
    multiple_of: Annotated[Whole, Field(gt=0)] = 1
    layout: Literal["NCHW", "NHWC"] = "NCHW"
    channels: Literal["RGB", "BGR"] = "RGB"
    mean: Three = (0.0, 0.0, 0.0)
    std: tuple[Positive, Positive, Positive] = (1.0, 1.0, 1.0)

    @model_validator(mode="after")
    def _holds_one_step(self) -> InputDescription:
        if self.fit == "stretch" and self.multiple_of != 1:
            raise ValueError(
                "multiple_of belongs to fit: inside, cover and minimal; height and width say the size of fit: stretch"
            )
        if min(self.height, self.width) < self.multiple_of:
            raise ValueError(f"{self.height}x{self.width} is smaller than multiple_of {self.multiple_of}")
        return self

    @property
    def shape(self) -> tuple[int, int | None, int | None, int] | tuple[int, int, int | None, int | None]:
        """Shape of the input tensor for one image; None where it follows the image."""
        height, width = (self.height, self.width) if self.fit == "stretch" else (None, None)
        return (1, 3, height, width) if self.layout == "NCHW" else (1, height, width, 3)

    def size_for(self, rows: int, columns: int) -> tuple[int, int]:
        """(height, width) that an image of rows x columns is brought to."""
        if self.fit == "stretch":
            return self.height, self.width
        step, scales = self.multiple_of, (self.height / rows, self.width / columns)
        if self.fit == "minimal":
            scale = min(scales, key=lambda found: abs(1 - found))
        else:
            scale = min(scales) if self.fit == "inside" else max(scales)
        height, width = (max(step, round(scale * side / step) * step) for side in (rows, columns))
        if self.fit == "inside":  # rounding may lead out of the bounds
            height, width = min(height, self.height // step * step), min(width, self.width // step * step)
        return height, width


class OutputDescription(_Part):
    """Which output holds the map; ``negate`` where smaller values of it mean what ``kind`` says of larger ones."""

    name: str | None = None
    negate: bool = False


class WindowDescription(_Part):
    """How many frames a video network sees at once, and how many of them it saw before."""

    frames: Annotated[Whole, Field(gt=1)]
    overlap: Annotated[Whole, Field(gt=0)]

    @model_validator(mode="after")
    def _moves_on(self) -> WindowDescription:
        if self.overlap >= self.frames:
            raise ValueError(f"overlap {self.overlap} must be smaller than frames {self.frames}")
        return self


class HubDescription(_Part):
    """Source code in the form of torch hub, on this machine, and what of it to call."""

    repository: str
    entry: str
    arguments: dict[str, Any] = {}


class FileDescription(_Part):
    """A file of weights."""

    name: str
    file: str
    license: str | None = None
    note: str | None = None


class NetworkDescription(FileDescription):
    """A network file and how to use it."""

    kind: Kind
    input: InputDescription
    output: OutputDescription = OutputDescription()

    def tensor(self, image: UInt8[np.ndarray, "h w 3"]) -> Float[np.ndarray, "1 a b c"]:
        """The image as the network's input tensor, float32."""
        height, width = self.input.size_for(*image.shape[:2])
        pixels = image_to_input(image, width, height)
        if self.input.channels == "BGR":
            pixels = pixels[..., ::-1]
        unit = pixels.astype(np.float32) / np.float32(255.0)
        normalised = (unit - np.array(self.input.mean, np.float32)) / np.array(self.input.std, np.float32)
        if self.input.layout == "NCHW":
            normalised = normalised.transpose(2, 0, 1)
        return np.ascontiguousarray(normalised[None], dtype=np.float32)

    def prediction(self, output: np.ndarray) -> Prediction:
        """The network's output tensor as a map.

        Raises:
            InputError: the output is not one map.
        """
        values = np.squeeze(output).astype(np.float32)
        if values.ndim != 2:
            raise InputError(
                f"{self.file}: output of shape {tuple(output.shape)}, needed one map (1, 1, H, W), (1, H, W, 1) or "
                f"(1, H, W); state the right output: name in the description of {self.name!r}"
            )
        return Prediction(-values if self.output.negate else values, self.kind)


class VideoDescription(NetworkDescription):
    """A video network file and how to use it."""

    window: WindowDescription


class HubNetworkDescription(NetworkDescription):
    """Source code of a network, a file of weights for it, and how to use it."""

    hub: HubDescription


def description_path(config: ModelConfig) -> Path:
    """Where the configured model's description lies.

    Raises:
        ConfigError: no path is configured, or no such built-in model exists; the message names the nearest one.
    """
    path = required_path(config, "a description YAML, or builtin:NAME")
    if not path.startswith(BUILTIN):
        return Path(path)
    known = sorted(file.stem for file in WEIGHTS.glob("*.yaml"))
    name = path.removeprefix(BUILTIN)
    if name not in known:
        nearest = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {nearest[0]!r}?" if nearest else f"known are: {', '.join(known) or 'none'}"
        raise ConfigError(f"models: {config.name}: no built-in model {name!r}; {hint}")
    return WEIGHTS / f"{name}.yaml"


def read_description(config: ModelConfig, form: type[Form]) -> tuple[Form, Path]:
    """The description and the path of the file next to it.

    Args:
        form: what the plug-in needs described.

    Raises:
        InputError: the YAML or the file is missing or does not validate; one line with the file and the fix.
    """
    path = description_path(config)
    description = validated(form, read_yaml(path), str(path), InputError)
    network = path.parent / description.file
    if not network.is_file():
        raise InputError(f"{path}: file: {description.file} is not there; put the network next to the description")
    return description, network


def chosen(names: list[str], wanted: str | None, what: str, network: Path) -> str:
    """The tensor's name: the described one, or the only one.

    Raises:
        InputError: the described name does not exist, or none is described and there are several.
    """
    if wanted in names:
        return wanted
    if wanted is None and len(names) == 1:
        return names[0]
    found = f"no {what} {wanted!r}" if wanted else f"{len(names)} {what}s"
    raise InputError(f"{network}: {found}, it has {', '.join(names)}; set {what}: name in the description YAML")


def check_shape(found: list[Any], needed: Sequence[int | None], network: Path) -> None:
    """Raises InputError when fixed input sizes of the network are not the described ones; -1, None, names are free."""
    fixed = [n if isinstance(n, int) and n > 0 else None for n in found]
    if len(fixed) != len(needed) or any(n not in (None, m) for n, m in zip(fixed, needed, strict=True)):
        described = [n if n is not None else "any" for n in needed]
        raise InputError(
            f"{network}: the network's input is {list(found)}, the description says {described}; "
            "fix height, width, layout or fit in the description YAML"
        )
