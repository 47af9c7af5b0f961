"""The console of a run: what was found, one live line or a line a video, warnings, errors, and what came out.

It takes the place of Snakemake's own lines there, by the log events of Snakemake's logger plug-ins. The Snakefile attaches
it, since a plug-in is not found by name in a package that is installed for editing. Snakemake's log file still holds all.
``--verbose``, ``--logger`` and dry runs leave the console to Snakemake; ``--quiet`` leaves only warnings and errors.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console as Terminal
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from snakemake.common import NOTHING_TO_BE_DONE_MSG
from snakemake.logging import logger as snakemake_logger
from snakemake.settings.enums import Quietness
from snakemake_interface_logger_plugins.common import LogEvent

from sfm_gt.errors import InputError
from sfm_gt.formats.workspace import SUMMARY, Workspace
from sfm_gt.workflow.estimate import Estimate, time_left
from sfm_gt.workflow.outcome import (
    TABLE,
    Outcome,
    closing,
    count,
    log_excerpt,
    log_warnings,
    of_video,
    opening,
    spoken_time,
    stage_of_log,
)

SNAKEMAKES = "DefaultStreamHandler"
# What Snakemake adds to a failed job, of which the job's own words have been shown.
REPEATED = (
    "RuleException:\nCalledProcessError",
    "Exiting because a job execution failed",
    "WorkflowError:\nAt least one job did",
)


Readable = Callable[[str, str], Workspace]
"""Answers a workspace in which the results of a folder that match a pattern can be read."""


def attach(workflow: Any, readable: Readable) -> Console | None:
    """Puts a console in the place of Snakemake's; None where Snakemake's own stays."""
    settings = workflow.output_settings
    replaced = [handler for handler in snakemake_logger.handlers if handler.name == SNAKEMAKES]
    if settings.dryrun or settings.verbose or not replaced:
        return None
    console = Console(readable, Terminal(stderr=True, highlight=False), frozenset(settings.quiet or ()), replaced[0])
    snakemake_logger.removeHandler(replaced[0])
    snakemake_logger.addHandler(console)
    return console


class Console(logging.Handler):
    """Handler of Snakemake's log events.

    Args:
        readable: how to read what jobs left.
        before: gets everything until the workflow starts, as other commands of Snakemake's have nothing else to speak through.
    """

    def __init__(self, readable: Readable, terminal: Terminal, quiet: frozenset[Any], before: logging.Handler):
        super().__init__()
        self._readable, self._terminal, self._before = readable, terminal, before
        self._says = Quietness.ALL not in quiet
        self._lives = self._says and Quietness.PROGRESS not in quiet
        self._lives &= terminal.is_terminal and not terminal.is_dumb_terminal
        self._working = False
        # By number; those that have not ended.
        self._jobs: dict[int, Any] = {}
        self._ended: dict[Outcome, int] = dict.fromkeys(Outcome, 0)
        self._videos, self._estimated_s, self._began = 0, 0.0, time.monotonic()
        self._live: Live | None = None
        self._summary = ""

    def begin(self, estimated: Estimate | None, n_found: int, n_to_process: int, cores: int) -> None:
        """The first lines, and the live line of a terminal."""
        self._videos, self._began = n_to_process, time.monotonic()
        self._estimated_s = estimated.seconds if estimated is not None else 0.0
        if self._says:
            self._print(opening(estimated, n_found, n_to_process, cores))
        if self._lives:
            self._live = Live(get_renderable=self._line, console=self._terminal, refresh_per_second=2, transient=True)
            self._live.start()

    def end(self) -> None:
        """The last lines."""
        self._stop()
        if self._says:
            for line in closing(self._readable("evaluation", TABLE), self._summary, self._terminal.width, self._lives):
                self._print(line)

    def emit(self, record: logging.LogRecord) -> None:
        """Snakemake's logger calls this with everything that it says."""
        try:
            self._show(record)
        except Exception:  # nothing that the console cannot show may stop a run
            self.handleError(record)

    def _show(self, record: logging.LogRecord) -> None:
        event = getattr(record, "event", None)
        self._working |= event is LogEvent.WORKFLOW_STARTED
        if not self._working:
            self._before.handle(record)
        elif event is LogEvent.JOB_INFO:
            self._jobs[record.__dict__["jobid"]] = record
        elif event is LogEvent.JOB_FINISHED:
            self._job_finished(self._jobs.pop(record.__dict__["job_id"], None))
        elif event is LogEvent.JOB_ERROR:
            self._jobs.pop(record.__dict__["jobid"], None)
            self._job_failed(record)
        elif record.levelno >= logging.WARNING:
            if not str(record.msg).startswith(REPEATED):
                self._print(str(record.msg))
        elif self._says and record.msg == NOTHING_TO_BE_DONE_MSG:
            self._print(record.msg)

    def close(self) -> None:
        """Also after an interruption, so that the terminal is left as it was."""
        self._stop()
        super().close()

    def _job_finished(self, job: Any) -> None:
        if job is None:
            return
        for log in _logs(job):
            for line in log_warnings(Path(log)):
                self._print(line)
        if job.rule_name == "reconstruct":
            self._video_ended(job.wildcards["video"])
        elif job.rule_name == "summary":
            self._summary = self._readable("", SUMMARY).summary.read_text(encoding="utf-8")

    def _video_ended(self, video_id: str) -> None:
        try:
            ended = of_video(self._readable(f"videos/{video_id}", "*.json"), video_id)
        except (InputError, OSError) as error:
            self._print(f"warning: {error}")
            return
        self._ended[ended.outcome] += 1
        if ended.outcome is Outcome.FAILED or (self._says and not self._lives):
            self._print(ended.text)

    def _job_failed(self, job: Any) -> None:
        excerpt = [line for log in _logs(job) for line in log_excerpt(Path(log))]
        if job.rule_name == "summary":
            # It fails when a video did; its lines are those of a finished run.
            self._summary = "\n".join(excerpt[1:])
            excerpt = excerpt[:1]
        else:
            self._print(f"error: {job.rule_name} failed, see {', '.join(_logs(job))}")
        for line in excerpt:
            self._print(line)

    def _line(self) -> Table:
        """The whole run, as it stands."""
        ended, elapsed_s = sum(self._ended.values()), time.monotonic() - self._began
        left_s = time_left(self._estimated_s, elapsed_s, ended / self._videos if self._videos else 1.0)
        if left_s == 0.0:
            left = "tables and report"
        else:
            left = f"about {spoken_time(left_s)} left" if left_s is not None else "longer than estimated"
        line = Table.grid(padding=(0, 2))
        line.add_row(
            ProgressBar(
                total=elapsed_s + (left_s or 0.0), completed=elapsed_s if left_s is not None else 0.0, width=20
            ),
            f"{ended} of {count(self._videos, 'video')}, {self._ended[Outcome.REFUSED]} refused, "
            f"{self._ended[Outcome.FAILED]} failed, {left}{self._at_work()}",
        )
        return line

    def _at_work(self) -> str:
        """How many jobs are at which stage."""
        stages = Counter(self._stage(job) for job in list(self._jobs.values()))
        return "".join(f", {n} at {stage}" for stage, n in stages.items())

    def _stage(self, job: Any) -> str:
        told = [stage for log in _logs(job) if (stage := stage_of_log(Path(log)))]
        return told[-1] if told else str(job.rule_name)

    def _stop(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _print(self, line: str) -> None:
        self._terminal.print(line, markup=False, soft_wrap=True, emoji=False)


def _logs(job: Any) -> list[str]:
    """Paths without what Snakemake adds where they are objects of a storage."""
    return [str(log).removesuffix(" (send to storage)") for log in job.log]
