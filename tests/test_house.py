"""What can be checked of the house itself: the shape of stages, the words, figures that equal their results."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from sfm_gt.formats.workspace import CLIP_STAGES
from sfm_gt.workflow.versions import VERSIONS
from tests.mutants.run import Mutant, read_mutants

REPOSITORY = Path(__file__).resolve().parents[1]
STAGES = sorted(path.stem for path in (REPOSITORY / "sfm_gt" / "stages").glob("*.py") if path.stem != "__init__")
COMMANDS = sorted(path.stem for path in (REPOSITORY / "sfm_gt" / "commands").glob("*.py") if path.stem != "__init__")
JOBS = sorted(path.stem for path in (REPOSITORY / "sfm_gt" / "jobs").glob("*.py") if path.stem != "__init__")
RULES = "\n".join(path.read_text() for path in sorted((REPOSITORY / "pipelines" / "rules").glob("*.smk")))
SUFFIXES = (".py", ".md", ".smk", ".j2", ".yaml")
# How work is organised is no matter of the code, and numbered layers stand in the contracts of the import linter alone.
PROCESS_WORDS = re.compile(r"\bthe issue\b|\bthe brief\b|\bthe spine\b|\bso manieth\b|\"\"\"L\d\b", re.IGNORECASE)


def _module(room: str, name: str) -> ast.Module:
    return ast.parse((REPOSITORY / "sfm_gt" / room / f"{name}.py").read_text())


def _defines(tree: ast.Module, name: str) -> bool:
    functions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    values = {target.id for node in tree.body if isinstance(node, ast.Assign) for target in node.targets
              if isinstance(target, ast.Name)}  # fmt: skip
    return name in functions | values


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_is_one_module_with_a_version(stage: str) -> None:
    tree = _module("stages", stage)
    assert all(_defines(tree, name) for name in ("STAGE", "VERSION", "run"))
    assert f'STAGE = "{stage}"' in (REPOSITORY / "sfm_gt" / "stages" / f"{stage}.py").read_text()
    assert stage in VERSIONS


@pytest.mark.parametrize("job", JOBS)
def test_a_job_is_one_rule_one_command_and_one_module(job: str) -> None:
    assert _defines(_module("jobs", job), "run")
    assert re.search(rf"^rule {job}:$", RULES, re.MULTILINE)
    assert f"sfm-gt {job} --config" in RULES


def test_opencv_comes_once() -> None:
    # Two of its wheels write the same files, and what is imported depends on which came last.
    pinned = {line.split("==")[0] for line in (REPOSITORY / "constraints.txt").read_text().splitlines()}
    assert {name for name in pinned if name.startswith("opencv")} == {"opencv-python-headless"}
    assert "scenedetect" not in pinned, (
        "it asks for the other wheel of OpenCV; scenedetect-headless is the same without"
    )


def test_every_file_of_rules_is_in_the_workflow() -> None:
    snakefile = (REPOSITORY / "Snakefile").read_text()
    files = sorted(path.name for path in (REPOSITORY / "pipelines" / "rules").glob("*.smk"))
    assert [name for name in files if f'include: "pipelines/rules/{name}"' not in snakefile] == []


def test_what_is_written_for_a_clip_is_known_as_a_clip_s() -> None:
    # Who is forgotten has to be found in all folders.
    job = (REPOSITORY / "sfm_gt" / "jobs" / "reconstruct.py").read_text()
    assert set(re.findall(r'add\("(\w+)"', job)) | {"dataset"} == {*CLIP_STAGES, "maps"}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_is_a_module_with_a_function_run(command: str) -> None:
    assert _defines(_module("commands", command), "run")


def test_nothing_speaks_of_how_the_work_was_organised() -> None:
    rooms = ("sfm_gt", "tests", "docs", "benchmarks", "pipelines")
    texts = [path for room in rooms for path in sorted((REPOSITORY / room).rglob("*")) if path.suffix in SUFFIXES]
    found = [f"{path.relative_to(REPOSITORY)}: {match[0]}" for path in texts if path != Path(__file__)
             for match in PROCESS_WORDS.finditer(path.read_text())]  # fmt: skip
    assert found == []


def test_figures_of_readme_and_docs_equal_the_results() -> None:
    command = [sys.executable, "benchmarks/figures/write.py", "--check"]
    said = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stdout


@pytest.mark.parametrize("mutant", list(read_mutants(REPOSITORY / "tests" / "mutants")), ids=lambda mutant: mutant.name)
def test_a_mutant_still_has_its_place_and_its_tests(mutant: Mutant) -> None:
    """A change of the code takes its mutants along: without its place a mutant cannot be applied, and nobody would notice
    before the next ``make mutants``."""
    source = (REPOSITORY / mutant.file).read_text()
    assert mutant.applied(source) != source
    for test in mutant.tests:
        path, _, name = test.partition("::")
        written = (REPOSITORY / path).read_text()
        assert all(
            f"def {part.split('[')[0]}(" in written or f"class {part}" in written for part in name.split("::") if part
        )
