"""Structure from motion against stock pycolmap: time, registration, focal length and geometry.

    python benchmarks/accuracy/sfm.py kitchen  --data FOLDER --work FOLDER [--frames N]
    python benchmarks/accuracy/sfm.py fountain --data FOLDER --work FOLDER
    python benchmarks/accuracy/sfm.py clips    --data FOLDER --work FOLDER

``--data`` holds ``kitchen``, ``fountain`` and ``videos``; ``--work`` is a scratch folder. Stock pycolmap is its default SIFT,
sequential (fountain: exhaustive) matching and incremental mapping on the same frames with as many threads. On the
kitchen, the mapping that both give is judged by the depth sensor: at the sparse points and by dense depth of every 10th
frame. Writes benchmarks/results/sfm_WHAT.json. What lies finished in ``--work`` is not run again.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pycolmap

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))

from benchmarks.accuracy.kitchen_clip import sensor_depth_m  # noqa: E402 - a script beside the package, not in it
from benchmarks.accuracy.scoring import mean_and_spread, score  # noqa: E402
from sfm_gt.config import CleanConfig, DenseConfig, FramesConfig, SfmConfig  # noqa: E402
from sfm_gt.dense.patchmatch import PatchMatch  # noqa: E402
from sfm_gt.dense.shared.cleaning import Limits, clean  # noqa: E402
from sfm_gt.dense.shared.clip import densify  # noqa: E402
from sfm_gt.formats.frame_folder import read_frame_list  # noqa: E402
from sfm_gt.formats.manifest import read_manifest  # noqa: E402
from sfm_gt.formats.sidecar import CameraHints  # noqa: E402
from sfm_gt.formats.workspace import Workspace  # noqa: E402
from sfm_gt.geometry.camera import pixel_grid  # noqa: E402
from sfm_gt.geometry.transforms import camera_centres  # noqa: E402
from sfm_gt.geometry.types import PinholeCamera, View  # noqa: E402
from sfm_gt.sfm.adjustment import begin_adjustment, finish_adjustment  # noqa: E402
from sfm_gt.sfm.clip_views import ClipViews  # noqa: E402
from sfm_gt.sfm.database import KnownCamera  # noqa: E402
from sfm_gt.sfm.keyframes import KeyframeOptions, reconstruct_keyframes  # noqa: E402
from sfm_gt.sfm.observations import Observations  # noqa: E402
from sfm_gt.sfm.refinement import refine_observations  # noqa: E402
from sfm_gt.sfm.undistortion import Undistortion, sparse_model  # noqa: E402
from sfm_gt.stages import frames as frames_stage  # noqa: E402
from sfm_gt.stages import sfm as sfm_stage  # noqa: E402
from sfm_gt.video.decode import iterate_frames  # noqa: E402

RESULTS = REPOSITORY / "benchmarks" / "results"
LIMITS = Limits(**CleanConfig().model_dump())
THREADS = 2
SEED = 0
# Clips that stock pycolmap cannot register, and one that must register before it is refused for other reasons.
CLIPS = ("golf_alley.mov", "kettle_translate.mp4", "dancing_couple.avi")
# Frames with sensor depth.
TRUTH_STEP = 10


def timed(what: str, work: Path, *arguments: str) -> dict[str, float]:
    """Runs ``what`` of this file in a process of its own; its wall and CPU seconds, kept in ``work``."""
    kept = work / f"{what}_times.json"
    if not kept.is_file():
        start, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, __file__, "--worker", what, "--work", str(work), *arguments], check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        kept.write_text(json.dumps({"wall_s": time.perf_counter() - start, "cpu_s": cpu_s}))
    return json.loads(kept.read_text())


def make_frames(video: Path, work: Path, n_frames: int | None) -> str:
    """Decodes a video into the workspace ``work`` as one clip; its id."""
    clip_id = f"{video.stem}-000"
    if not (Workspace(work).clip_stage(clip_id, "frames") / "manifest.json").is_file():
        last = sum(1 for _ in iterate_frames(video, 0, 10**9)) - 1
        last = min(last, n_frames - 1) if n_frames else last
        clip = {"clip_id": clip_id, "first_frame": 0, "last_frame": last}
        frames_stage.run(Workspace(work), clip, video, FramesConfig())
    return clip_id


def run_stage(work: Path, clip_id: str) -> None:
    """The sfm stage."""
    sfm_stage.run(Workspace(work), clip_id, SfmConfig(), CameraHints(), SEED, THREADS)


def run_stock(images: Path, work: Path, match: Callable[..., None], reader: pycolmap.ImageReaderOptions) -> None:
    """Stock pycolmap; the model with most images is written to ``work/stock``."""
    extraction, matching = pycolmap.FeatureExtractionOptions(), pycolmap.FeatureMatchingOptions()
    mapping = pycolmap.IncrementalPipelineOptions()
    extraction.num_threads = matching.num_threads = mapping.num_threads = THREADS
    fixed = reader.camera_model == "PINHOLE"
    mapping.ba_refine_focal_length = mapping.ba_refine_extra_params = not fixed
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pycolmap.set_random_seed(SEED)
        pycolmap.extract_features(
            folder / "stock.db", images, camera_mode=pycolmap.CameraMode.SINGLE, reader_options=reader,
            extraction_options=extraction,
        )  # fmt: skip
        match(folder / "stock.db", matching_options=matching)
        models = pycolmap.incremental_mapping(folder / "stock.db", images, folder, mapping)
        (work / "stock").mkdir(parents=True, exist_ok=True)
        max(models.values(), key=lambda model: model.num_reg_images()).write(work / "stock")
        (work / "stock" / "models.json").write_text(json.dumps([model.num_reg_images() for model in models.values()]))


def frame_scores(pairs: list[tuple[np.ndarray, np.ndarray]]) -> dict[str, float]:
    """Figures over frames from (depth, truth) of each, at one scale for all: the median of the frames' ratios."""
    ratios = np.array([np.nanmedian(truth / depth) for depth, truth in pairs])
    scale = float(np.median(ratios))
    means = mean_and_spread([score(depth * scale, truth) for depth, truth in pairs])
    return {"frames": len(pairs), "std_of_frame_ratios": float(ratios.std() / scale), "metres_per_unit": scale} | means


def sparse_scores(model: pycolmap.Reconstruction, data: Path) -> dict[str, float]:
    """The sparse points of every frame with truth against the sensor."""
    seen = Observations.of(model)
    depths = seen.points_cam(seen.views)[:, 2]
    focal, (cx, cy) = seen.camera.mean_focal_length(), (seen.camera.principal_point_x, seen.camera.principal_point_y)
    camera = PinholeCamera(seen.camera.width, seen.camera.height, focal, focal, cx, cy)
    pairs = []
    for view, name in enumerate(seen.names):
        index = int(Path(name).stem)
        if index % TRUTH_STEP == 0 and (seen.views == view).any():
            # Distortion moves a pixel too little to matter for the tilt of the sensor's axis.
            xy = seen.xy[seen.views == view]
            pairs.append((depths[seen.views == view], sensor_depth_m(data, index, xy, camera, xy)))
    return frame_scores(pairs)


def dense_scores(views: ClipViews, data: Path) -> dict[str, float]:
    """Dense depth of every frame with truth against the sensor, after the rules of a single frame."""
    model, camera = views.model, views.undistortion.camera
    wanted = [int(index) for index in model.frame_indices if index % TRUTH_STEP == 0]
    pairs = []
    estimates = densify(model, views.view, wanted, PatchMatch(), DenseConfig().n_neighbours, 1, lambda *_: None)
    for index, each in estimates:
        valid = clean(each.z_depth_sfm, each.sigma_sfm, each.outlier, each.hypothesis_sfm, None, LIMITS).valid
        grid = pixel_grid(camera.width, camera.height)
        filmed = views.undistortion_of(index).filmed_px(grid.reshape(-1, 2)).reshape(grid.shape)
        truth = sensor_depth_m(data, index, filmed, camera, grid)
        pairs.append((np.where(valid, each.z_depth_sfm, np.nan), truth))
    return frame_scores(pairs)


class StockViews:
    """A stock model with the frames of a clip, as :func:`dense_scores` reads them."""

    def __init__(self, model: pycolmap.Reconstruction, views: ClipViews):
        self._views = views
        self.undistortion = Undistortion.of(next(iter(model.cameras.values())))
        self.model = sparse_model(model, self.undistortion, lambda name: int(Path(name).stem))

    def undistortion_of(self, frame_index: int) -> Undistortion:
        return self.undistortion

    def view(self, frame_index: int) -> View:
        image = self.undistortion.image(self._views.filmed(frame_index))
        pose = self.model.cam_from_world[self.model.row_of(frame_index)]
        return View(frame_index, image, self.undistortion.inside, self.undistortion.camera, pose)


def focal_px(model: pycolmap.Reconstruction) -> float:
    return float(next(iter(model.cameras.values())).mean_focal_length())


def measure_kitchen(data: Path, work: Path, n_frames: int | None) -> dict[str, object]:
    """Both on the kitchen's video, in one run."""
    clip_id = make_frames(data / "kitchen" / "video.mp4", work, n_frames)
    folder = Workspace(work).clip_stage(clip_id, "frames")
    n_filmed = len(read_frame_list(folder).frames)
    ours_times = timed("kitchen", work, "--clip", clip_id)
    stock_times = timed("stock", work, "--clip", clip_id)
    stage = Workspace(work).clip_stage(clip_id, "sfm")
    ours, stock = pycolmap.Reconstruction(str(stage / "colmap")), pycolmap.Reconstruction(str(work / "stock"))
    views = ClipViews(Workspace(work), clip_id)
    rows: dict[str, object] = {"frames": n_filmed, "threads": THREADS, "machine": platform.machine()}
    for name, model, times in (("sfm_gt", ours, ours_times), ("stock", stock, stock_times)):
        seen_by = views if name == "sfm_gt" else StockViews(stock, views)
        registered = model.num_reg_images()
        rows[name] = {
            **times, "registered": registered, "wall_s_a_frame": times["wall_s"] / registered,
            "cpu_s_a_frame": times["cpu_s"] / registered, "focal_px": focal_px(model),
            "camera": [round(float(value), 5) for value in next(iter(model.cameras.values())).params],
            "sparse": sparse_scores(model, data / "kitchen"), "dense": dense_scores(seen_by, data / "kitchen"),
        }  # fmt: skip
    rows["sfm_gt"] |= {"measures": read_manifest(stage).measures}
    rows["stock"] |= {"images_by_model": json.loads((work / "stock" / "models.json").read_text())}
    ratio = {key: rows["stock"][key] / rows["sfm_gt"][key] for key in ("wall_s_a_frame", "cpu_s_a_frame")}
    return rows | {"stock_by_sfm_gt": ratio}


def surveyed(data: Path) -> list[dict[str, object]]:
    return json.loads((data / "fountain" / "cameras.json").read_text())["cameras"]


def position_rmse_mm(model: pycolmap.Reconstruction, cameras: list[dict[str, object]]) -> float:
    """Camera positions against the survey after a similarity (Umeyama 1991)."""
    seen = Observations.of(model)
    truth = {each["image"]: np.vstack([np.array(each["cam_from_world"])[:3], [0, 0, 0, 1]]) for each in cameras}
    target = camera_centres(np.array([truth[name] for name in seen.names], dtype=np.float64))
    source = camera_centres(seen.cam_from_world)
    mean_a, mean_b = source.mean(axis=0), target.mean(axis=0)
    u, s, vt = np.linalg.svd((target - mean_b).T @ (source - mean_a))
    sign = np.array([1.0, 1.0, np.sign(np.linalg.det(u @ vt))])
    scale = (s * sign).sum() / ((source - mean_a) ** 2).sum()
    aligned = scale * (source - mean_a) @ ((u * sign) @ vt).T + mean_b
    return 1000.0 * float(np.sqrt(((aligned - target) ** 2).sum(axis=1).mean()))


def measure_fountain(data: Path, work: Path) -> dict[str, object]:
    """Both on eleven photographs, self-calibrated and with the surveyed camera."""
    cameras, images = surveyed(data), data / "fountain" / "images"
    first = cameras[0]
    given = tuple(float(first[key]) for key in ("fx", "fy", "cx", "cy"))
    rows: dict[str, object] = {}
    for name, known in (("self_calibrated", None), ("camera_given", KnownCamera("PINHOLE", given, fixed=True))):
        ours = reconstruct_photographs(images, [each["image"] for each in cameras], known)
        reader = pycolmap.ImageReaderOptions()
        if known is not None:
            reader.camera_model, reader.camera_params = "PINHOLE", ",".join(map(str, given))
        run_stock(images, work / name, pycolmap.match_exhaustive, reader)
        stock = pycolmap.Reconstruction(str(work / name / "stock"))
        rows[name] = {
            row: {"registered": model.num_reg_images(), "focal_px": focal_px(model),
                  "position_rmse_mm": position_rmse_mm(model, cameras)}
            for row, model in (("sfm_gt", ours), ("stock", stock))
        }  # fmt: skip
    return rows


def reconstruct_photographs(images: Path, names: list[str], known: KnownCamera | None) -> pycolmap.Reconstruction:
    """The sfm stage's steps on loose photographs, all of them keyframes."""
    config = SfmConfig()
    options = KeyframeOptions(config.max_features, config.init_min_tri_angle_deg, known, None, SEED, THREADS)
    with tempfile.TemporaryDirectory() as scratch:
        model = reconstruct_keyframes(images, names, {}, Path(scratch), options)
    refine_observations(model, lambda name: cv2.imread(str(images / name), cv2.IMREAD_GRAYSCALE), set(names))
    # A second apart: no rolling shutter is looked for.
    times_s = np.arange(model.num_reg_images(), dtype=np.float64)
    finish_adjustment(model, times_s, options.known_camera, begin_adjustment(model, times_s, options.known_camera))
    return model


def measure_clips(data: Path, work: Path) -> dict[str, object]:
    """Registration of the clips that stock pycolmap loses; verdicts are not asked here."""
    rows: dict[str, object] = {}
    for name in CLIPS:
        clip_id = make_frames(data / "videos" / name, work / name, None)
        times = timed("clip", work / name, "--clip", clip_id)
        manifest = read_manifest(Workspace(work / name).clip_stage(clip_id, "sfm"))
        rows[name] = {**times, "status": manifest.status, "reason": manifest.reason, **manifest.measures}
    return rows


def work_off(what: str, work: Path, clip_id: str) -> None:
    """What runs in a process of its own, see :func:`timed`."""
    if what == "stock":
        images = Workspace(work).clip_stage(clip_id, "frames")
        run_stock(images, work, pycolmap.match_sequential, pycolmap.ImageReaderOptions())
    else:
        run_stage(work, clip_id)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", nargs="?", choices=("kitchen", "fountain", "clips"))
    parser.add_argument("--data", type=Path)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--frames", type=int, help="of the kitchen, from the first; all without it")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    parser.add_argument("--clip", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        work_off(arguments.worker, arguments.work, arguments.clip)
        return
    arguments.work.mkdir(parents=True, exist_ok=True)
    if arguments.what == "kitchen":
        found = measure_kitchen(arguments.data, arguments.work, arguments.frames)
    else:
        measure = {"fountain": measure_fountain, "clips": measure_clips}[arguments.what]
        found = measure(arguments.data, arguments.work)
    text = json.dumps(found, indent=1, default=float)
    (RESULTS / f"sfm_{arguments.what}.json").write_text(text + "\n")
    print(text)


if __name__ == "__main__":
    main()
