"""Cameras that RealityCapture (RealityScan) exports: a folder of XMP files, one an image, or one CSV table.

XMP: ``xcr:Rotation`` is world to camera by rows, ``xcr:Position`` the centre, camera axes +x right, +y down, +z forward.
``FocalLength35mm`` counts in millimetres on a picture 36 mm along its longer side; ``PrincipalPointU`` and ``V`` count from the
middle in longer sides; ``DistortionCoeficients`` are k1, k2, k3, k4, t1, t2 of Brown's model. Source: an exported file in the
documentation of GeoMAPI, and converters between these files and AliceVision's.

CSV ("Internal/External camera parameters"): ``#name,x,y,alt,heading,pitch,roll,f,px,py,k1,k2,k3,k4,t1,t2``, centre, then
degrees; camera to world is Rz(-heading) Rx(pitch) Ry(roll), camera axes of OpenGL (+x right, +y up, -z forward). ``f``, ``px``,
``py`` and the distortion count as above; columns after ``f`` may be missing. Source: joreeves/rc2nerf and brush, which agree on
poses and focal length; the principal point is as in brush (rc2nerf's would move by a fraction of a pixel at most).
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from scipy.spatial.transform import Rotation

from sfm_gt.errors import InputError
from sfm_gt.formats.camera_track import CameraTrack, checked
from sfm_gt.importers.shared.frame_numbers import frame_indices
from sfm_gt.importers.shared.one_lens import one_lens
from sfm_gt.importers.shared.text_files import files_with, read_text
from sfm_gt.importers.shared.video_facts import VideoFacts

XCR = "{http://www.capturingreality.com/ns/xcr/1.1#}"
DESCRIPTION = ".//{http://www.w3.org/1999/02/22-rdf-syntax-ns#}Description"
MAX_BYTES = 1 << 20
MAX_TABLE_BYTES = 64 << 20
POSE = ("x", "y", "alt", "heading", "pitch", "roll")
DISTORTION = ("k1", "k2", "k3", "k4", "t1", "t2")
OPENCV_FROM_OPENGL = np.diag([1.0, -1.0, -1.0])
FILM_MM = 36.0
RADIAL = ("brown3", "brown4", "perspective")  # as far as k3, k4, t1 and t2 are 0


Camera = tuple[str, np.ndarray, tuple[float, ...]]
"""Name of the image, (4, 4) world to camera, and fx, fy, cx, cy, k1, k2 in shares of the video's width and height."""


class RealityCaptureImporter:
    """One folder or table; the number in an image's name says which frame of the video it is."""

    def read(self, path: Path, video: VideoFacts) -> CameraTrack:
        """Poses by frame, lengths without unit.

        Raises:
            InputError: no such files, a lens that changes or is not radial, poses that are none, or names that do not number
                frames.
        """
        cameras = (_of_table if path.suffix.lower() == ".csv" else _of_files)(path, video)
        lenses = np.array([lens for _, _, lens in cameras])
        lens, remarks = one_lens(path, lenses, "give all images one calibration group")
        indices = frame_indices(path, [name for name, _, _ in cameras], video.first_number)
        order = np.argsort(indices)
        poses = np.array([pose for _, pose, _ in cameras])
        return checked(path, CameraTrack(poses[order], lens, frame_indices=indices[order], remarks=remarks))


def _of_files(path: Path, video: VideoFacts) -> list[Camera]:
    files = files_with(path, ".xmp")
    if not files:
        raise InputError(
            f"{path}: no .xmp files; needed the folder that RealityCapture exported them to, or a .csv file"
        )
    described = [(file, _description(file)) for file in files]
    aligned = [(file, one) for file, one in described if _text(one, "Position")]
    if not aligned:
        raise InputError(f"{path}: none of {len(files)} files holds a pose; export with camera poses")
    return [(file.name, _pose(file, one), _lens_of_file(file, one, video)) for file, one in aligned]


def _of_table(path: Path, video: VideoFacts) -> list[Camera]:
    try:
        text = read_text(path, MAX_TABLE_BYTES)
        # Some exports begin with the number of cameras.
        rows = [row for row in csv.reader(text.splitlines(), strict=True) if row and not row[0].startswith("#cameras")]
    except csv.Error as error:
        raise InputError(f"{path}: no table ({error}); needed RealityCapture's CSV") from None
    columns = [name.strip().lstrip("#").lower() for name in rows[0]] if rows else []
    missing = [name for name in ("name", *POSE, "f") if name not in columns]
    if missing or len(rows) < 2:
        raise InputError(f"{path}: lacks {', '.join(missing) or 'rows'}; needed RealityCapture's CSV of internal and external "
                         "camera parameters")  # fmt: skip
    return [_of_row(path, number, columns, row, video) for number, row in enumerate(rows[1:], 1)]


def _of_row(path: Path, number: int, columns: Sequence[str], row: Sequence[str], video: VideoFacts) -> Camera:
    cells = dict(zip(columns, row, strict=False))

    def value(name: str) -> float:
        return float(cells[name] if name in columns else 0.0)

    try:
        *centre, heading, pitch, roll = (value(name) for name in POSE)
        focal_mm, u, v, *distortion = (value(name) for name in ("f", "px", "py", *DISTORTION))
        image = cells["name"].strip()
    except (KeyError, ValueError):
        raise InputError(f"{path}: row {number}: {','.join(row)[:60]!r}; needed {len(columns)} cells, a number in each but the "
                         "name") from None  # fmt: skip
    if not np.isfinite([*centre, heading, pitch, roll]).all():
        raise InputError(f"{path}: row {number}: a pose holds a number that is not finite; the file may be damaged")
    pose = np.eye(4)
    # Capitals: turns about axes that turn with the camera.
    world_from_cam = Rotation.from_euler("ZXY", [-heading, pitch, roll], degrees=True).as_matrix()
    pose[:3, :3] = OPENCV_FROM_OPENGL @ world_from_cam.T
    pose[:3, 3] = -pose[:3, :3] @ centre
    return image, pose, _lens(f"{path}: row {number}", focal_mm, u, v, distortion, video)


def _description(path: Path) -> ElementTree.Element:
    try:
        text = read_text(path, MAX_BYTES)
        if "<!DOCTYPE" in text or "<!ENTITY" in text:  # entities may unfold without bound
            raise InputError(f"{path}: declares a document type, which RealityCapture's files do not")
        found = ElementTree.fromstring(text).find(DESCRIPTION)
    except ElementTree.ParseError as error:
        raise InputError(f"{path}: no XML ({error}); it may be cut short") from None
    if found is None:
        raise InputError(f"{path}: holds no rdf:Description; needed a file that RealityCapture exported")
    return found


def _text(description: ElementTree.Element, name: str) -> str:
    """An entry, which versions of the program write as an attribute or as an element."""
    return description.get(XCR + name) or description.findtext(XCR + name) or ""


def _numbers(path: Path, description: ElementTree.Element, name: str, count: int) -> list[float]:
    try:
        values = [float(entry) for entry in _text(description, name).split()]
    except ValueError:
        values = []
    if len(values) != count or not np.isfinite(values).all():
        raise InputError(f"{path}: xcr:{name} is {_text(description, name)[:40]!r}; needed {count} finite numbers")
    return values


def _pose(path: Path, description: ElementTree.Element) -> np.ndarray:
    pose = np.eye(4)
    pose[:3, :3] = np.reshape(_numbers(path, description, "Rotation", 9), (3, 3))
    pose[:3, 3] = -pose[:3, :3] @ _numbers(path, description, "Position", 3)
    return pose


def _lens_of_file(path: Path, description: ElementTree.Element, video: VideoFacts) -> tuple[float, ...]:
    model = _text(description, "DistortionModel") or "perspective"
    distortion = _numbers(path, description, "DistortionCoeficients", 6)
    (skew,), (aspect,) = (
        _numbers(path, description, name, 1) if _text(description, name) else [usual]
        for name, usual in (("Skew", 0.0), ("AspectRatio", 1.0))
    )
    if model not in RADIAL or skew or aspect != 1.0:
        raise InputError(f"{path}: a lens {model}, skew {skew:g}, aspect {aspect:g}; needed radial distortion alone (k1, k2): "
                         "export undistorted images")  # fmt: skip
    (focal_mm,), (u,), (v,) = (
        _numbers(path, description, name, 1) for name in ("FocalLength35mm", "PrincipalPointU", "PrincipalPointV")
    )
    return _lens(str(path), focal_mm, u, v, distortion, video)


def _lens(
    name: str, focal_mm: float, u: float, v: float, distortion: Sequence[float], video: VideoFacts
) -> tuple[float, ...]:
    """fx, fy, cx, cy, k1 and k2, in shares of the video's width and height."""
    if any(distortion[2:]):
        raise InputError(f"{name}: distortion {' '.join(f'{value:g}' for value in distortion)}; needed radial distortion alone "
                         "(k1, k2): export undistorted images")  # fmt: skip
    side_px = max(video.width, video.height)
    focal_px = focal_mm / FILM_MM * side_px
    centre = 0.5 + u * side_px / video.width, 0.5 + v * side_px / video.height
    return focal_px / video.width, focal_px / video.height, *centre, *distortion[:2]


PLUGIN = RealityCaptureImporter
