"""The sidecar: what the owner of ``clip.mp4`` knows about it, in ``clip.yaml`` beside it. Every part is optional.

source: "https://..."            # where the video comes from
license: "CC-BY-4.0"
recorded_by: "name or null"
recorded_on: 2024-05-01
uploader: "account id"           # stored only as a hash under the project's salt (provenance.salt_file)
consent: "given"                 # given, not_applicable (nobody is seen), unknown, refused, withdrawn
camera:
  focal_px: 525                  # prior focal length in pixels of the source video; refined by SfM
scale:
  known_distance:                # two source-video pixels (centres at +0.5) and the metres between them
    - {frame_index: 300, point_a: [272.9, 77.1], point_b: [519.2, 94.4], metres: 1.15, sigma_m: 0.01}
    - {metres: 0.8, observations: [{frame_index: 3, point_a: [1, 2], point_b: [3, 4]}, ...]}
  known_poses: {file: poses.txt, sigma_m: 0.01}   # TUM format in metres: timestamp_s tx ty tz qx qy qz qw (camera to world)
  gps: {file: track.csv, sigma_m: 3.0}            # columns timestamp_s, latitude_deg, longitude_deg, altitude_m
import:                          # cameras from elsewhere; SfM is skipped, see docs/import.md
  format: mannequin_challenge    # a file in sfm_gt/importers/
  file: poses.txt                # a file or folder beside the sidecar
  refine: false                  # true: start from these cameras and adjust them to the images
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from sfm_gt.errors import InputError
from sfm_gt.formats.beside import inside
from sfm_gt.formats.validation import validated
from sfm_gt.formats.yaml_text import read_yaml

Metres = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Pixel = tuple[Annotated[float, Field(ge=0)], Annotated[float, Field(ge=0)]]
FrameIndex = Annotated[int, Field(ge=0)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PointPair(_Part):
    """Two pixels of one frame of the source video, as displayed, centres at +0.5."""

    frame_index: FrameIndex
    point_a: Pixel
    point_b: Pixel


class KnownDistance(_Part):
    """Metres between two scene points, seen in one frame (inline) or in several (``observations``)."""

    metres: Metres
    sigma_m: Metres | None = None
    label: str | None = None
    frame_index: FrameIndex | None = None
    point_a: Pixel | None = None
    point_b: Pixel | None = None
    observations: tuple[PointPair, ...] = ()

    @model_validator(mode="after")
    def _seen_somewhere(self) -> KnownDistance:
        inline = (self.frame_index, self.point_a, self.point_b)
        if any(part is not None for part in inline) and any(part is None for part in inline):
            raise ValueError("frame_index, point_a and point_b go together")
        if not self.pairs:
            raise ValueError("needs frame_index, point_a and point_b, or observations")
        return self

    @property
    def pairs(self) -> tuple[PointPair, ...]:
        """All observations, the inline one first."""
        if self.frame_index is None or self.point_a is None or self.point_b is None:
            return self.observations
        inline = PointPair(frame_index=self.frame_index, point_a=self.point_a, point_b=self.point_b)
        return (inline, *self.observations)


class Trajectory(_Part):
    """A metric trajectory in a file beside the sidecar, with the sensor's noise a position."""

    file: str
    sigma_m: Metres


class ScaleEvidence(_Part):
    """What the clip holds of metres."""

    known_distance: tuple[KnownDistance, ...] = ()
    known_poses: Trajectory | None = None
    gps: Trajectory | None = None


class CameraHints(_Part):
    """What is known of the camera."""

    focal_px: Annotated[float, Field(gt=0)] | None = None


class ImportedCameras(_Part):
    """Cameras from elsewhere, in a file or folder beside the sidecar.

    Attributes:
        format: a file in sfm_gt/importers/.
        refine: start from these cameras and adjust them to the images, instead of keeping them.
        first_number: number of the video's first frame in the names of images (1 for what ffmpeg wrote).
    """

    format: str
    file: str
    refine: bool = False
    first_number: FrameIndex = 0


# What of a sidecar says where a video comes from and goes on into clip.json as it is.
PROVENANCE = frozenset({"source", "license", "recorded_by", "recorded_on", "consent"})


class Sidecar(_Part):
    """The whole sidecar."""

    source: str | None = None
    license: str | None = None
    recorded_by: str | None = None
    recorded_on: date | None = None
    uploader: str | None = None
    consent: str | None = None
    camera: CameraHints = CameraHints()
    scale: ScaleEvidence = ScaleEvidence()
    imported: ImportedCameras | None = Field(None, alias="import")


def read_sidecar(path: Path | None) -> Sidecar:
    """The sidecar at ``path``; an empty one when the video has none (None).

    Raises:
        InputError: unreadable file, broken YAML or YAML that could unfold without bound, unknown key (with the nearest
            one), a named file that is missing or lies outside the video's folder.
    """
    if path is None:
        return Sidecar()
    content: Any = read_yaml(path)
    sidecar = validated(Sidecar, {} if content is None else content, str(path), InputError)
    for trajectory in (sidecar.scale.known_poses, sidecar.scale.gps):
        if trajectory is not None:
            trajectory_path(path, trajectory)
    if sidecar.imported is not None:
        imported_path(path, sidecar.imported)
    return sidecar


def trajectory_path(sidecar_path: Path, trajectory: Trajectory) -> Path:
    """Path of a trajectory file. Raises InputError when it is missing or lies outside the sidecar's folder."""
    return inside(sidecar_path.parent, trajectory.file, sidecar_path)


def imported_path(sidecar_path: Path, imported: ImportedCameras) -> Path:
    """Path of the imported file or folder. Raises InputError when it is missing or lies outside the sidecar's folder."""
    return inside(sidecar_path.parent, imported.file, sidecar_path)
