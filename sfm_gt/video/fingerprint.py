"""The perceptual hash of a video: hashes of frames spread evenly over it."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import numpy as np

from sfm_gt.formats.perceptual_hash import copy_hashes
from sfm_gt.imaging.resizing import fitted
from sfm_gt.video.decode import VideoReader, display_of
from sfm_gt.video.probe import Probe, probe_video

MAX_FRAMES = 32
LONG_SIDE_PX = 512  # of frames that are kept until all are decoded


def probed_and_hashed(path: Path, min_short_side_px: int) -> tuple[Probe, tuple[str, ...]]:
    """All that ingest finds out by decoding: :func:`probe_video`, then :func:`video_hash`; raises what they raise."""
    probe = probe_video(path, min_short_side_px)
    return probe, video_hash(path, probe.n_frames)


def video_hash(path: Path, n_frames: int) -> tuple[str, ...]:
    """Hashes of at most MAX_FRAMES frames, those that show something.

    Args:
        n_frames: of the video, as probed.

    Raises:
        Rejected: the file cannot be opened as a video.
    """
    chosen = set(np.linspace(0, n_frames - 1, min(n_frames, MAX_FRAMES)).round().astype(int).tolist())
    pictures, display = [], None
    with closing(VideoReader(path)) as reader:
        for frame_index, frame in enumerate(reader.frames()):
            display = display or display_of(reader, frame)
            if frame_index in chosen:
                pictures.append(fitted(display.apply(frame.to_ndarray(format="rgb24")), LONG_SIDE_PX))
    return copy_hashes(pictures)
