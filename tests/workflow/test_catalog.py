"""What Snakemake's workflow catalog reads and runs."""

from __future__ import annotations

import subprocess
import sys

import yaml

from tests.e2e.workflow import REPOSITORY, environment


def test_the_catalogs_file_states_how_the_workflow_is_used() -> None:
    usage = yaml.safe_load((REPOSITORY / ".snakemake-workflow-catalog.yml").read_text())["usage"]
    assert usage["report"] is True
    assert set(usage["software-stack-deployment"]) == {"conda", "apptainer", "apptainer+conda"}


def test_the_shipped_test_configuration_plans_all_jobs_of_the_demo() -> None:
    planned = subprocess.run(
        [sys.executable, "-m", "snakemake", "--cores", "1", "--dry-run", "--directory", ".test", "--configfile",
         ".test/config/config.yaml"],
        cwd=REPOSITORY, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    assert planned.returncode == 0, planned.stdout[-2000:]
    assert "total              7" in planned.stdout
