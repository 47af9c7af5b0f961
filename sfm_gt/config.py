"""The configuration: one frozen section per stage, units in the names, unknown keys rejected.

``pipelines/config/default.yaml`` and ``pipelines/config/schema.json`` are generated from here (``sfm-gt config``).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field

from sfm_gt.errors import ConfigError
from sfm_gt.formats.license_terms import Permission, Use, check_terms
from sfm_gt.formats.validation import Number, Whole, validated
from sfm_gt.formats.yaml_text import read_yaml
from sfm_gt.metrics.shipped import shipped
from sfm_gt.models.shared.settings import ModelConfig

Fraction = Annotated[Number, Field(ge=0.0, le=1.0)]
Positive = Annotated[Number, Field(gt=0.0)]
PositiveInt = Annotated[Whole, Field(gt=0)]
PixelCount = Annotated[Whole, Field(ge=0)]


class Section(BaseModel):
    """Base of all sections."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ClipsConfig(Section):
    """Cutting videos into clips."""

    cut_threshold: Positive = Field(27.0, description="content change that PySceneDetect takes for a cut")
    min_frames: PositiveInt = Field(15, description="shorter clips are rejected (too_short)")
    max_frames: PositiveInt = Field(900, description="longer shots are split into clips of at most this length")


class FramesConfig(Section):
    """Decoded frames and the keyframes that SfM starts from."""

    max_long_side_px: PositiveInt = Field(1280, description="larger frames are shrunk to this first")
    min_short_side_px: PositiveInt = Field(120, description="smaller videos are rejected (too_small)")
    min_keyframes: PositiveInt = Field(20, description="if fewer are chosen, evenly spaced frames are added")
    max_keyframes: PositiveInt = Field(60, description="maximum number of keyframes per clip")
    keyframe_motion: Fraction = Field(0.04, description="median track motion between keyframes, share of image width")
    min_motion: Fraction = Field(
        0.004,
        description="below this median motion over the clip, as a share of the long side, the camera counts as static",
    )
    max_homography: Fraction = Field(
        0.95, description="clips in which one homography always explains a larger share of the tracks have no parallax"
    )


class SfmConfig(Section):
    """Structure from motion."""

    max_features: PositiveInt = Field(2048, description="SIFT features per keyframe")
    init_min_tri_angle_deg: Positive = Field(
        4.0, description="minimum triangulation angle of the initial image pair in incremental mapping"
    )
    learned_weights: Path | None = Field(
        None,
        description="folder with aliked-n16.pth and aliked_lightglue.pth, for clips whose keyframes SIFT cannot connect",
    )
    min_registered: Fraction = Field(
        0.8, description="clips with a smaller share of registered frames, between the first and the last, are rejected"
    )
    min_points: PositiveInt = Field(100, description="fewer sparse points reject the clip (too_few_points)")
    max_reprojection_error_px: Positive = Field(2.0, description="larger mean error rejects the clip (poor_fit)")
    max_rel_depth_sigma: Positive = Field(
        0.05, description="required accuracy: larger expected sigma / depth rejects the clip (small_parallax)"
    )
    # Two sigma are a quarter of the focal length, the first step of its profile, which hardly tells movers from what is near.
    # Set below the 14 % of one of the videos for choosing; the sound ones of both halves and windows were in view.
    max_rel_focal_sigma: Positive = Field(
        0.12, description="larger sigma / focal length rejects the clip (focal_uncertain) where depth depends on it"
    )
    max_focal_swing: Positive = Field(
        0.015, description="larger relative change of the focal length beyond noise rejects the clip (zoom, breathing)"
    )
    max_systematic_error_px: Positive = Field(
        1.0, description="larger systematic residuals reject the clip (lens_distortion, rolling_shutter)"
    )
    max_trajectory_jump: Positive = Field(
        0.05, description="larger jumps between frames, over the scene's depth, reject the clip (jumping_camera)"
    )
    max_moving: Fraction = Field(
        0.1,
        description="frames in which a larger share of the image moves are not frozen; smaller moving regions are masked",
    )
    min_frozen_frames: PositiveInt = Field(
        15, description="clips with fewer consecutive frozen frames are rejected (scene_not_frozen)"
    )


class DenseConfig(Section):
    """Dense depth."""

    method: str = Field("patchmatch", description="a file in sfm_gt/dense/")
    frame_step: PositiveInt = Field(1, description="depth for every n-th registered frame")
    n_neighbours: PositiveInt = Field(8, description="number of views each frame is matched against")
    min_consistent: PositiveInt = Field(1, description="minimum number of neighbours with consistent depth")
    max_rel_difference: Positive = Field(
        0.02, description="relative depth difference up to which depths are consistent"
    )
    device: Literal["cpu", "cuda"] = Field("cpu", description="where the patchmatch kernels run")


class MovingConfig(Section):
    """Moving regions after depth."""

    method: str = Field("rigid_flow", description="a file in sfm_gt/masks/")
    threshold_px: Positive = Field(1.0, description="flow residual above which a pixel moves, at 480 px long side")
    dilate_px: Annotated[Whole, Field(ge=0)] = Field(1, description="safety margin around moving regions")
    person_segmentation: Path | None = Field(
        None,
        description="TFLite file of MediaPipe's selfie segmentation: moving masks snap to people; adds the layer person",
    )
    person_detection: Path | None = Field(
        None, description="TFLite file of MediaPipe's pose detector, which finds small people for the segmentation"
    )


class CleanConfig(Section):
    """Which dense depth is valid."""

    max_rel_sigma: Annotated[Number, Field(gt=0, le=0.2)] = Field(
        0.1, description="larger sigma / depth is invalid; trades accuracy against completeness"
    )
    max_outlier: Annotated[Number, Field(gt=0, lt=1)] = Field(
        0.25, description="a larger probability of a gross error (more than 10 % of depth) is invalid"
    )
    edge_margin_px: PixelCount = Field(
        2, description="width of the rim removed from foreground at depth discontinuities; 0 = off"
    )
    max_median_difference: Fraction = Field(
        0.15, description="ratio to the 5 x 5 median may exceed 1 by this (MegaDepth); 0 = off"
    )
    max_parallax_difference: Fraction = Field(
        0.2,
        description="|D - D_flow| / (D + D_flow) allowed against depth from two-frame flow (MannequinChallenge); 0 = off",
    )
    sky: bool = Field(True, description="drop depth of pixels without parallax, as at infinity; false = off")
    speckle_pixels: PixelCount = Field(
        80, description="connected regions of at most this many pixels are dropped; 0 = off"
    )


class PoseNetworkConfig(Section):
    """MediaPipe's two pose networks (TFLite), which find people's joints."""

    detection: Path = Field(description="pose_detection.tflite")
    landmarks: Path = Field(description="pose_landmark_*.tflite")


class MetricNetworkConfig(Section):
    """Stored predictions of a metric depth model that may set a clip's scale."""

    model: str = Field(description="name of the model; not evaluated unaligned on clips whose scale it set")
    path: Path = Field(description="folder of <clip>/NNNNNN.npy in metres, of the data set's undistorted images")
    sigma_log_scale: Annotated[Number, Field(gt=0, lt=1)] = Field(
        description="published spread of its scale between clips"
    )
    source: Annotated[str, Field(min_length=1)] = Field(description="where that spread is published")


class ScaleConfig(Section):
    """Metric scale."""

    cues: tuple[str, ...] = Field(
        ("known_distance", "fiducials", "positions", "people"),
        description="files in sfm_gt/scale/ to try; camera_height and metric_network wait for dense depth",
    )
    pose_network: PoseNetworkConfig | None = Field(None, description="finds people's joints where the sidecar has none")
    metric_network: MetricNetworkConfig | None = Field(None, description="input of the cue metric_network")
    max_sigma_log_scale: Positive = Field(0.10, description="a larger sigma of the scale leaves the clip metric: false")
    max_disagreement_sigma: Positive = Field(3.0, description="cues that differ by more contradict each other")
    plausible_depth_m: tuple[Positive, Positive] = Field(
        (0.1, 100.0), description="a cue is rejected (wrong unit) if the scene's median depth is outside"
    )
    max_speed_m_per_s: Positive = Field(10.0, description="a cue is rejected if the median camera speed is higher")


class DatasetConfig(Section):
    """The data set."""

    min_valid: Fraction = Field(
        0.2, description="frames with a smaller share of valid pixels are dropped (MegaDepth, MannequinChallenge)"
    )
    jpeg_quality: Annotated[Whole, Field(ge=50, le=100)] = Field(95, description="quality of the undistorted images")


class EvaluateConfig(Section):
    """Evaluation of depth models."""

    protocols: Annotated[tuple[str, ...], Field(min_length=1)] = Field(
        shipped(),
        description="protocols of the package by name, or paths of YAML files; the first one gives the main table",
    )
    min_depth_m: Positive = Field(0.001, description="GT below is not scored, unless a protocol has a range of its own")
    max_depth_m: Positive = Field(80.0, description="GT beyond is not scored, unless a protocol has a range of its own")
    min_pixels: PositiveInt = Field(100, description="frames with fewer scored pixels are skipped and counted")
    gt_frame_sigma: Annotated[Number, Field(ge=0.0)] = Field(
        0.0, description="standard deviation of the log scale of a frame's ground truth; 0.00007 on the demo"
    )
    gt_correlation_px: Annotated[Number, Field(ge=0.0)] = Field(
        5.0, description="distance at which errors of the ground truth correlate by 1/e, as measured on the demo"
    )


class ProvenanceConfig(Section):
    """Provenance of the videos and permitted uses."""

    use: Use = Field(
        "private",
        description="what the data is used for; videos that do not permit it are rejected; so do evaluate, export and publish",
    )
    salt_file: Path | None = Field(None, description="file of private random bytes, the key for hashing uploader ids")
    terms: dict[str, tuple[Permission, ...]] = Field(
        {}, description="custom licences, by LicenseRef-... name, with what each permits"
    )


class ReportConfig(Section):
    """The HTML report."""

    frames_per_clip: PositiveInt = Field(4, description="number of frames shown per clip")


DEFAULT_MODELS = (
    ModelConfig(name="smallnet", method="onnx", path="builtin:smallnet"),
    ModelConfig(name="constant", method="constant"),
    ModelConfig(name="ground_plane", method="ground_plane"),
)


class Config(Section):
    """Everything that a run depends on."""

    videos: Path = Field(description="folder of videos, or a table of them (.csv or .parquet with a column video)")
    out: Path = Field(description="output folder")
    seed: Whole = Field(0, description="random seed")
    clips: ClipsConfig = ClipsConfig()
    frames: FramesConfig = FramesConfig()
    sfm: SfmConfig = SfmConfig()
    dense: DenseConfig = DenseConfig()
    moving: MovingConfig = MovingConfig()
    clean: CleanConfig = CleanConfig()
    scale: ScaleConfig = ScaleConfig()
    dataset: DatasetConfig = DatasetConfig()
    models: tuple[ModelConfig, ...] = DEFAULT_MODELS
    evaluate: EvaluateConfig = EvaluateConfig()
    report: ReportConfig = ReportConfig()
    provenance: ProvenanceConfig = ProvenanceConfig()


def validate(content: dict[str, Any], where: str = "config") -> Config:
    """A validated configuration.

    Args:
        where: it was read, the beginning of every message.

    Raises:
        ConfigError: one line a problem, with the key, the nearest valid key for a typo, and what was needed.
    """
    config = validated(Config, content, where, ConfigError)
    check_terms(config.provenance.terms)
    twice = {m.name for m in config.models if sum(n.name == m.name for n in config.models) > 1}
    if twice:
        raise ConfigError(f"{where}: models: the name {sorted(twice)[0]!r} is given twice; names must differ")
    return config


def read_config(path: Path) -> Config:
    """Reads and validates a YAML configuration.

    Raises:
        ConfigError: missing file, broken YAML, or content that does not validate.
    """
    content = read_yaml(path, ConfigError)
    if not isinstance(content, dict):
        raise ConfigError(f"{path}: found {type(content).__name__}, needed a mapping of sections")
    return validate(content, str(path))


def to_yaml(config: Config) -> str:
    """The configuration as YAML that :func:`read_config` reads back to the same object."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def write_schema(folder: Path) -> None:
    """Writes default.yaml and schema.json; a test keeps the committed ones equal to what this writes."""
    import json

    defaults = Config(videos=Path("videos"), out=Path("out")).model_dump(mode="json", exclude={"videos", "out"})
    header = "# Generated by `sfm-gt schema`; what every key means stands in schema.json next to it.\n"
    (folder / "default.yaml").write_text(header + yaml.safe_dump(defaults, sort_keys=False))
    (folder / "schema.json").write_text(json.dumps(Config.model_json_schema(), indent=1) + "\n")
