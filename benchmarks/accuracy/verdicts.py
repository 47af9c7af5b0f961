"""Verdicts on real clips beside those of a careful person.

    python benchmarks/accuracy/verdicts.py DATA --out OUT

DATA holds videos and ``expected.yaml`` (file name: verdict accept, reject or either, and why). Runs the stages up to the
verdict of structure from motion in OUT, where finished stages are used again, and prints a table; --save writes
benchmarks/results/verdicts.json.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import yaml

from sfm_gt.config import Config
from sfm_gt.formats.manifest import MANIFEST_NAME, Manifest, read_json, read_manifest
from sfm_gt.formats.sidecar import read_sidecar
from sfm_gt.formats.workspace import Workspace
from sfm_gt.stages import clips, frames, ingest, sfm
from sfm_gt.video.catalog import VideoFile, list_videos

RESULT = Path(__file__).resolve().parents[1] / "results" / "verdicts.json"


def judge_folder(data: Path, out: Path, n_threads: int, names: list[str] | None = None) -> list[dict[str, Any]]:
    """One row a clip of ``data``'s videos: expected and given verdict, reason, figure and threshold.

    Args:
        names: file names of the videos to judge; all that ``expected.yaml`` lists when not given.
    """
    expected = yaml.safe_load((data / "expected.yaml").read_text())
    config = Config(videos=data, out=out)
    rows = []
    for video in list_videos(data):
        if video.path.name in (names or expected):
            rows += _judge_video(video, expected[video.path.name], config, n_threads)
    return rows


def _judge_video(video: VideoFile, wanted: dict[str, str], config: Config, n_threads: int) -> list[dict[str, Any]]:
    workspace = Workspace(config.out)
    ingest.run(workspace, video, config.frames)
    listed = clips.run(workspace, video.video_id, video.path, config.clips)
    rows = [_row(wanted, clip | {"status": "rejected"}) for clip in listed["rejected"]]
    for clip in listed["clips"]:
        manifest = _reconstructed(workspace, clip, video, config, n_threads)
        rows.append(_row(wanted, vars(manifest) | {"clip_id": clip["clip_id"]}))
        print(rows[-1], flush=True)
    return rows


def _reconstructed(
    workspace: Workspace, clip: dict[str, Any], video: VideoFile, config: Config, n_threads: int
) -> Manifest:
    clip_id = clip["clip_id"]
    if _version(workspace, clip_id, "frames") != frames.VERSION:
        frames.run(workspace, clip, video.path, config.frames)
    elif _version(workspace, clip_id, "sfm") == sfm.VERSION:
        return read_manifest(workspace.clip_stage(clip_id, "sfm"))
    hints = read_sidecar(video.sidecar).camera
    return sfm.run(workspace, clip_id, config.sfm, hints, config.seed, n_threads)


def _version(workspace: Workspace, clip_id: str, stage: str) -> int | None:
    path = workspace.clip_stage(clip_id, stage) / MANIFEST_NAME
    return read_json(path)["version"] if path.is_file() else None


def _row(wanted: dict[str, str], verdict: dict[str, Any]) -> dict[str, Any]:
    given = "accept" if verdict["status"] == "ok" else "reject"
    return {
        "clip": verdict["clip_id"],
        "expected": wanted["verdict"],
        "given": given,
        "right": wanted["verdict"] in (given, "either"),
        **{key: verdict.get(key) for key in ("reason", "measured", "threshold", "message", "measures")},
    }


def print_table(rows: list[dict[str, Any]]) -> None:
    """One line a clip."""
    for row in rows:
        figure = "" if row["measured"] is None else f"{row['measured']:.4g} against {row['threshold']:g}"
        mark = "right" if row["right"] else "WRONG"
        line = f"{row['clip']:32} {row['expected']:7} {row['given']:7} {mark:6} {row['reason'] or '':18} {figure}"
        print(line.rstrip())
    print(f"{sum(row['right'] for row in rows)} of {len(rows)} right")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, help="where stages are left and found again; a scratch folder by default")
    parser.add_argument("--only", nargs="+", help="file names")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--save", action="store_true", help="write benchmarks/results/verdicts.json")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        rows = judge_folder(arguments.data, arguments.out or Path(scratch), arguments.threads, arguments.only)
    print_table(rows)
    if arguments.save:
        RESULT.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
