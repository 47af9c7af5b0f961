"""What the workflow itself costs as a corpus grows. Stages are left out: every result is written as a finished run leaves it.

    python benchmarks/speed/growth.py [--videos 100 1000 10000] [--json benchmarks/results/growth.json]

For each number of videos, each with a sidecar that names a track: CPU-seconds and memory of a dry run of a new corpus,
of a run that finds nothing to do, of one after a changed sidecar, of one after half of the results are lost, and of the
start of a job on a node of a cluster: Snakemake there, and the command that it calls.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from sfm_gt.config import Config
from sfm_gt.formats.dataset_layout import DATASET_JSON, INDEX_NAME
from sfm_gt.formats.manifest import Manifest, write_json, write_manifest
from sfm_gt.formats.sources import SOURCES_JSON
from sfm_gt.formats.verdict import INPUTS_NAME, Verdict, write_verdict
from sfm_gt.formats.workspace import Workspace
from sfm_gt.video.catalog import VideoFile, list_videos
from sfm_gt.video.catalog_file import state_of_videos, write_catalog
from sfm_gt.workflow.currency import collected_key, prediction_key, section_key, settings_key
from sfm_gt.workflow.staleness import KEY_JSON, VideoInputs, verdict_key

REPOSITORY = Path(__file__).resolve().parents[2]


def write_corpus(folder: Path, n_videos: int) -> None:
    """Files that are taken for videos, of sizes of their own, and their sidecars."""
    folder.mkdir()
    for number in range(n_videos):
        (folder / f"v{number:05d}.mp4").write_bytes(b"%d" % number + bytes(number % 997))
        (folder / f"v{number:05d}.csv").write_text("timestamp_s,x_m,y_m,z_m\n0,0,0,0\n")
        (folder / f"v{number:05d}.yaml").write_text(
            f"license: CC-BY-4.0\nscale: {{positions: [{{file: v{number:05d}.csv, sigma_m: 0.01}}]}}\n"
        )


def write_results(config: Config, videos: tuple[VideoFile, ...]) -> None:
    """All that a finished run leaves and Snakemake looks at."""
    workspace, settings, made_of = Workspace(config.out), settings_key(config), {}
    for video in videos:
        recorded = VideoInputs.of(video).recorded()
        key = made_of[video.video_id] = verdict_key(settings, recorded)
        facts = {"video_id": video.video_id, "path": video.path.name, "status": "ok", "reason": None, "message": None}
        write_json(workspace.verdict(video.video_id) / INPUTS_NAME, recorded)
        clip_id = f"{video.video_id}-000"
        write_verdict(workspace.verdict(video.video_id), Verdict(key, settings, facts, [{"clip_id": clip_id}]))
        write_manifest(workspace.clip_stage(clip_id, "dataset"), Manifest("dataset", 1))
        for model in config.models:
            predictions = workspace.predictions_of_video(model.name, video.video_id)
            made_of[f"{model.name}/{video.video_id}"] = prediction_key(section_key(model), key)
            write_json(predictions / KEY_JSON, {"key": made_of[f"{model.name}/{video.video_id}"]})
    time.sleep(1.1)  # later than all above, whatever the file system's clock
    workspace.evaluation.mkdir()
    workspace.report.mkdir()
    for path in (workspace.clip_list, *(workspace.dataset / name for name in (INDEX_NAME, DATASET_JSON, SOURCES_JSON))):
        write_json(path, {})
    write_json(workspace.collected, {"key": collected_key(config, made_of), "stale": []})
    write_catalog(workspace.catalog, state_of_videos(config.videos), videos)
    time.sleep(1.1)
    (workspace.root / "summary.txt").touch()


def measured(command: list[str], folder: Path) -> tuple[dict[str, float], str]:
    """CPU-seconds, peak memory and what a command said. Raises where it fails."""
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=output, stderr=subprocess.STDOUT)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        said = output.read()
    if process.returncode:
        raise RuntimeError(f"{command}: {said[-2000:]}")
    return {"cpu_s": round(used.ru_utime + used.ru_stime, 2), "peak_gb": round(used.ru_maxrss / 2**20, 3)}, said


def n_jobs(said: str) -> dict[str, int]:
    """Jobs of a dry run by rule."""
    counts = re.findall(
        r"^(reconstruct|predict|collect|summary) +(\d+)$", said.rpartition("Job stats:")[2], re.MULTILINE
    )
    return {rule: int(count) for rule, count in counts}


def grow(folder: Path, n_videos: int) -> dict[str, Any]:
    """All figures of one corpus."""
    write_corpus(folder / "videos", n_videos)
    config = Config(videos=Path("videos"), out=Path("out"))
    snakemake = [
        sys.executable,
        "-m",
        "snakemake",
        "-s",
        str(REPOSITORY / "Snakefile"),
        "--config",
        "videos=videos",
        "out=out",
    ]
    dry = [*snakemake, "--cores", "1", "--dry-run", "--quiet", "rules"]
    row: dict[str, Any] = {"videos": n_videos}
    row["new"], said = measured(dry, folder)
    row["new"]["jobs"] = n_jobs(said)
    os.chdir(folder)
    write_results(config, list_videos(config.videos))
    row["nothing_to_do"], said = measured([*snakemake, "--cores", "1"], folder)
    assert "Nothing to be done" in said, said[-2000:]
    (folder / "videos" / "v00007.yaml").write_text("license: CC0-1.0\n")
    row["one_sidecar"], said = measured(dry, folder)
    row["one_sidecar"]["jobs"] = n_jobs(said)
    job = ["--target-jobs", "reconstruct:video=v00007", "--allowed-rules", "reconstruct", "--mode", "remote", "--force",
           "--nolock", "--cores", "1", "--dry-run", "--quiet", "all"]  # fmt: skip
    row["job_start"], _ = measured([*snakemake[:-3], *job, *snakemake[-3:]], folder)
    (folder / "out" / "config.yaml").write_text(json.dumps(config.model_dump(mode="json")))
    program = "import sfm_gt.cli.app, sfm_gt.jobs.reconstruct; from sfm_gt.cli.run import Run; from pathlib import Path; " \
              "Run(Path('out/config.yaml')).video('v00007')"  # fmt: skip
    row["command_start"], _ = measured([sys.executable, "-c", program], folder)
    for number in range(0, n_videos, 2):
        shutil.rmtree(folder / "out" / "videos" / f"v{number:05d}")
    row["half_lost"], said = measured(dry, folder)
    row["half_lost"]["jobs"] = n_jobs(said)
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--videos", type=int, nargs="*", default=[100, 1000, 10000])
    parser.add_argument("--json", type=Path, help="file for the figures")
    arguments = parser.parse_args()
    rows = []
    for n_videos in arguments.videos:
        with tempfile.TemporaryDirectory() as folder:
            rows.append(grow(Path(folder), n_videos))
            os.chdir(REPOSITORY)
        print(json.dumps(rows[-1]))
    if arguments.json:
        content = {"machine": f"{platform.machine()}, {os.cpu_count()} cores", "rows": rows}
        arguments.json.write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
