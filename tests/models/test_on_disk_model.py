"""Predictions on disk: every format gives the same values, errors name the file and the fix."""

from __future__ import annotations

import io
import struct
import tempfile
import tracemalloc
import zipfile
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from sfm_gt.errors import ConfigError, InputError
from sfm_gt.formats.manifest import Manifest, write_manifest
from sfm_gt.models.on_disk import OnDiskModel
from sfm_gt.models.shared.prediction import FrameKey, MissingPredictionError
from sfm_gt.models.shared.settings import ModelConfig

IMAGE = np.zeros((4, 6, 3), np.uint8)
VALUES = np.arange(24, dtype=np.float32).reshape(4, 6) / 4 + 1


@pytest.fixture
def model(tmp_path):
    (tmp_path / "clip").mkdir()
    np.save(tmp_path / "clip" / "000000.npy", VALUES)
    return _opened(tmp_path)


def _opened(folder):
    return OnDiskModel(ModelConfig(name="theirs", method="on_disk", path=str(folder), kind="metric_depth"))


def _predict(model, frame_index=5):
    return model.predict(IMAGE, None, FrameKey("clip", frame_index))


def _write_exr(path, channels):
    openexr = pytest.importorskip("OpenEXR")
    header = {"compression": openexr.ZIP_COMPRESSION, "type": openexr.scanlineimage}
    openexr.File(header, channels).write(str(path))


def test_npy_and_npz(model, tmp_path):
    np.save(tmp_path / "clip" / "000005.npy", VALUES)
    np.savez(tmp_path / "clip" / "000006.npz", depth=VALUES[None])
    for frame_index in (5, 6):
        prediction = _predict(model, frame_index)
        np.testing.assert_array_equal(prediction.values, VALUES)
        assert prediction.kind == "metric_depth"


def test_an_array_of_several_is_found_by_its_key(model, tmp_path):
    np.savez(tmp_path / "clip" / "000005.npz", depth=VALUES, sigma=VALUES / 10)
    with pytest.raises(InputError, match=r"holds 2 arrays \(depth, sigma\), needed one, or the key of one"):
        _predict(model)
    (tmp_path / "predictions.yaml").write_text("key: depth\n")
    np.testing.assert_array_equal(_predict(_opened(tmp_path)).values, VALUES)
    np.testing.assert_array_equal(_predict(_opened(tmp_path), 0).values, VALUES)  # an .npy file has no keys
    (tmp_path / "predictions.yaml").write_text("key: z\n")
    with pytest.raises(InputError, match="needed 'z'"):
        _predict(_opened(tmp_path))


def test_one_stack_holds_a_clip(tmp_path):
    maps = np.stack([VALUES, 2 * VALUES])
    np.savez_compressed(tmp_path / "clip.npz", depth=maps, frame_index=np.array([7, 5]))
    model = _opened(tmp_path)
    np.testing.assert_array_equal(_predict(model, 7).values, VALUES)
    np.testing.assert_array_equal(_predict(model, 5).values, 2 * VALUES)
    with pytest.raises(MissingPredictionError, match=r"nor in clip\.npz"):
        _predict(model, 0)
    (tmp_path / "clip").mkdir()
    np.save(tmp_path / "clip" / "000005.npy", VALUES)
    with pytest.raises(InputError, match=r"clip\.npz exists as well"):
        _predict(model, 5)


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"depth": np.stack([VALUES] * 2)}, "holds no array frame_index"),
        ({"depth": np.stack([VALUES] * 2), "frame_index": np.arange(3)}, "needed N different whole numbers"),
        ({"depth": np.stack([VALUES] * 2), "frame_index": np.zeros(2, int)}, "needed N different whole numbers"),
        ({"depth": VALUES, "frame_index": np.arange(4)}, r"the maps have shape \(4, 6\)"),
    ],
)
def test_a_stack_says_of_which_frame_each_map_is(tmp_path, arrays, words):
    np.savez(tmp_path / "clip.npz", **arrays)
    with pytest.raises(InputError, match=words):
        _predict(_opened(tmp_path))


def test_png_has_a_stated_unit_and_zero_is_no_answer(model, tmp_path):
    stored = np.round(VALUES * 1000).astype(np.uint16)
    stored[0, 0] = 0
    cv2.imwrite(str(tmp_path / "clip" / "000005.png"), stored)
    with pytest.raises(InputError, match=r"predictions\.yaml: states no unit"):
        _predict(model)
    (tmp_path / "predictions.yaml").write_text("unit: 0.001\n")
    values = _predict(_opened(tmp_path)).values
    assert np.isnan(values[0, 0])
    np.testing.assert_allclose(values.ravel()[1:], VALUES.ravel()[1:], atol=5e-4)


@pytest.mark.parametrize("name", ["Z", "Y", "RGB"])
def test_exr(model, tmp_path, name):
    _write_exr(tmp_path / "clip" / "000005.exr", {name: np.stack([VALUES] * 3, 2) if name == "RGB" else VALUES})
    np.testing.assert_array_equal(_predict(model).values, VALUES)


def test_other_size_is_left_to_the_protocol(model, tmp_path):
    np.save(tmp_path / "clip" / "000005.npy", np.full((2, 3), 7, np.float64))
    np.testing.assert_array_equal(_predict(model).values, np.full((2, 3), 7, np.float32))


def test_a_manifest_of_the_predict_stage_settles_that_a_squeezed_map_shows_the_whole_image(model, tmp_path):
    squeezed = np.ones((4, 20), np.float32)
    np.save(tmp_path / "clip" / "000005.npy", squeezed)
    with pytest.raises(InputError, match="needed its aspect ratio"):
        _predict(model)
    config = ModelConfig(name="theirs", method="on_disk", path=str(tmp_path), kind="metric_depth")
    write_manifest(tmp_path / "clip", Manifest("predict", 3, measures={"image_sizes": [[4, 6]]}))
    np.testing.assert_array_equal(_predict(OnDiskModel(config)).values, squeezed)
    write_manifest(tmp_path / "clip", Manifest("predict", 3, measures={"image_sizes": [[4, 20]]}))
    with pytest.raises(InputError, match="predictions of images of 20x4 px, the ground truth has 6x4"):
        _predict(OnDiskModel(config))


def test_missing_frame_is_no_fault_of_the_run(model):
    with pytest.raises(MissingPredictionError, match=r"000005\.npy: not there"):
        _predict(model)


@pytest.mark.parametrize(
    ("suffix", "content", "message"),
    [
        ("npy", np.zeros((4, 6, 3)), r"found float64 of shape \(4, 6, 3\), needed one map"),
        ("npy", np.zeros((4, 6), complex), "found complex128"),
        ("npy", np.full((4, 6), 200, np.uint8), "found uint8, needed float: whole numbers have a unit"),
        ("npy", np.full((6, 4), 2.0), r"found 4x6 px for an image of 6x4, needed its aspect ratio; bring the map back"),
        ("npy", None, "not a NumPy array"),
        ("npz", None, "not a NumPy array"),
        ("png", np.zeros((4, 6), np.uint8), "found uint8"),
        ("png", None, "found an unreadable file"),
    ],
)
def test_faults_name_file_and_fix(model, tmp_path, suffix, content, message):
    path = tmp_path / "clip" / f"000005.{suffix}"
    if content is None:
        path.write_bytes(b"nonsense")
    elif suffix == "png":
        cv2.imwrite(str(path), content)
    else:
        np.save(path, content)
    with pytest.raises(InputError, match=message) as error:
        _predict(model)
    assert path.name in str(error.value)
    assert "\n" not in str(error.value)


def _npy(array: np.ndarray, shape: tuple[int, ...] | None = None) -> bytes:
    """``array`` in NumPy's format, with a header that states ``shape``."""
    file = io.BytesIO()
    if array.dtype.hasobject:
        np.save(file, array)
        return file.getvalue()
    header = {"descr": array.dtype.str, "fortran_order": False, "shape": shape or array.shape}
    np.lib.format.write_array_header_1_0(file, header)
    return file.getvalue() + array.tobytes()


def _npz(content: bytes, name: str = "depth.npy") -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return file.getvalue()


def _exr() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        _write_exr(Path(folder) / "a.exr", {"Y": np.random.default_rng(0).uniform(1, 9, (64, 96)).astype(np.float32)})
        return (Path(folder) / "a.exr").read_bytes()


def _exr_of(width: int) -> bytes:
    content = bytearray(_exr())
    struct.pack_into("<iiii", content, content.index(b"box2i") + 10, 0, 0, width, width)
    return bytes(content)


def _png_of(width: int) -> bytes:
    content = bytearray(cv2.imencode(".png", np.ones((4, 6), np.uint16))[1].tobytes())
    struct.pack_into(">II", content, 16, width, width)
    struct.pack_into(">I", content, 29, zlib.crc32(content[12:29]))
    return bytes(content)


@pytest.mark.parametrize(
    ("suffix", "content", "message"),
    [
        ("npy", lambda: _npy(VALUES)[:-1], "it is cut short"),
        ("npy", lambda: _npy(VALUES)[:40], "not a NumPy array"),
        ("npy", lambda: _npy(VALUES, (99999, 999)), "it is cut short"),
        ("npy", lambda: _npy(VALUES, (999999, 9999999)), "needed 1 to 100000000 numbers"),
        ("npy", lambda: _npy(np.zeros((0, 4))), "needed 1 to 100000000 numbers"),
        ("npy", lambda: _npy(np.array([[None]])), "found object of shape"),
        ("npz", lambda: _npz(_npy(np.array([[None]]))), "found object of shape"),
        ("npz", lambda: _npz(_npy(VALUES)[1:]), "not a NumPy array"),
        ("npz", lambda: _flipped(_npz(_npy(np.random.default_rng(0).random((99, 99))))), "not a NumPy array"),
        ("npz", lambda: _npz(_npy(VALUES, (999999, 9999999))), "needed 1 to 100000000 numbers"),
        ("npz", lambda: _npz(_npy(np.zeros((0, 4)))), "needed 1 to 100000000 numbers"),
        ("exr", lambda: _exr()[:-9], "not an EXR image"),
        ("exr", lambda: _exr()[:600], "not an EXR image"),
        ("exr", lambda: _exr_of(100_000), "states 100001x100001 px"),
        ("exr", lambda: _exr_of(-5), "not an EXR image"),
        ("png", lambda: _png_of(50_000), "states 50000x50000 px"),
        ("png", lambda: cv2.imencode(".png", np.ones((4, 6), np.uint16))[1].tobytes()[:-20], "unreadable file"),
        ("png", lambda: b"", "unreadable file"),
    ],
)
def test_damaged_files_and_headers_that_promise_too_much_are_refused_before_memory_is_asked_for(
    model, tmp_path, suffix, content, message
):
    path = tmp_path / "clip" / f"000005.{suffix}"
    path.write_bytes(content())
    (tmp_path / "predictions.yaml").write_text("unit: 0.001\n")
    tracemalloc.start()
    with pytest.raises(InputError, match=message) as error:
        _predict(model)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert str(error.value).startswith(str(path))
    assert "\n" not in str(error.value)
    assert peak < 50 << 20


def _flipped(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 0xFF]) + content[middle + 1 :]


def test_npz_with_two_arrays(model, tmp_path):
    np.savez(tmp_path / "clip" / "000005.npz", depth=VALUES, sigma=VALUES)
    with pytest.raises(InputError, match=r"holds 2 arrays \(depth, sigma\), needed one"):
        _predict(model)


def test_two_files_for_one_frame(model, tmp_path):
    np.save(tmp_path / "clip" / "000005.npy", VALUES)
    np.savez(tmp_path / "clip" / "000005.npz", VALUES)
    with pytest.raises(InputError, match=r"000005\.npz exists as well; keep one"):
        _predict(model)


def test_an_empty_folder_and_other_names_are_told_apart_from_missing_frames(tmp_path):
    config = ModelConfig(name="theirs", method="on_disk", path=str(tmp_path), kind="metric_depth")
    with pytest.raises(InputError, match=r"holds no prediction <clip_id>/NNNNNN\.npy .*, found nothing"):
        OnDiskModel(config)
    (tmp_path / "clip").mkdir()
    np.save(tmp_path / "clip" / "frame_5.npy", VALUES)
    with pytest.raises(InputError, match=r"found clip/frame_5\.npy; give the folder above those of the clips"):
        OnDiskModel(config)
    # One folder too deep: the clip's own.
    np.save(tmp_path / "clip" / "000005.npy", VALUES)
    with pytest.raises(InputError, match=r"found 000005\.npy"):
        OnDiskModel(ModelConfig(name="t", method="on_disk", path=str(tmp_path / "clip"), kind="metric_depth"))
    assert OnDiskModel(config).kind == "metric_depth"


def test_configuration(tmp_path):
    with pytest.raises(ConfigError, match="need kind: one of metric_depth"):
        OnDiskModel(ModelConfig(name="theirs", method="on_disk", path=str(tmp_path)))
    with pytest.raises(ConfigError, match="theirs: what is stored cannot be made again for mirrored images"):
        OnDiskModel(ModelConfig(name="theirs", method="on_disk", path=str(tmp_path), kind="metric_depth", flipped=True))
    with pytest.raises(InputError, match="no such folder"):
        OnDiskModel(ModelConfig(name="t", method="on_disk", path=str(tmp_path / "no"), kind="metric_depth"))
