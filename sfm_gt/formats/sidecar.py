"""The sidecar: what the owner of ``clip.mp4`` knows about it, in ``clip.yaml`` next to it. Every part is optional.

source: "https://..."            # where the video comes from
license: "CC-BY-4.0"
recorded_by: "name or null"
recorded_on: 2024-05-01
uploader: "account id"           # stored only as a hash under the project's salt (provenance.salt_file)
consent: "given"                 # given, not_applicable (nobody is seen), unknown, refused, withdrawn
another_take: true               # not a copy of a forgotten video, though it looks like one
camera:
  focal_px: 525                  # prior focal length in pixels of the source video; refined by SfM
  intrinsics_px: [525, 525, 320, 240]   # or, of a calibrated pinhole camera: fx, fy, cx, cy; kept as they are
scale:
  known_distance:                # two source-video pixels (centres at +0.5) and the metres between them
    - {frame_index: 300, point_a: [272.9, 77.1], point_b: [519.2, 94.4], metres: 1.15, sigma_m: 0.01}
    - {metres: 0.8, observations: [{frame_index: 3, point_a: [1, 2], point_b: [3, 4]}, ...]}
  fiducials:                     # square markers of stated size, found in the frames; see docs/scale.md
    - {kind: aprilgrid, size_m: 0.067, sigma_m: 0.0005}
  positions:                     # metric camera positions by time, in files next to the sidecar (formats/position_track.py)
    - {file: track.csv, sigma_m: 3.0}
  people:                        # people who hold still
    joints: joints.csv           # their 2-D joints (formats/joints.py); without it a configured pose network looks for them
    statures: [{person: anna, stature_m: 1.74, sigma_m: 0.02}]
  camera_height: {metres: 1.5, sigma_m: 0.1}      # above the ground, mean over the clip
import:                          # cameras from elsewhere; SfM is skipped, see docs/import.md
  format: mannequin_challenge    # a file in sfm_gt/importers/
  file: poses.txt                # a file or folder next to the sidecar
  refine: false                  # true: start from these cameras and adjust them to the images
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from sfm_gt.errors import InputError, one_line
from sfm_gt.formats.joints import read_joints
from sfm_gt.formats.number_table import MAX_FRAME_INDEX, TIME
from sfm_gt.formats.path_check import inside
from sfm_gt.formats.position_track import read_position_track
from sfm_gt.formats.sidecar_row import SidecarSource
from sfm_gt.formats.validation import Number, Whole, validated
from sfm_gt.formats.yaml_text import parse_yaml, read_yaml

# Bounds that no scene, picture or sensor exceeds: what is beyond is a mistake and is refused by name.
MAX_LENGTH_M = 1e5
MAX_PX = 1e5
MAX_ENTRIES = 1000  # of one kind of evidence: every two of them are compared

Metres = Annotated[Number, Field(gt=0, le=MAX_LENGTH_M)]
Seconds = Annotated[Number, Field(gt=0, le=1e6)]
Coordinate = Annotated[Number, Field(ge=0, le=MAX_PX)]
Pixel = tuple[Coordinate, Coordinate]
FocalLength = Annotated[Number, Field(ge=1, le=MAX_PX)]
FrameIndex = Annotated[Whole, Field(ge=0, le=MAX_FRAME_INDEX)]
# A printed marker that is larger was given in another unit.
MAX_MARKER_M = 2.0


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
        if any(pair.point_a == pair.point_b for pair in self.pairs):
            raise ValueError("point_a and point_b are the same pixel; needed two points of the scene")
        return self

    @property
    def pairs(self) -> tuple[PointPair, ...]:
        """All observations, the inline one first."""
        if self.frame_index is None or self.point_a is None or self.point_b is None:
            return self.observations
        inline = PointPair(frame_index=self.frame_index, point_a=self.point_a, point_b=self.point_b)
        return (inline, *self.observations)


class Fiducials(_Part):
    """Square markers that all have one size.

    Attributes:
        kind: aprilgrid is Kalibr's board of AprilTags, whose black border is two cells wide.
        dictionary: OpenCV's name after ``DICT_``, any case; AprilTags are 36h11 and ArUco markers 4X4_50 unless it says else.
        size_m: edge of the outer black square.
        sigma_m: how well the printed edge is known.
    """

    kind: Literal["aruco", "apriltag", "aprilgrid"]
    size_m: Annotated[Number, Field(gt=0, le=MAX_MARKER_M)]
    sigma_m: Metres | None = None
    dictionary: Annotated[str, Field(pattern=r"^[0-9A-Za-z_]+$")] | None = None


class Positions(_Part):
    """Metric camera positions in a file next to the sidecar.

    Attributes:
        sigma_m: noise of one coordinate of one position.
        correlation_time_s: how long errors last; None = what is usual for the kind of file.
        clock_offset_s: added to the file's times to bring them to the video's clock.
        sigma_scale: relative error of the sensor's own unit, which no averaging takes away (visual-inertial: about 0.01).
    """

    file: str
    sigma_m: Metres
    correlation_time_s: Seconds | None = None
    clock_offset_s: Annotated[Number, Field(ge=TIME.lowest, le=TIME.highest)] = 0.0
    sigma_scale: Annotated[Number, Field(ge=0, lt=1)] = 0.0


class Stature(_Part):
    """Height of one person of the joints file, in the shoes of the clip."""

    person: str
    stature_m: Annotated[Number, Field(ge=0.4, le=2.5)]
    sigma_m: Metres = 0.02


class People(_Part):
    """People who hold still."""

    joints: str | None = None
    statures: Annotated[tuple[Stature, ...], Field(max_length=MAX_ENTRIES)] = ()


class CameraHeight(_Part):
    """Height of the camera above the ground, mean over the clip."""

    metres: Metres
    sigma_m: Metres


class ScaleEvidence(_Part):
    """What the clip holds of metres."""

    known_distance: Annotated[tuple[KnownDistance, ...], Field(max_length=MAX_ENTRIES)] = ()
    fiducials: Annotated[tuple[Fiducials, ...], Field(max_length=MAX_ENTRIES)] = ()
    positions: Annotated[tuple[Positions, ...], Field(max_length=MAX_ENTRIES)] = ()
    people: People | None = None
    camera_height: CameraHeight | None = None

    @property
    def files(self) -> tuple[str, ...]:
        """Files next to the sidecar that are part of the evidence."""
        joints = (self.people.joints,) if self.people and self.people.joints else ()
        return (*(track.file for track in self.positions), *joints)


class CameraHints(_Part):
    """What is known of the camera."""

    focal_px: FocalLength | None = None
    intrinsics_px: tuple[FocalLength, FocalLength, Coordinate, Coordinate] | None = None


class ImportedCameras(_Part):
    """Imported cameras, in a file or folder next to the sidecar.

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
    consent: Literal["given", "not_applicable", "unknown", "refused", "withdrawn"] | None = None
    another_take: bool = False
    camera: CameraHints = CameraHints()
    scale: ScaleEvidence = ScaleEvidence()
    imported: ImportedCameras | None = Field(None, alias="import")


def read_sidecar(path: SidecarSource | None) -> Sidecar:
    """The sidecar at ``path``, or in the row of a table; an empty one when the video has none (None).

    Raises:
        InputError: unreadable file, broken YAML or YAML that could unfold without bound, unknown key (with the nearest
            one), a number that is none or absurd, a named file that is missing, lies outside the video's folder or holds
            numbers that cannot be.
    """
    if path is None:
        return Sidecar()
    content: Any = read_yaml(path) if isinstance(path, Path) else parse_yaml(path.text, str(path))
    if content is not None and not isinstance(content, dict):
        raise InputError(
            f"{path}: holds {one_line(str(content))[:40]!r}; needed keys with values, such as license: CC0-1.0"
        )
    sidecar = validated(Sidecar, content or {}, str(path), InputError)
    _check_evidence(path, sidecar.scale)
    if sidecar.imported is not None:
        imported_path(path, sidecar.imported)
    return sidecar


def _check_evidence(path: SidecarSource, scale: ScaleEvidence) -> None:
    for track in scale.positions:
        read_position_track(evidence_path(path, track.file))
    if scale.people is None or scale.people.joints is None:
        return
    joints = evidence_path(path, scale.people.joints)
    people = read_joints(joints)
    unknown = [one.person for one in scale.people.statures if one.person not in people]
    if unknown:
        raise InputError(f"{joints}: no joints of {unknown[0]!r}, whose stature is stated; found {', '.join(people)}")


def evidence_path(sidecar_path: SidecarSource, name: str) -> Path:
    """Path of a file that the sidecar names. Raises InputError when it is missing, no file, or outside the sidecar's folder."""
    path = inside(sidecar_path.parent, name, str(sidecar_path))
    if path.is_dir():
        raise InputError(f"{sidecar_path}: {name!r} is a folder; name the file itself")
    return path


def files_named(path: SidecarSource, sidecar: Sidecar) -> list[Path]:
    """Files beside the sidecar that it names; of an imported folder, those that importers read."""
    found = [evidence_path(path, name) for name in sidecar.scale.files]
    if sidecar.imported is not None:
        imported = imported_path(path, sidecar.imported)
        # A recording's folder also holds its video, pictures and depth maps, which no importer reads.
        read = (".txt", ".csv", ".bin", ".yaml", ".xmp", ".json")
        below = (
            [one for one in sorted(imported.rglob("*")) if one.suffix.lower() in read and one.is_file()]
            if imported.is_dir()
            else []
        )
        found += [imported, *below]
    return found


def imported_path(sidecar_path: SidecarSource, imported: ImportedCameras) -> Path:
    """Path of the imported file or folder. Raises InputError when it is missing or lies outside the sidecar's folder."""
    return inside(sidecar_path.parent, imported.file, str(sidecar_path))
