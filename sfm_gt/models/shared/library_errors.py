"""Errors inside the library of a model: one line for whoever runs it, the traceback for the log."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from sfm_gt.errors import InputError, SfmGtError, one_line

log = logging.getLogger("sfm_gt")


@contextmanager
def library_errors(model: str) -> Iterator[None]:
    """What a third-party library raises inside ends in one line; ``--verbose`` shows where it came from.

    Raises:
        InputError: any error but this package's own and those of the operating system, which have lines of their own.
    """
    try:
        yield
    except (SfmGtError, OSError):
        raise
    except Exception as error:  # libraries raise whatever they like
        log.debug("%s: the model's library failed", model, exc_info=error)
        said = one_line(" ".join(str(error).split()))[:200]
        raise InputError(
            f"models: {model}: its library failed with {type(error).__name__}: {said}; --verbose shows where"
        ) from error
