"""The whole way from video to metric depth on rendered mannequin rooms, against their exact truth.

    python benchmarks/accuracy/rooms.py [DATA] --out OUT [--save]

DATA (default examples/rooms) holds ``videos``, ``truth/<scene>`` and ``expected.yaml``; see benchmarks/scenes for how they
are made. Runs every stage up to the data set in OUT, where finished stages are used again, with dense depth on every
FRAME_STEP-th frame. Prints a table; --save writes benchmarks/results/rooms.json.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))

import sfm_gt  # noqa: E402 - a script beside the package, not in it
from benchmarks.accuracy.masks import Truth, frozen_interval, rounded  # noqa: E402
from benchmarks.accuracy.rendered import beside_steps  # noqa: E402
from sfm_gt.config import Config, DenseConfig, to_yaml  # noqa: E402
from sfm_gt.formats.manifest import MANIFEST_NAME, Manifest, read_json, read_manifest  # noqa: E402
from sfm_gt.formats.sidecar import read_sidecar  # noqa: E402
from sfm_gt.formats.workspace import Workspace  # noqa: E402
from sfm_gt.geometry.alignment import align_similarity  # noqa: E402
from sfm_gt.geometry.camera import pixel_grid  # noqa: E402
from sfm_gt.geometry.transforms import camera_centres  # noqa: E402
from sfm_gt.sfm.clip_views import ClipViews  # noqa: E402
from sfm_gt.stages import clean, clips, dataset, dense, frames, index, ingest, maps, moving, scale, sfm  # noqa: E402
from sfm_gt.video.catalog import VideoFile, list_videos  # noqa: E402

RESULT = REPOSITORY / "benchmarks" / "results" / "rooms.json"
# Truth has depth on every tenth frame; flow and matching want neighbours nearer than that.
FRAME_STEP = 5
# What is asked of an accepted room.
FROZEN_WITHIN_FRAMES, WITHIN_SIGMA, MAX_ABS_REL = 3, 2.0, 0.012
# Of the pixels of what moves: truth is looked up at the nearest filmed pixel, so a mover's rim may fall on either side.
MAX_VALID_ON_MOVERS = 0.02


class RoomTruth(Truth):
    """Exact cameras, depth and masks of one room, by frame as filmed."""

    def __init__(self, folder: Path):
        super().__init__(folder)
        self.described: dict[str, Any] = json.loads((folder / "truth.json").read_text())
        self.size = self.described["camera"]["width"], self.described["camera"]["height"]

    @property
    def focal_px(self) -> float:
        """In the middle of the picture; where it breathes, the middle of its range."""
        return float(self.described["camera"]["fx"])

    @cached_property
    def cam_from_world(self) -> dict[int, np.ndarray]:
        return {frame["frame_index"]: np.array(frame["cam_from_world"]) for frame in self.described["frames"]}

    def z_depth_m(self, frame_index: int) -> np.ndarray | None:
        """(H, W) z-depth, NaN = none; None where the frame has no depth map."""
        stored = self._read("depth", frame_index)
        return None if stored is None else np.where(stored > 0, stored * self.described["unit_m"], np.nan)

    def is_person(self, frame_index: int, person_id: int) -> np.ndarray:
        """(H, W) where that person is, on a frame with depth."""
        labels = self._read("person", frame_index)
        assert labels is not None
        return labels == person_id

    def _read(self, kind: str, frame_index: int) -> np.ndarray | None:
        path = self._folder / kind / f"{frame_index:06d}.png"
        return cv2.imread(str(path), cv2.IMREAD_UNCHANGED) if path.is_file() else None


@dataclass(frozen=True)
class Scored:
    """One published frame over the truth, all (h, w) on the published image; depth in the unit of the data set.

    ``z_truth_m`` is None where the frame has no depth map.
    """

    frame_index: int
    z_depth: np.ndarray
    z_truth_m: np.ndarray | None
    moving: np.ndarray
    static: np.ndarray
    restless: np.ndarray | None


def scored_frames(out: Path, clip: str, truth: RoomTruth, restless: int | None) -> Iterator[Scored]:
    """The data set's frames of a clip with the truth at the filmed pixel under each published one."""
    views = ClipViews(Workspace(out), clip)
    for frame in sfm_gt.open_dataset(out):
        if frame.clip_id != clip:
            continue
        lens = views.undistortion_of(frame.frame_index)
        height, width = frame.z_depth_sfm.shape
        shrink = np.array(truth.size) / [views.frames.width, views.frames.height]
        under = np.floor(lens.filmed_px(pixel_grid(width, height).reshape(-1, 2)) * shrink)
        inside = (np.isfinite(under) & (under >= 0) & (under < truth.size)).all(axis=1).reshape(height, width)
        columns, rows = (
            np.clip(np.nan_to_num(under), 0, np.array(truth.size) - 1).astype(int).T.reshape(2, height, width)
        )
        moves = truth.moving(frame.frame_index)[rows, columns] & inside
        overlay = truth.overlay(frame.frame_index)[rows, columns]
        depth = truth.z_depth_m(frame.frame_index)
        person = None if depth is None or restless is None else truth.is_person(frame.frame_index, restless)
        yield Scored(
            frame.frame_index,
            np.where(frame.valid, frame.z_depth_m if frame.metric else frame.z_depth_sfm, np.nan),
            None if depth is None else depth[rows, columns],
            moves,
            inside & ~moves & ~overlay,
            None if person is None else person[rows, columns] & inside,
        )


def depth_figures(pairs: list[tuple[np.ndarray, np.ndarray]], metric: bool) -> dict[str, float | None]:
    """Figures of (depth, truth) pixels that count, a pair a frame; NaN = none. At the scale found, and at the clip's best; a
    clip that is not metric has the latter alone."""
    depth, truth = (np.concatenate(column).astype(np.float64) for column in zip(*pairs, strict=True))
    known = np.isfinite(truth)
    both = known & np.isfinite(depth)
    if not both.any():
        return {"abs_rel": None, "abs_rel_rescaled": None, "within_1_percent": None, "share": 0.0}
    ratio = depth[both] / truth[both]
    error = np.abs(ratio - 1.0)
    return {
        "abs_rel": float(error.mean()) if metric else None,
        "abs_rel_rescaled": float(np.abs(ratio / np.median(ratio) - 1.0).mean()),
        "within_1_percent": float((error < 0.01).mean()) if metric else None,
        "share": float(both.sum() / known.sum()),
    }


def geometry(out: Path, clip: str, truth: RoomTruth, restless: int | None, metric: bool) -> dict[str, Any]:
    """Depth on what is static, on what moves (which should have none) and on who sways."""
    found = list(scored_frames(out, clip, truth, restless))
    regions = ("static", "static_off_steps", "moving", "restless")
    pairs: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {name: [] for name in regions}
    for frame in found:
        if frame.z_truth_m is None:
            continue
        # beside a step the window of a bare surface sees the textured one: that is matching, not the camera
        off_steps = frame.static & ~beside_steps(frame.z_truth_m)
        masks = (frame.static, off_steps, frame.moving, frame.restless)
        for name, kept in zip(regions, masks, strict=True):
            if kept is not None and kept.any():
                pairs[name].append((frame.z_depth[kept], frame.z_truth_m[kept]))
    n_moving = sum(int(frame.moving.sum()) for frame in found)
    n_valid = sum(int((frame.moving & np.isfinite(frame.z_depth)).sum()) for frame in found)
    figures: dict[str, Any] = {"published_frames": len(found), "frames_with_truth": len(pairs["static"])}
    figures |= depth_figures(pairs["static"], metric) if pairs["static"] else {}
    figures["movers_valid_share"] = n_valid / n_moving if n_moving else None
    return figures | {name: depth_figures(pairs[name], metric) for name in regions[1:] if pairs[name]}


def off_by(relative_error: float, sigma: float | None) -> dict[str, Any]:
    """A relative error beside its stated standard deviation, and whether it lies within it."""
    within = None if sigma is None else bool(abs(relative_error) <= WITHIN_SIGMA * sigma)
    return {"error": relative_error, "sigma": sigma, f"within_{WITHIN_SIGMA:g}_sigma": within}


def cameras(out: Path, clip: str, truth: RoomTruth) -> dict[str, Any]:
    """Focal length and metric scale (of the camera's way) with their stated sigmas; principal point, frames registered."""
    workspace = Workspace(out)
    views, measures = ClipViews(workspace, clip), read_manifest(workspace.clip_stage(clip, "sfm")).measures
    size_ratio = views.frames.source_width / views.frames.width
    lens, centre = views.undistortion.camera, truth.described["camera"]
    focal_error = measures["focal_px"] * size_ratio / truth.focal_px - 1.0
    registered = views.model.frame_indices.tolist()
    ours = camera_centres(views.model.cam_from_world)
    theirs = camera_centres(np.stack([truth.cam_from_world[i] for i in registered]))
    similarity = align_similarity(ours, theirs)
    found = read_json(workspace.clip_stage(clip, "scale") / scale.SCALE_NAME)
    metric = found["metric_from_sfm"]
    return {
        "registered": [registered[0], registered[-1], len(registered)],
        "focal": off_by(focal_error, measures.get("focal_sigma_rel")),
        "centre_error_px": [lens.cx * size_ratio - centre["cx"], lens.cy * size_ratio - centre["cy"]],
        "metric_scale": None if metric is None else off_by(metric / similarity.scale - 1.0, found["sigma_log_scale"]),
        "camera_rms_m": float(np.sqrt(((similarity.apply(ours) - theirs) ** 2).sum(axis=1).mean())),
    }


def frozen(out: Path, clip: str, truth: RoomTruth) -> dict[str, Any]:
    """The frozen interval against truth; where no stage states one, the frames that were registered stand for it."""
    workspace = Workspace(out)
    registered = ClipViews(workspace, clip).model.frame_indices
    found = frozen_interval(workspace, clip) or [int(registered[0]), int(registered[-1])]
    true = truth.frozen_interval()
    errors = None if true is None else [found[0] - true[0], found[1] - true[1]]
    return {"found": found, "truth": true, "error_frames": errors}


class Run:
    """The stages of one folder of rooms in one output folder."""

    def __init__(self, data: Path, out: Path, n_threads: int):
        self._config = Config(videos=data / "videos", out=out, dense=DenseConfig(frame_step=FRAME_STEP))
        self._workspace, self._n_threads = Workspace(out), n_threads
        out.mkdir(parents=True, exist_ok=True)
        self._workspace.config.write_text(to_yaml(self._config))
        self.videos = {video.path.stem: video for video in list_videos(data / "videos")}

    def clips(self, video: VideoFile) -> list[dict[str, Any]]:
        """Verdict by clip: those that got to the data set first, the longest of them first."""
        facts = ingest.run(self._workspace, video, self._config.frames)
        if facts["status"] != "ok":
            return [{"clip_id": video.video_id, "reason": facts["reason"], "message": facts["message"]}]
        listed = clips.run(self._workspace, video.video_id, video.path, self._config.clips)
        verdicts = list(listed["rejected"])
        for clip in listed["clips"]:
            manifest = self._reconstruct(clip, video)
            verdicts.append(clip | {"reason": manifest.reason, "message": manifest.message})
        return sorted(verdicts, key=lambda each: (each["reason"] is not None, each["first_frame"] - each["last_frame"]))

    def _reconstruct(self, clip: dict[str, Any], video: VideoFile) -> Manifest:
        """The data set's manifest. A stage that is run again takes all later ones along."""
        workspace, config, clip_id = self._workspace, self._config, clip["clip_id"]
        steps: dict[Any, Callable[[], Manifest]] = {
            frames: lambda: frames.run(workspace, clip, video.path, config.frames),
            sfm: lambda: sfm.run(workspace, clip_id, config.sfm, read_sidecar(video.sidecar).camera, config.seed,
                                 self._n_threads),
            dense: lambda: dense.run(workspace, clip_id, config.dense, self._n_threads),
            moving: lambda: moving.run(workspace, clip_id, config.moving),
            clean: lambda: clean.run(workspace, clip_id, config.clean),
            scale: lambda: scale.run(workspace, clip_id, video.sidecar, config.scale),
            maps: lambda: maps.run(workspace, clip_id, config.dataset),
            dataset: lambda: dataset.run(workspace, clip_id, video.sidecar),
        }  # fmt: skip
        fresh = True
        for stage, step in steps.items():
            folder = workspace.clip_stage(clip_id, stage.STAGE)
            fresh = fresh and (folder / MANIFEST_NAME).is_file() and read_manifest(folder).version == stage.VERSION
            if not fresh:
                step()
        return read_manifest(workspace.clip_stage(clip_id, dataset.STAGE))

    def score(self, scene: str, truth: RoomTruth, expected: dict[str, Any]) -> dict[str, Any]:
        """One row: all figures of one room."""
        verdicts = self.clips(self.videos[scene])
        best = verdicts[0]
        row = judged(best["reason"], expected) | {"message": best.get("message"), "clips": len(verdicts)}
        if best["reason"] is None:
            out, clip = self._config.out, best["clip_id"]
            index.run(self._workspace, [clip])
            row |= {"frozen": frozen(out, clip, truth), **cameras(out, clip, truth)}
            row |= geometry(out, clip, truth, expected.get("restless"), row["metric_scale"] is not None)
        return row | {"wanting": wanting(row)}


def judged(reason: str | None, expected: dict[str, Any]) -> dict[str, Any]:
    """The verdict beside the expected one; a refusal is right only for a reason that is named."""
    given = "accept" if reason is None else "reject"
    right = expected["verdict"] in (given, "either") and (reason is None or reason in expected.get("reasons", ()))
    return {"expected": expected["verdict"], "verdict": given, "reason": reason, "right": right}


def wanting(row: dict[str, Any]) -> list[str]:
    """What falls short of what is asked of a room; a sigma that nobody states falls short too."""
    if row["verdict"] == "reject":
        return [] if row["right"] else ["verdict"]
    errors = row["frozen"]["error_frames"]
    checks = {
        "verdict": row["right"],
        "frozen": errors is not None and max(map(abs, errors)) <= FROZEN_WITHIN_FRAMES,
        "focal": bool(row["focal"][f"within_{WITHIN_SIGMA:g}_sigma"]),
        "metric_scale": row["metric_scale"] is not None and bool(row["metric_scale"][f"within_{WITHIN_SIGMA:g}_sigma"]),
        "abs_rel": (row.get("abs_rel") or row.get("abs_rel_rescaled") or np.inf) <= MAX_ABS_REL,
        "movers": (row["movers_valid_share"] or 0.0) <= MAX_VALID_ON_MOVERS,
    }
    return [name for name, met in checks.items() if not met]


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, nargs="?", default=REPOSITORY / "examples" / "rooms")
    parser.add_argument("--out", type=Path, required=True, help="where stages are left and found again")
    parser.add_argument("--scenes", nargs="+", help="just these (default: all that expected.yaml lists)")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--save", action="store_true", help="write benchmarks/results/rooms.json")
    arguments = parser.parse_args()
    listed = yaml.safe_load((arguments.data / "expected.yaml").read_text())
    expected = {Path(name).stem: entry for name, entry in listed.items()}
    run = Run(arguments.data, arguments.out, arguments.threads)
    # A partial run leaves the other rooms of the saved result as they are.
    rows = json.loads(RESULT.read_text()) if arguments.save and arguments.scenes and RESULT.is_file() else {}
    for scene in arguments.scenes or expected:
        truth = RoomTruth(arguments.data / "truth" / scene)
        rows[scene] = rounded(run.score(scene, truth, expected[scene]))
        print(scene, json.dumps(rows[scene]), flush=True)
    complete = sum(not row["wanting"] for row in rows.values())
    print(
        f"{sum(row['right'] for row in rows.values())} of {len(rows)} verdicts right, {complete} with all that is asked"
    )
    if arguments.save:
        RESULT.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
