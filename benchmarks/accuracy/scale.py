"""Metric scale: error and honesty of every cue on simulated clips, and the cues on real data with truth.

    python benchmarks/accuracy/scale.py simulated [--draws 200] [--cues trajectory gps …] [--save]
    python benchmarks/accuracy/scale.py aprilgrid DATA/aprilgrid [--save]
    python benchmarks/accuracy/scale.py fountain DATA/fountain [--save]
    python benchmarks/accuracy/scale.py kitchen DATA/kitchen --out OUT [--save]
    python benchmarks/accuracy/scale.py demo examples/demo --pose-networks DATA/models [--save]

DATA holds third-party data, OUT is the output folder of a run on the kitchen's video (``scale`` and what is before it).
--save writes the part into benchmarks/results/scale.json, and the plot of the simulated part beside it.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))

from benchmarks.accuracy.kitchen_clip import sensor_depth_m  # noqa: E402 - a script beside the package, not in it
from benchmarks.accuracy.scale_draws import DRAWS  # noqa: E402
from sfm_gt import registry  # noqa: E402
from sfm_gt.formats.position_track import METRIC_FIELDS  # noqa: E402
from sfm_gt.formats.sidecar import Fiducials, Positions, ScaleEvidence, read_sidecar  # noqa: E402
from sfm_gt.geometry.transforms import camera_centres, scale_world, transform_points  # noqa: E402
from sfm_gt.geometry.types import PinholeCamera, SparseModel  # noqa: E402
from sfm_gt.scale.shared.estimate import Evidence, ScaleEstimate  # noqa: E402

if TYPE_CHECKING:
    from sfm_gt.sfm.clip_views import ClipViews

RESULTS = REPOSITORY / "benchmarks" / "results"
SEED = 7
NOTHING_OBSERVED = (np.zeros((0, 3)), np.zeros((0, 2), dtype=np.int64), np.zeros((0, 2)))


def figures(name: str, draws: int) -> dict[str, float]:
    """One cue: errors of log scale against the stated sigma."""
    found = np.array([DRAWS[name](np.random.default_rng([SEED, number])) for number in range(draws)])
    error, sigma = np.abs(found[:, 0]), found[:, 1]
    return {
        "draws": draws,
        "median_error": float(np.median(error)),
        "bias": float(found[:, 0].mean()),
        "median_sigma": float(np.median(sigma)),
        "within_1_sigma": float((error < sigma).mean()),
        "within_2_sigma": float((error < 2 * sigma).mean()),
    }


def aprilgrid(data: Path) -> dict[str, Any]:
    """Scale of the photographs' metric poses by the board: 1 is right."""
    folders = [data / "key", *sorted((data / "source").iterdir())]
    grays = [cv2.imread(str(folder / "image.png"), cv2.IMREAD_GRAYSCALE) for folder in folders]
    matrix = np.load(data / "key" / "K.npy").astype(np.float64)
    height, width = grays[0].shape
    camera = PinholeCamera(width, height, matrix[0, 0], matrix[1, 1], matrix[0, 2] + 0.5, matrix[1, 2] + 0.5)
    poses = np.array([np.load(folder / "to_ref_transform.npy") for folder in folders], dtype=np.float64)
    model = SparseModel(camera, np.arange(len(poses)), poses, *NOTHING_OBSERVED)
    stated = ScaleEvidence(fiducials=(Fiducials(kind="aprilgrid", size_m=0.067, sigma_m=0.003),))
    evidence = Evidence(
        model, stated, None, dict.fromkeys(range(len(poses)), 0.0), lambda index, px: px, grays.__getitem__
    )
    return _against("fiducials", evidence, 1.0)


def _against(cue: str, evidence: Evidence, truth: float) -> dict[str, Any]:
    found: ScaleEstimate = registry.load("scale", cue)().estimate(evidence)
    return {
        "error": float(np.exp(found.log_scale) / truth - 1.0),
        "sigma": found.sigma_log_scale,
        "n_observations": found.n_observations,
        "notes": list(found.notes),
    }


def fountain(data: Path) -> dict[str, Any]:
    """Scale by the surveyed centres of every other photograph, against all distances among the others."""
    surveyed = json.loads((data / "cameras.json").read_text())["cameras"]
    names = [each["image"] for each in surveyed]
    truth = camera_centres(
        np.array([np.vstack([np.array(each["cam_from_world"])[:3], [0, 0, 0, 1]]) for each in surveyed])
    )
    poses = _reconstructed(data / "images", names, surveyed[0])
    camera = PinholeCamera(*(surveyed[0][key] for key in ("width", "height", "fx", "fy", "cx", "cy")))
    model = SparseModel(camera, np.arange(len(poses)), poses, *NOTHING_OBSERVED)
    half, rest = np.arange(0, len(poses), 2), np.arange(1, len(poses), 2)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "half.csv"
        header = ",".join(["timestamp_s", *(field.name for field in METRIC_FIELDS)])
        np.savetxt(path, np.column_stack([half, truth[half]]), delimiter=",", header=header, comments="")
        stated = ScaleEvidence(positions=(Positions(file=path.name, sigma_m=0.005),))
        times = {number: float(number) for number in range(len(poses))}
        evidence = Evidence(
            model,
            stated,
            path.with_name("clip.yaml"),
            times,
            lambda index, px: px,
            lambda frame: np.zeros((1, 1), np.uint8),
        )
        found: ScaleEstimate = registry.load("scale", "positions")().estimate(evidence)
    distances = [
        np.linalg.norm(centres[rest][:, None] - centres[rest], axis=-1) for centres in (truth, camera_centres(poses))
    ]
    pairs = np.triu_indices(len(rest), 1)
    ratio = float(np.median(distances[0][pairs] / distances[1][pairs]))
    return {
        "error_on_other_half": float(np.exp(found.log_scale) / ratio - 1.0),
        "sigma": found.sigma_log_scale,
        "notes": list(found.notes),
    }


def _reconstructed(images: Path, names: list[str], described: dict[str, Any]) -> np.ndarray:
    """Poses (N, 4, 4) by COLMAP alone, intrinsics as surveyed."""
    import pycolmap

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        reader, extraction = pycolmap.ImageReaderOptions(), pycolmap.FeatureExtractionOptions()
        reader.camera_model = "PINHOLE"
        reader.camera_params = ",".join(str(described[key]) for key in ("fx", "fy", "cx", "cy"))
        extraction.num_threads, extraction.sift.max_num_features = 1, 4096
        pycolmap.set_random_seed(SEED)
        pycolmap.extract_features(folder / "database.db", images, names, pycolmap.CameraMode.SINGLE, reader, extraction)
        pycolmap.match_exhaustive(folder / "database.db")
        options = pycolmap.IncrementalPipelineOptions()
        options.num_threads, options.random_seed = 1, SEED
        options.ba_refine_focal_length = options.ba_refine_extra_params = False
        models = pycolmap.incremental_mapping(folder / "database.db", images, folder / "sparse", options)
        best = max(models.values(), key=lambda model: model.num_reg_images())
        found = [best.find_image_with_name(name).cam_from_world().matrix() for name in names]
    return np.array([np.vstack([pose, [0, 0, 0, 1]]) for pose in found])


def kitchen(data: Path, out: Path) -> dict[str, Any]:
    """Each known distance and their fusion against the depth sensor, whose scale is read at the sparse points."""
    from sfm_gt.config import ScaleConfig
    from sfm_gt.formats.workspace import Workspace
    from sfm_gt.sfm.clip_views import ClipViews
    from sfm_gt.stages.scale import evidence_of_clip

    workspace, clip_id = Workspace(out), "kitchen-000"
    views = ClipViews(workspace, clip_id)
    by_frame = _sensor_scale(views, data)
    truth = float(np.median(list(by_frame.values())))
    evidence = evidence_of_clip(workspace, clip_id, data / "video.yaml", ScaleConfig())
    single = []
    for distance in evidence.stated.known_distance:
        alone = _against("known_distance", replace(evidence, stated=ScaleEvidence(known_distance=(distance,))), truth)
        nearest = min(by_frame, key=lambda frame: abs(frame - distance.frame_index))
        single.append(alone | {"frame_index": distance.frame_index, "error_against_sensor_there":
                               (alone["error"] + 1) * truth / by_frame[nearest] - 1})  # fmt: skip
    spread = np.ptp(list(by_frame.values())) / truth
    return {"each": single, "fused": _against("known_distance", evidence, truth), "sensor_frames": len(by_frame),
            "range_of_sensor_scale_over_frames": float(spread)}  # fmt: skip


def _sensor_scale(views: ClipViews, data: Path) -> dict[int, float]:
    """Metres per SfM unit by frame: median over the sparse points that the sensor sees too."""
    model, scales = views.model, {}
    for row, frame in enumerate(model.frame_indices.tolist()):
        if not (data / "truth" / f"{frame:06d}.png").is_file():
            continue
        mine = model.observations[:, 0] == row
        z_depth = transform_points(model.cam_from_world[row], model.points_sfm[model.observations[mine, 1]])[:, 2]
        px = model.observation_px[mine]
        measured = sensor_depth_m(data, frame, views.undistortion_of(frame).filmed_px(px), model.camera, px)
        scales[frame] = float(np.nanmedian(measured / z_depth))
    return scales


def demo(scene: Path, networks: Path | None) -> dict[str, Any]:
    """The rendered clip under its true poses in an arbitrary unit: known distances, and people by the pose networks."""
    import av

    truth = json.loads((scene / "truth" / "truth.json").read_text())
    unit = 4.0
    poses = scale_world(np.array([frame["cam_from_world"] for frame in truth["frames"]]), unit)
    camera = PinholeCamera(**{key: truth["camera"][key] for key in ("width", "height", "fx", "fy", "cx", "cy")})
    with av.open(str(scene / "videos" / "mannequin.mp4")) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    grays = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in frames]
    model = SparseModel(camera, np.arange(len(poses)), poses, *_points_of(scene, poses, camera, truth["unit_m"] * unit))
    stated = read_sidecar(scene / "videos" / "mannequin.yaml").scale
    times = {number: number / 30.0 for number in range(len(poses))}
    evidence = Evidence(model, stated, None, times, lambda index, px: px, grays.__getitem__)
    found = {"known_distance": _against("known_distance", evidence, 1 / unit)}
    if networks is not None:
        from sfm_gt.scale.shared.pose_network import PoseNetwork

        network = PoseNetwork(networks / "pose_detection.tflite", networks / "pose_landmark_lite.tflite")
        seen = network.find(range(len(frames)), frames.__getitem__)
        found["people"] = _against("people", replace(evidence, find_joints=lambda: seen), 1 / unit)
    return found


def _points_of(
    scene: Path, poses: np.ndarray, camera: PinholeCamera, unit: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A few exact points of the first depth map, as a sparse model would hold."""
    from sfm_gt.geometry.camera import pixel_grid, unproject
    from sfm_gt.geometry.transforms import inverse_rigid

    depth = cv2.imread(str(scene / "truth" / "depth" / "000000.png"), cv2.IMREAD_UNCHANGED)[::20, ::20].ravel() * unit
    pixels = pixel_grid(camera.width, camera.height)[::20, ::20].reshape(-1, 2)[depth > 0]
    points = transform_points(inverse_rigid(poses[0]), unproject(camera, pixels, depth[depth > 0]))
    rows = np.arange(len(points))
    observations = np.concatenate([np.stack([np.full_like(rows, view), rows], axis=1) for view in range(len(poses))])
    return points, observations, np.tile(pixels, (len(poses), 1))


def _plot(results: dict[str, Any], path: Path) -> None:
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4.5), sharey=True)
    names = list(results)
    left.barh(names, [100 * results[name]["median_error"] for name in names], color="0.6")
    left.plot(
        [100 * results[name]["median_sigma"] for name in names], names, "k|", markersize=12, label="stated σ (median)"
    )
    left.set_xscale("log")
    left.set_xlabel("median error of scale, %")
    left.legend(frameon=False)
    for key, marker, band in (("within_1_sigma", "o", (0.60, 0.76)), ("within_2_sigma", "s", (0.90, 0.99))):
        right.axvspan(*band, color="0.9")
        right.plot(
            [results[name][key] for name in names], names, marker, label=key.replace("_", " ").replace("sigma", "σ")
        )
    right.set_xlabel("share of draws with the truth inside")
    right.legend(frameon=False, loc="lower left")
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("part", choices=("simulated", "aprilgrid", "fountain", "kitchen", "demo"))
    parser.add_argument("data", type=Path, nargs="?")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--pose-networks", type=Path)
    parser.add_argument("--draws", type=int, default=200)
    parser.add_argument("--cues", nargs="+", choices=tuple(DRAWS), default=list(DRAWS), help="of the simulated part")
    parser.add_argument("--save", action="store_true", help="write benchmarks/results/scale.json")
    given = parser.parse_args()
    if given.part == "simulated":
        # One cue after another, each kept as soon as it is done: all of them take a quarter of an hour of one core.
        for cue in given.cues:
            _report(given.part, {cue: figures(cue, given.draws)}, given.save)
        return
    parts = {
        "aprilgrid": lambda: aprilgrid(given.data),
        "fountain": lambda: fountain(given.data),
        "kitchen": lambda: kitchen(given.data, given.out),
        "demo": lambda: demo(given.data, given.pose_networks),
    }
    _report(given.part, parts[given.part](), given.save)


def _report(part: str, found: dict[str, Any], save: bool) -> None:
    found = _rounded(found)
    print(json.dumps(found, indent=1, ensure_ascii=False), flush=True)
    if save:
        path = RESULTS / "scale.json"
        known = json.loads(path.read_text()) if path.is_file() else {}
        known[part] = known.get(part, {}) | found
        path.write_text(json.dumps(known, indent=1, sort_keys=True, ensure_ascii=False) + "\n")
        if part == "simulated":
            _plot(known[part], RESULTS / "scale.png")


def _rounded(content: Any) -> Any:
    if isinstance(content, dict):
        return {key: _rounded(value) for key, value in content.items()}
    if isinstance(content, list):
        return [_rounded(value) for value in content]
    return round(content, 5) if isinstance(content, float) else content


if __name__ == "__main__":
    main()
