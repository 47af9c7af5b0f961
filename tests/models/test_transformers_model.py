"""Hugging Face folders: every architecture against a pass done by hand, preprocessing pinned, errors in one line."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from sfm_gt.errors import ConfigError, InputError
from sfm_gt.geometry.types import PinholeCamera
from sfm_gt.models.shared.prediction import FrameKey
from sfm_gt.models.shared.settings import ModelConfig
from sfm_gt.models.shared.torch_runtime import facts_of
from sfm_gt.models.transformers import TransformersModel
from sfm_gt.report.published import published
from tests.models.tiny_transformers import ARCHITECTURES, HALF, IMAGENET, write_tiny_model

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

KEY = FrameKey("clip", 0)
HEIGHT, WIDTH = 45, 61
CAMERA = PinholeCamera(WIDTH, HEIGHT, 50.0, 50.0, 30.5, 22.5)
KINDS = {
    "depth_anything": "affine_invariant_disparity",
    "depth_anything_metric": "metric_depth",
    "prompt_depth_anything": "affine_invariant_depth",
    "dpt": "affine_invariant_disparity",
    "zoedepth": "metric_depth",
    "glpn": "metric_depth",
    "depth_pro": "metric_depth",
}
# Sums in float32 in another order.
ROUNDING = 1e-4
# One grey level: libraries may round a resized 8-bit pixel up or down.
GREY_LEVEL = 1 / 255


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("transformers")
    return {name: write_tiny_model(root / name, name) for name in ARCHITECTURES}


@pytest.fixture
def folder(folders, tmp_path) -> Path:
    """A copy of the Depth Anything folder, to be spoilt."""
    return Path(shutil.copytree(folders["depth_anything"], tmp_path / "spoilt"))


def _model(folder: Path, kind: str | None = None) -> TransformersModel:
    return TransformersModel(ModelConfig(name="mine", method="transformers", path=str(folder), kind=kind))


def _of(folders, name) -> TransformersModel:
    return _model(folders[name], KINDS[name] if name == "dpt" else None)


def _image(seed: int = 0) -> np.ndarray:
    coarse = np.random.default_rng(seed).integers(0, 256, (5, 7, 3), np.uint8)
    return cv2.resize(coarse, (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR)


# Of the networks below, for a 45 x 61 image; the others answer at the size of the image.
SIZE_OF_THE_MAP = {
    "depth_anything": (42, 56), "depth_anything_metric": (42, 56), "prompt_depth_anything": (52, 70), "dpt": (32, 32),
    "glpn": (32, 32),
}  # fmt: skip


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_architecture_answers_with_a_map_of_the_image(folders, name):
    threads = torch.get_num_threads()
    model = _of(folders, name)
    prediction = model.predict(_image(), CAMERA, KEY)
    assert prediction.kind == model.kind == KINDS[name]
    assert prediction.values.shape == SIZE_OF_THE_MAP.get(name, (HEIGHT, WIDTH))
    assert prediction.values.dtype == np.float32
    assert np.isfinite(prediction.values).all()
    assert not np.array_equal(prediction.values, model.predict(_image(1), CAMERA, KEY).values)
    own = transformers.AutoModelForDepthEstimation.from_pretrained(folders[name])
    assert model.facts.parameters == sum(weights.numel() for weights in own.parameters())
    assert torch.get_num_threads() == threads


def _resized(image: np.ndarray, height: int, width: int, filter_name: str) -> np.ndarray:
    from PIL import Image

    return np.array(Image.fromarray(image).resize((width, height), getattr(Image.Resampling, filter_name)))


def _normalised(pixels: np.ndarray, statistics: dict) -> torch.Tensor:
    values = (pixels / 255 - np.array(statistics["image_mean"])) / np.array(statistics["image_std"])
    return torch.from_numpy(values.transpose(2, 0, 1)[None].astype(np.float32))


def _by_hand(image: np.ndarray, name: str) -> torch.Tensor:
    """The input of each architecture for a 45 x 61 image, from the published settings."""
    if name.startswith("depth_anything"):  # 56/61 fits the width: 41.3 -> 42 rows, a multiple of 14
        return _normalised(_resized(image, 42, 56, "BICUBIC"), IMAGENET)
    if name == "prompt_depth_anything":  # 70/61 fits the width: 51.6 -> 52 rows, padded to a multiple of 14
        pixels = _normalised(_resized(image, 52, 70, "BICUBIC"), IMAGENET)
        return torch.nn.functional.pad(pixels, (0, 0, 2, 2))
    if name == "dpt":
        return _normalised(_resized(image, 32, 32, "BICUBIC"), HALF)
    if name == "glpn":  # down to a multiple of 32, no normalisation
        return _normalised(_resized(image, 32, 32, "BILINEAR"), {"image_mean": [0.0] * 3, "image_std": [1.0] * 3})
    if name == "zoedepth":  # reflected border of int(3 sqrt(45/2)) = 14 and int(3 sqrt(61/2)) = 16 px, corners aligned
        padded = np.pad(image, ((14, 14), (16, 16), (0, 0)), mode="reflect")
        return torch.nn.functional.interpolate(_normalised(padded, HALF), (32, 32), mode="bilinear", align_corners=True)
    return torch.nn.functional.interpolate(_normalised(image, HALF), (56, 56), mode="bilinear", align_corners=False)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_preprocessing_by_hand(folders, name):
    given = _of(folders, name).prepare(_image(), CAMERA).pixels
    wanted = _by_hand(_image(), name)
    assert given.shape == wanted.shape
    # A grey level in units of the smallest standard deviation, 0.224.
    assert (given - wanted).abs().max() < GREY_LEVEL / 0.224


# (rows, columns, mean, standard deviation, value in the middle of the green channel) of the input for _image().
GOLDEN = {
    "depth_anything": (42, 56, 0.3512, 0.9246, 0.0476),
    "depth_anything_metric": (42, 56, 0.3512, 0.9246, 0.0476),
    "prompt_depth_anything": (56, 70, 0.3261, 0.8954, 0.0301),
    "dpt": (32, 32, 0.0557, 0.4134, -0.0510),
    "zoedepth": (32, 32, 0.0753, 0.4110, -0.0220),
    "glpn": (32, 32, 0.5278, 0.2041, 0.4784),
    "depth_pro": (56, 56, 0.0559, 0.4118, -0.0709),
}


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_preprocessing_is_what_it_was(folders, name):
    pixels = _of(folders, name).prepare(_image(), CAMERA).pixels[0].numpy()
    rows, columns = pixels.shape[1:]
    found = (rows, columns, pixels.mean(), pixels.std(), pixels[1, rows // 2, columns // 2])
    assert found == pytest.approx(GOLDEN[name], abs=GREY_LEVEL)


def test_depth_anything_by_its_authors_covers_what_the_library_fits_one_side_to(folders):
    image, folder = np.zeros((36, 64, 3), np.uint8), folders["depth_anything"]  # its size is 56x56
    sizes = {rule: TransformersModel(ModelConfig(name="tiny", method="transformers", path=str(folder), input_size=rule))
             .prepare(image, None).pixels.shape[-2:] for rule in ("library", "authors")}  # fmt: skip
    assert sizes == {"library": (28, 56), "authors": (56, 98)}


@pytest.mark.parametrize("name", ["depth_anything", "dpt", "glpn"])
def test_the_map_is_the_networks_own(folders, name):
    model = _of(folders, name)
    own = transformers.AutoModelForDepthEstimation.from_pretrained(folders[name]).eval()
    with torch.no_grad():
        raw = own(model.prepare(_image(), CAMERA).pixels).predicted_depth[0].numpy()
    np.testing.assert_allclose(model.predict(_image(), CAMERA, KEY).values, raw, rtol=ROUNDING, atol=ROUNDING)


# Sizes of the published networks: backbone width, heads, depth, the layers it is read at, widths of neck and fusion.
PUBLISHED = {
    "Depth Anything S": (384, 6, 12, (3, 6, 9, 12), [48, 96, 192, 384], 64),
    "Depth Anything B": (768, 12, 12, (3, 6, 9, 12), [96, 192, 384, 768], 128),
    "Depth Anything L": (1024, 16, 24, (5, 12, 18, 24), [256, 512, 1024, 1024], 256),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_parameters_are_those_published(name):
    width, heads, depth, read_at, neck, fusion = PUBLISHED[name]
    backbone = transformers.Dinov2Config(
        hidden_size=width, num_attention_heads=heads, num_hidden_layers=depth, image_size=518, patch_size=14,
        out_features=[f"stage{layer}" for layer in read_at], reshape_hidden_states=False,
    )  # fmt: skip
    config = transformers.DepthAnythingConfig(
        backbone_config=backbone, reassemble_hidden_size=width, neck_hidden_sizes=neck, fusion_hidden_size=fusion
    )
    with torch.device("meta"):
        network = transformers.AutoModelForDepthEstimation.from_config(config)
    (stated,) = {f.parameters for f in published("zero_shot_relative") if f.model == name}
    # Stated to 0.1 million.
    assert facts_of(network).parameters == pytest.approx(stated, abs=0.05e6)


def test_zoedepth_crops_its_border(folders):
    model = _of(folders, "zoedepth")
    ramp = np.repeat(np.arange(WIDTH + 32, dtype=np.float32)[None], HEIGHT + 28, axis=0)
    output = (torch.from_numpy(ramp)[None], None, None)
    # At the size of the padded image nothing is resized: columns 16 to 76 remain.
    np.testing.assert_array_equal(model.finish(output, _image(), None).values[0], np.arange(16, 16 + WIDTH))


def test_padding_is_cropped(folders):
    model = _of(folders, "prompt_depth_anything")
    given = model.prepare(_image(), None)
    rows = torch.arange(56.0)[:, None].repeat(1, 70)[None]
    values = model.finish((rows, None, given), _image(), None).values
    # The image lies in rows 2 to 53 of the input.
    assert values.shape == (52, 70)
    np.testing.assert_array_equal(values[:, 0], np.arange(2, 54))


def test_depth_pro_focal_length_by_hand(folders):
    model = _of(folders, "depth_pro")
    canonical = torch.full((1, 56, 56), 0.5)
    # 90 degrees over 61 px: f = 30.5 px, so 1/z = 0.5 * 61 / 30.5 = 1 per metre.
    values = model.finish((canonical, torch.tensor([90.0]), None), _image(), None).values
    np.testing.assert_allclose(values, 1.0, rtol=1e-6)
    # Without a field of view the camera's 50 px: 1/z = 0.5 * 61 / 50.
    values = model.finish((canonical, None, None), _image(), CAMERA).values
    np.testing.assert_allclose(values, 1 / 0.61, rtol=1e-6)
    with pytest.raises(InputError, match="no field-of-view head and the frame no camera"):
        model.finish((canonical, None, None), _image(), None)


def test_small_images_are_read_as_images_and_slivers_refused(folders):
    model = _of(folders, "depth_anything")
    # Three rows could be taken for three channels.
    assert model.predict(np.zeros((3, 5, 3), np.uint8), None, KEY).values.ndim == 2
    with pytest.raises(InputError, match="depth_anything: an image of 700x2 px cannot be prepared"):
        model.predict(np.zeros((2, 700, 3), np.uint8), None, KEY)


def test_nothing_is_fetched(folders):
    with pytest.raises(InputError, match="no such folder; download the model there first, nothing is fetched"):
        _model(Path("depth-anything/Depth-Anything-V2-Small-hf"))
    _of(folders, "dpt")
    assert os.environ["HF_HUB_OFFLINE"] == os.environ["TRANSFORMERS_OFFLINE"] == "1"


def test_the_hash_follows_weights_and_settings(folders, folder):
    first = _model(folders["depth_anything"]).source_sha256
    assert first == _model(folder).source_sha256
    settings = json.loads((folder / "preprocessor_config.json").read_text())
    (folder / "preprocessor_config.json").write_text(json.dumps(settings | {"size": {"height": 28, "width": 28}}))
    assert first != _model(folder).source_sha256


def test_kinds(folders):
    with pytest.raises(ConfigError, match="does not say what it gives; state kind: affine_invariant_disparity"):
        _model(folders["dpt"])
    assert _model(folders["dpt"], "metric_depth").kind == "metric_depth"
    with pytest.raises(ConfigError, match="kind: metric_depth disagrees with the model's own"):
        _model(folders["depth_anything"], "metric_depth")


def _drop_weight(folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    weights = load_file(folder / "model.safetensors")
    weights.pop("head.conv3.weight")
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def _other_architecture(folder: Path) -> None:
    (folder / "config.json").write_text(json.dumps({"model_type": "bert"}))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda f: (f / "model.safetensors").unlink(), r"holds no weights \(\*\.safetensors or \*\.bin\)"),
        (lambda f: (f / "config.json").unlink(), r"holds no config\.json; download all files"),
        (lambda f: (f / "preprocessor_config.json").unlink(), r"holds no preprocessor_config\.json"),
        (lambda f: (f / "model.safetensors").write_bytes(b"x" * 64), "weights cannot be loaded"),
        (lambda f: (f / "config.json").write_text("{"), r"config\.json: .*; known are depth_anything"),
        (lambda f: (f / "preprocessor_config.json").write_text("{"), r"preprocessor_config\.json: .*; download it"),
        (_other_architecture, "model_type 'bert' is no depth network known here; known are depth_anything, dpt"),
        (_drop_weight, r"1 weights of the network are missing or of another shape \(head\.conv3\.weight\)"),
    ],
)
def test_faults_name_the_folder_and_the_fix(folder, spoil, message):
    spoil(folder)
    with pytest.raises(InputError, match=message) as error:
        _model(folder)
    assert "\n" not in str(error.value)
    assert folder.name in str(error.value)


def test_without_the_package(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(ConfigError, match=r"mine: method transformers needs .*pip install 'sfm-gt\[transformers\]'"):
        _model(folder)
