"""Readers of public benchmarks in their official layouts. Each file of this folder is a family; ``names()`` lists all.

A module is a reader when it defines ``BENCHMARKS``: name -> function from the benchmark's folder to a ``Benchmark``.
"""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from pathlib import Path

from sfm_gt.errors import ConfigError, InputError
from sfm_gt.public_datasets.benchmark import Benchmark, BenchmarkFrame, Conventions, Reader

__all__ = ["Benchmark", "BenchmarkFrame", "Conventions", "names", "open_benchmark"]


def names() -> tuple[str, ...]:
    """All benchmarks that can be opened, sorted."""
    return tuple(sorted(_readers()))


def open_benchmark(name: str, path: str | Path) -> Benchmark:
    """The benchmark ``name`` whose official files lie in the folder ``path``; docs/benchmarks.md shows each layout.

    Raises:
        ConfigError: no such benchmark; the message names the nearest one.
        InputError: the folder is not laid out as that benchmark's is.
    """
    readers = _readers()
    if name not in readers:
        nearest = difflib.get_close_matches(name, readers, n=1)
        hint = f"; did you mean {nearest[0]!r}?" if nearest else ""
        raise ConfigError(f"benchmarks: no {name!r}, known are {', '.join(sorted(readers))}{hint}")
    folder = Path(path)
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; give the one that holds the files of {name}")
    return readers[name](folder)


def _readers() -> dict[str, Reader]:
    readers: dict[str, Reader] = {}
    for module in pkgutil.iter_modules(__path__):
        readers |= getattr(importlib.import_module(f"{__name__}.{module.name}"), "BENCHMARKS", {})
    return readers
