"""Calls that die at a chosen change of the file system."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

CHANGES = ("replace", "unlink", "rmdir")


@dataclass
class Count:
    """Changes of the file system so far."""

    n: int = 0


@contextmanager
def counted_changes(killed_at: int | None = None) -> Iterator[Count]:
    """Counts replacements and removals; the process dies by SIGKILL before the change with that number."""
    count, originals = Count(), {name: getattr(os, name) for name in CHANGES}

    def counted(original: Callable) -> Callable:
        def wrapper(*args: object, **kwargs: object) -> object:
            count.n += 1
            if count.n == killed_at:
                os.kill(os.getpid(), signal.SIGKILL)
            return original(*args, **kwargs)

        return wrapper

    for name, original in originals.items():
        setattr(os, name, counted(original))
    try:
        yield count
    finally:
        for name, original in originals.items():
            setattr(os, name, original)


def run_killed_at(change: int, function: Callable[[], object]) -> bool:
    """Calls in a child that dies before its ``change``-th change, the first being 1; False if it lived."""
    child = os.fork()
    if child == 0:
        try:
            with counted_changes(change):
                function()
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)
