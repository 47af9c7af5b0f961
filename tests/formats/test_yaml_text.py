"""The one loader of YAML that users write, and that every kind of file goes through it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest

from sfm_gt.config import read_config
from sfm_gt.errors import InputError, SfmGtError
from sfm_gt.formats.sidecar import read_sidecar
from sfm_gt.formats.yaml_text import MAX_BYTES, read_yaml
from sfm_gt.metrics.protocol import load_protocol
from sfm_gt.models.on_disk import OnDiskModel
from sfm_gt.models.shared.description import NetworkDescription, read_description
from sfm_gt.models.shared.prediction import FrameKey
from sfm_gt.models.shared.settings import ModelConfig
from sfm_gt.workflow.run_plan import prepare

BOMB = "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n"


def _unit(path: Path) -> Any:
    folder = path.parent / "stored"
    (folder / "clip").mkdir(parents=True)
    cv2.imwrite(str(folder / "clip" / "000000.png"), np.ones((4, 6), np.uint16))
    path.rename(folder / "predictions.yaml")
    model = OnDiskModel(ModelConfig(name="m", method="on_disk", path=str(folder), kind="metric_depth"))
    return model.stored(FrameKey("clip", 0), 4, 6)


def _snakemake(path: Path) -> Any:
    with pytest.raises(SystemExit) as end:
        prepare(SimpleNamespace(is_main_process=True, configfiles=[path]), {"videos": "videos", "out": "out"})
    return end.value.code


READERS: dict[str, Callable[[Path], Any]] = {
    "sidecar": read_sidecar,
    "configuration": read_config,
    "protocol": lambda path: load_protocol(str(path)),
    "description": lambda path: read_description(
        ModelConfig(name="m", method="onnx", path=str(path)), NetworkDescription
    ),
    "unit of predictions": _unit,
}


@pytest.mark.parametrize("reader", READERS.values(), ids=READERS)
@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("unit: 0.001\nconsent: withdrawn\nconsent: given\n", "line 3: 'consent' is given twice, first in line 2"),
        (BOMB, "line 2: holds the alias *a"),
    ],
)
def test_repeated_keys_and_aliases_are_refused_in_every_file_that_users_write(tmp_path, reader, text, says):
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(SfmGtError) as error:
        reader(path)
    assert says in str(error.value)
    assert ".yaml: " in str(error.value)
    assert "\n" not in str(error.value)


def test_a_configuration_of_snakemake_is_refused_too(tmp_path, capsys):
    path = tmp_path / "run.yaml"
    path.write_text("seed: 1\nseed: 2\n")
    assert _snakemake(path) == 1
    assert "run.yaml: line 2: 'seed' is given twice" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("scale:\n  camera_height: {metres: 1, metres: 2}", "'metres' is given twice, first in line 2"),
        ('metres: 1\n"metres": 2', "'metres' is given twice"),
        ("1: a\n0x1: b", "'1' is given twice"),
        ("? [a, b]\n: c", "the key is a"),
        ("<<: {a: 1}", "not valid YAML"),
        ("[" * 200 + "]" * 200, "nested deeper than 20 levels"),
        ("a: " + "9" * 5000, "line 1: a number of 5000 digits; needed at most 40"),
        ("a:\n  b: " + "9" * 400, "line 2: a number of 400 digits"),
        ("a: 0x" + "f" * 400, "a number of 402 digits"),
        ("a: 2024-13-45", "not valid YAML"),
        ("a: !!python/object/apply:os.getcwd []", "not valid YAML"),
        ("a: 1\n---\nb: 2", "not valid YAML"),
        ("#" * (MAX_BYTES + 1), f"needed at most {MAX_BYTES}"),
    ],
)
def test_what_is_ambiguous_or_unbounded_is_refused_in_one_line(tmp_path, text, says):
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(InputError) as error:
        read_yaml(path)
    assert says in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("0525", "line 2: 0525 begins with 0, which YAML takes for base 8, 341; write 525, or quotes"),
        ("-010", "line 2: -010 begins with 0, which YAML takes for base 8, -8; write -10"),
        ("[1, 0_17]", "line 2: 0_17 begins with 0"),
        ("{010: x}", "line 2: 010 begins with 0"),
        ("1:30", "line 2: 1:30 is a number in base 60 to YAML; write one number without colons"),
        ("-1:30:07", "line 2: -1:30:07 is a number in base 60"),
        ("0:01:30.5", "line 2: 0:01:30.5 is a number in base 60"),
        ('!!int "0525"', "line 2: 0525 begins with 0"),
    ],
)
@pytest.mark.parametrize("reader", READERS.values(), ids=READERS)
def test_numbers_that_yaml_takes_for_others_are_refused_in_every_file_that_users_write(tmp_path, reader, text, says):
    path = tmp_path / "mine.yaml"
    path.write_text(f"# mine\nunit: {text}\n")
    with pytest.raises(SfmGtError) as error:
        reader(path)
    assert f".yaml: {says}" in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0),
        ("00", 0),
        ("-7", -7),
        ("525", 525),
        ("1_000", 1000),
        ("0x1F", 31),
        ("0.5", 0.5),
        ("0525.5", 525.5),
        ("1.5e-3", 0.0015),
        ("1.0e+3", 1000.0),
        ("1e-3", "1e-3"),
        (".inf", float("inf")),
        ("'0525'", "0525"),
        ('"1:30"', "1:30"),
        ("10:30 h", "10:30 h"),
        ("2024-05-01", date(2024, 5, 1)),
        ("2024-05-01 10:30:07", datetime(2024, 5, 1, 10, 30, 7)),
        ("https://example.org:8080/a", "https://example.org:8080/a"),
    ],
)
def test_numbers_texts_and_times_that_mean_what_they_say_are_read(tmp_path, text, value):
    path = tmp_path / "mine.yaml"
    path.write_text(f"a: {text}\n")
    assert read_yaml(path) == {"a": value}


def test_equal_keys_of_different_mappings_and_plain_values_are_read(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("a: {x: 1, y: [1, 2.5]}\nb: {x: true}\n")
    assert read_yaml(path) == {"a": {"x": 1, "y": [1, 2.5]}, "b": {"x": True}}


def test_a_folder_of_that_name_is_refused(tmp_path):
    with pytest.raises(InputError, match="not a regular file"):
        read_yaml(tmp_path)
