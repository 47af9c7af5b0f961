"""Small videos, sound and broken, for tests. All are written with PyAV; nothing is downloaded."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from functools import lru_cache
from pathlib import Path

import av
import cv2
import numpy as np

FPS = 30
INTERLACED_DCT = 1 << 18  # AV_CODEC_FLAG_INTERLACED_DCT


@lru_cache(maxsize=16)
def textured(seed: int, height: int, width: int) -> np.ndarray:
    """A random colour texture with detail at several scales, uint8 RGB."""
    rng = np.random.default_rng(seed)
    total = np.zeros((height, width, 3), np.float32)
    for cells in (6, 14, 34):
        noise = rng.uniform(-1, 1, (cells, cells, 3)).astype(np.float32)
        total += cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.clip(128 + 55 * total, 0, 255).astype(np.uint8)


def panning(
    n_frames: int, width: int = 320, height: int = 240, step_px: float = 3.0, seed: int = 0
) -> list[np.ndarray]:
    """Frames of a camera that slides along a texture."""
    world = textured(seed, height, width + round(step_px * n_frames) + 1)
    return [world[:, round(step_px * i) : round(step_px * i) + width] for i in range(n_frames)]


def write_video(
    path: Path,
    frames: Iterable[np.ndarray],
    *,
    codec: str = "libx264",
    pixel_format: str = "yuv420p",
    ticks: Iterable[int] | None = None,
    rotation_deg: float | None = None,
    sample_aspect_ratio: Fraction | None = None,
    fast_start: bool = False,
    interlaced: bool = False,
    transfer: int | None = None,
    fps: int = FPS,
) -> Path:
    """Writes frames; ``ticks`` are presentation times in 1 / ``fps`` s, one after the other when not given."""
    frames = list(frames)
    with av.open(str(path), "w", options={"movflags": "faststart"} if fast_start else {}) as container:
        stream = container.add_stream(codec, rate=fps)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = pixel_format
        stream.codec_context.time_base = Fraction(1, fps)
        if codec == "libx264":
            stream.options = {"crf": "12", "preset": "ultrafast", "g": "10"}
        if sample_aspect_ratio:
            stream.codec_context.sample_aspect_ratio = sample_aspect_ratio
        if interlaced:
            stream.codec_context.flags |= INTERLACED_DCT
        if transfer is not None:
            stream.codec_context.color_trc = transfer
        if rotation_deg is not None:
            stream.set_display_rotation(rotation_deg)
        for tick, rgb in zip(ticks or range(len(frames)), frames, strict=False):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24")
            frame.pts, frame.time_base = tick, Fraction(1, fps)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def write_audio(path: Path, n_samples: int = 8000) -> Path:
    """A file with sound and no picture."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=8000)
        tone = (0.3 * np.sin(np.arange(n_samples) / 5)).astype(np.float32)[None]
        frame = av.AudioFrame.from_ndarray(tone, format="fltp", layout="mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def cut_off(path: Path, source: Path, share: float) -> Path:
    """The first ``share`` of another file's bytes."""
    content = source.read_bytes()
    path.write_bytes(content[: round(share * len(content))])
    return path
