"""DTU (Jensen et al. 2014) as MVSNet prepared it, with depth of full size.

    Rectified/scan1/rect_001_3_r5000.png       1600x1200; of the seven lights number 3 (MVSNet's and DA3-BENCH's)
    Depths_raw/scan1/depth_map_0000.pfm        millimetres; 0 = none
    Depths_raw/scan1/depth_visual_0000.png     0 = not to be scored
    Cameras/00000000_cam.txt                   "extrinsic" cam_from_world (4x4, mm), "intrinsic" K (3x3)

Views are numbered from 1 in images and from 0 elsewhere; ``frame_index`` is the latter.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float

from sfm_gt.errors import InputError
from sfm_gt.public_datasets.benchmark import Benchmark, BenchmarkFrame, Conventions, Reader
from sfm_gt.public_datasets.files import camera_from_integer_centred, image_size, read_image, read_mask

CONVENTIONS = Conventions((1e-3, 10.0), (), "MVSNet: all of the masks; objects lie within a metre")
LIGHT = 3
MM = 1e-3


def _open(root: Path) -> Benchmark:
    frames = []
    for depth in sorted(root.glob("Depths_raw/scan*/depth_map_*.pfm")):
        scan, view = depth.parent.name, int(depth.stem.removeprefix("depth_map_"))
        image = root / "Rectified" / scan / f"rect_{view + 1:03d}_{LIGHT}_r5000.png"
        cam_from_world, matrix = _camera(root / "Cameras" / f"{view:08d}_cam.txt")
        mask = depth.with_name(f"depth_visual_{view:04d}.png")
        frames.append(BenchmarkFrame(
            scan, scan, view, None, camera_from_integer_centred(matrix, *image_size(image)), cam_from_world,
            partial(read_image, image), partial(_read_depth, depth, mask),
        ))  # fmt: skip
    return Benchmark("dtu", CONVENTIONS, frames, root, "Rectified, Depths_raw and Cameras")


def _camera(path: Path) -> tuple[Float[np.ndarray, "4 4"], Float[np.ndarray, "3 3"]]:
    """cam_from_world in metres, and K."""
    try:
        words = path.read_text().split()
        pose, matrix = np.array(words[1:17], dtype=np.float64), np.array(words[18:27], dtype=np.float64)
        cam_from_world, k = pose.reshape(4, 4), matrix.reshape(3, 3)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: no extrinsic (4x4) and intrinsic (3x3) ({error}); unpack Cameras again") from None
    cam_from_world[:3, 3] *= MM
    return cam_from_world, k


def _read_depth(path: Path, mask: Path) -> Float[np.ndarray, "h w"]:
    millimetres, scored = cv2.imread(str(path), cv2.IMREAD_UNCHANGED), read_mask(mask)
    if millimetres is None or millimetres.shape != scored.shape:
        raise InputError(f"{path}: no readable PFM of the size of {mask.name}; unpack Depths_raw again")
    return np.where(scored & (millimetres > 0), millimetres * MM, np.nan).astype(np.float32)


BENCHMARKS: dict[str, Reader] = {"dtu": _open}
