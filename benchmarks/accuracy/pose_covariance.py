"""What the uncertainty of the poses adds to the error of a pixel, beside the sigma that dense states.

    python benchmarks/accuracy/pose_covariance.py OUT CLIP [--save NAME]

OUT is the output folder of a run whose dense stage is finished. The keyframes' poses get their covariance from one bundle
adjustment (residuals scaled by their root mean square); it is carried through the relative pose of each keyframe and its
four best neighbours to the place of the sparse points along their epipolar lines, and from there to relative depth.
--save writes benchmarks/results/pose_covariance_NAME.json.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import cv2  # noqa: F401 - before pycolmap, whose image library would otherwise be bound first
import numpy as np
import pycolmap

from sfm_gt.dense.shared.clip import choose_keyframes
from sfm_gt.dense.shared.neighbours import can_bound_depth, choose_neighbours
from sfm_gt.formats.dense_maps import read_dense_maps
from sfm_gt.formats.workspace import Workspace
from sfm_gt.geometry.types import SparseModel
from sfm_gt.sfm.clip_views import ClipViews

RESULTS = Path(__file__).resolve().parents[1] / "results"
N_NEIGHBOURS = 4


def pose_covariance(model: pycolmap.Reconstruction, images: list[int]) -> pycolmap.BACovariance:
    """Of the poses of ``images``, with the gauge of two of them fixed and the camera held."""
    config = pycolmap.BundleAdjustmentConfig()
    for image in images:
        config.add_image(image)
    for camera in model.cameras:
        config.set_constant_cam_intrinsics(camera)
    config.fix_gauge(pycolmap.BundleAdjustmentGauge.TWO_CAMS_FROM_WORLD)
    options = pycolmap.BundleAdjustmentOptions(print_summary=False)
    # The model is adjusted already; the solver only has to linearise.
    options.ceres.solver_options.max_num_iterations = 2
    adjuster = pycolmap.create_default_ceres_bundle_adjuster(options, config, model)
    adjuster.solve()
    wanted = pycolmap.BACovarianceOptions(params=pycolmap.BACovarianceOptionsParams.POSES)
    return pycolmap.estimate_ba_covariance(wanted, model, adjuster)


def relative_depth_sigma(
    sparse: SparseModel, row: int, other: int, covariance: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Sigma along the epipolar line in pixels, and of relative depth, of the points that ``row`` sees, by the pose alone.

    ``covariance``: (6, 6) of the pose of ``other`` in the frame of ``row``, rotation first, as pycolmap gives it.
    """
    first, second = (np.vstack([sparse.cam_from_world[k][:3], [0.0, 0.0, 0.0, 1.0]]) for k in (row, other))
    points = sparse.points_sfm[np.unique(sparse.points_seen_by(row))] @ first[:3, :3].T + first[:3, 3]
    relative = second @ np.linalg.inv(first)
    turned = points @ relative[:3, :3].T
    there = turned + relative[:3, 3]
    turned, there = turned[there[:, 2] > 0], there[there[:, 2] > 0]
    x, y, z = there.T
    zero = np.zeros_like(z)
    fx, fy = sparse.camera.fx, sparse.camera.fy
    by_point = np.stack([np.stack([fx / z, zero, -fx * x / z**2], 1), np.stack([zero, fy / z, -fy * y / z**2], 1)], 1)
    a, b, c = turned.T
    skew = np.stack([np.stack([zero, c, -b], 1), np.stack([-c, zero, a], 1), np.stack([b, -a, zero], 1)], 1)
    by_pose = np.concatenate([by_point @ skew, by_point], axis=2)
    by_log_depth = (by_point @ turned[..., None])[..., 0]
    reach = np.linalg.norm(by_log_depth, axis=1)
    line = by_log_depth / reach[:, None]
    across = np.einsum("ni,nij->nj", line, by_pose)
    sigma_px = np.sqrt(np.einsum("nj,jk,nk->n", across, covariance, across))
    return sigma_px, sigma_px / reach


def measure(out: Path, clip: str) -> dict[str, float]:
    """Medians over keyframes, neighbours and points."""
    workspace = Workspace(out)
    model = pycolmap.Reconstruction(str(workspace.clip_stage(clip, "sfm") / "colmap"))
    sparse = ClipViews(workspace, clip).model
    keyframes = choose_keyframes(sparse, [k for k in range(len(sparse.frame_indices)) if can_bound_depth(sparse, k)])
    image_of = {int(Path(image.name).stem): number for number, image in model.images.items()}
    images = {row: image_of[int(sparse.frame_indices[row])] for row in keyframes}
    start = time.process_time()
    covariance = pose_covariance(model, list(images.values()))
    seconds = time.process_time() - start
    variance_px = model.compute_mean_reprojection_error() ** 2
    pixels, relative = [], []
    for row in keyframes:
        for other in choose_neighbours(sparse, row, N_NEIGHBOURS, keyframes).tolist():
            poses = [model.images[images[k]].cam_from_world() for k in (row, other)]
            found = covariance.get_cam2_cov_from_cam1(images[row], poses[0], images[other], poses[1])
            if found is not None:
                sigma_px, sigma_rel = relative_depth_sigma(sparse, row, other, found * variance_px)
                pixels.append(np.median(sigma_px))
                relative.append(np.median(sigma_rel))
    stated = [_stated(workspace, clip, int(sparse.frame_indices[row])) for row in keyframes]
    return {
        "keyframes": len(keyframes),
        "cpu_seconds": round(seconds, 3),
        "pose_sigma_px": float(np.median(pixels)),
        "pose_relative_sigma": float(np.median(relative)),
        "pose_relative_sigma_90_percent": float(np.quantile(relative, 0.9)),
        "stated_relative_sigma": float(np.median(stated)),
    }


def _stated(workspace: Workspace, clip: str, frame_index: int) -> float:
    """Median relative sigma of the frame's depth."""
    sigma, depth = read_dense_maps(workspace.clip_stage(clip, "dense"), frame_index, "sigma_sfm", "z_depth_sfm")
    return float(np.nanmedian(sigma / depth))


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("clip")
    parser.add_argument("--save", metavar="NAME")
    arguments = parser.parse_args()
    text = json.dumps(measure(arguments.out, arguments.clip), indent=1)
    print(text)
    if arguments.save:
        (RESULTS / f"pose_covariance_{arguments.save}.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
