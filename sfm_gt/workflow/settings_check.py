"""What settings name exists: methods, models, protocols, files. Checked when the workflow is parsed, before any work."""

from __future__ import annotations

from pathlib import Path

from sfm_gt import registry
from sfm_gt.config import Config
from sfm_gt.errors import ConfigError
from sfm_gt.metrics.protocol import load_protocols
from sfm_gt.models.shared.description import BUILTIN, description_path


def check_settings(config: Config) -> None:
    """Raises ConfigError for the first method, protocol or file that does not exist, with the key that names it."""
    for key, folder, name in (
        ("dense.method", "dense", config.dense.method),
        ("moving.method", "masks", config.moving.method),
        *(("scale.cues", "scale", cue) for cue in config.scale.cues),
        *((f"models.{model.name}.method", "models", model.method) for model in config.models),
    ):
        try:
            registry.require(folder, name)
        except ConfigError as error:
            raise ConfigError(f"{key}: {error}") from None
    limits = config.evaluate
    load_protocols(limits.protocols, limits.min_depth_m, limits.max_depth_m, limits.min_pixels)
    for key, path in _named_files(config).items():
        if not path.exists():
            raise ConfigError(f"{key}: {path} does not exist; correct the path, or leave the setting out")


def _named_files(config: Config) -> dict[str, Path]:
    stated: dict[str, Path | str | None] = {
        "sfm.learned_weights": config.sfm.learned_weights,
        "moving.person_segmentation": config.moving.person_segmentation,
        "moving.person_detection": config.moving.person_detection,
        "provenance.salt_file": config.provenance.salt_file,
    }
    if config.scale.pose_network is not None:
        stated["scale.pose_network.detection"] = config.scale.pose_network.detection
        stated["scale.pose_network.landmarks"] = config.scale.pose_network.landmarks
    if config.scale.metric_network is not None:
        stated["scale.metric_network.path"] = config.scale.metric_network.path
    for model in config.models:
        if model.path is not None and model.path.startswith(BUILTIN):
            stated[f"models.{model.name}.path"] = description_path(model)
        else:
            stated[f"models.{model.name}.path"] = model.path
    return {key: Path(path) for key, path in stated.items() if path is not None}
