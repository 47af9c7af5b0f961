"""Models that see a clip at once: maps, cameras and confidence from published output formats, and windows that are joined."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
import torch

from sfm_gt import registry
from sfm_gt.errors import ConfigError, InputError
from sfm_gt.models.shared.network import NetworkFacts
from sfm_gt.models.shared.prediction import FrameKey, Prediction
from sfm_gt.models.shared.settings import ModelConfig
from sfm_gt.models.shared.video import ClipFrame, PackageClipModel, predict_clip
from sfm_gt.models.shared.views import intrinsics_of_points, network_input
from tests.models import views_stand_ins as stand_ins
from tests.models.tiny_marigold import write_tiny_marigold

HEIGHT, WIDTH = 42, 56
IMAGES = [np.full((HEIGHT, WIDTH, 3), 40 * n + 30, np.uint8) for n in range(3)]
WITH_CAMERAS = ("depth_anything_3", "vggt", "pi3", "map_anything", "cut3r")
METRIC = ("map_anything", "cut3r")
WITHOUT = ("video_depth_anything", "depthcrafter")


@pytest.fixture
def packages(tmp_path, monkeypatch):
    """All stand-ins, importable for one test."""
    with stand_ins.importable_views(tmp_path / "packages", monkeypatch):
        yield


def _model(method, folder, **options):
    config = getattr(stand_ins, method)(folder, **options)
    return registry.load("models", method)(config)


@pytest.mark.parametrize("method", WITH_CAMERAS)
def test_maps_cameras_and_confidence_of_a_clip(packages, tmp_path, method):
    model = _model(method, tmp_path)
    found = model.answer(IMAGES, [])
    unit = 1 if method == "depth_anything_3" else 1 / 255
    for n, prediction in enumerate(found):
        np.testing.assert_allclose(prediction.values, 3 * (40 * n + 30) * unit, rtol=1e-5)
        assert prediction.values.dtype == np.float32
        assert prediction.confidence.shape == prediction.values.shape
        # Point maps have one focal length, of a picture that is squeezed to whole patches.
        squeezed = {"pi3": 588 / 434, "cut3r": 512 / 384}.get(method)
        fy = 0.8 * WIDTH * squeezed * HEIGHT / WIDTH if squeezed else 1.1 * HEIGHT
        expected = [[0.8 * WIDTH, 0, WIDTH / 2], [0, fy, HEIGHT / 2], [0, 0, 1]]
        np.testing.assert_allclose(prediction.intrinsics, expected, rtol=1e-5)
        pose = np.eye(4)
        pose[0, 3] = -n
        np.testing.assert_allclose(prediction.cam_from_world, pose, atol=1e-6)
    assert model.kind == ("metric_depth" if method in METRIC else "scale_invariant_depth")
    assert model.facts.parameters == 1


@pytest.mark.parametrize("method", WITHOUT)
def test_maps_of_networks_without_cameras(packages, tmp_path, method):
    found = _model(method, tmp_path).answer(IMAGES, [])
    means = [prediction.values.mean() for prediction in found]
    expected = [32, 72, 112] if method == "video_depth_anything" else [0, 0.5, 1]
    np.testing.assert_allclose(means, expected, rtol=1e-5, atol=1e-6)
    assert all(
        prediction.kind == "affine_invariant_disparity" and prediction.intrinsics is None for prediction in found
    )


def test_kinds_follow_the_name_that_the_authors_gave(packages, tmp_path):
    assert _model("depth_anything_3", tmp_path, name="da3nested-giant-large").kind == "metric_depth"
    metric = _model("video_depth_anything", tmp_path, name="metric_video_depth_anything_vitb.pth", width=768)
    assert metric.kind == "metric_depth"


@pytest.mark.parametrize("method", [*WITH_CAMERAS, *WITHOUT])
def test_without_the_package_one_line_says_so(tmp_path, method):
    with pytest.raises(ConfigError, match=f"mine: method {method} needs the package") as error:
        _model(method, tmp_path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("method", [*WITH_CAMERAS, *WITHOUT, "marigold"])
def test_files_that_are_not_there(packages, tmp_path, method):
    if method == "marigold" and not importlib.util.find_spec("diffusers"):
        pytest.skip("diffusers is not installed here")
    with pytest.raises(InputError, match=r"nothing is fetched|no weights of|download all files"):
        registry.load("models", method)(ModelConfig(name="mine", method=method, path=str(tmp_path / "none")))


def test_the_package_of_dust3r_is_not_that_of_cut3r(packages, tmp_path):
    (tmp_path / "packages/dust3r/model.py").write_text("class AsymmetricCroCo3DStereo: ...")
    with pytest.raises(ConfigError, match="found the package dust3r of DUSt3R, needed that of CUT3R"):
        _model("cut3r", tmp_path)


def test_weights_of_another_network(packages, tmp_path):
    config = stand_ins.video_depth_anything(tmp_path, width=99)
    with pytest.raises(InputError, match="a backbone 99 wide, needed one of 384, 768, 1024"):
        registry.load("models", "video_depth_anything")(config)
    torch.save({"other": torch.tensor(1.0)}, tmp_path / "model.pt")
    with pytest.raises(InputError, match=r"lacks 1 weights of the network \(scale\)"):
        registry.load("models", "vggt")(ModelConfig(name="m", method="vggt", path=str(tmp_path / "model.pt")))


class _Walk(PackageClipModel):
    """Depth and poses of a walk along x, each window in a unit and world of its own."""

    source_sha256, facts, overlap = None, NetworkFacts(None, frames_per_pass=4), 2

    def __init__(self, kind):
        self.kind, self._window = kind, 0

    def infer(self, images):
        self._window += 1
        unit = 1.0 if self.kind == "metric_depth" else 1.0 / self._window
        found = []
        for image in images:
            number = int(image[0, 0, 0])
            pose = np.eye(4)
            pose[0, 3] = -unit * (number - int(images[0][0, 0, 0]))
            depth = unit * np.linspace(1 + number, 3 + number, 12, dtype=np.float32).reshape(3, 4)
            found.append(Prediction(depth, self.kind, np.eye(3), pose))
        return found


@pytest.mark.parametrize("kind", ["scale_invariant_depth", "metric_depth"])
@pytest.mark.parametrize("n_frames", [3, 4, 9])
def test_windows_continue_in_the_unit_and_world_of_the_first(kind, n_frames):
    clip = [ClipFrame(np.full((3, 4, 3), n, np.uint8), None, FrameKey("c", n)) for n in range(n_frames)]
    found = list(predict_clip(_Walk(kind), clip, []))
    assert [frame.key.frame_index for frame, _ in found] == list(range(n_frames))
    for n, (_, prediction) in enumerate(found):
        np.testing.assert_allclose(prediction.values.ravel(), np.linspace(1 + n, 3 + n, 12), rtol=1e-5)
        np.testing.assert_allclose(prediction.cam_from_world[:3, 3], [-n, 0, 0], atol=1e-4)


def test_the_input_of_a_network_has_its_long_side_and_whole_patches():
    assert network_input(IMAGES, 518, 14).shape == (3, 3, 392, 518)
    assert network_input([image.transpose(1, 0, 2) for image in IMAGES], 518, 14).shape == (3, 3, 518, 392)


def test_the_focal_length_of_a_point_map():
    v, u = np.mgrid[:20, :30] + 0.5
    z = np.random.default_rng(0).uniform(1, 5, (20, 30))
    points = np.stack([(u - 15) / 25 * z, (v - 10) / 25 * z, z], axis=-1)
    points[3, 3] = np.nan
    np.testing.assert_allclose(intrinsics_of_points(points), [[25, 0, 15], [0, 25, 10], [0, 0, 1]], rtol=1e-9)


@pytest.mark.parametrize(
    ("stated", "kind"),
    [
        ({}, "affine_invariant_depth"),
        ({"prediction_type": "disparity"}, "affine_invariant_disparity"),
        ({"shift_invariant": False}, "scale_invariant_depth"),
    ],
)
def test_marigold_on_a_tiny_pipeline(tmp_path, stated, kind):
    pytest.importorskip("diffusers")
    pytest.importorskip("transformers")
    model = registry.load("models", "marigold")(write_tiny_marigold(tmp_path, **stated))
    image = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
    one, again = (model.predict(image, None, FrameKey("c", 0)) for _ in range(2))
    assert model.kind == one.kind == kind
    assert one.values.shape == (HEIGHT, WIDTH)
    assert np.ptp(one.values) > 0
    np.testing.assert_array_equal(one.values, again.values)
