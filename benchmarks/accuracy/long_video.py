"""Peak memory of ingest and shot detection over the length of a video: it must not grow.

    python benchmarks/accuracy/long_video.py --minutes 1 30

Writes a 1080p H.264 video of each length into a scratch folder (one pan over a texture, a cut every 20 s), runs the stages
``ingest`` and ``clips`` on it in a process of their own and prints that process's peak resident memory. Memory after the
shots are known does not depend on the video's length: a clip holds at most ``clips.max_frames`` frames.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import av
import numpy as np

RESULT = Path(__file__).resolve().parents[1] / "results" / "long_video.json"
WIDTH, HEIGHT, FPS, CUT_S = 1920, 1080, 30, 20
STEP_PX = 2


def write_long_video(path: Path, minutes: float) -> None:
    """One frame after the other, so that writing needs no memory either."""
    rng = np.random.default_rng(0)
    n_frames, world = round(minutes * 60 * FPS), None
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.options = {"preset": "ultrafast", "crf": "32"}
        for number in range(n_frames):
            if number % (CUT_S * FPS) == 0:
                coarse = rng.integers(0, 255, (34, 100, 3), dtype=np.uint8)
                world = np.kron(coarse, np.ones((32, 32, 1), np.uint8))
            left = STEP_PX * (number % (CUT_S * FPS))
            frame = av.VideoFrame.from_ndarray(
                np.ascontiguousarray(world[:HEIGHT, left : left + WIDTH]), format="rgb24"
            )
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def run_stages(video: Path, out: Path) -> dict[str, float]:
    """Ingest and clips in this process, and its peak memory so far."""
    from sfm_gt.config import ClipsConfig, FramesConfig
    from sfm_gt.formats.workspace import Workspace
    from sfm_gt.stages import clips, ingest
    from sfm_gt.video.catalog import list_videos

    (listed,) = list_videos(video.parent)
    facts = ingest.run(Workspace(out), listed, FramesConfig())
    found = clips.run(Workspace(out), listed.video_id, listed.path, ClipsConfig())
    peak_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"frames": facts["n_frames"], "clips": len(found["clips"]), "peak_gb": round(peak_kib * 1024 / 1e9, 3)}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, nargs="+", default=[1.0, 30.0])
    parser.add_argument("--measure", type=Path, nargs=2, metavar=("VIDEO", "OUT"), help="used by the command itself")
    parser.add_argument("--save", action="store_true", help="write benchmarks/results/long_video.json")
    arguments = parser.parse_args()
    if arguments.measure:
        print(json.dumps(run_stages(*arguments.measure)))
        return
    rows = []
    for minutes in arguments.minutes:
        with tempfile.TemporaryDirectory() as scratch:
            video = Path(scratch) / "in" / "long.mp4"
            video.parent.mkdir()
            write_long_video(video, minutes)
            command = [sys.executable, __file__, "--measure", str(video), str(Path(scratch) / "out")]
            answer = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        rows.append({"minutes": minutes} | json.loads(answer.splitlines()[-1]))
        print(rows[-1], flush=True)
    if arguments.save:
        RESULT.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
