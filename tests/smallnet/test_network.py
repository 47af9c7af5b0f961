"""The committed network: small, loadable, described as it is, and better than seeing nothing on rooms it never saw."""

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import yaml

import sfm_gt
from benchmarks.smallnet.cache import HEIGHT, HELD_OUT_SEED, TRAIN_SEED, WIDTH
from benchmarks.smallnet.export import MAX_BYTES
from benchmarks.smallnet.scenes import random_sample
from benchmarks.smallnet.scoring import abs_rel_affine_disparity, abs_rel_constant, row_ramp

WEIGHTS = Path(sfm_gt.__file__).parent / "models" / "weights"
# Neither the training nor the held-out set: these rooms had no part even in choosing the options.
FRESH_SEED, FRESH_SCENES = 31337, 24
# Measured on these 24 rooms: 0.159 against 0.295 of the constant (0.54 of it) and 0.243 of the ramp (0.65); median
# correlation 0.80. The room above that is for other versions of OpenCV's JPEG and of libm; an untrained network (0.80
# and 1.07 on the held-out set) fails.
MAX_SHARE_OF_CONSTANT = 0.60
MAX_SHARE_OF_RAMP = 0.75
MIN_MEDIAN_CORRELATION = 0.70


@pytest.fixture(scope="module")
def session():
    return onnxruntime.InferenceSession(str(WEIGHTS / "smallnet.onnx"), providers=["CPUExecutionProvider"])


@pytest.fixture(scope="module")
def fresh():
    """Pictures (N, H, W, 3) and z-depths in metres (N, H, W)."""
    assert FRESH_SEED not in (TRAIN_SEED, HELD_OUT_SEED)
    samples = [random_sample(FRESH_SEED, k, HEIGHT, WIDTH) for k in range(FRESH_SCENES)]
    return np.stack([image for image, _ in samples]), np.stack([depth for _, depth in samples])


def disparity_of(session, image):
    batch = np.ascontiguousarray(image.transpose(2, 0, 1)[None], dtype=np.float32) / 255.0
    return session.run(["disparity"], {"image": batch})[0]


def test_file_is_small_and_names_no_source_files():
    content = (WEIGHTS / "smallnet.onnx").read_bytes()
    assert len(content) <= MAX_BYTES
    assert b".py" not in content


def test_description_matches_the_file(session):
    described = yaml.safe_load((WEIGHTS / "smallnet.yaml").read_text())
    (given,), (result,) = session.get_inputs(), session.get_outputs()
    assert described["file"] == "smallnet.onnx"
    assert described["kind"] == "affine_invariant_disparity"
    assert given.name == described["input"]["name"]
    assert result.name == described["output"]["name"]
    assert given.shape == [1, 3, described["input"]["height"], described["input"]["width"]] == [1, 3, HEIGHT, WIDTH]
    assert result.shape == [1, HEIGHT, WIDTH]


@pytest.mark.parametrize("level", [0, 127, 255])
def test_output_is_finite_even_on_blank_pictures(session, level):
    disparity = disparity_of(session, np.full((HEIGHT, WIDTH, 3), level, np.uint8))
    assert disparity.shape == (1, HEIGHT, WIDTH)
    assert disparity.dtype == np.float32
    assert np.isfinite(disparity).all()


def test_beats_what_sees_nothing_on_fresh_rooms(session, fresh):
    images, depths = fresh
    maps = [disparity_of(session, image)[0] for image in images]
    ours = np.mean([abs_rel_affine_disparity(p, g) for p, g in zip(maps, depths, strict=True)])
    constant = np.mean([abs_rel_constant(g) for g in depths])
    ramp = np.mean([abs_rel_affine_disparity(row_ramp(HEIGHT, WIDTH), g) for g in depths])
    assert ours < MAX_SHARE_OF_CONSTANT * constant
    assert ours < MAX_SHARE_OF_RAMP * ramp


def test_larger_is_nearer(session, fresh):
    images, depths = fresh
    maps = [disparity_of(session, image)[0] for image in images]
    correlations = [np.corrcoef(p.ravel(), 1.0 / g.ravel())[0, 1] for p, g in zip(maps, depths, strict=True)]
    assert np.median(correlations) > MIN_MEDIAN_CORRELATION
