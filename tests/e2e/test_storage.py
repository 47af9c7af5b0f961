"""The same command with videos and results in a bucket, over a server that fails one request in twenty."""

from __future__ import annotations

import base64
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from sfm_gt.video.catalog import slug
from tests.e2e.bucket import PREFIX, Bucket, bucket
from tests.e2e.workflow import REPOSITORY, command, environment, run, tree_digest
from tests.video.make_videos import panning, write_video

ONE_MODEL = ("models=[{name: constant, method: constant}]",)


def run_in_bucket(
    storage: Bucket, folder: Path, *arguments: str, config: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[str]:
    """The workflow with the shipped profile, from an empty folder."""
    folder.mkdir(exist_ok=True)
    profile = ["--profile", str(REPOSITORY / "pipelines" / "profiles" / "s3"), "--default-storage-prefix", PREFIX]
    return subprocess.run(
        command(folder, *profile, *arguments, config=(*ONE_MODEL, *config)), env=environment() | storage.environment,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip


def reconstructed(said: str) -> set[str]:
    """Videos of which a dry run says that they are made."""
    return set(re.findall(r"rule reconstruct:.*?wildcards: video=(\w+)", said, re.DOTALL))


def test_two_videos_in_a_bucket_give_the_bytes_of_a_local_run(small_videos: Path, tmp_path: Path) -> None:
    with bucket(every=20) as storage:
        local = tmp_path / "local"
        shutil.copytree(small_videos, local / "videos")
        (local / "videos" / "more").mkdir()
        write_video(local / "videos" / "more" / "pan.mp4", panning(16, 160, 120))
        for path in (path for path in (local / "videos").rglob("*") if path.is_file()):
            storage.put(path, str(path.relative_to(local)))

        finished = run_in_bucket(storage, tmp_path / "remote")
        assert finished.returncode == 0, finished.stdout[-3000:]
        assert "\n2 videos found\n" in finished.stdout
        assert "done: small.mp4: 30 frames in 1 clip (metric)" in finished.stdout
        assert "refused: more/pan.mp4" in finished.stdout
        assert "2 videos, 2 clips, 1 with ground truth" in finished.stdout
        assert "constant" in finished.stdout, "the table of models"
        assert storage.server.n_refused > 10
        finished = run(local, config=ONE_MODEL)
        assert finished.returncode == 0, finished.stdout[-3000:]
        assert storage.digest("out/dataset") == tree_digest(local / "out" / "dataset")
        assert (tmp_path / "remote" / ".snakemake").is_dir()
        assert {path.name for path in (tmp_path / "remote").iterdir()} == {".snakemake"}

        # Another machine knows nothing but the bucket, and fetches no film to see what is current.
        # There, a run that was killed left the mark of an incomplete result.
        mark = base64.urlsafe_b64encode(f"{PREFIX}/out/videos/small".encode()).decode()
        (tmp_path / "other" / ".snakemake" / "incomplete").mkdir(parents=True)
        (tmp_path / "other" / ".snakemake" / "incomplete" / mark).touch()
        other = run_in_bucket(storage, tmp_path / "other")
        assert other.returncode == 0, other.stdout[-3000:]
        assert "Nothing to be done" in other.stdout
        films = [path for path in (tmp_path / "other").rglob("small.mp4") if path.stat().st_blocks * 512 > 8192]
        assert films == []

        (local / "videos" / "small.yaml").write_text("license: CC0-1.0\n")
        storage.put(local / "videos" / "small.yaml", "videos/small.yaml")
        dry = run_in_bucket(storage, tmp_path / "other", "--dry-run")
        assert reconstructed(dry.stdout) == {"small"}


def test_a_table_in_a_bucket_names_objects_beside_it(tmp_path: Path) -> None:
    write_video(tmp_path / "pan.mp4", panning(16, 160, 120))
    rows = ["films/pan.mp4,near,license: CC0-1.0", f"{PREFIX}/films/far.mp4,,", "s3://other/far.mp4,elsewhere,"]
    (tmp_path / "corpus.csv").write_text("\n".join(["video,id,sidecar", *rows]))
    with bucket(every=1000) as storage:
        storage.put(tmp_path / "pan.mp4", "films/pan.mp4")
        storage.put(tmp_path / "pan.mp4", "films/not_listed.mp4")
        write_video(tmp_path / "far.mp4", panning(17, 160, 120, seed=1))
        storage.put(tmp_path / "far.mp4", "films/far.mp4")
        storage.put(tmp_path / "corpus.csv", "corpus.csv")
        table = ("videos=corpus.csv",)
        # No clip of theirs gives ground truth, which ends a run with exit status 1.
        finished = run_in_bucket(storage, tmp_path / "run", config=table)
        assert "\n3 videos found\n" in finished.stdout, finished.stdout[-3000:]
        assert "refused: films/pan.mp4" in finished.stdout, finished.stdout[-3000:]
        assert "refused: films/far.mp4" in finished.stdout
        assert f"row 3: s3://other/far.mp4: needed an object below {PREFIX} [not_a_file]" in finished.stdout
        assert {key.split("/")[0] for key in storage.digest("out/videos")} == {"near", slug("films/far"), "elsewhere"}
        assert "corpus.csv, row 1" in storage.text("out/videos/near/verdict.json")
        # Results lie below the table's folder and are none of its videos; a changed row is one video's job.
        assert reconstructed(run_in_bucket(storage, tmp_path / "run", "--dry-run", config=table).stdout) == set()
        (tmp_path / "corpus.csv").write_text("\n".join(["video,id,sidecar", rows[1], rows[0].replace("CC0", "CC-BY")]))
        storage.put(tmp_path / "corpus.csv", "corpus.csv")
        assert reconstructed(run_in_bucket(storage, tmp_path / "run", "--dry-run", config=table).stdout) == {"near"}


@pytest.mark.parametrize("folder", ["/videos", "../videos", "s3://corpus/videos"])
def test_a_folder_that_is_not_below_the_prefix_is_refused_in_one_line(tmp_path: Path, folder: str) -> None:
    with bucket(every=1000) as storage:
        said = run_in_bucket(storage, tmp_path / "run", "--dry-run", config=(f"videos={folder}",))
    assert said.returncode == 1
    assert ": in an object storage, videos and out are paths below --default-storage-prefix" in said.stdout
    assert "Traceback" not in said.stdout


def test_a_bucket_without_videos_is_refused_in_one_line(tmp_path: Path) -> None:
    with bucket(every=1000) as storage:
        said = run_in_bucket(storage, tmp_path / "run", "--dry-run")
    assert said.returncode == 1
    assert f"sfm-gt: {PREFIX}/videos: no object is found below it" in said.stdout
