"""Work that breaks, in every way there is, ends in one line and takes nothing else with it."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sfm_gt.errors import InputError
from sfm_gt.workflow.guard import guarded


def raising(error: Exception):
    def work() -> None:
        raise error

    return work


def test_what_comes_to_its_end_is_no_fault(tmp_path: Path) -> None:
    assert guarded(lambda: (tmp_path / "done").touch()) is None
    assert (tmp_path / "done").exists()


@pytest.mark.parametrize(
    ("work", "says"),
    [
        (raising(InputError("track.csv: garbage")), "track.csv: garbage"),
        (raising(ValueError("no\nnumber")), r"ValueError: no\nnumber"),
        (raising(IsADirectoryError(21, "Is a directory", "track.csv")), "track.csv"),
        (lambda: os.kill(os.getpid(), signal.SIGSEGV), "ended by SIGSEGV"),
        (lambda: os.kill(os.getpid(), signal.SIGKILL), "too little memory"),
        (lambda: os._exit(7), "ended with status 7"),
    ],
)
def test_what_breaks_says_why_in_one_line(work, says: str) -> None:
    problem = guarded(work)
    assert problem is not None
    assert says in problem
    assert "\n" not in problem


def test_an_interruption_is_no_fault_of_the_work() -> None:
    with pytest.raises(SystemExit, match=str(128 + signal.SIGTERM)):
        guarded(lambda: os.kill(os.getpid(), signal.SIGTERM))


def test_work_does_not_outlive_who_waits_for_it(tmp_path: Path) -> None:
    program = f"""
import pathlib, time
from sfm_gt.workflow.guard import guarded
def work():
    pathlib.Path({str(tmp_path / "begun")!r}).touch()
    time.sleep(2)
    pathlib.Path({str(tmp_path / "outlived")!r}).touch()
guarded(work)
"""
    waiting = subprocess.Popen([sys.executable, "-c", program])
    while not (tmp_path / "begun").exists():
        time.sleep(0.05)
    waiting.kill()
    waiting.wait()
    time.sleep(2.5)
    assert not (tmp_path / "outlived").exists()


class Held:
    """Notes which process frees it; a cycle with itself, so that only the collector does."""

    def __init__(self, notes: Path):
        self._notes, self._own = notes, self

    def __del__(self) -> None:
        with self._notes.open("a") as file:
            file.write(f"{os.getpid()}\n")


def test_the_work_frees_nothing_that_was_left_behind_before_it(tmp_path: Path) -> None:
    """A decoder's frame, freed in a process without the decoder's threads, waited for them for ever."""
    garbage, live = tmp_path / "garbage", tmp_path / "live"
    gc.disable()
    try:
        Held(garbage)
        held = [Held(live)]

        def work() -> None:
            held.clear()
            gc.collect()

        assert guarded(work) is None
    finally:
        gc.enable()
    assert garbage.read_text() == f"{os.getpid()}\n"
    assert not live.exists()
