"""Finds plug-ins: in a plug-in folder, the file's name is the method's name in the configuration.

A module is a plug-in when it defines ``PLUGIN``, a class. Kernels and shared code stand next to them without one.
"""

from __future__ import annotations

import difflib
import importlib
import pkgutil

from sfm_gt.errors import ConfigError


def names(folder: str) -> tuple[str, ...]:
    """Names of all plug-ins in ``sfm_gt/<folder>/``, sorted."""
    package = importlib.import_module(f"sfm_gt.{folder}")
    found = []
    for module in pkgutil.iter_modules(package.__path__):
        if not module.ispkg and hasattr(importlib.import_module(f"sfm_gt.{folder}.{module.name}"), "PLUGIN"):
            found.append(module.name)
    return tuple(sorted(found))


def load(folder: str, name: str) -> type:
    """The plug-in class called ``name`` in ``sfm_gt/<folder>/``.

    Raises:
        ConfigError: no such method; the message names the nearest one.
    """
    known = names(folder)
    if name not in known:
        nearest = difflib.get_close_matches(name, known, n=1)
        hint = f"; did you mean {nearest[0]!r}?" if nearest else ""
        raise ConfigError(f"{folder}: no method {name!r}, known are {', '.join(known)}{hint}")
    plugin: type = importlib.import_module(f"sfm_gt.{folder}.{name}").PLUGIN
    return plugin
