"""ScanNet++ (Yeshwanth et al. 2023): iPhone and DSLR images with depth that the authors' toolkit renders of the laser scan.

    data/036bce3393/iphone/rgb/frame_000000.jpg                 by iphone.prepare_iphone_data
                           render_depth/frame_000000.png        by common.render; 16 bit, millimetres, 0 = none
                           colmap/images.txt                    poses, metres
                    dslr/resized_images/DSC00001.JPG
                         render_depth/DSC00001.png
                         colmap/images.txt

Images have distortion (OpenCV's of the iPhone, fisheye of the DSLR), and so has the depth that is rendered for them: ``camera``
is None, since no pinhole camera describes them. Frames without rendered depth are left out.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from sfm_gt.public_datasets.benchmark import Benchmark, BenchmarkFrame, Conventions, Reader
from sfm_gt.public_datasets.files import read_colmap_poses, read_depth_png, read_image

CONVENTIONS = Conventions((1e-3, 10.0), (), "no common one; 10 m as of ScanNet")
MM = 1e-3
IMAGES = {"iphone": "rgb", "dslr": "resized_images"}
"""Folder of each device's images."""


def _open(device: str, root: Path) -> Benchmark:
    frames = []
    data = root / "data" if (root / "data").is_dir() else root
    for scene in sorted(path.parents[1] for path in data.glob(f"*/{device}/render_depth")):
        poses = read_colmap_poses(scene / device / "colmap" / "images.txt")
        images = {image.stem: image for image in (scene / device / IMAGES[device]).glob("*.*")}
        for index, depth in enumerate(sorted((scene / device / "render_depth").glob("*.png"))):
            image = images.get(depth.stem, scene / device / IMAGES[device] / f"{depth.stem}.jpg")
            frames.append(BenchmarkFrame(
                scene.name, scene.name, index, None, None, poses.get(image.name), partial(read_image, image),
                partial(read_depth_png, depth, MM),
            ))  # fmt: skip
    needed = f"data/<scene>/{device}/{{{IMAGES[device]},render_depth,colmap}}"
    return Benchmark(f"scannetpp_{device}", CONVENTIONS, frames, root, needed)


BENCHMARKS: dict[str, Reader] = {f"scannetpp_{device}": partial(_open, device) for device in IMAGES}
