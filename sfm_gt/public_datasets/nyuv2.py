"""NYU Depth v2 (Silberman et al. 2012), the 654 test images of the labelled part, 640x480.

    nyu_depth_v2_labeled.mat    HDF5: images, rawDepths, depths, scenes
    splits.mat                  testNdxs, counted from 1

``nyuv2`` scores ``rawDepths``, what the sensor measured, as the published tables do; ``nyuv2_filled`` scores ``depths``, in
which holes were filled by colour. The camera is the toolbox's colour camera; images are registered and undistorted.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8

from sfm_gt.errors import ConfigError, InputError
from sfm_gt.geometry.conventions import nan_from_zero
from sfm_gt.public_datasets.benchmark import Benchmark, BenchmarkFrame, Conventions, Reader
from sfm_gt.public_datasets.files import camera_from_integer_centred

LABELLED, SPLITS = "nyu_depth_v2_labeled.mat", "splits.mat"
CONVENTIONS = Conventions((1e-3, 10.0), ("nyu_eigen",), "Eigen et al. 2014: rows 45:471, columns 41:601")
CAMERA = camera_from_integer_centred(
    np.array([[518.85790117, 0, 325.58244941], [0, 519.46961112, 253.73616633], [0, 0, 1]]), 640, 480
)


def _open(root: Path, layer: str) -> Benchmark:
    from scipy.io import loadmat

    file, splits = root / LABELLED, root / SPLITS
    for path in (file, splits):
        if not path.is_file():
            raise InputError(f"{path}: not there; put {LABELLED} and {SPLITS} into one folder")
    try:
        numbers = loadmat(splits)["testNdxs"].ravel().astype(int)
    except (KeyError, ValueError, NotImplementedError) as error:
        raise InputError(f"{splits}: holds no testNdxs ({error}); take the official splits.mat") from None
    scenes = _scenes(file)
    if numbers.max(initial=0) > len(scenes):
        raise InputError(
            f"{splits}: names image {numbers.max()}, {LABELLED} holds {len(scenes)}; take the official files"
        )
    frames = [
        BenchmarkFrame(scenes[n - 1], scenes[n - 1], int(n), None, CAMERA, None, partial(_image, file, n - 1),
                       partial(_depth, file, layer, n - 1))
        for n in numbers
    ]  # fmt: skip
    return Benchmark("nyuv2" if layer == "rawDepths" else "nyuv2_filled", CONVENTIONS, frames, root, "a test split")


def _hdf5(file: Path) -> Any:
    try:
        import h5py
    except ImportError:
        raise ConfigError(f"{file}: reading it needs h5py; pip install 'sfm-gt[benchmarks]'") from None
    try:
        return h5py.File(file, "r")
    except OSError as error:
        raise InputError(f"{file}: not an HDF5 file ({' '.join(str(error).split())}); download it again") from None


def _scenes(file: Path) -> list[str]:
    with _hdf5(file) as content:
        try:
            references = np.array(content["scenes"]).ravel()
            return ["".join(map(chr, np.array(content[reference]).ravel())) for reference in references]
        except KeyError:
            raise InputError(f"{file}: holds no scenes; take the official {LABELLED}") from None


# MATLAB stores columns first, so every array comes transposed.
def _image(file: Path, number: int) -> UInt8[np.ndarray, "h w 3"]:
    with _hdf5(file) as content:
        return np.ascontiguousarray(np.array(content["images"][number]).T)


def _depth(file: Path, layer: str, number: int) -> Float[np.ndarray, "h w"]:
    with _hdf5(file) as content:
        return nan_from_zero(np.ascontiguousarray(np.array(content[layer][number], dtype=np.float32).T))


BENCHMARKS: dict[str, Reader] = {
    "nyuv2": partial(_open, layer="rawDepths"),
    "nyuv2_filled": partial(_open, layer="depths"),
}
