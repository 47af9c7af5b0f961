"""A long clip that comes back over its own way: is it one model, are its loops closed, and what does it cost?

    python benchmarks/accuracy/long_clip.py [KITCHEN] [--frames 3000] [--save]

Films the kitchen there and back again at half size until there are as many frames, and runs the stages ingest, clips, frames
and sfm in a process of their own. Frames that show the same picture were filmed from the same place: how far apart their
cameras come out, over the extent of the path, is the drift. --save writes benchmarks/results/long_clip.json.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))

from benchmarks.accuracy.footage import read_frames, resized, write_clip  # noqa: E402 - a script beside the package
from sfm_gt.config import Config  # noqa: E402
from sfm_gt.formats.frame_folder import read_frame_list  # noqa: E402
from sfm_gt.formats.manifest import read_manifest  # noqa: E402
from sfm_gt.formats.sidecar import CameraHints  # noqa: E402
from sfm_gt.formats.workspace import Workspace  # noqa: E402
from sfm_gt.geometry.transforms import camera_centres  # noqa: E402
from sfm_gt.sfm.clip_views import ClipViews  # noqa: E402
from sfm_gt.stages import clips, frames, ingest, sfm  # noqa: E402
from sfm_gt.video.catalog import VideoFile  # noqa: E402

DATA = REPOSITORY.parent / "shared" / "data" / "kitchen"
RESULT = REPOSITORY / "benchmarks" / "results" / "long_clip.json"
SIZE, FPS = (320, 240), 30


def there_and_back(n_filmed: int, n_frames: int) -> np.ndarray:
    """(n_frames,) which filmed frame each frame of the clip shows."""
    period = np.concatenate([np.arange(n_filmed), np.arange(n_filmed - 2, 0, -1)])
    return np.resize(period, n_frames)


def write_video(kitchen: Path, path: Path, n_frames: int) -> None:
    """The clip."""
    filmed = [resized(rgb, *SIZE) for rgb in read_frames(kitchen / "video.mp4", 0, sys.maxsize)]
    write_clip(path, (filmed[row] for row in there_and_back(len(filmed), n_frames)), FPS)


def measure(video: Path, out: Path, n_filmed: int) -> dict[str, Any]:
    """Runs the stages in this process."""
    workspace, config = Workspace(out), Config(videos=video.parent, out=out)
    cpu_s: dict[str, float] = {}

    def timed(name: str, run: Any) -> Any:
        start = time.process_time()
        answer = run()
        cpu_s[name] = round(time.process_time() - start, 1)
        return answer

    listed = VideoFile(video.stem, video)
    n_frames = timed("ingest", lambda: ingest.run(workspace, listed, config.frames))["n_frames"]
    bounds = config.clips.model_copy(update={"max_frames": n_frames})
    (clip, *others) = timed("clips", lambda: clips.run(workspace, listed.video_id, video, bounds))["clips"]
    timed("frames", lambda: frames.run(workspace, clip, video, config.frames))
    clip_id = clip["clip_id"]
    verdict = timed("sfm", lambda: sfm.run(workspace, clip_id, config.sfm, CameraHints(), config.seed, 1))
    row = {
        "frames": n_frames, "clips": 1 + len(others), "verdict": verdict.reason or "ok", "cpu_s": cpu_s,
        "keyframes": sum(frame.keyframe for frame in read_frame_list(workspace.clip_stage(clip_id, "frames")).frames),
        "peak_memory_gb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9, 2),
    }  # fmt: skip
    if verdict.reason is None:
        measures = read_manifest(workspace.clip_stage(clip_id, "sfm")).measures
        model = ClipViews(workspace, clip_id).model
        row |= {"registered": len(model.frame_indices), "focal_px": measures["focal_px"]}
        row |= drift(camera_centres(model.cam_from_world), there_and_back(n_filmed, n_frames)[model.frame_indices])
    return row


def drift(centres: np.ndarray, shown: np.ndarray) -> dict[str, float]:
    """Distances between cameras of the same picture, relative to the extent of the path.

    Args:
        centres: (N, 3), in any unit.
        shown: (N,) the picture that each shows.
    """
    extent = float(np.linalg.norm(np.ptp(centres, axis=0)))
    order = np.argsort(shown, kind="stable")
    same = np.diff(shown[order]) == 0
    apart = np.linalg.norm(np.diff(centres[order], axis=0), axis=1)[same] / extent
    return {"drift_median": float(np.median(apart)), "drift_95_percent": float(np.quantile(apart, 0.95))}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kitchen", type=Path, nargs="?", default=DATA)
    parser.add_argument("--frames", type=int, default=3000)
    parser.add_argument("--measure", nargs=3, metavar=("VIDEO", "OUT", "FILMED"), help="used by the command itself")
    parser.add_argument("--save", action="store_true", help="write benchmarks/results/long_clip.json")
    arguments = parser.parse_args()
    if arguments.measure:
        video, out, n_filmed = arguments.measure
        print(json.dumps(measure(Path(video), Path(out), int(n_filmed))))
        return
    with tempfile.TemporaryDirectory() as scratch:
        video = Path(scratch) / "in" / "kitchen.mp4"
        write_video(arguments.kitchen, video, arguments.frames)
        n_filmed = len(read_frames(arguments.kitchen / "video.mp4", 0, sys.maxsize))
        command = [sys.executable, __file__, "--measure", str(video), str(Path(scratch) / "out"), str(n_filmed)]
        answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    row = json.loads(answer.splitlines()[-1])
    print(json.dumps(row, indent=1))
    if arguments.save:
        RESULT.write_text(json.dumps(row, indent=1) + "\n")


if __name__ == "__main__":
    main()
