"""ScanNet (Dai et al. 2017), as its SensReader exports a scan.

    scans/scene0707_00/color/0.jpg                      1296x968
                       depth/0.png                      640x480, millimetres
                       pose/0.txt                       world_from_cam, 4x4; -inf where tracking was lost
                       intrinsic/intrinsic_depth.txt    4x4

``scannet_monst3r`` is every third frame of each scan, 90 of them (MonST3R's prepare_scannet.py); papers take the 100 test
scans, scene0707_00 to scene0806_00, so put these into the folder.

The image is brought to the size of the depth, whose camera the frame has: depth is never resized.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from sfm_gt.geometry.transforms import inverse_rigid
from sfm_gt.public_datasets.benchmark import Benchmark, BenchmarkFrame, Conventions, Reader
from sfm_gt.public_datasets.files import (
    camera_from_integer_centred,
    image_size,
    read_depth_png,
    read_image,
    read_matrix,
)

CONVENTIONS = Conventions((1e-3, 10.0), ("scannet_border",), "Video-Depth-Anything, DepthCrafter: cap 10 m")
DEPTH_UNIT_M = 1e-3


def _open(root: Path) -> Benchmark:
    scans = root / "scans" if (root / "scans").is_dir() else root
    frames = []
    for scan in sorted(path.parent for path in scans.glob("*/intrinsic")):
        matrix = read_matrix(scan / "intrinsic" / "intrinsic_depth.txt", 4, 4)
        depths = sorted(scan.glob("depth/*.png"))
        # All frames of a scan have one size; reading half a million headers would take minutes.
        camera = camera_from_integer_centred(matrix, *image_size(depths[0])) if depths else None
        for depth in depths:
            # scene0707_00 and scene0707_01 are scans of one room.
            frames.append(BenchmarkFrame(
                scan.name, scan.name.split("_")[0], int(depth.stem), None, camera,
                _pose(scan / "pose" / f"{depth.stem}.txt"),
                partial(_read_image, scan / "color" / f"{depth.stem}.jpg", depth),
                partial(read_depth_png, depth, DEPTH_UNIT_M),
            ))  # fmt: skip
    return Benchmark("scannet", CONVENTIONS, frames, root, "scans/<scan>/{color,depth,pose,intrinsic}")


def _monst3r(root: Path) -> Benchmark:
    return _open(root).chosen("scannet_monst3r", "MonST3R: 90 frames, every third", frames=range(0, 270, 3))


def _read_image(path: Path, depth: Path) -> UInt8[np.ndarray, "h w 3"]:
    return cv2.resize(read_image(path), image_size(depth), interpolation=cv2.INTER_AREA)


def _pose(path: Path) -> Float[np.ndarray, "4 4"] | None:
    world_from_cam = read_matrix(path, 4, 4)
    return inverse_rigid(world_from_cam) if np.isfinite(world_from_cam).all() else None


BENCHMARKS: dict[str, Reader] = {"scannet": _open, "scannet_monst3r": _monst3r}
