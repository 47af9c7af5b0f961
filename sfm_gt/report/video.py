"""A small video of pictures side by side, for a page: a clip's image, ground truth and predictions as they move."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from jaxtyping import UInt8

MAX_FRAMES = 60
FRAMES_A_SECOND = 10
PANEL_LONG_SIDE_PX = 320
MAX_WIDTH_PX = 1920
TITLE_PX = 20
QUALITY = 26
"""Constant rate factor of x264. MAX_FRAMES of the example clip, five panels of 320 x 180 px, take 0.34 MB."""


@dataclass(frozen=True)
class Panel:
    """One picture of a frame, with the words above it."""

    title: str
    picture: UInt8[np.ndarray, "h w 3"]


def write_video(path: Path, frames: Iterable[Sequence[Panel]]) -> None:
    """Writes H.264 in MP4, which browsers play. Every frame has the same panels, of one size; there is at least one frame."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        # One thread: the same pictures give the same bytes.
        stream = container.add_stream(
            "libx264", rate=FRAMES_A_SECOND, options={"crf": str(QUALITY), "preset": "veryfast", "threads": "1"}
        )
        stream.pix_fmt = "yuv420p"
        for number, panels in enumerate(frames):
            rgb = side_by_side(panels)
            stream.height, stream.width = rgb.shape[:2]
            frame = av.VideoFrame.from_ndarray(rgb, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, FRAMES_A_SECOND)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def side_by_side(panels: Sequence[Panel]) -> UInt8[np.ndarray, "h w 3"]:
    """The panels from left to right, each below its title; even sides, as the colours of yuv420p need them."""
    height, width = panels[0].picture.shape[:2]
    scale = min(PANEL_LONG_SIDE_PX / max(height, width), MAX_WIDTH_PX / (len(panels) * width), 1.0)
    width, height = (max(2, 2 * round(scale * side / 2)) for side in (width, height))
    return np.concatenate([_titled(panel, width, height) for panel in panels], axis=1)


def _titled(panel: Panel, width: int, height: int) -> UInt8[np.ndarray, "h w 3"]:
    drawn = np.zeros((TITLE_PX + height, width, 3), np.uint8)
    drawn[TITLE_PX:] = cv2.resize(panel.picture, (width, height), interpolation=cv2.INTER_AREA)
    cv2.putText(drawn, panel.title, (4, TITLE_PX - 6), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (255, 255, 255), 1, cv2.LINE_AA)
    return drawn
