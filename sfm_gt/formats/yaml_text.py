"""YAML that strangers write: size, aliases and depth are bounded before anything is built from it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from sfm_gt.errors import InputError

MAX_BYTES = 1 << 20  # a sidecar is a page of text
MAX_DEPTH = 20
# libyaml, ten times as fast, where PyYAML was built with it.
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_yaml(path: Path) -> Any:
    """Content of a YAML file, None when it is empty.

    Raises:
        InputError: unreadable, too large, not YAML, nested too deep, or with aliases: a few lines of those unfold to
            gigabytes.
    """
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise InputError(f"{path}: {size} bytes; needed at most {MAX_BYTES}, a page of text; shorten it")
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read ({error}); save it as UTF-8 text or remove it") from None
    try:
        _check_events(path, text)
        return yaml.load(text, Loader=LOADER)
    except (yaml.YAMLError, ValueError) as error:
        raise InputError(f"{path}: not valid YAML ({' '.join(str(error).split())}); fix or remove it") from None


def _check_events(path: Path, text: str) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=LOADER):
        if isinstance(event, yaml.AliasEvent):
            raise InputError(f"{path}: holds the alias *{event.anchor}, which can unfold without bound; write its "
                             "content out")  # fmt: skip
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise InputError(f"{path}: nested deeper than {MAX_DEPTH} levels; no sidecar needs that, flatten it")
