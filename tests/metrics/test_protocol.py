"""Protocols: what is shipped, what validates, which pixels count, and the hash."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
import yaml

from sfm_gt.config import EvaluateConfig
from sfm_gt.errors import ConfigError, InputError
from sfm_gt.metrics.crops import crop_mask
from sfm_gt.metrics.protocol import Protocol, load_protocol, load_protocols
from sfm_gt.metrics.shipped import SHIPPED_FOLDER, shipped
from sfm_gt.models.shared.prediction import KINDS, Kind

RANGE = (0.1, 10.0, 4)
OURS = load_protocol("sfm_gt").completed(*RANGE)


def test_every_recipe_of_the_field_is_shipped_and_configured():
    assert set(shipped()) >= {
        "sfm_gt", "depth_anything_v1", "depth_anything_v2", "midas", "marigold", "moge", "video_depth_anything", "megasam",
    }  # fmt: skip
    assert EvaluateConfig().protocols == shipped()
    assert EvaluateConfig().protocols[0] == "sfm_gt"


@pytest.mark.parametrize("name", shipped())
def test_shipped_protocols_are_called_as_their_files_and_say_where_they_come_from(name):
    protocol = load_protocol(name)
    assert protocol.name == name
    assert len(protocol.source) > 20
    assert set(get_args(Kind)) == set(type(protocol.alignment).model_fields)


@pytest.mark.parametrize("name", shipped())
def test_only_a_metric_model_is_ever_unaligned(name):
    protocol = load_protocol(name)
    assert [kind for kind in KINDS if "none" in protocol.granted(kind)] in ([], ["metric_depth"])


def test_hashes_differ_and_follow_every_setting():
    protocols = load_protocols(shipped(), *RANGE)
    hashes = {protocol.hash for protocol in protocols}
    changes = {
        "scope": "clip", "fit_pixels": 100, "crop": "kitti_garg", "gt_range_m": (0.1, 20.0), "range_ends": "strict",
        "moving": "score", "clamp": False, "disparity_floor": "largest_gt", "non_finite": "clamp", "resize": "nearest",
        "prediction_range": (0.1, None), "fit_on": "positive", "boundary_disparity_floor": 1e-6, "log_floor": 1e-3,
        "negative_depth": "inside", "flip_averaging": True, "reducer": "image", "min_pixels": 7, "name": "mine",
        "alignment": OURS.alignment.model_copy(update={"scale_invariant_depth": ("ls_scale",)}),
    }  # fmt: skip
    assert set(changes) == set(Protocol.model_fields) - {"source"}
    hashes |= {OURS.model_copy(update={key: value}).hash for key, value in changes.items()}
    assert len(hashes) == len(protocols) + len(changes)
    assert OURS.hash == load_protocol("sfm_gt").completed(*RANGE).hash


def test_a_new_source_line_does_not_move_the_hash():
    assert OURS.model_copy(update={"source": "other words"}).hash == OURS.hash


def _written(tmp_path, **changes):
    content = yaml.safe_load((SHIPPED_FOLDER / "sfm_gt.yaml").read_text()) | changes
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(content))
    return str(path)


def test_own_protocol_by_path(tmp_path):
    assert load_protocol(_written(tmp_path, name="mine", crop="kitti_garg")).crop == "kitti_garg"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"reducr": "image"}, "unknown key 'reducr'; did you mean 'reducer'"),
        ({"scope": "scene"}, "scope = 'scene'"),
        ({"gt_range_m": [10, 1]}, "needed the smaller bound first"),
        ({"prediction_range": [5, 2]}, "prediction_range: found .* the smaller first"),
        ({"prediction_range": [2, 2]}, "prediction_range: found .* the smaller first"),
        ({"prediction_range": [float("nan"), None]}, "prediction_range: found .* finite"),
        ({"prediction_range": [0.1, float("inf")]}, "prediction_range: found .* finite"),
        ({"non_finite": "clamp", "clamp": False}, "non_finite: clamp needs clamp: true"),
        ({"alignment": {**OURS.alignment.model_dump(), "affine_invariant_depth": ["median"]}}, "a scale and a shift"),
        (
            {"alignment": {**OURS.alignment.model_dump(), "affine_invariant_disparity": ["median"]}},
            "ls_affine_disparity",
        ),
        ({"alignment": {**OURS.alignment.model_dump(), "scale_invariant_depth": ["none"]}}, "cannot stay unaligned"),
        ({"alignment": {**OURS.alignment.model_dump(), "metric_depth": ["mean"]}}, "string should match"),
        (
            {"alignment": {**OURS.alignment.model_dump(), "metric_depth": ["median", "median"]}},
            "needed each alignment once",
        ),
    ],
)
def test_what_does_not_fit_is_one_clear_line(tmp_path, changes, words):
    with pytest.raises(ConfigError, match=words) as error:
        load_protocol(_written(tmp_path, **changes))
    assert "mine.yaml" in str(error.value)
    assert "\n" not in str(error.value)


def test_robust_variants_leave_out_what_propagates_in_the_code():
    original, robust = load_protocol("midas"), load_protocol("midas_robust")
    assert (original.non_finite, robust.non_finite, robust.name) == ("propagate", "leave_out", "midas_robust")
    assert original.completed(*RANGE).hash != robust.completed(*RANGE).hash
    with pytest.raises(ConfigError, match="sfm_gt_robust"):
        load_protocol("sfm_gt_robust")  # it leaves them out already


def test_unknown_and_double_names():
    with pytest.raises(ConfigError, match=r"'midsa' is neither a file nor one of sfm_gt, .*midas"):
        load_protocol("midsa")
    with pytest.raises(ConfigError, match="'midas' is given twice"):
        load_protocols(["midas", "midas"], *RANGE)


def test_scored_pixels():
    z_depth = np.array([[0.05, 0.1, 10.0, 10.1, np.nan, 5.0, 5.0, 5.0]])
    moving, overlay = np.zeros((2, 1, 8), bool)
    moving[0, 6], overlay[0, 7] = True, True

    def scored(metric=True, **changes):
        return OURS.model_copy(update=changes).scored(z_depth, moving, overlay, metric)[0].astype(int).tolist()

    assert scored() == [0, 1, 1, 0, 0, 1, 0, 0]
    # Without metres a range in metres says nothing.
    assert scored(metric=False) == [1, 1, 1, 1, 0, 1, 0, 0]
    assert scored(moving="score") == [0, 1, 1, 0, 0, 1, 1, 0]
    assert scored(range_ends="strict") == [0, 0, 0, 0, 0, 1, 0, 0]


def test_range_of_aligned_depth():
    assert OURS.depth_range(7.0, metric=True).highest == 10.0
    one, other = OURS.depth_range(8.0, metric=False), OURS.depth_range(400.0, metric=False)
    assert (one.highest, other.highest, other.lowest) == (8.0, 400.0, pytest.approx(50 * one.lowest))
    assert (one.disparity_floor, other.disparity_floor) == (1 / 8.0, 1 / 400.0)
    moge = load_protocol("moge").completed(*RANGE).depth_range(7.0, metric=True)
    assert (moge.lowest, moge.highest, moge.disparity_floor) == (-np.inf, np.inf, 1 / 7.0)


@pytest.mark.parametrize(
    ("name", "size", "first", "beyond_last"),
    [
        ("nyu_eigen", (480, 640), (45, 41), (471, 601)),
        ("kitti_garg", (375, 1242), (153, 44), (371, 1197)),
        ("kitti_eigen", (375, 1242), (124, 44), (342, 1197)),
        # 352 x 1216 starts at row 23 and column 13; 0.408 of 352 is 143.
        ("kitti_garg_352x1216", (375, 1242), (23 + 143, 13 + 43), (23 + 349, 13 + 1172)),
        ("kitti_eigen_352x1216", (375, 1242), (23 + 117, 13 + 43), (23 + 321, 13 + 1172)),
        ("scannet_border", (480, 640), (8, 11), (472, 629)),
        ("none", (4, 5), (0, 0), (4, 5)),
    ],
)
def test_crops(name, size, first, beyond_last):
    rows, columns = np.nonzero(crop_mask(name, *size))
    assert (rows.min(), columns.min()) == first
    assert (rows.max() + 1, columns.max() + 1) == beyond_last
    assert rows.size == (beyond_last[0] - first[0]) * (beyond_last[1] - first[1])


def test_crop_of_another_size_of_image():
    with pytest.raises(InputError, match="found an image of 100x50 px, needed 640x480"):
        crop_mask("nyu_eigen", 50, 100)
    with pytest.raises(InputError, match="found an image of 1242x351 px, needed at least 1216x352"):
        crop_mask("kitti_garg_352x1216", 351, 1242)
