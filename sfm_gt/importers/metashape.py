"""Cameras that Agisoft Metashape exports as XML, of frames of the video: labels hold the frame's number.

``transform`` is camera to world in the unit of the chunk, camera axes +x right, +y down, +z forward; ``cx`` and ``cy`` count
from the middle of the image; radial terms are those of Brown's model. Source: appendix D of Metashape's user manual.
"""

from __future__ import annotations

import math
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from sfm_gt.errors import InputError
from sfm_gt.formats.camera_track import CameraTrack, Lens, checked
from sfm_gt.importers.shared.frame_numbers import frame_indices
from sfm_gt.importers.shared.text_files import brief, read_text
from sfm_gt.importers.shared.video_facts import VideoFacts, require_sane
from sfm_gt.importers.shared.world_from_cam import cam_from_world_of

MAX_BYTES = 64 << 20
NOT_RADIAL = ("k3", "k4", "p1", "p2", "p3", "p4", "b1", "b2")


class MetashapeImporter:
    """One XML file; cameras that Metashape could not align have no transform and are left out."""

    def read(self, path: Path, video: VideoFacts) -> CameraTrack:
        """Poses by frame, lengths without unit.

        Raises:
            InputError: another kind of file, several sensors, a lens that is not radial, poses that are none, or labels that
                do not number frames.
        """
        tree = _parsed(path)
        cameras = [camera for camera in tree.iter("camera") if camera.find("transform") is not None]
        sensors = {camera.get("sensor_id") for camera in cameras}
        if len(sensors) != 1:
            raise InputError(f"{path}: {len(sensors)} sensors with aligned cameras; needed one, a video has one lens")
        try:
            matrices = np.array([camera.findtext("transform", "").split() for camera in cameras], float).reshape(
                -1, 4, 4
            )
            sensor = next(one for one in tree.iter("sensor") if one.get("id") in sensors)
            lens = _lens(path, sensor, video)
        except (ValueError, StopIteration, TypeError) as error:
            raise InputError(
                f"{path}: no cameras of Metashape ({brief(error)}); needed 16 numbers a transform, and their sensor"
            ) from None
        indices = frame_indices(path, [camera.get("label", "") for camera in cameras], video.first_number)
        order = np.argsort(indices)
        return checked(path, CameraTrack(cam_from_world_of(path, matrices)[order], lens, frame_indices=indices[order]))


def _parsed(path: Path) -> ElementTree.Element:
    try:
        text = read_text(path, MAX_BYTES)
        if "<!DOCTYPE" in text or "<!ENTITY" in text:  # entities may unfold without bound
            raise InputError(f"{path}: declares a document type, which Metashape's files do not")
        return ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise InputError(f"{path}: no XML ({error}); it may be cut short") from None


def _lens(path: Path, sensor: ElementTree.Element, video: VideoFacts) -> Lens:
    found = {one.get("class"): one for one in sensor.iter("calibration")}
    calibration = found.get("adjusted", found.get("initial"))
    resolution = sensor.find("resolution")
    if calibration is None or resolution is None:
        raise InputError(
            f"{path}: sensor {sensor.get('label')!r} has no calibration; export the cameras after alignment"
        )
    # A sensor and its calibration name their kind each for themselves: frame, fisheye, spherical, cylindrical, rpc ...
    kinds = {part.get("type", "frame") for part in (sensor, calibration)} - {"frame"}
    if kinds:
        raise InputError(f"{path}: sensor {sensor.get('label')!r} is {min(kinds)!r}; needed a frame camera, or import with "
                         "undistorted images")  # fmt: skip
    width, height = (float(resolution.get(side, "")) for side in ("width", "height"))
    video.require_shape(path, width, height)
    stated = {entry.tag: float(entry.text or "") for entry in calibration if entry.tag != "resolution" and entry.text}
    bent = [key for key in NOT_RADIAL if stated.get(key)]
    if bent:
        raise InputError(f"{path}: {', '.join(bent)} of the lens; needed radial distortion alone: fix the others to 0, or "
                         "import with undistorted images")  # fmt: skip
    centre = 0.5 + stated.get("cx", 0.0) / width, 0.5 + stated.get("cy", 0.0) / height
    focal = stated.get("f", math.nan)
    lens = Lens(focal / width, focal / height, *centre, stated.get("k1", 0.0), stated.get("k2", 0.0))
    return require_sane(path, lens)


PLUGIN = MetashapeImporter
