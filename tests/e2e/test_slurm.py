"""The same jobs through SLURM: a controller and two nodes on this machine, talking over the loopback alone.

Needs Debian's slurm-wlm and munge, the package snakemake-executor-plugin-slurm, and root; skipped without.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sfm_gt.formats.manifest import read_json
from tests.e2e.bucket import PREFIX, bucket
from tests.e2e.workflow import REPOSITORY, command, environment, run, tree_digest
from tests.video.make_videos import panning, write_video

SYSTEM_CONF = Path("/etc/slurm/slurm.conf")
# One model is enough to see that its jobs run.
MODELS = ("models=[{name: constant, method: constant}]",)
NEEDED = ("munged", "slurmctld", "slurmd", "sbatch")
LOST_AFTER_S = 30.0  # SlurmdTimeout and some more
CONF = """
ClusterName=loopback
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort=16817
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MinJobAge=600
SlurmdTimeout=20
ReturnToService=2
PropagatePrioProcess=1
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
NodeName=n[1-2] NodeHostname={host} NodeAddr=127.0.0.1 Port=[17001-17002] CPUs=2 RealMemory=10000
PartitionName=all Nodes=n[1-2] Default=YES MaxTime=INFINITE State=UP
"""


class Cluster:
    """Daemons by name; nodes are n1 and n2."""

    def __init__(self, munge: list[str]):
        self._words = {"munged": ["munged", "--foreground", "--force", *munge], "slurmctld": ["slurmctld", "-D"],
                       **{node: ["slurmd", "-D", "-N", node] for node in ("n1", "n2")}}  # fmt: skip
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, *names: str) -> None:
        for name in names or tuple(self._words):
            self._running[name] = subprocess.Popen(
                self._words[name], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            time.sleep(1.0)

    def kill(self, name: str) -> None:
        """Ends a daemon without a warning."""
        self._running[name].kill()
        self._running.pop(name).wait()

    def stop(self) -> None:
        for daemon in reversed(self._running.values()):
            daemon.send_signal(signal.SIGTERM)
            daemon.wait(timeout=30)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A running cluster; its configuration is the system's, since the plug-in takes SLURM's variables away."""
    missing = [name for name in NEEDED if shutil.which(name) is None]
    if importlib.util.find_spec("snakemake_executor_plugin_slurm") is None:
        missing.append("snakemake-executor-plugin-slurm")
    if missing or os.geteuid() != 0 or SYSTEM_CONF.exists():
        pytest.skip(f"SLURM IS NOT TESTED: needs {', '.join(missing) or 'root and no cluster of its own'}")
    folder = tmp_path_factory.mktemp("slurm")
    (folder / "state").mkdir()
    (folder / "munge.key").write_bytes(os.urandom(128))
    (folder / "munge.key").chmod(0o400)
    (folder / "slurm.conf").write_text(CONF.format(host=socket.gethostname(), folder=folder))
    SYSTEM_CONF.parent.mkdir(exist_ok=True)
    SYSTEM_CONF.symlink_to(folder / "slurm.conf")
    munge = [f"--{name}={folder / file}" for name, file in
             (("key-file", "munge.key"), ("socket", "munge.socket"), ("pid-file", "munged.pid"),
              ("seed-file", "munged.seed"), ("log-file", "munged.log"))]  # fmt: skip
    daemons = Cluster(munge)
    try:
        daemons.start()
        wait_until_idle(folder)
        yield daemons
    finally:
        daemons.stop()
        SYSTEM_CONF.unlink()


def wait_until_idle(folder: Path) -> None:
    """Until both nodes take jobs."""
    for _ in range(60):
        said = subprocess.run(["sinfo", "-h", "-o", "%D %t"], capture_output=True, text=True, check=False).stdout
        if said.split() == ["2", "idle"]:
            return
        time.sleep(1.0)
    logs = "\n".join(path.read_text()[-1000:] for path in folder.glob("*.log"))
    raise RuntimeError(f"no idle nodes: {said}\n{logs}")


def through_slurm(folder: Path, *arguments: str) -> list[str]:
    """The workflow with the shipped profile; no accounting here, nodes of two cores, and no patience."""
    profile = ["--profile", str(REPOSITORY / "pipelines" / "profiles" / "slurm"), "--slurm-status-command", "squeue",
               "--slurm-init-seconds-before-status-checks", "3", "--seconds-between-status-checks", "3",
               "--latency-wait", "5", "--set-threads", "reconstruct=2", "collect=2", *arguments]  # fmt: skip
    return [word for word in command(folder, *profile, config=MODELS) if word not in ("--cores", "2")]


def running_job() -> tuple[str, str]:
    """Number and node of the first job that runs."""
    for _ in range(240):
        said = subprocess.run(
            ["squeue", "-h", "-t", "R", "-o", "%i %N"], capture_output=True, text=True, check=True
        ).stdout
        if said.strip():
            number, node = said.split()[:2]
            return number, node
        time.sleep(0.5)
    raise RuntimeError("no job came to run")


@pytest.fixture(scope="module")
def local_run(small_videos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run without a cluster."""
    local = tmp_path_factory.mktemp("local")
    shutil.copytree(small_videos, local / "videos")
    write_video(local / "videos" / "pan.mp4", panning(16, 160, 120))
    finished = run(local, config=MODELS)
    assert finished.returncode == 0, finished.stdout[-3000:]
    return local


def test_two_videos_through_slurm_give_the_bytes_of_a_local_run(cluster, local_run: Path, tmp_path: Path) -> None:
    shutil.copytree(local_run / "videos", tmp_path / "videos")
    finished = subprocess.run(through_slurm(tmp_path), env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, check=False)  # fmt: skip
    assert finished.returncode == 0, finished.stdout[-3000:]
    (log,) = (tmp_path / ".snakemake" / "log").glob("*.snakemake.log")
    assert log.read_text().count("has been submitted with SLURM jobid") == 6, "all but the target"
    assert tree_digest(tmp_path / "out" / "dataset") == tree_digest(local_run / "out" / "dataset")


def test_nodes_that_share_only_a_bucket_give_the_bytes_of_a_local_run(cluster, local_run: Path, tmp_path: Path) -> None:
    main, node = tmp_path / "main", tmp_path / "node"
    main.mkdir()
    # Every job has copies of its own, so that it finds nothing but what it declares.
    alone = ["--default-storage-provider", "s3", "--default-storage-prefix", PREFIX, "--shared-fs-usage", "persistence",
             "software-deployment", "sources", "source-cache", "--remote-job-local-storage-prefix",
             f"{node}/$SLURM_JOB_ID"]  # fmt: skip
    with bucket(every=20) as storage:
        for path in (local_run / "videos").iterdir():
            storage.put(path, f"videos/{path.name}")
        finished = subprocess.run(through_slurm(main, *alone), env=environment() | storage.environment,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)  # fmt: skip
        assert finished.returncode == 0, finished.stdout[-3000:]
        assert storage.digest("out/dataset") == tree_digest(local_run / "out" / "dataset")
    assert "done: small.mp4: 30 frames in 1 clip (metric)" in finished.stdout
    assert len(list(node.iterdir())) == 6


@pytest.mark.parametrize("accident", ["cancelled", "node killed"])
def test_a_job_that_is_cancelled_or_loses_its_node_is_run_again(
    cluster: Cluster, tmp_path: Path, accident: str
) -> None:
    (tmp_path / "videos").mkdir()
    for number in range(2):
        write_video(tmp_path / "videos" / f"pan{number}.mp4", panning(16, 160, 120, seed=number))
    with subprocess.Popen(through_slurm(tmp_path), env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True) as process:  # fmt: skip
        job, node = running_job()
        if accident == "cancelled":
            subprocess.run(["scancel", job], check=True)
        else:
            cluster.kill(node)
            time.sleep(LOST_AFTER_S)
            cluster.start(node)
        said, _ = process.communicate()
    # Its clips are too small for ground truth, which is no failure of a job.
    assert "this run produced nothing" in said, said[-3000:]
    listed = read_json(tmp_path / "out" / "clips.json")["videos"]
    assert [video["status"] for video in listed] == ["ok", "ok"]
