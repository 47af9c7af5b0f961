"""Frames out of videos and into them, for benchmarks that make their own clips."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from jaxtyping import UInt8

from sfm_gt.video.catalog import VideoFile

# What the stages see should be the pictures, not the codec: at this rate factor it adds less than a sensor's noise.
CRF = 10


def read_frames(video: Path, first: int, last: int, step: int = 1) -> list[UInt8[np.ndarray, "h w 3"]]:
    """Every ``step``-th frame from ``first`` to ``last`` (included), RGB."""
    frames = []
    with av.open(str(video)) as container:
        for index, frame in enumerate(container.decode(video=0)):
            if index > last:
                break
            if index >= first and (index - first) % step == 0:
                frames.append(frame.to_ndarray(format="rgb24"))
    return frames


def resized(rgb: UInt8[np.ndarray, "h w 3"], width: int, height: int) -> UInt8[np.ndarray, "h w 3"]:
    """Shrunk by area or enlarged smoothly; the aspect ratio is kept by cutting off what is too much."""
    factor = max(width / rgb.shape[1], height / rgb.shape[0])
    size = max(width, round(rgb.shape[1] * factor)), max(height, round(rgb.shape[0] * factor))
    whole = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC)
    top, left = (whole.shape[0] - height) // 2, (whole.shape[1] - width) // 2
    return whole[top : top + height, left : left + width]


def write_clip(path: Path, frames: Iterable[UInt8[np.ndarray, "h w 3"]], fps: int) -> VideoFile:
    """H.264 in MP4. The same frames give the same bytes in a process of their own; x264 reads memory that was in use before."""
    path.parent.mkdir(parents=True, exist_ok=True)
    options = {"crf": str(CRF), "preset": "veryfast", "threads": "1"}
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=fps, options=options)
        stream.pix_fmt = "yuv420p"
        for number, rgb in enumerate(frames):
            stream.height, stream.width = rgb.shape[:2]
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, fps)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return VideoFile(path.stem, path)
