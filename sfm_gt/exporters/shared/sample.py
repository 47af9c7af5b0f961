"""One frame as a record: the layers' files bit for bit and everything else as JSON. Formats that hold all layers share it."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from PIL import Image

from sfm_gt.datasets.frames import Frame
from sfm_gt.errors import InputError
from sfm_gt.exporters.shared.clip import ExportedClip
from sfm_gt.formats import dataset_layout

LAYERS = tuple(dataset_layout.LAYERS)


def layer_bytes(frame: Frame) -> dict[str, bytes]:
    """The files of a frame's layers by name; ``person`` only where somebody looked for people.

    Raises:
        InputError: a layer is missing, or of another size than the frame.
    """
    found, size = {}, (frame.camera.width, frame.camera.height)
    for layer in LAYERS if frame.has_person else [layer for layer in LAYERS if layer != "person"]:
        path = dataset_layout.layer_path(frame.dataset, frame.clip_id, layer, frame.frame_index)
        try:
            found[layer] = path.read_bytes()
            with Image.open(io.BytesIO(found[layer])) as header:
                own = header.size
        except OSError as error:
            raise InputError(f"{path}: missing or unreadable ({error}); rebuild it with `sfm-gt dataset`") from None
        if own != size:
            raise InputError(f"{path}: {own[0]} x {own[1]} pixels; needed {size[0]} x {size[1]}, the size of the frame; "
                             "rebuild the clip with `sfm-gt dataset`")  # fmt: skip
    return found


def facts(clip: ExportedClip, frame: Frame) -> dict[str, Any]:
    """Camera, pose, units and provenance of a frame: what JSON or a table's columns hold."""
    camera = frame.camera
    return {
        "clip_id": clip.clip_id, "video_id": frame.video_id, "split": clip.split, "frame_index": frame.frame_index,
        "timestamp_s": frame.timestamp_s, "metric": frame.metric, "depth_unit": frame.depth_unit,
        "sigma_unit": frame.sigma_unit, "sigma_log_scale": frame.sigma_log_scale, "width": camera.width,
        "height": camera.height, "fx": camera.fx, "fy": camera.fy, "cx": camera.cx, "cy": camera.cy,
        "cam_from_world": np.asarray(frame.cam_from_world).ravel().tolist(), "license": clip.info["source"].get("license"),
        "source": clip.source,
    }  # fmt: skip
