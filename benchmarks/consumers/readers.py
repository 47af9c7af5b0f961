"""What the consumers of each export see: their own libraries where they install, else their loaders' arithmetic.

A reader takes the folder of an export and gives a :class:`View` a frame. What is reimplemented was written from the loader's
description, which the module of the exporter names; nothing of ours is used to read where a format is not ours.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from PIL import Image
from scipy.spatial.transform import Rotation

GL = np.diag([1.0, -1.0, -1.0, 1.0])


@dataclass
class View:
    """One frame as its consumer has it.

    Attributes:
        split: that the consumer takes it for; None where the format has none.
        rays_of: x / z and y / z of pixels, (N, 2) of (column, row) whole numbers, by the consumer's own arithmetic; None where
            the format has no camera.
        cam_from_world: OpenCV axes; None where the format has no poses.
        image: (H, W, 3) RGB.
        depth, sigma: (H, W), NaN = unknown.
        masks: (H, W) bool by name; ``usable`` is the complement of moving and overlay.
    """

    clip_id: str
    frame_index: int
    split: str | None = None
    rays_of: Callable[[np.ndarray], np.ndarray] | None = None
    cam_from_world: np.ndarray | None = None
    image: np.ndarray | None = None
    depth: np.ndarray | None = None
    sigma: np.ndarray | None = None
    masks: dict[str, np.ndarray] = field(default_factory=dict)


def pinhole(fx: float, fy: float, cx: float, cy: float, centre: float) -> Callable[[np.ndarray], np.ndarray]:
    """Rays of pixels whose centres the consumer puts at whole numbers plus ``centre``."""
    return lambda pixels: (pixels + centre - [cx, cy]) / [fx, fy]


def _rgb(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB"))


def _steps(path: Path, unit: float) -> np.ndarray:
    steps = cv2.imread(str(path), cv2.IMREAD_ANYDEPTH)
    return np.where(steps > 0, steps * unit, np.nan)


def colmap(folder: Path) -> Iterator[View]:
    """pycolmap: model, and depth maps of its workspace."""
    import pycolmap

    for root in sorted(path for path in folder.iterdir() if path.is_dir()):
        model = pycolmap.Reconstruction(root / "sparse")
        for image in model.images.values():
            fx, fy, cx, cy = model.cameras[image.camera_id].params
            stored = pycolmap.DepthMap()
            stored.read(root / "stereo" / "depth_maps" / f"{image.name}.geometric.bin")
            depth = np.asarray(stored.to_array())
            yield View(
                root.name, int(Path(image.name).stem), rays_of=pinhole(fx, fy, cx, cy, 0.5),
                cam_from_world=np.vstack([image.cam_from_world().matrix(), [0, 0, 0, 1]]),
                image=_rgb(root / "images" / image.name), depth=np.where(depth > 0, depth, np.nan),
            )  # fmt: skip


def nerfstudio(folder: Path) -> Iterator[View]:
    """nerfstudio's data parser: OpenGL cameras, pixel centres at +0.5, depth times 1e-3, masks of what is used."""
    for path in sorted(folder.glob("*/transforms.json")):
        content, root = json.loads(path.read_text()), path.parent
        rays = pinhole(content["fl_x"], content["fl_y"], content["cx"], content["cy"], 0.5)
        for frame in content["frames"]:
            mask = cv2.imread(str(root / frame["mask_path"]), cv2.IMREAD_GRAYSCALE)
            yield View(
                root.name, int(Path(frame["file_path"]).stem), rays_of=rays, image=_rgb(root / frame["file_path"]),
                cam_from_world=np.linalg.inv(np.array(frame["transform_matrix"]) @ GL), masks={"usable": mask > 0},
                depth=_steps(root / frame["depth_file_path"], 1e-3),
            )  # fmt: skip


def tum_rgbd(folder: Path) -> Iterator[View]:
    """The benchmark's tools: whole numbers are pixel centres, depth over 5000, poses from the nearest time."""
    for root in sorted(path for path in folder.iterdir() if path.is_dir()):
        fx, fy, cx, cy = np.loadtxt(root / "intrinsics.txt")
        track = np.loadtxt(root / "groundtruth.txt")
        lists = [[line.split() for line in (root / f"{name}.txt").read_text().splitlines() if line[0] != "#"]
                 for name in ("rgb", "depth")]  # fmt: skip
        for (time, picture), (_, depth) in zip(*lists, strict=True):
            row = track[abs(track[:, 0] - float(time)).argmin()]
            world_from_cam = np.eye(4)
            world_from_cam[:3, :3], world_from_cam[:3, 3] = Rotation.from_quat(row[4:]).as_matrix(), row[1:4]
            yield View(
                root.name, int(Path(picture).stem), rays_of=pinhole(fx, fy, cx, cy, 0.0), image=_rgb(root / picture),
                cam_from_world=np.linalg.inv(world_from_cam), depth=_steps(root / depth, 1 / 5000),
            )  # fmt: skip


def kitti(folder: Path) -> Iterator[View]:
    """KITTI's depth devkit: whole numbers are pixel centres, depth over 256, no poses."""
    for path in sorted(folder.glob("image/*/*.jpg")):
        name = path.relative_to(folder / "image").with_suffix("")
        k = np.loadtxt(folder / "intrinsics" / f"{name}.txt").reshape(3, 3)
        yield View(
            name.parent.name, int(name.name), rays_of=pinhole(k[0, 0], k[1, 1], k[0, 2], k[1, 2], 0.0), image=_rgb(path),
            depth=_steps(folder / "groundtruth_depth" / f"{name}.png", 1 / 256),
        )  # fmt: skip


def depth_anything(folder: Path) -> Iterator[View]:
    """VKITTI2 on the training list (over 100, valid up to 80 m), KITTI on the others (over 256, valid where not 0)."""
    for split in ("train", "val", "test"):
        for line in (folder / f"{split}.txt").read_text().splitlines():
            picture, stored = (folder / part for part in line.split(" "))
            steps = cv2.imread(str(stored), cv2.IMREAD_ANYCOLOR | cv2.IMREAD_ANYDEPTH)
            metres, valid = (steps / 100.0, steps <= 8000) if split == "train" else (steps / 256.0, steps > 0)
            yield View(
                picture.parent.name,
                int(picture.stem),
                split,
                image=_rgb(picture),
                depth=np.where(valid, metres, np.nan),
            )


def moge(folder: Path) -> Iterator[View]:
    """MoGe's data loader: logarithmic depth between two text fields, intrinsics in shares of the picture."""
    for name in (folder / ".index.txt").read_text().splitlines():
        image = _rgb(folder / name / "image.jpg")
        k = np.array(json.loads((folder / name / "meta.json").read_text())["intrinsics"])
        with Image.open(folder / name / "depth.png") as stored:
            steps, near, far = np.asarray(stored).astype(float), float(stored.info["near"]), float(stored.info["far"])
        depth = np.exp(np.log(near) + (steps - 1) / 65533 * (np.log(far) - np.log(near)))
        size = np.array(image.shape[1::-1])

        def rays(pixels: np.ndarray, k: np.ndarray = k, size: np.ndarray = size) -> np.ndarray:
            return ((pixels + 0.5) / size - k[:2, 2]) / k[[0, 1], [0, 1]]

        clip_id, frame = name.split("/")
        yield View(clip_id, int(frame), rays_of=rays, image=image, depth=np.where(steps > 0, depth, np.nan))


def dust3r(folder: Path) -> Iterator[View]:
    """The MegaDepth loaders, a root a split: whole numbers are pixel centres, depth as OpenCV reads what is named exr."""
    for root in sorted(path for path in folder.iterdir() if path.is_dir()):
        with np.load(root / "all_metadata.npz") as metadata:
            scenes, images, pairs = metadata["scenes"], metadata["images"], metadata["pairs"]
        views = {
            (scene, name) for scene, first, second, _ in pairs.tolist() for name in (images[first], images[second])
        }
        for scene, name in sorted(views):
            place = root.joinpath(*scenes[scene].split()) / name
            depth = cv2.imread(f"{place}.exr", cv2.IMREAD_ANYDEPTH)
            with np.load(f"{place}.npz") as camera:
                k, world_from_cam = camera["intrinsics"], camera["cam2world"]
            yield View(
                place.parent.name, int(name), root.name, pinhole(k[0, 0], k[1, 1], k[0, 2], k[1, 2], 0.0),
                np.linalg.inv(world_from_cam), _rgb(Path(f"{place}.jpg")), np.where(depth > 0, depth, np.nan),
            )  # fmt: skip


def _view_of_layers(facts: dict, layers: dict[str, np.ndarray | None], split: str) -> View:
    """Of a format that holds all layers."""
    depth, sigma = (np.where(steps > 0, steps * facts[unit], np.nan)
                    for steps, unit in ((layers["depth"], "depth_unit"), (layers["sigma"], "sigma_unit")))  # fmt: skip
    masks = {name: layers[name] > 0 for name in ("moving", "overlay", "person") if layers.get(name) is not None}
    # Masks stand beside depth: whoever reads both takes what moves and overlays out.
    return View(
        facts["clip_id"], facts["frame_index"], split, pinhole(facts["fx"], facts["fy"], facts["cx"], facts["cy"], 0.5),
        np.reshape(facts["cam_from_world"], (4, 4)), layers["image"],
        np.where(masks["moving"] | masks["overlay"], np.nan, depth), sigma, masks | {"outlier": layers["outlier"] / 255},
    )  # fmt: skip


def webdataset(folder: Path) -> Iterator[View]:
    """The library, with the decoder that the export's documentation gives."""
    import webdataset as library

    from sfm_gt.formats.shards import decode_png16

    names = {"image": "jpg", "depth": "depth.png16", "sigma": "sigma.png16", "outlier": "outlier.png", "moving": "moving.png",
             "overlay": "overlay.png", "person": "person.png"}  # fmt: skip
    for shard in sorted(folder.glob("*/*.tar")):
        for sample in library.WebDataset(str(shard), shardshuffle=False).decode(decode_png16, "pil"):
            layers = {layer: np.asarray(sample[name]) for layer, name in names.items() if name in sample}
            grey = {layer: pixels[..., 0] if layer != "image" and pixels.ndim == 3 else pixels
                    for layer, pixels in layers.items()}  # fmt: skip
            yield _view_of_layers(sample["json"], grey, shard.parent.name)


def huggingface(folder: Path) -> Iterator[View]:
    """``datasets.load_dataset``."""
    import datasets

    layers = ("image", "depth", "sigma", "outlier", "moving", "overlay", "person")
    for name, split in (("train", "train"), ("validation", "val"), ("test", "test")):
        for row in datasets.load_dataset(str(folder), split=name, cache_dir=str(folder.parent / "cache")):
            pixels = {layer: np.asarray(row[layer]) if row[layer] is not None else None for layer in layers}
            yield _view_of_layers(row, pixels, split)


def _of_18_numbers(camera: np.ndarray, image: np.ndarray) -> tuple[Callable[[np.ndarray], np.ndarray], np.ndarray]:
    """Rays and pose of RealEstate10K's columns as its readers take them: distortion left out, shares of the picture."""
    size = np.array(image.shape[1::-1])
    return (
        lambda pixels: ((pixels + 0.5) / size - camera[2:4]) / camera[:2],
        np.vstack([camera[6:].reshape(3, 4), [0, 0, 0, 1]]),
    )


def realestate10k_frames(folder: Path) -> Iterator[View]:
    """Readers of RealEstate10K with frames, named by microseconds."""
    for path in sorted(folder.glob("*/*.txt")):
        for line in path.read_text().splitlines()[1:]:
            time, *numbers = line.split()
            image = _rgb(path.with_suffix("") / f"{time}.jpg")
            rays, cam_from_world = _of_18_numbers(np.array(numbers, float), image)
            yield View(path.stem, round(int(time) * 25 / 1e6), path.parent.name, rays, cam_from_world, image)


def pixelsplat(folder: Path) -> Iterator[View]:
    """The data set class of pixelSplat: chunks by an index, encoded pictures, intrinsics in shares."""
    import torch

    for root in sorted(path for path in folder.iterdir() if path.is_dir()):
        for key, chunk in json.loads((root / "index.json").read_text()).items():
            (sequence,) = (one for one in torch.load(root / chunk) if one["key"] == key)
            for time, camera, encoded in zip(
                sequence["timestamps"], sequence["cameras"].numpy(), sequence["images"], strict=True
            ):
                image = np.asarray(Image.open(io.BytesIO(encoded.numpy().tobytes())).convert("RGB"))
                rays, cam_from_world = _of_18_numbers(camera.astype(float), image)
                yield View(key, round(int(time) * 25 / 1e6), root.name, rays, cam_from_world, image)


READERS: dict[str, tuple[str, Callable[[Path], Iterator[View]]]] = {
    "colmap": ("pycolmap", colmap),
    "nerfstudio": ("its parser's arithmetic", nerfstudio),
    "tum_rgbd": ("the benchmark tools' arithmetic", tum_rgbd),
    "kitti": ("the devkit's arithmetic", kitti),
    "depth_anything": ("VKITTI2 and KITTI classes' arithmetic", depth_anything),
    "moge": ("its data loader's arithmetic", moge),
    "dust3r": ("MegaDepth loader's arithmetic", dust3r),
    "webdataset": ("webdataset", webdataset),
    "huggingface": ("datasets", huggingface),
    "realestate10k_frames": ("its readers' arithmetic", realestate10k_frames),
    "pixelsplat": ("its data set class's arithmetic", pixelsplat),
}
"""Name of the consumer, and its reader, by format."""
LIBRARIES = {"colmap": "pycolmap", "webdataset": "webdataset", "huggingface": "datasets"}
