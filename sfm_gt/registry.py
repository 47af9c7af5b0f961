"""Finds plug-ins: in a plug-in folder, the file's name is the method's name in the configuration.

A plug-in folder holds nothing else: every module in it defines ``PLUGIN``, a class; what they share lies in sub-folders.
"""

from __future__ import annotations

import difflib
import importlib
import pkgutil

from sfm_gt.errors import ConfigError


def names(folder: str) -> tuple[str, ...]:
    """Names of all plug-ins in ``sfm_gt/<folder>/``, sorted; none is imported."""
    package = importlib.import_module(f"sfm_gt.{folder}")
    return tuple(sorted(module.name for module in pkgutil.iter_modules(package.__path__) if not module.ispkg))


def require(folder: str, name: str) -> None:
    """Raises ConfigError when ``sfm_gt/<folder>/`` holds no method ``name``; the message names the nearest one."""
    known = names(folder)
    if name not in known:
        nearest = difflib.get_close_matches(name, known, n=1)
        hint = f"; did you mean {nearest[0]!r}?" if nearest else ""
        raise ConfigError(f"{folder}: no method {name!r}, known are {', '.join(known)}{hint}")


def load(folder: str, name: str) -> type:
    """The plug-in class called ``name`` in ``sfm_gt/<folder>/``. Raises ConfigError as :func:`require`."""
    require(folder, name)
    plugin: type = importlib.import_module(f"sfm_gt.{folder}.{name}").PLUGIN
    return plugin
