"""Small videos, sound and broken, for tests. All are written with PyAV; nothing is downloaded."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
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
    b_frames: int = 0,
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
            if b_frames:
                stream.options |= {"x264-params": f"bframes={b_frames}:b-adapt=0"}
                stream.codec_context.max_b_frames = b_frames
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


def retimed(path: Path, source: Path, times: Callable[[int], int | None]) -> Path:
    """A copy in which packet i is presented ``times(i)`` ticks of 1 / FPS s after the first; None leaves no time."""
    with av.open(str(source)) as origin, av.open(str(path), "w") as container:
        stream = container.add_stream_from_template(origin.streams.video[0])
        for number, packet in enumerate(p for p in origin.demux(video=0) if p.size):
            tick = times(number)
            packet.stream, packet.time_base = stream, Fraction(1, FPS)
            packet.pts = packet.dts = tick
            container.mux(packet)
    return path


def with_edit_list(path: Path, source: Path, first_s: float, duration_s: float) -> Path:
    """A copy of an MP4 file whose edit list shows ``duration_s`` from ``first_s`` on."""
    content = bytearray(source.read_bytes())
    with av.open(str(source)) as container:
        ticks_per_s = container.streams.video[0].time_base.denominator
    entry = content.find(b"elst") + 12  # behind version, flags and the count of entries
    _, start = struct.unpack_from(">Ii", content, entry)
    # Durations count in milliseconds, the time scale of the whole film; starts in that of the track.
    struct.pack_into(">Ii", content, entry, round(1000 * duration_s), start + round(first_s * ticks_per_s))
    path.write_bytes(content)
    return path


def write_tracks(path: Path, *tracks: list[np.ndarray], cover: np.ndarray | None = None) -> Path:
    """A video of several video tracks, and the cover of a song."""
    with av.open(str(path), "w") as container:
        streams = [container.add_stream("libx264", rate=FPS, options={"preset": "ultrafast"}) for _ in tracks]
        for stream, frames in zip(streams, tracks, strict=True):
            stream.height, stream.width = frames[0].shape[:2]
            stream.pix_fmt = "yuv420p"
        if cover is not None:
            picture = container.add_stream("png", rate=1)
            picture.height, picture.width, picture.pix_fmt = *cover.shape[:2], "rgb24"
            picture.disposition = av.stream.Disposition.attached_pic
            streams, tracks = [*streams, picture], (*tracks, [cover])
        for stream, frames in zip(streams, tracks, strict=True):
            for rgb in frames:
                container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24")))
            container.mux(stream.encode())
    return path


def woven(even: np.ndarray, odd: np.ndarray) -> np.ndarray:
    """A frame with the even lines of one frame and the odd lines of another."""
    frame = even.copy()
    frame[1::2] = odd[1::2]
    return frame


def interlaced(frames: list[np.ndarray]) -> list[np.ndarray]:
    """Half as many frames, each woven of two that follow one another."""
    return [woven(even, odd) for even, odd in zip(frames[::2], frames[1::2], strict=False)]


def pulled_down(frames: list[np.ndarray]) -> list[np.ndarray]:
    """3:2 pull-down: five frames of every four, the third and the fourth woven."""
    return [
        frame
        for a, b, c, d in zip(*(frames[i::4] for i in range(4)), strict=False)
        for frame in (a, b, woven(b, c), woven(c, d), d)
    ]


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
