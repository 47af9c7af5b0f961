"""MPI Sintel (Butler et al. 2012), training sequences with depth.

    training/{final,clean}/alley_1/frame_0001.png
    training/depth/alley_1/frame_0001.dpt           float tag, width, height (int32), float32 metres
    training/camdata_left/alley_1/frame_0001.cam    float tag, K (3x3), cam_from_world (3x4), float64

``sintel_monst3r`` is the 14 sequences of the final rendering that MonST3R, CUT3R and their successors score.

Frames of sky have depths of kilometres; the cap of 70 m leaves them out.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
from jaxtyping import Float

from sfm_gt.errors import InputError
from sfm_gt.geometry.conventions import nan_from_zero
from sfm_gt.public_datasets.benchmark import Benchmark, BenchmarkFrame, Conventions, Reader
from sfm_gt.public_datasets.files import camera_from_integer_centred, image_size, read_image

CONVENTIONS = Conventions((1e-3, 70.0), (), "Video-Depth-Anything, DepthCrafter: cap 70 m")
MONST3R = (
    "alley_2", "ambush_4", "ambush_5", "ambush_6", "cave_2", "cave_4", "market_2", "market_5", "market_6", "shaman_3",
    "sleeping_1", "sleeping_2", "temple_2", "temple_3",
)  # fmt: skip
TAG = np.float32(202021.25)  # reads as "PIEH" in little-endian bytes


def _open(root: Path, rendering: str) -> Benchmark:
    training = root / "training" if (root / "training").is_dir() else root
    frames = []
    for depth in sorted((training / "depth").glob("*/frame_*.dpt")):
        scene, stem = depth.parent.name, depth.stem
        image = training / rendering / scene / f"{stem}.png"
        matrix, cam_from_world = _read_camera(training / "camdata_left" / scene / f"{stem}.cam")
        camera = camera_from_integer_centred(matrix, *image_size(image))
        frames.append(BenchmarkFrame(scene, scene, int(stem.removeprefix("frame_")), None, camera, cam_from_world,
                                     partial(read_image, image), partial(_read_depth, depth)))  # fmt: skip
    needed = f"training/{rendering}, training/depth and training/camdata_left"
    return Benchmark(f"sintel_{rendering}", CONVENTIONS, frames, root, needed)


def _monst3r(root: Path) -> Benchmark:
    return _open(root, "final").chosen("sintel_monst3r", "MonST3R: 14 sequences", MONST3R)


def _content(path: Path, needed: str) -> bytes:
    try:
        content = path.read_bytes()
    except OSError:
        raise InputError(f"{path}: not there; unpack Sintel's {needed}") from None
    if len(content) < 4 or np.frombuffer(content[:4], "<f4")[0] != TAG:
        raise InputError(f"{path}: does not begin with Sintel's tag; unpack Sintel's {needed} again")
    return content


def _read_depth(path: Path) -> Float[np.ndarray, "h w"]:
    content = _content(path, "depth")
    width, height = np.frombuffer(content[4:12], "<i4")
    values = np.frombuffer(content[12:], "<f4")
    if values.size != width * height:
        raise InputError(f"{path}: {values.size} values for {width}x{height} px; unpack Sintel's depth again")
    return nan_from_zero(values.reshape(height, width))


def _read_camera(path: Path) -> tuple[Float[np.ndarray, "3 3"], Float[np.ndarray, "4 4"]]:
    values = np.frombuffer(_content(path, "camera data")[4:], "<f8")
    if values.size != 21:
        raise InputError(f"{path}: {values.size} numbers, needed 3 x 3 and 3 x 4; unpack Sintel's camera data again")
    cam_from_world = np.eye(4)
    cam_from_world[:3] = values[9:].reshape(3, 4)
    return values[:9].reshape(3, 3), cam_from_world


BENCHMARKS: dict[str, Reader] = {
    "sintel_final": partial(_open, rendering="final"),
    "sintel_monst3r": _monst3r,
    "sintel_clean": partial(_open, rendering="clean"),
}
