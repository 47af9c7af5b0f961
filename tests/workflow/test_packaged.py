"""The workflow as pip installs it, run from an empty folder; and what reading a data set does not need.

``python -m tests.workflow.test_packaged WHEEL`` checks a wheel that was built before.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import venv
from pathlib import Path

import pytest

from sfm_gt.commands.run_workflow import options
from sfm_gt.workflow import packaged
from tests.datasets.small_tree import write_tree

REPOSITORY = Path(__file__).resolve().parents[2]


def run(*command: str | Path, folder: Path) -> str:
    """Standard output of a command that knows nothing of this checkout and has to succeed."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    finished = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout


def check(wheel: Path, folder: Path) -> None:
    """Installs the wheel beside this environment's packages, and runs its workflow from an empty folder."""
    fresh = folder / "fresh"
    venv.create(fresh, symlinks=True)
    packages = Path(sysconfig.get_path("purelib", vars={"base": str(fresh)}))
    (packages / "base.pth").write_text("\n".join(path for path in sys.path if path.endswith("-packages")))
    run(sys.executable, "-m", "pip", "--python", fresh / "bin" / "python", "install", "--quiet", "--no-deps",
        "--force-reinstall", "--ignore-installed", wheel, folder=folder)  # fmt: skip
    elsewhere = folder / "elsewhere"
    (elsewhere / "videos").mkdir(parents=True)
    (elsewhere / "videos" / "text.mp4").write_text("no video")
    sfm_gt = fresh / "bin" / "sfm-gt"
    snakefile = Path(run(sfm_gt, "snakefile", folder=elsewhere).strip())
    assert snakefile.is_relative_to(fresh)
    assert snakefile.read_bytes() == (REPOSITORY / "Snakefile").read_bytes()
    assert (snakefile.parent / "pipelines" / "config" / "schema.json").is_file()
    assert "reconstruct" in run(sfm_gt, "run", "videos", "--out", "out", "--dry-run", folder=elsewhere)
    planned = run(fresh / "bin" / "python", "-m", "snakemake", "-s", snakefile, "--cores", "1", "--dry-run", "--config",
                  "videos=videos", "out=out", folder=elsewhere)  # fmt: skip
    assert "reconstruct" in planned


def test_a_wheel_runs_the_workflow_from_an_empty_folder(tmp_path: Path) -> None:
    pytest.importorskip("build", reason="needs the package build: pip install -e '.[dev]'")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", tmp_path / "dist", REPOSITORY, folder=tmp_path)
    (wheel,), (source,) = (tmp_path / "dist").glob("*.whl"), (tmp_path / "dist").glob("*.tar.gz")
    with tarfile.open(source) as archive:
        inside = {name.partition("/")[2] for name in archive.getnames()}
    assert {"Snakefile", "pipelines/rules/reconstruct.smk", "pipelines/config/default.yaml"} <= inside
    check(wheel, tmp_path)


def test_options_of_snakemake_stay_and_cores_are_all_unless_they_say_how_many() -> None:
    snakefile = str(packaged.snakefile())
    plain = options(Path("my videos"), Path("out"), None, ["--dry-run"])
    assert plain == ["--snakefile", snakefile, "--cores", "all", "--dry-run", "--config", 'videos="my videos"',
                     'out="out"']  # fmt: skip
    counted = options(Path("v"), Path("o"), None, ["--config", "seed=1", "--cores=2"])
    assert counted[2:] == ["--config", 'videos="v"', 'out="o"', "seed=1", "--cores=2"]
    shipped = options(Path("v"), Path("o"), "slurm", [])
    assert Path(shipped[3], "config.yaml").is_file()
    assert options(Path("v"), Path("o"), "my/profile", [])[2:4] == ["--profile", "my/profile"]


def test_lint_finds_nothing_and_needs_no_configuration(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "snakemake", "-s", REPOSITORY / "Snakefile", "--lint"]
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    linted = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert linted.returncode == 0, linted.stderr
    assert [path.name for path in tmp_path.iterdir() if path.name != ".snakemake"] == [], "nothing is written"


def test_reading_a_data_set_needs_no_torch_and_no_pycolmap(tmp_path: Path) -> None:
    write_tree(tmp_path, {"room": 2})
    program = """
import sys
sys.modules.update(dict.fromkeys(("torch", "pycolmap", "snakemake")))  # what is None cannot be imported
import sfm_gt
print(len([frame.z_depth_m for frame in sfm_gt.open_dataset(sys.argv[1])]))
"""
    assert int(run(sys.executable, "-c", program, tmp_path, folder=REPOSITORY)) > 0


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        check(Path(sys.argv[1]).resolve(), Path(scratch))
