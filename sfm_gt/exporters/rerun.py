"""Rerun: one recording a clip, to be looked at along its time line. See docs.rerun.dev for its archetypes.

World axes are those of the data set (+x right, +y down, +z forward of the first camera). What is shown is a sample, so that
forty seconds of film open within seconds and stay far below 500 MB: at most 90 frames, 480 px on the long side, maps in 4,095
steps. The data set has all of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from jaxtyping import Float

from sfm_gt.datasets.frames import Frame
from sfm_gt.errors import InputError
from sfm_gt.exporters.shared.clip import ExportedClip, static_depth
from sfm_gt.exporters.shared.cloud import sampled_cloud
from sfm_gt.exporters.shared.surfaces import evenly
from sfm_gt.geometry.conventions import zero_from_nan
from sfm_gt.geometry.transforms import inverse_rigid

MAX_FRAMES, LONG_SIDE_PX, JPEG_QUALITY = 90, 480, 90
CLOUD_FRAMES, CLOUD_POINTS = 40, 300_000
STEPS, RANGE = 4095, 4.0
FRAME, TIME = "frame", "time"
"""Time lines: index in the source video, and its time stamp."""
CAMERA = "world/camera"
LAYERS = (f"{CAMERA}/image", f"{CAMERA}/depth", "layers/sigma", "layers/outlier", "layers/masks")
MASKS = ((1, "moving", (230, 60, 120)), (2, "overlay", (240, 200, 40)), (3, "person", (60, 200, 220)))


class RerunExporter:
    """``<clip>.rrd``: points and camera path in 3-D; image, depth, σ, outlier and masks by time. Needs the extra ``view``."""

    VERSION = 1
    LENGTHS = "any"

    def __init__(self) -> None:
        self._rerun = rerun_sdk()

    def write(self, clips: Sequence[ExportedClip], folder: Path) -> dict[str, Any]:
        """Writes the recordings into ``folder`` and states what was left out of them."""
        shown = 0
        for clip in clips:
            recording = ClipRecording(self._rerun, clip.clip_id, clip.frames)
            recording.save(folder / f"{clip.clip_id}.rrd")
            for frame in recording.frames():
                recording.log_frame(frame)
            recording.close()
            shown += recording.n_frames
        return {"frames_shown": shown, "long_side_px": LONG_SIDE_PX}


def rerun_sdk() -> Any:
    """The package. Raises InputError where it is not installed."""
    try:
        import rerun
    except ImportError:
        raise InputError("Rerun needs the package rerun-sdk: pip install 'sfm-gt[view]'") from None
    return rerun


class ClipRecording:
    """What is recorded of one clip. First say where to (``save`` or ``spawn``), then log frames, then ``close``."""

    def __init__(self, rerun: Any, clip_id: str, frames: Sequence[Frame]):
        self._rerun, self._shown = rerun, evenly(frames, MAX_FRAMES)
        self._centres = np.stack([inverse_rigid(frame.cam_from_world)[:3, 3] for frame in frames])
        self._cloud = sampled_cloud(frames, CLOUD_FRAMES, CLOUD_POINTS)
        # Ends of the colours, the same in all frames.
        distances = np.linalg.norm(self._cloud.points - self._centres.mean(axis=0), axis=1)
        self.far, self._uncertain = _high(distances), _high(self._cloud.relative_sigma)
        # Neither when it was made nor when a row was logged: the same clip gives the same content.
        self._stream = rerun.RecordingStream("sfm_gt", recording_id=clip_id, send_properties=False)
        rerun.set_log_time_enabled(False, recording=self._stream)

    @property
    def n_frames(self) -> int:
        """Number of frames that are shown."""
        return len(self._shown)

    def frames(self) -> Iterator[Frame]:
        """Those that are shown. Each is fresh: a frame keeps the layers that it has read."""
        return (replace(frame) for frame in self._shown)

    def save(self, path: Path, more_layers: Sequence[str] = ()) -> None:
        """Records into a file; ``more_layers`` are shown beside those of the data set."""
        self._stream.save(path, default_blueprint=self._blueprint(more_layers))
        self._log_static()

    def spawn(self, more_layers: Sequence[str] = ()) -> None:
        """Opens the viewer of Rerun and records into it."""
        self._stream.spawn(default_blueprint=self._blueprint(more_layers))
        self._log_static()

    def close(self) -> None:
        """Everything is written when this returns."""
        self._stream.flush()
        self._stream.disconnect()

    def log_frame(self, frame: Frame) -> None:
        """The frame's camera and all layers of the data set."""
        rerun, camera = self._rerun, frame.camera
        self._stream.set_time(FRAME, sequence=frame.frame_index)
        self._stream.set_time(TIME, duration=frame.timestamp_s)
        world_from_cam = inverse_rigid(frame.cam_from_world)
        pose = rerun.Transform3D(translation=world_from_cam[:3, 3], mat3x3=world_from_cam[:3, :3])
        self._stream.log(CAMERA, pose)
        size = shrunk_size(camera.width, camera.height)
        scale = size[0] / camera.width
        self._stream.log(CAMERA, rerun.Pinhole(
            width=size[0], height=size[1], focal_length=[scale * camera.fx, scale * camera.fy],
            principal_point=[scale * camera.cx, scale * camera.cy], camera_xyz=rerun.ViewCoordinates.RDF))  # fmt: skip
        self._log_image(f"{CAMERA}/image", frame.image)
        depth = static_depth(frame)
        sigma = frame.sigma_sfm / frame.z_depth_sfm
        self.log_map(f"{CAMERA}/depth", depth, self.far, "inferno")
        self.log_map("layers/sigma", sigma, self._uncertain, "viridis")
        self.log_map("layers/outlier", frame.outlier, 1.0, "magma")
        self._log_masks(frame)
        share = float(np.isfinite(depth).mean())
        self._stream.log("plots/share_with_depth", rerun.Scalars(share))
        self._stream.log("plots/median_relative_sigma", rerun.Scalars(float(np.nanmedian(sigma)) if share else np.nan))

    def log_map(self, entity: str, values: Float[np.ndarray, "h w"], brightest: float, colours: str) -> None:
        """A map of the frame that was logged last, in STEPS steps; 0 = invalid.

        Args:
            brightest: value with the last colour of the map ``colours``; those beyond RANGE times as much are cut to that,
                lest one of them coarsens the steps of all.
        """
        largest = min(float(np.nanmax(values, initial=brightest)), RANGE * brightest)
        steps = np.rint(np.minimum(zero_from_nan(values), largest) * (STEPS / largest)).astype(np.uint16)
        self._stream.log(entity, self._rerun.EncodedDepthImage(
            _encoded(".png", _shrunk(steps, cv2.INTER_NEAREST)), media_type="image/png", meter=STEPS / largest,
            depth_range=[0, STEPS * brightest / largest], colormap=self._rerun.components.Colormap.auto(colours)))  # fmt: skip

    def _log_image(self, entity: str, rgb: np.ndarray) -> None:
        bgr = cv2.cvtColor(_shrunk(rgb, cv2.INTER_AREA), cv2.COLOR_RGB2BGR)
        jpeg = _encoded(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
        self._stream.log(entity, self._rerun.EncodedImage(contents=jpeg, media_type="image/jpeg"))

    def _log_masks(self, frame: Frame) -> None:
        classes = np.zeros((frame.camera.height, frame.camera.width), np.uint8)
        # What is drawn later covers: a person who moves is moving.
        for number, name, _ in reversed(MASKS):
            mask = getattr(frame, name)
            if mask is not None:
                classes[mask] = number
        self._stream.log("layers/masks", self._rerun.SegmentationImage(_shrunk(classes, cv2.INTER_NEAREST)))

    def _log_static(self) -> None:
        rerun = self._rerun
        self._stream.log("world", rerun.ViewCoordinates.RDF, static=True)
        self._stream.log("layers/masks", rerun.AnnotationContext([(0, "still", (0, 0, 0)), *MASKS]), static=True)
        points = rerun.Points3D(self._cloud.points, colors=self._cloud.colours)
        self._stream.log("world/points", points, static=True)
        self._stream.log("world/path", rerun.LineStrips3D([self._centres]), static=True)

    def _blueprint(self, more_layers: Sequence[str]) -> Any:
        import rerun.blueprint as blueprint

        maps = [blueprint.Spatial2DView(origin=entity, name=entity) for entity in (*LAYERS, *more_layers)]
        scene = blueprint.Vertical(
            blueprint.Spatial3DView(origin="world"), blueprint.TimeSeriesView(origin="plots"), row_shares=[3, 1]
        )
        return blueprint.Blueprint(blueprint.Horizontal(scene, blueprint.Grid(*maps)), collapse_panels=True)


def shrunk_size(width: int, height: int) -> tuple[int, int]:
    """Width and height of what is shown of a frame."""
    scale = min(1.0, LONG_SIDE_PX / max(width, height))
    return round(scale * width), round(scale * height)


def _shrunk(pixels: np.ndarray, interpolation: int) -> np.ndarray:
    size = shrunk_size(pixels.shape[1], pixels.shape[0])
    return pixels if size == pixels.shape[1::-1] else cv2.resize(pixels, size, interpolation=interpolation)


def _encoded(suffix: str, pixels: np.ndarray, options: Sequence[int] = ()) -> bytes:
    return bytes(cv2.imencode(suffix, pixels, list(options))[1])


def _high(values: Float[np.ndarray, "n"]) -> float:
    return float(np.percentile(values, 98)) if values.size else 1.0


PLUGIN = RerunExporter
