"""Untrusted files are opened in a process of their own, whose death is a verdict on the file and not the end of the caller."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import ParamSpec, TypeVar

from sfm_gt.errors import Rejected

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


def in_child(
    file_name: str, function: Callable[Parameters, Result], *args: Parameters.args, **kwargs: Parameters.kwargs
) -> Result:
    """``function(*args, **kwargs)``, called in a new process; function, arguments and result are pickled.

    Args:
        file_name: of the video, the beginning of the message.

    Raises:
        Rejected: what the function raises, or ``damaged_video`` where it ends its process or asks for more memory than there
            is.
    """
    # Spawned, since a fork of a process with threads may wait for ever.
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        try:
            return pool.submit(function, *args, **kwargs).result()
        except BrokenProcessPool:
            found = "reading it ended the process (a crash of the decoder, or too little memory)"
        except MemoryError:
            found = "reading it takes more memory than there is"
    raise Rejected("damaged_video", f"{file_name}: {found}; copy it again or re-encode it (ffmpeg -i FILE OUT)")
