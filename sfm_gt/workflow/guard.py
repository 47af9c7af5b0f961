"""Runs work that may break in a process of its own, so that not even a crash of a library takes more with it."""

from __future__ import annotations

import ctypes
import gc
import multiprocessing
import os
import signal
import sys
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from sfm_gt.errors import SfmGtError, one_line

_FORK = multiprocessing.get_context("fork")
_INTERRUPTED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_PR_SET_PDEATHSIG = 1


def guarded(work: Callable[[], Any]) -> str | None:
    """Why ``work`` did not come to its end, in one line; None when it did. What it returns is lost.

    Being interrupted is no fault of the work: then this process ends too.
    """
    said, says = _FORK.Pipe(duplex=False)
    process = _FORK.Process(target=_work, args=(work, says, os.getpid()))
    # What this process left for the collector must not be freed in the other one, which lacks its threads: a decoder's frame
    # waits for those of its scaler for ever.
    gc.collect()
    gc.freeze()
    try:
        process.start()
    finally:
        gc.unfreeze()
    says.close()
    process.join()
    if process.exitcode == 0:
        return None
    if said.poll():
        try:
            return str(said.recv())
        except EOFError:
            pass
    number = -(process.exitcode or 0)
    if number in _INTERRUPTED:
        sys.exit(128 + number)
    memory = "; was there too little memory?" if number == signal.SIGKILL else ""
    return f"ended by {signal.Signals(number).name}{memory}" if number > 0 else f"ended with status {-number}"


def _work(work: Callable[[], Any], says: Connection, parent: int) -> None:
    if sys.platform == "linux":
        # Nobody waits for the work once its parent was killed.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)
    try:
        work()
    except (SfmGtError, OSError) as error:
        says.send(one_line(str(error)))
        raise SystemExit(1) from None
    except Exception as error:
        traceback.print_exc(file=sys.stdout)
        says.send(one_line(f"{type(error).__name__}: {error}"))
        raise SystemExit(1) from None
