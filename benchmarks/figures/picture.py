"""README's picture: one frame of a finished run with its depth and the sigma of each pixel, side by side.

    python benchmarks/figures/picture.py OUT [--frame N]

OUT is a run on the embedded clip (``make demo``). Writes docs/pictures/demo.jpg.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np

import sfm_gt
from sfm_gt.report.pictures import depth_scale, sigma_scale

PICTURE = Path(__file__).resolve().parents[2] / "docs" / "pictures" / "demo.jpg"
WIDTH_PX = 420  # of each of the three
QUALITY = 88


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="output folder of the run")
    parser.add_argument("--frame", type=int, help="position in the data set; the middle one if not given")
    given = parser.parse_args()
    frames = list(sfm_gt.open_dataset(given.out))
    frame = frames[len(frames) // 2 if given.frame is None else given.frame]
    depth, sigma = (np.where(frame.valid, each, np.nan) for each in (frame.z_depth_m, frame.sigma_m / frame.z_depth_m))
    panels = [frame.image, depth_scale([depth], "m").paint(depth), sigma_scale([sigma]).paint(100 * sigma)]
    height = round(WIDTH_PX * frame.image.shape[0] / frame.image.shape[1])
    small = [cv2.resize(panel, (WIDTH_PX, height), interpolation=cv2.INTER_AREA) for panel in panels]
    picture = cv2.cvtColor(np.concatenate(small, axis=1), cv2.COLOR_RGB2BGR)
    if not cv2.imwrite(str(PICTURE), picture, [cv2.IMWRITE_JPEG_QUALITY, QUALITY]):
        raise OSError(f"{PICTURE}: could not be written")


if __name__ == "__main__":
    main()
