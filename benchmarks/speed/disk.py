"""What a run takes on disk: at the most while it is at work, and when it has ended.

    python benchmarks/speed/disk.py [--videos examples/demo/videos] [--json benchmarks/results/disk.json]

Files under two names count once. Sizes are those of the files, without what a file system adds.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import sfm_gt
from sfm_gt.formats.workspace import Workspace

REPOSITORY = Path(__file__).resolve().parents[2]
EVERY_S = 0.2
CORPUS_FRAMES, CORPUS_PIXELS = 170_000, 1280 * 720


def size_of(folders: Iterable[Path]) -> int:
    """Bytes of all files below some folders, while others may write there."""
    seen: dict[tuple[int, int], int] = {}
    for folder in folders:
        for at, _, names in os.walk(folder):
            for name in names:
                try:
                    found = os.stat(Path(at) / name, follow_symlinks=False)
                except FileNotFoundError:
                    continue
                seen[found.st_dev, found.st_ino] = found.st_size
    return sum(seen.values())


def run(videos: Path, out: Path) -> int:
    """Runs the workflow; the most bytes that lay in ``out`` at a time."""
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    command = [sys.executable, "-m", "snakemake", "--cores", "all", "-s", str(REPOSITORY / "Snakefile"), "--quiet", "all",
               "--directory", str(out.parent), "--config", f"videos={videos}", f"out={out}"]  # fmt: skip
    peak = 0
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            peak = max(peak, size_of([out]))
            time.sleep(EVERY_S)
    if process.returncode:
        raise SystemExit(f"the run ended with status {process.returncode}")
    return peak


def figures(out: Path, peak: int) -> dict[str, Any]:
    """MB a frame, and what a large corpus would take."""
    workspace, dataset = Workspace(out), sfm_gt.open_dataset(out)
    frames, camera = len(dataset), dataset[0].camera
    taken = {
        "peak": peak,
        "published": size_of([workspace.dataset]),
        "kept_for_another_run": size_of([workspace.dataset, out / "work"]) - size_of([workspace.dataset]),
        "predictions": size_of([out / "predictions"]),
    }
    megabytes = {name: round(size / frames / 1e6, 3) for name, size in taken.items()}
    layers = {folder.name: size_of([folder]) for folder in workspace.dataset.glob("clips/*/*/*") if folder.is_dir()}
    factor = CORPUS_FRAMES * CORPUS_PIXELS / (camera.width * camera.height) / 1e6
    return {
        "frames": frames,
        "width": camera.width,
        "height": camera.height,
        "mb_a_frame": megabytes,
        "layers_mb_a_frame": {name: round(size / frames / 1e6, 3) for name, size in sorted(layers.items())},
        "corpus": {"frames": CORPUS_FRAMES, "tb": {name: round(mb * factor, 2) for name, mb in megabytes.items()}},
    }


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--videos", type=Path, default=REPOSITORY / "examples" / "demo" / "videos")
    parser.add_argument("--out", type=Path, help="folder for the run, which stays")
    parser.add_argument("--json", type=Path, help="file for the figures")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        out = (arguments.out or Path(folder) / "out").absolute()
        out.parent.mkdir(parents=True, exist_ok=True)
        found = figures(out, run(arguments.videos.absolute(), out))
    print(json.dumps(found, indent=1))
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
