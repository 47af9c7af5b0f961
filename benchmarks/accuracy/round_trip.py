"""Cameras out and in again: a finished run's clip is exported to a pose format, imported with its video, and compared.

    python benchmarks/accuracy/round_trip.py OUT VIDEO WORK --format mannequin_challenge

OUT is the output folder of a finished run on VIDEO (one clip), WORK a scratch folder. The second run has the settings of the
first. Prints the figures; --save NAME writes benchmarks/results/round_trip_NAME.json.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import yaml

import sfm_gt
from sfm_gt.commands import export

REPOSITORY = Path(__file__).resolve().parents[2]
# The formats that describe the video as filmed; those of undistorted images are no cameras of a video with a lens.
FORMATS = ("mannequin_challenge", "realestate10k")


def prepare(out: Path, video: Path, work: Path, format_name: str, refine: bool) -> None:
    """Exports the clip and puts video, cameras and sidecar into ``work/videos``."""
    (clip_id,) = sfm_gt.open_dataset(out).clip_ids
    export.run(out, format_name, work / "export")
    (found,) = (work / "export").glob(f"*/{clip_id}.txt")
    folder = work / "videos"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    shutil.copyfile(video, folder / f"{video.stem}.mp4")
    shutil.copyfile(found, folder / "cameras.txt")
    stated = yaml.safe_load(video.with_suffix(".yaml").read_text()) if video.with_suffix(".yaml").is_file() else {}
    stated["import"] = {"format": format_name, "file": "cameras.txt", "refine": refine}
    (folder / f"{video.stem}.yaml").write_text(yaml.safe_dump(stated, sort_keys=False))


def run_again(out: Path, work: Path, cores: int) -> Path:
    """The workflow on ``work/videos`` up to the data set, with the settings of the first run."""
    config = yaml.safe_load((out / "config.yaml").read_text())
    config |= {"videos": str(work / "videos"), "out": str(work / "out")}
    (work / "run.yaml").write_text(yaml.safe_dump(config))
    command = ["snakemake", "-s", str(REPOSITORY / "Snakefile"), "--cores", str(cores), "--quiet", "rules", "progress",
               "--configfile", "run.yaml", "--", f"{work / 'out'}/dataset/index.parquet"]  # fmt: skip
    subprocess.run(command, cwd=work, check=True, stdout=sys.stderr)
    return work / "out"


def compare(first: Path, second: Path) -> dict[str, float]:
    """Over pixels that both call valid, second against first; and what share of the first's pixels that is."""
    again = {frame.frame_index: frame for frame in sfm_gt.open_dataset(second)}
    errors, n_first, in_metres = [], 0, []
    frames = [frame for frame in sfm_gt.open_dataset(first) if frame.frame_index in again]
    for frame in frames:
        other = again[frame.frame_index]
        # The second run's SfM unit is the unit of the file, which is that of the first data set.
        depth = frame.z_depth_m if frame.metric else frame.z_depth_sfm
        both = frame.valid & other.valid
        errors.append(np.abs(other.z_depth_sfm[both] - depth[both]) / depth[both])
        n_first += int(frame.valid.sum())
        if frame.metric and other.metric:
            in_metres.append(np.abs(other.z_depth_m[both] - depth[both]) / depth[both])
    pooled = np.concatenate(errors)
    figures = {
        "frames_first": len(sfm_gt.open_dataset(first)), "frames_second": len(again), "frames_compared": len(frames),
        "AbsRel": pooled.mean(), "median": np.median(pooled), "within_1_percent": (pooled < 0.01).mean(),
        "share_of_first": pooled.size / n_first,
    }  # fmt: skip
    if in_metres:
        figures["AbsRel_in_metres_of_each"] = np.concatenate(in_metres).mean()
    return {name: round(float(value), 6) for name, value in figures.items()}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("video", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--format", default="mannequin_challenge", choices=FORMATS)
    parser.add_argument("--refine", action="store_true", help="let the import adjust the cameras to the images")
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--save", metavar="NAME", help="write benchmarks/results/round_trip_NAME.json")
    arguments = parser.parse_args()
    work = arguments.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    prepare(arguments.out.resolve(), arguments.video, work, arguments.format, arguments.refine)
    second = run_again(arguments.out, work, arguments.cores)
    figures = {"format": arguments.format, "refine": arguments.refine, **compare(arguments.out, second)}
    print(json.dumps(figures, indent=1))
    if arguments.save:
        path = REPOSITORY / "benchmarks" / "results" / f"round_trip_{arguments.save}.json"
        path.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
