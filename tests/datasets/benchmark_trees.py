"""Small folders in the official layouts of the benchmarks, each with one thing known by hand: a wall, a point, a pose.

Every builder writes into a folder and returns it. Images are random; where depth is a map, it is ``wall()``.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from tests.datasets.driving_trees import argoverse2, ddad, kitti, nuscenes, vkitti2, waymo
from tests.datasets.tree_parts import HEIGHT, WIDTH, matrix, wall, write_depth_png, write_image, write_matrix


def nyuv2(root: Path) -> Path:
    """Three images of two scenes, MATLAB's order of axes; the test split is the second and third."""
    import h5py
    from scipy.io import savemat

    depth = np.nan_to_num(wall(480, 640))
    images = np.random.default_rng(0).integers(0, 256, (3, 480, 640, 3), np.uint8)
    with h5py.File(root / "nyu_depth_v2_labeled.mat", "w") as file:
        file["images"] = images.transpose(0, 3, 2, 1)
        file["rawDepths"] = np.stack([depth.T] * 3)
        file["depths"] = np.stack([np.where(depth == 0, 3, depth).T] * 3)
        names = [file.create_dataset(f"#refs#/{n}", data=np.array([[ord(c)] for c in name], np.uint16))
                 for n, name in enumerate(("kitchen_0001", "office_0001", "office_0001"))]  # fmt: skip
        file.create_dataset("scenes", data=np.array([[name.ref for name in names]], dtype=h5py.ref_dtype))
    savemat(root / "splits.mat", {"testNdxs": np.array([[2], [3]], np.uint16), "trainNdxs": np.array([[1]], np.uint16)})
    return root


TAG = np.float32(202021.25).tobytes()


def sintel(root: Path, scene: str = "alley_1") -> Path:
    training = root / "training"
    for number in (1, 2):
        for rendering in ("final", "clean"):
            write_image(training / rendering / scene / f"frame_{number:04d}.png", seed=number)
        depth = training / "depth" / scene / f"frame_{number:04d}.dpt"
        depth.parent.mkdir(parents=True, exist_ok=True)
        depth.write_bytes(
            TAG + np.array([WIDTH, HEIGHT], "<i4").tobytes() + np.nan_to_num(wall()).astype("<f4").tobytes()
        )
        camera = training / "camdata_left" / scene / f"frame_{number:04d}.cam"
        camera.parent.mkdir(parents=True, exist_ok=True)
        cam_from_world = np.hstack([np.eye(3), [[0.5], [0], [number]]])
        camera.write_bytes(TAG + matrix().astype("<f8").tobytes() + cam_from_world.astype("<f8").tobytes())
    return root


def sintel_monst3r(root: Path) -> Path:
    """One sequence of the list, and one that is not on it."""
    return sintel(sintel(root), "temple_3")


def eth3d(root: Path) -> Path:
    scene = root / "courtyard"
    write_image(scene / "images" / "dslr_images" / "DSC_0286.JPG")
    depth = scene / "ground_truth_depth" / "dslr_images" / "DSC_0286.JPG"
    depth.parent.mkdir(parents=True)
    np.where(np.isnan(wall()), np.inf, wall()).astype("<f4").tofile(depth)
    poses = scene / "dslr_calibration_jpg" / "images.txt"
    poses.parent.mkdir()
    half = np.sqrt(0.5)
    poses.write_text(
        "# Image list with two lines of data per image:\n"
        f"7 {half} 0 {half} 0 1.0 2.0 3.0 0 dslr_images/DSC_0286.JPG\n"
        "100.0 200.0 -1\n"
    )
    return root


def diode(root: Path) -> Path:
    for part in ("indoors", "outdoor"):
        scan = root / "val" / part / "scene_00019" / "scan_00183"
        stem = f"00019_00183_{part}_000_010"
        write_image(scan / f"{stem}.png", 768, 1024)
        np.save(scan / f"{stem}_depth.npy", np.nan_to_num(wall(768, 1024), nan=1.0)[..., None])
        np.save(scan / f"{stem}_depth_mask.npy", np.isfinite(wall(768, 1024)).astype(np.float32))
    return root


def scannet(root: Path) -> Path:
    scan = root / "scans" / "scene0707_00"
    write_matrix(scan / "intrinsic" / "intrinsic_depth.txt", np.pad(matrix(), (0, 1)) + np.diag([0, 0, 0, 1]))
    for number in (0, 10):
        write_image(scan / "color" / f"{number}.jpg", 2 * HEIGHT, 2 * WIDTH, seed=number)
        write_depth_png(scan / "depth" / f"{number}.png", wall(), 1e-3)
        pose = np.eye(4)
        pose[:3, 3] = 1.0, 2.0, 3.0
        write_matrix(scan / "pose" / f"{number}.txt", pose if number else np.full((4, 4), -np.inf))
    return root


def _rgbd(root: Path, sequence: str) -> Path:
    """Colour at 1.00, 1.03, 1.06 s; depth within 20 ms of the first two only; a pose near the first."""
    folder = root / sequence
    for n, time_s in enumerate((1.0, 1.03, 1.06)):
        write_image(folder / "rgb" / f"{time_s:.6f}.png", seed=n)
    for time_s in (1.01, 1.035):
        write_depth_png(folder / "depth" / f"{time_s:.6f}.png", wall(), 1 / 5000)
    for name, times in (("rgb", (1.0, 1.03, 1.06)), ("depth", (1.01, 1.035))):
        lines = "".join(f"{time_s:.6f} {name}/{time_s:.6f}.png\n" for time_s in times)
        (folder / f"{name}.txt").write_text(f"# {name} images\n# timestamp filename\n{lines}")
    half = np.sqrt(0.5)
    (folder / "groundtruth.txt").write_text(f"# timestamp tx ty tz qx qy qz qw\n1.005 1 2 3 0 {half} 0 {half}\n")
    return root


def tum_rgbd(root: Path) -> Path:
    return _rgbd(root, "rgbd_dataset_freiburg1_xyz")


def bonn_monst3r(root: Path) -> Path:
    """One sequence of the list with 142 images, and one that is not on it."""
    folder = _rgbd(_rgbd(root, "rgbd_bonn_balloon"), "rgbd_bonn_crowd2") / "rgbd_bonn_crowd2"
    for name in ("rgb", "depth"):
        lines = "".join(
            f"{1 + n / 30:.6f} {name}/1.{'000000' if name == 'rgb' else '010000'}.png\n" for n in range(142)
        )
        (folder / f"{name}.txt").write_text(lines)
    return root


def bonn(root: Path) -> Path:
    return _rgbd(root, "rgbd_bonn_balloon")


def seven_scenes(root: Path) -> Path:
    """A wall at 2 m that fills the depth image, sequences 1 and 3, of which 3 is the test split."""
    for number in (1, 3):
        sequence = root / "redkitchen" / f"seq-{number:02d}"
        write_image(sequence / "frame-000000.color.png", 480, 640)
        flat = np.full((480, 640), 2.0)
        flat[:10] = np.nan
        write_depth_png(sequence / "frame-000000.depth.png", flat, 1e-3, invalid=65535)
        pose = np.eye(4)
        pose[:3, 3] = 1.0, 0.0, 0.0
        write_matrix(sequence / "frame-000000.pose.txt", pose)
    (root / "redkitchen" / "TestSplit.txt").write_text("sequence3\n")
    return root


def tartanair(root: Path) -> Path:
    """One frame at (1, 2, 3) in axes north, east, down, looking north."""
    sequence = root / "office" / "Easy" / "P000"
    write_image(sequence / "image_left" / "000000_left.png", 480, 640)
    (sequence / "depth_left").mkdir()
    np.save(
        sequence / "depth_left" / "000000_left_depth.npy", np.where(np.isnan(wall(480, 640)), np.inf, wall(480, 640))
    )
    (sequence / "pose_left.txt").write_text("1 2 3 0 0 0 1\n")
    return root


def hypersim(root: Path) -> Path:
    """Distances of a wall whose z is known."""
    import h5py

    images = root / "ai_001_002" / "images"
    write_image(images / "scene_cam_00_final_preview" / "frame.0003.tonemap.jpg", 768, 1024)
    x, y = np.meshgrid((np.arange(1024) - 511.5) / 886.81, (np.arange(768) - 383.5) / 886.81)
    file = images / "scene_cam_00_geometry_hdf5" / "frame.0003.depth_meters.hdf5"
    file.parent.mkdir()
    with h5py.File(file, "w") as content:
        content["dataset"] = (wall(768, 1024) * np.sqrt(1 + x**2 + y**2)).astype(np.float16)
    return root


def spring(root: Path) -> Path:
    """Disparity of twice the size; what lies between the pixels that are taken is wrong."""
    import h5py

    sequence = root / "spring" / "train" / "0001"
    write_image(sequence / "frame_left" / "frame_left_0001.png")
    disparity = np.full((2 * HEIGHT, 2 * WIDTH), 9.0, np.float32)
    disparity[::2, ::2] = 30 * 0.065 / wall()
    (sequence / "disp1_left").mkdir()
    with h5py.File(sequence / "disp1_left" / "disp1_left_0001.dsp5", "w") as content:
        content["disparity"] = disparity
    pose = np.eye(4)
    pose[:3, 3] = 1.0, 2.0, 3.0
    write_matrix(sequence / "cam_data" / "intrinsics.txt", np.array([[30, 30, 15.5, 11.5]]))
    write_matrix(sequence / "cam_data" / "extrinsics.txt", pose.reshape(1, 16))
    return root


def ibims1(root: Path) -> Path:
    """The first row is masked as invalid, where depth would be 1 m; nothing is transparent but its first pixel."""
    core, name = root / "ibims1_core_raw", "corridor_01"
    write_image(core / "rgb" / f"{name}.png")
    write_depth_png(core / "depth" / f"{name}.png", np.nan_to_num(wall(), nan=1.0), 50 / 65535)
    for mask, first in (("mask_invalid", np.s_[0]), ("mask_transp", np.s_[0, 0])):
        pixels = np.full((HEIGHT, WIDTH), 255, np.uint8)
        pixels[first] = 0
        (core / mask).mkdir()
        assert cv2.imwrite(str(core / mask / f"{name}.png"), pixels)
    (core / "calib").mkdir()
    (core / "calib" / f"{name}.txt").write_text("30.0,30.0,15.5,11.5")
    return root


def booster(root: Path) -> Path:
    """Two illuminations of one scene; the baseline is 80 mm."""
    scene = root / "train" / "balanced" / "Bathroom"
    for number in (0, 1):
        write_image(scene / "camera_00" / f"im{number}.png", seed=number)
    np.save(scene / "disp_00.npy", np.nan_to_num(30 * 0.08 / wall(), nan=0.0).astype(np.float32))
    file = cv2.FileStorage(str(scene / "calib_00-02.xml"), cv2.FILE_STORAGE_WRITE)
    file.write("proj_matL", np.array([[30, 0, 15.5, 0], [0, 30, 11.5, 0], [0, 0, 1, 0.0]]))
    file.write("baselineLR", 80.0)
    file.release()
    return root


def dtu(root: Path) -> Path:
    """View 4 of one scan; what the mask leaves out has another depth."""
    write_image(root / "Rectified" / "scan9" / "rect_005_3_r5000.png")
    folder = root / "Depths_raw" / "scan9"
    folder.mkdir(parents=True)
    assert cv2.imwrite(str(folder / "depth_map_0004.pfm"), np.nan_to_num(1000 * wall(), nan=77.0).astype(np.float32))
    assert cv2.imwrite(str(folder / "depth_visual_0004.png"), 255 * np.isfinite(wall()).astype(np.uint8))
    (root / "Cameras").mkdir()
    (root / "Cameras" / "00000004_cam.txt").write_text(
        "extrinsic\n1 0 0 1000\n0 1 0 2000\n0 0 1 3000\n0 0 0 1\n\nintrinsic\n30 0 15.5\n0 30 11.5\n0 0 1\n\n425 2.5\n"
    )
    return root


def syns_patches(root: Path) -> Path:
    """Item 7 of scene 01, and one that no list names."""
    for item in ("07", "08"):
        write_image(root / "01" / "images" / f"{item}.png", 376, 1242)
    (root / "01" / "depths").mkdir()
    np.save(root / "01" / "depths" / "07.npy", np.nan_to_num(wall(376, 1242), nan=0.0))
    (root / "splits").mkdir()
    (root / "splits" / "test_files.txt").write_text("01 07.png\n")
    return root


def scannetpp(root: Path) -> Path:
    """One frame of each device; a second iPhone image has no rendered depth."""
    for device, images, names in (("iphone", "rgb", ("frame_000010.jpg", "frame_000020.jpg")),
                                  ("dslr", "resized_images", ("DSC00001.JPG",))):  # fmt: skip
        folder = root / "data" / "036bce3393" / device
        for name in names:
            write_image(folder / images / name)
        write_depth_png(folder / "render_depth" / f"{Path(names[0]).stem}.png", wall(), 0.001)
        (folder / "colmap").mkdir()
        (folder / "colmap" / "images.txt").write_text(f"# Image list\n1 1 0 0 0 1 2 3 1 {names[0]}\n\n")
    return root


def da2k(root: Path) -> Path:
    """Two kinds of scenes; of the three pairs of the first image, the second is told with its ends turned round."""
    folder = root / "DA-2K"
    images = ("images/indoor/a.png", "images/indoor/b.png", "images/aerial/c.png")
    for number, name in enumerate(images):
        write_image(folder / name, seed=number)

    def pair(one: list[int], other: list[int], closer: str = "point1") -> dict:
        return {"point1": one, "point2": other, "closer_point": closer}

    pairs = [
        [pair([5, 1], [6, 30]), pair([23, 31], [0, 0], "point2"), pair([3, 4], [3, 5])],
        [pair([20, 2], [2, 20])],
        [pair([1, 1], [1, 2])],
    ]
    (folder / "annotations.json").write_text(json.dumps(dict(zip(images, pairs, strict=True))))
    return root


def hammer(root: Path) -> Path:
    """One sequence of the test scenes; one of a training scene and one without objects, which are not scored."""
    for sequence in ("scene12_traj1_1", "scene12_traj1_naked_1", "scene2_traj1_1"):
        folder = root / sequence / "polarization"
        write_image(folder / "rgb" / "000003.png")
        write_depth_png(folder / "_gt" / "000003.png", wall(), 1e-3)
        write_depth_png(folder / "depth_tof" / "000003.png", 2 * wall(), 1e-3)
        pose = np.eye(4)
        pose[:3, 3] = 1.0, 2.0, 3.0
        write_matrix(folder / "_pose" / "000003.txt", pose)
        write_matrix(folder / "intrinsics.txt", matrix())
    return root


TREES: dict[str, Callable[[Path], Path]] = {
    "kitti_eigen": kitti, "kitti_eigen_bts": kitti, "kitti_eigen_raw": kitti, "kitti_official": kitti, "kitti_object": kitti,
    "nyuv2": nyuv2, "nyuv2_filled": nyuv2, "sintel_final": sintel, "sintel_clean": sintel, "eth3d": eth3d,
    "diode": diode, "diode_indoors": diode, "diode_outdoor": diode, "scannet": scannet, "tum_rgbd": tum_rgbd,
    "bonn": bonn, "bonn_monst3r": bonn_monst3r, "sintel_monst3r": sintel_monst3r, "scannet_monst3r": scannet,
    "kitti_depthcrafter": kitti, "kitti_monst3r": kitti, "seven_scenes": seven_scenes, "ddad": ddad,
    "vkitti2": vkitti2, "tartanair": tartanair, "hypersim": hypersim, "spring": spring, "ibims1": ibims1,
    "booster": booster, "dtu": dtu, "syns_patches": syns_patches, "scannetpp_iphone": scannetpp, "scannetpp_dslr": scannetpp,
    "da2k": da2k, "hammer": hammer, "nuscenes": nuscenes, "argoverse2": argoverse2, "waymo": waymo,
}  # fmt: skip
