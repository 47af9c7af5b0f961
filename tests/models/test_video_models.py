"""Video networks: windows that are joined into one clip, and a real ONNX session that sees several frames."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml

from sfm_gt.errors import InputError
from sfm_gt.models.onnx import OnnxModel
from sfm_gt.models.onnx_video import OnnxVideoModel
from sfm_gt.models.shared.prediction import FrameKey
from sfm_gt.models.shared.settings import ModelConfig
from sfm_gt.models.shared.video import ClipFrame, joined, predict_clip
from tests.models.tiny_video import write_tiny_video_model

pytest.importorskip("onnx")

FRAMES, OVERLAP, HEIGHT, WIDTH = 5, 2, 6, 8
# float32 through a division and a fit.
ROUNDING = 1e-4


def _model(path: Path, kind=None) -> OnnxVideoModel:
    return OnnxVideoModel(ModelConfig(name="v", method="onnx_video", path=str(path), kind=kind))


def _clip(n_frames: int) -> list[ClipFrame]:
    """Frame f is a random picture that gets brighter with f, so that every window has another mean."""
    picture = np.random.default_rng(0).integers(40, 100, (HEIGHT, WIDTH, 3))
    return [ClipFrame((picture + 5 * f).astype(np.uint8), None, FrameKey("clip", 10 * f)) for f in range(n_frames)]


def _predict(model, clip):
    times = []
    return [(frame.key.frame_index, p.values) for frame, p in predict_clip(model, clip, times)], times


@pytest.mark.parametrize("n_frames", [1, 4, 5, 6, 8, 13])
def test_windows_of_another_scale_become_one_clip(tmp_path, n_frames):
    model = _model(write_tiny_video_model(tmp_path, kind="scale_invariant_depth"))
    clip = _clip(n_frames)
    predicted, times = _predict(model, clip)
    assert [index for index, _ in predicted] == [10 * f for f in range(n_frames)]
    # The network divides by the mean over its window, so each window has a scale of its own; the clip must have one.
    ratio = np.array([values / frame.image.mean(axis=2) for (_, values), frame in zip(predicted, clip, strict=True)])
    np.testing.assert_allclose(ratio, ratio[0, 0, 0], rtol=ROUNDING)
    assert len(times) == max(1, int(np.ceil((n_frames - OVERLAP) / (FRAMES - OVERLAP))))
    assert all(0 < time.forward_s < time.total_s for time in times)


def test_metric_windows_are_not_rescaled(tmp_path):
    """The same network called metric: its windows disagree, and only the fade hides that; nothing is fitted."""
    clip = _clip(8)
    predicted, _ = _predict(_model(write_tiny_video_model(tmp_path, kind="metric_depth")), clip)
    own = [frame.image.mean(axis=2) for frame in clip]
    first, second = np.mean(own[:FRAMES]), np.mean(own[FRAMES - OVERLAP :])
    np.testing.assert_allclose(predicted[0][1], own[0] / first, rtol=ROUNDING)
    np.testing.assert_allclose(predicted[7][1], own[7] / second, rtol=ROUNDING)
    # The first shared frame is two thirds the old window and one third the new one.
    np.testing.assert_allclose(predicted[3][1], own[3] * (2 / first + 1 / second) / 3, rtol=ROUNDING)


def test_joining_by_hand():
    truth = np.random.default_rng(0).uniform(1, 2, (4, 3, 3)).astype(np.float32)
    new = (truth - 0.5) / 3
    fitted = joined(truth[:2], new, "affine_invariant_disparity")
    np.testing.assert_allclose(fitted, truth, rtol=ROUNDING)
    assert np.abs(joined(truth[:2], new, "scale_invariant_depth") - truth)[2:].max() > 0.05, "no shift is granted"


def test_joining_survives_what_gives_no_fit():
    tail = np.full((1, 2, 2), 3.0, np.float32)
    constant = joined(tail, np.full((2, 2, 2), 1.0, np.float32), "affine_invariant_disparity")
    np.testing.assert_allclose(constant, 3.0)
    nan = joined(tail, np.full((2, 2, 2), np.nan, np.float32), "affine_invariant_disparity")
    assert np.isnan(nan).all()
    ramp = np.arange(4, dtype=np.float32).reshape(1, 2, 2)
    contrary = joined(ramp, np.repeat(3 - ramp, 2, axis=0), "affine_invariant_disparity")
    assert np.isfinite(contrary).all()
    assert contrary[1, 0, 0] > contrary[1, 1, 1], "a window that says the opposite is not turned around"


def test_a_window_of_frames_is_held_and_no_more(tmp_path):
    taken = 0

    def clip():
        nonlocal taken
        for frame in _clip(20):
            taken += 1
            yield frame

    for done, _ in enumerate(predict_clip(_model(write_tiny_video_model(tmp_path)), clip(), []), start=1):
        assert taken <= done + 2 * FRAMES


def test_the_image_plugin_and_the_video_plugin_tell_their_networks_apart(tmp_path, tiny_onnx):
    with pytest.raises(InputError, match=r"tiny\.yaml: unknown key 'window'"):
        OnnxModel(ModelConfig(name="v", method="onnx", path=str(write_tiny_video_model(tmp_path / "v"))))
    with pytest.raises(InputError, match=r"tiny\.yaml: 'window' is missing"):
        _model(tiny_onnx())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"window": {"frames": 4, "overlap": 4}}, "overlap 4 must be smaller than frames 4"),
        (
            {"window": {"frames": 4, "overlap": 2}},
            r"input is \[1, 5, 3, 6, 8\], the description says \[1, 4, 3, 6, 8\]",
        ),
        ({"window": {"frames": 5, "overlap": 0}}, r"window\.overlap = 0: input should be greater than 0"),
    ],
)
def test_faults_name_file_and_fix(tmp_path, changes, message):
    path = write_tiny_video_model(tmp_path)
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | changes))
    with pytest.raises(InputError, match=message) as error:
        _model(path)
    assert "\n" not in str(error.value)


def test_output_that_is_not_one_map_a_frame(tmp_path):
    model = _model(write_tiny_video_model(tmp_path))
    with pytest.raises(InputError, match=r"output of shape \(1, 4, 6, 8\), needed one map a frame \(1, 5, H, W\)"):
        model.finish(np.zeros((1, 4, 6, 8), np.float32))
