"""Cameras that RealityCapture (RealityScan) exports as XMP, one file beside each image: the folder of these files.

``xcr:Rotation`` is world to camera by rows, ``xcr:Position`` the camera's centre, camera axes +x right, +y down, +z forward.
``FocalLength35mm`` counts in millimetres on a picture 36 mm along its longer side; ``PrincipalPointU`` and ``V`` count from the
middle in longer sides; ``DistortionCoeficients`` are k1, k2, k3, k4, t1, t2 of Brown's model. Source: an exported file in the
documentation of GeoMAPI, and converters between these files and AliceVision's.
"""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from sfm_gt.errors import InputError
from sfm_gt.formats.camera_track import CameraTrack, Lens, checked
from sfm_gt.importers.shared.frame_numbers import frame_indices
from sfm_gt.importers.shared.video_facts import VideoFacts, require_sane

XCR = "{http://www.capturingreality.com/ns/xcr/1.1#}"
DESCRIPTION = ".//{http://www.w3.org/1999/02/22-rdf-syntax-ns#}Description"
MAX_BYTES = 1 << 20
FILM_MM = 36.0
RADIAL = ("brown3", "brown4", "perspective")  # as far as k3, k4, t1 and t2 are 0
# Of one lens that every image has solved for by itself: more is another lens, or zoom.
MAX_FOCAL_SPREAD = 0.01


class RealityCaptureImporter:
    """One folder; the number in a file's name says which frame of the video its image is."""

    def read(self, path: Path, video: VideoFacts) -> CameraTrack:
        """Poses by frame, lengths without unit.

        Raises:
            InputError: no such files, a lens that changes or is not radial, poses that are none, or names that do not number
                frames.
        """
        files = sorted(path.glob("*.xmp")) if path.is_dir() else []
        if not files:
            raise InputError(f"{path}: no .xmp files; needed the folder that RealityCapture exported them to")
        described = [_description(file) for file in files]
        aligned = [(file, one) for file, one in zip(files, described, strict=True) if _text(one, "Position")]
        poses = np.array([_pose(file, one) for file, one in aligned]).reshape(-1, 4, 4)
        lenses = np.array([_lens(file, one, video) for file, one in aligned]).reshape(-1, 6)
        if not len(poses):
            raise InputError(f"{path}: none of {len(files)} files holds a pose; export with camera poses")
        spread = float(np.ptp(lenses[:, 0]) / np.median(lenses[:, 0]))
        if spread > MAX_FOCAL_SPREAD:
            raise InputError(f"{path}: the focal length changes by {100 * spread:.1f} % between images; needed one lens: give "
                             "all images one calibration group")  # fmt: skip
        indices = frame_indices(path, [file.name for file, _ in aligned], video.first_number)
        order = np.argsort(indices)
        lens = require_sane(path, Lens(*np.median(lenses, axis=0).tolist()))
        return checked(path, CameraTrack(poses[order], lens, frame_indices=indices[order]))


def _description(path: Path) -> ElementTree.Element:
    try:
        text = path.read_text(encoding="utf-8") if path.stat().st_size <= MAX_BYTES else ""
        if "<!DOCTYPE" in text or "<!ENTITY" in text:  # entities may unfold without bound
            raise InputError(f"{path}: declares a document type, which RealityCapture's files do not")
        found = ElementTree.fromstring(text).find(DESCRIPTION)
    except (OSError, UnicodeDecodeError, ElementTree.ParseError) as error:
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


def _lens(path: Path, description: ElementTree.Element, video: VideoFacts) -> tuple[float, ...]:
    """fx, fy, cx, cy, k1 and k2, in shares of the video's width and height."""
    model = _text(description, "DistortionModel") or "perspective"
    distortion = _numbers(path, description, "DistortionCoeficients", 6)
    (skew,), (aspect,) = (
        _numbers(path, description, name, 1) if _text(description, name) else [usual]
        for name, usual in (("Skew", 0.0), ("AspectRatio", 1.0))
    )
    if model not in RADIAL or any(distortion[2:]) or skew or aspect != 1.0:
        raise InputError(f"{path}: a lens {model} with {' '.join(f'{value:g}' for value in distortion)}, skew {skew:g}, aspect "
                         f"{aspect:g}; needed radial distortion alone (k1, k2): export undistorted images")  # fmt: skip
    (focal_mm,), (u,), (v,) = (
        _numbers(path, description, name, 1) for name in ("FocalLength35mm", "PrincipalPointU", "PrincipalPointV")
    )
    side_px = max(video.width, video.height)
    focal_px = focal_mm / FILM_MM * side_px
    centre = 0.5 + u * side_px / video.width, 0.5 + v * side_px / video.height
    return focal_px / video.width, focal_px / video.height, *centre, *distortion[:2]


PLUGIN = RealityCaptureImporter
