"""README's moving picture: the frames of a finished run with depth, sigma and masks, as an animated WebP.

    python benchmarks/figures/picture.py OUT

OUT is a run on the embedded clip (``make demo``). Writes docs/pictures/demo.webp.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

import sfm_gt
from sfm_gt.datasets import Frame
from sfm_gt.report.pictures import ColourScale, depth_scale, draw_masks, sigma_scale

PICTURE = Path(__file__).resolve().parents[2] / "docs" / "pictures" / "demo.webp"
WIDTH_PX = 400  # of each of the four panels
FRAME_STEP = 2
FRAME_MS = 120
QUALITY = 50
LABEL_PX = 15


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="output folder of the run")
    given = parser.parse_args()
    frames = list(sfm_gt.open_dataset(given.out))[::FRAME_STEP]
    # One scale for all frames: a colour means the same depth throughout.
    scales = depth_scale([_depth(one) for one in frames], "m"), sigma_scale([_sigma(one) for one in frames])
    pictures = [_panels(frame, *scales) for frame in frames]
    pictures[0].save(
        PICTURE, save_all=True, append_images=pictures[1:], duration=FRAME_MS, loop=0, quality=QUALITY, method=6
    )


def label_font() -> str:
    """The font that comes with matplotlib, which has a σ."""
    from matplotlib.font_manager import findfont

    return findfont("DejaVu Sans")


def _depth(frame: Frame) -> np.ndarray:
    return np.where(frame.valid, frame.z_depth_m, np.nan)


def _sigma(frame: Frame) -> np.ndarray:
    return np.where(frame.valid, frame.sigma_m / frame.z_depth_m, np.nan)


def _panels(frame: Frame, depth: ColourScale, sigma: ColourScale) -> Image.Image:
    """Two rows of two panels, each with its name."""
    size = WIDTH_PX, round(WIDTH_PX * frame.image.shape[0] / frame.image.shape[1])
    masks = draw_masks(frame.image, frame.moving, frame.overlay, frame.person)
    panels = {
        "video": frame.image,
        f"depth, {depth.lowest:.1f} to {depth.highest:.1f} m": depth.paint(_depth(frame)),
        "masks: moving, caption": masks,
        f"σ of depth, 0 to {sigma.highest:.1f} %": sigma.paint(100 * _sigma(frame)),
    }
    whole = Image.new("RGB", (2 * size[0], 2 * size[1]))
    font = ImageFont.truetype(label_font(), LABEL_PX)
    for position, (label, panel) in enumerate(panels.items()):
        corner = position % 2 * size[0], position // 2 * size[1]
        whole.paste(Image.fromarray(cv2.resize(panel, size, interpolation=cv2.INTER_AREA)), corner)
        ImageDraw.Draw(whole).text(
            (corner[0] + 6, corner[1] + 4), label, (255, 255, 255), font, stroke_width=2, stroke_fill=(0, 0, 0)
        )
    return whole


if __name__ == "__main__":
    main()
