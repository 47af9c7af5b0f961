"""How long it takes to forget two copies among four videos, and whether a killed forget is completed by running it again.

    python -m benchmarks.safety.forget [--save]

Three videos of ``examples/rooms`` and a mirrored and cropped copy of the first are probed and hashed as ingest does; the rest
of the run is written as a finished run leaves it, with clips of noise. Forgetting the first together with its copy is timed on
clips of TIMED_FRAMES. On clips of KILLED_FRAMES it is killed at KILLS points, spread evenly over the replacements and removals
that it makes, and run again. --save writes benchmarks/results/forget.json.
"""

from __future__ import annotations

import argparse
import json
import logging
import shutil
import tempfile
import time
from fractions import Fraction
from functools import partial
from pathlib import Path

import av
import numpy as np

from sfm_gt.commands import forget
from sfm_gt.config import FramesConfig
from sfm_gt.errors import InputError
from sfm_gt.formats.workspace import Workspace
from sfm_gt.stages import ingest
from sfm_gt.video.catalog import list_videos
from sfm_gt.video.decode import iterate_frames
from tests.e2e.workflow import tree_digest
from tests.provenance.killing import counted_changes, run_killed_at
from tests.provenance.small_run import Shape, write_run

REPOSITORY = Path(__file__).resolve().parents[2]
RESULT = REPOSITORY / "benchmarks" / "results" / "forget.json"
FORGOTTEN, OTHERS = "bricks", ("plain", "waves")
COPY = "second_edition"  # a name that says nothing
COPY_SHARE = 0.9  # of the sides, from the top left corner of the mirrored picture
TIMED_FRAMES, KILLED_FRAMES, KILLS = 270, 12, 20
PICTURE = 234, 416
PHASES = {"looking": "look", "removing": "remove", "scanning": "scan", "making": "make_again"}
"""By the first word of what forget logs as it begins each."""


class Phases(logging.Handler):
    """Seconds between what forget logs, summed by phase."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.seconds, self._phase, self._since = dict.fromkeys(PHASES.values(), 0.0), "look", time.perf_counter()

    def emit(self, record: logging.LogRecord) -> None:
        """Ends one phase and begins the next."""
        self.end()
        self._phase = PHASES[record.getMessage().removeprefix("forget: ").split()[0]]

    def end(self) -> None:
        """Ends the phase that goes on."""
        now = time.perf_counter()
        self.seconds[self._phase] += now - self._since
        self._since = now


def write_copy(video: Path, copy: Path) -> None:
    """Mirrored, cropped and encoded again."""
    with av.open(str(copy), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(30))
        stream.pix_fmt, stream.options = "yuv420p", {"crf": "28"}
        for _, _, rgb in iterate_frames(video):
            height, width = (2 * round(COPY_SHARE * side / 2) for side in rgb.shape[:2])
            stream.height, stream.width = height, width
            part = np.ascontiguousarray(rgb[:, ::-1][:height, :width])
            container.mux(stream.encode(av.VideoFrame.from_ndarray(part, format="rgb24")))
        container.mux(stream.encode())


def probed(folder: Path) -> list[dict]:
    """What ingest finds out about the four videos."""
    videos, scratch = folder / "videos", Workspace(folder / "ingest")
    videos.mkdir()
    for name in (FORGOTTEN, *OTHERS):
        shutil.copy(REPOSITORY / "examples" / "rooms" / "videos" / f"{name}.mp4", videos)
    write_copy(videos / f"{FORGOTTEN}.mp4", videos / f"{COPY}.mp4")
    stated = {"source": None, "license": "CC-BY-4.0", "consent": "given", "recorded_by": None, "recorded_on": None}
    return [stated | ingest.run(scratch, video, FramesConfig()) for video in list_videos(videos)]


def timed(root: Path, videos: list[dict]) -> dict:
    """Forgets the video and its copy from a run with tables and a report, and makes these again."""
    workspace = Workspace(root)
    write_run(workspace, videos, Shape(range(TIMED_FRAMES), *PICTURE))
    for folder in (workspace.evaluation, workspace.report):
        folder.mkdir()
    files = [path for path in root.rglob("*") if path.is_file()]
    facts = {"files": len(files), "gigabytes": sum(path.stat().st_size for path in files) / 1e9}
    try:
        forget.run(root, FORGOTTEN)
        raise RuntimeError("the copy was not found")
    except InputError as error:
        facts["asked_about"] = [name for name in (COPY, *OTHERS) if f"{name} (" in str(error)]
    phases = Phases()
    forget.log.addHandler(phases)
    forget.log.setLevel(logging.INFO)
    before = time.process_time()
    forget.run(root, FORGOTTEN, with_duplicates=True)
    phases.end()
    forget.log.removeHandler(phases)
    facts["cpu_s"] = round(time.process_time() - before, 1)
    shutil.rmtree(root)
    return facts | {"seconds": {name: round(spent, 1) for name, spent in phases.seconds.items()}}


def killed(folder: Path, videos: list[dict]) -> dict:
    """Kills forget at points spread over its changes, runs it again, and compares all bytes with an undisturbed one."""
    whole, wanted = folder / "whole", next(v["source_sha256"] for v in videos if v["video_id"] == FORGOTTEN)
    write_run(Workspace(whole), videos, Shape(range(KILLED_FRAMES), *PICTURE))
    original = folder / "original"
    shutil.copytree(whole, original)
    with counted_changes() as changes:
        forget.run(whole, wanted, with_duplicates=True)
    expected, same, left = tree_digest(whole), 0, 0
    points = np.linspace(1, changes.n, KILLS).round().astype(int).tolist()
    for change in points:
        broken = folder / "broken"
        shutil.copytree(original, broken)
        again = partial(forget.run, broken, wanted, with_duplicates=True)
        if not run_killed_at(change, again):
            raise RuntimeError(f"no change {change}")
        again()
        same += tree_digest(broken) == expected
        left += len(_mentions(broken))
        shutil.rmtree(broken)
    return {"changes": changes.n, "points": points, "same_bytes": same, "files_with_its_name": left}


def _mentions(root: Path) -> list[Path]:
    """Files that hold a forgotten name, in their path or as it stands in their bytes."""
    names = FORGOTTEN.encode(), COPY.encode()
    files = (path for path in root.rglob("*") if path.is_file())
    return [
        path
        for path in files
        if any(name in str(path.relative_to(root)).encode() + path.read_bytes() for name in names)
    ]


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--save", action="store_true", help=f"write {RESULT.name}")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        videos = probed(folder)
        found = {
            "timed": timed(folder / "timed", videos) | {"frames": TIMED_FRAMES},
            "killed": killed(folder, videos) | {"frames": KILLED_FRAMES},
        }
    print(json.dumps(found))
    if arguments.save:
        RESULT.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
