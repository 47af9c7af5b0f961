"""Caption and video: from rendered pictures to the mp4 that a phone app would have written."""

from __future__ import annotations

from pathlib import Path

import av
import cv2
import numpy as np
from scene_types import Overlay

FONT = cv2.FONT_HERSHEY_DUPLEX
OUTLINE_PX, STROKE_PX = 4, 1
DARK, WHITE = (20, 20, 20), (255, 255, 255)
KEYFRAME_EVERY = 15


def draw_captions(picture: np.ndarray, overlays: tuple[Overlay, ...], frame_index: int) -> np.ndarray:
    """White letters with a dark outline on a copy of the (H, W, 3) picture, as that frame shows them."""
    height, width = picture.shape[:2]
    drawn = picture.copy()
    for overlay in overlays:
        first, last = overlay.shown_frames or (0, frame_index)
        if not first <= frame_index <= last:
            continue
        (text_width, _), _ = cv2.getTextSize(overlay.text, FONT, overlay.font_scale, STROKE_PX)
        x = overlay.centre_x * width - text_width / 2 + overlay.drift_px[0] * frame_index
        y = overlay.baseline_y * height + overlay.drift_px[1] * frame_index
        for colour, thickness in ((DARK, OUTLINE_PX), (WHITE, STROKE_PX)):
            cv2.putText(
                drawn, overlay.text, (round(x), round(y)), FONT, overlay.font_scale, colour, thickness, cv2.LINE_AA
            )
    return drawn


def caption_mask(height: int, width: int, overlays: tuple[Overlay, ...], frame_index: int) -> np.ndarray:
    """(H, W) bool: True where a caption changes a pixel of that frame, its soft edge included."""
    changed = np.zeros((height, width), bool)
    for ground in (0, 255):
        flat = np.full((height, width, 3), ground, np.uint8)
        changed |= (draw_captions(flat, overlays, frame_index) != flat).any(2)
    return changed


def encode(pictures: list[Path], target: Path, fps: int, crf: int, overlays: tuple[Overlay, ...]) -> None:
    """H.264 yuv420p without B frames, index at the front; frame i is shown at i / fps seconds."""
    with av.open(str(target), "w", options={"movflags": "faststart"}) as container:
        stream = container.add_stream("libx264", rate=fps, options={"crf": str(crf), "preset": "slow", "bf": "0"})
        stream.pix_fmt = "yuv420p"
        stream.codec_context.gop_size = KEYFRAME_EVERY
        stream.height, stream.width = cv2.imread(str(pictures[0])).shape[:2]
        for frame_index, path in enumerate(pictures):
            drawn = draw_captions(cv2.imread(str(path)), overlays, frame_index)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(drawn, format="bgr24")))
        container.mux(stream.encode(None))


def timestamps_s(video: Path) -> list[float]:
    """What the container says, frame by frame."""
    with av.open(str(video)) as container:
        return [float(frame.pts * frame.time_base) for frame in container.decode(video=0)]
