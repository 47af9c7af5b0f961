"""The configuration refuses what it does not know, and the generated files are those of the code."""

from __future__ import annotations

from pathlib import Path

import pytest

from sfm_gt import registry
from sfm_gt.config import read_config, to_yaml, validate, write_schema
from sfm_gt.errors import ConfigError

MINIMAL = {"videos": "videos", "out": "out"}
CONFIG_FOLDER = Path(__file__).resolve().parents[1] / "pipelines" / "config"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"dens": {}}, "unknown key 'dens'; did you mean 'dense'?"),
        ({"dense": {"frame_stepp": 2}}, "unknown key 'dense.frame_stepp'; did you mean 'frame_step'?"),
        ({"models": [{"name": "a", "method": "onnx", "pth": "x"}]}, "did you mean 'path'?"),
        ({"dense": {"frame_step": 0}}, "dense.frame_step = 0: input should be greater than 0"),
        ({"sfm": {"min_registered": 1.5}}, "less than or equal to 1"),
        ({"models": [{"name": "a", "method": "constant"}] * 2}, "the name 'a' is given twice"),
        ({"videos": None}, "videos = None"),
    ],
)
def test_a_mistake_names_the_key_and_the_fix(change, says):
    with pytest.raises(ConfigError) as error:
        validate(MINIMAL | change)
    assert says in str(error.value)
    assert "\n" not in str(error.value)


def test_a_missing_folder_setting_is_named():
    with pytest.raises(ConfigError, match="'videos' is missing"):
        validate({"out": "out"})


def test_yaml_round_trip(tmp_path):
    config = validate(MINIMAL | {"dense": {"frame_step": 5}})
    (tmp_path / "config.yaml").write_text(to_yaml(config))
    assert read_config(tmp_path / "config.yaml") == config
    with pytest.raises(ConfigError, match="give an existing YAML file"):
        read_config(tmp_path / "none.yaml")


def test_committed_defaults_and_schema_are_those_of_the_code(tmp_path):
    write_schema(tmp_path)
    for name in ("default.yaml", "schema.json"):
        assert (tmp_path / name).read_text() == (CONFIG_FOLDER / name).read_text(), (
            "run `sfm-gt schema pipelines/config`"
        )


def test_defaults_name_methods_that_exist():
    config = validate(MINIMAL)
    assert config.dense.method in registry.names("dense")
    assert config.moving.method in registry.names("masks")
    assert set(config.scale.cues) <= set(registry.names("scale"))
    assert {model.method for model in config.models} <= set(registry.names("models"))


def test_an_unknown_method_names_the_nearest():
    with pytest.raises(ConfigError, match="did you mean 'known_distance'"):
        registry.load("scale", "known_distanc")
