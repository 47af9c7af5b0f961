"""DIODE (Vasiljevic et al. 2019), validation split.

    val/{indoors,outdoor}/scene_00019/scan_00183/00019_00183_indoors_000_010.png    1024x768
                                                 ..._depth.npy                      (768, 1024, 1) float32, metres
                                                 ..._depth_mask.npy                 1 = valid

``diode`` is both parts, ``diode_indoors`` and ``diode_outdoor`` one. The camera is the devkit's (intrinsics.txt), which
rendered all crops; its centre is the middle of the image, so no half pixel is added. A scan is one standpoint: its crops
share ``clip_id``, those of a scene ``video_id``.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
from jaxtyping import Float

from sfm_gt.errors import InputError
from sfm_gt.formats.array_file import read_array
from sfm_gt.geometry.conventions import valid_from_depth
from sfm_gt.geometry.types import PinholeCamera
from sfm_gt.public_datasets.benchmark import Benchmark, BenchmarkFrame, Conventions, Reader
from sfm_gt.public_datasets.files import read_image

CONVENTIONS = Conventions(
    (1e-3, 350.0), (), "the devkit: every pixel of the mask with depth above 0; none is beyond the sensor's 350 m"
)
CAMERA = PinholeCamera(1024, 768, 886.81, 927.06, 512.0, 384.0)


def _open(root: Path, name: str, parts: tuple[str, ...]) -> Benchmark:
    val = root / "val" if (root / "val").is_dir() else root
    frames = []
    for part in parts:
        for scan in sorted((val / part).glob("scene_*/scan_*")):
            scene = f"{part}_{scan.parent.name}"
            for index, depth in enumerate(sorted(scan.glob("*_depth.npy"))):
                stem = depth.name.removesuffix("_depth.npy")
                image, mask = scan / f"{stem}.png", scan / f"{stem}_depth_mask.npy"
                frames.append(BenchmarkFrame(f"{scene}_{scan.name}", scene, index, None, CAMERA, None,
                                             partial(read_image, image), partial(_read_depth, depth, mask)))  # fmt: skip
    return Benchmark(name, CONVENTIONS, frames, root, f"val/{'|'.join(parts)}/scene_*/scan_*/*_depth.npy")


def _read_depth(path: Path, mask: Path) -> Float[np.ndarray, "h w"]:
    depth, usable = (np.squeeze(_load(file)) for file in (path, mask))
    if depth.shape != usable.shape:
        raise InputError(f"{mask}: shape {usable.shape}, the depth has {depth.shape}; unpack the scan again")
    return np.where((usable == 1) & valid_from_depth(depth), depth, np.nan).astype(np.float32)


def _load(path: Path) -> np.ndarray:
    try:
        return read_array(path)
    except FileNotFoundError:
        raise InputError(f"{path}: missing; unpack the scan again") from None


BENCHMARKS: dict[str, Reader] = {
    "diode": partial(_open, name="diode", parts=("indoors", "outdoor")),
    "diode_indoors": partial(_open, name="diode_indoors", parts=("indoors",)),
    "diode_outdoor": partial(_open, name="diode_outdoor", parts=("outdoor",)),
}
