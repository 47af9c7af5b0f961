"""One family of exceptions; the command line turns each into one line and exit status 1.

A message says what was found, what was needed and what to change. A clip that cannot give ground truth is no error:
it raises :class:`Rejected`, whose reason code is counted in the yield funnel while the run goes on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any


def one_line(text: str) -> str:
    """``text`` that fits into one line of any log: control characters and bytes of a name that are no text as escapes."""
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape", "backslashreplace").decode("ascii") for c in text
    )


class SfmGtError(Exception):
    """Base of every error that this package raises on purpose."""


class ConfigError(SfmGtError):
    """The configuration does not validate."""


class InputError(SfmGtError):
    """A file given by the user cannot be used: which file, what was found, what was needed, what to change."""


class NoEvidenceError(SfmGtError):
    """A scale cue finds nothing in its input to estimate from. A cue never answers with scale 1 instead."""


class ContradictionError(NoEvidenceError):
    """Pieces of evidence of the scale contradict one another and no majority says which is right."""


class NotMetricError(SfmGtError):
    """Metres were asked of a clip that has no metric scale."""


class OutputError(SfmGtError):
    """The output folder cannot be written: full disk, read-only file system, missing permission."""


class Rejected(SfmGtError):
    """A video, clip or frame cannot give ground truth.

    Attributes:
        reason: code in snake_case, stable across versions; the yield funnel counts by it.
        measured: the figure that decided, or None where the reason is not a figure.
        threshold: the bound that the figure was held against, or None.
        measures: what else was found out before, for the manifest.
    """

    def __init__(self, reason: str, message: str, measured: float | None = None, threshold: float | None = None):
        super().__init__(one_line(message))
        self.reason = reason
        self.measured = measured
        self.threshold = threshold
        self.measures: dict[str, Any] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        """For the way from a child process."""
        return type(self), (self.reason, str(self), self.measured, self.threshold), {"measures": self.measures}


@contextmanager
def knowing(measures: Mapping[str, Any]) -> Iterator[None]:
    """Figures that are known by now, under their names in the manifest of an accepted clip: a verdict within takes them along.

    Args:
        measures: read when the verdict comes, so that the body may add to it.
    """
    try:
        yield
    except Rejected as verdict:
        verdict.measures = dict(measures) | verdict.measures
        raise
