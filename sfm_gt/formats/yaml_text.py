"""YAML that users write: the one loader of all of it.

Size, depth, aliases, repeated keys and numbers that YAML takes for others are checked while it is read.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml
from yaml.composer import Composer
from yaml.constructor import SafeConstructor
from yaml.parser import Parser
from yaml.reader import Reader
from yaml.resolver import Resolver
from yaml.scanner import Scanner

from sfm_gt.errors import InputError, SfmGtError, one_line
from sfm_gt.formats.number_table import MAX_DIGITS

MAX_BYTES = 1 << 20  # a sidecar is a page of text
MAX_DEPTH = 20
_OCTAL = re.compile(r"[-+]?0[0-9_]*[1-9][0-9_]*")
# libyaml, ten times as fast, where PyYAML was built with it.
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_yaml(path: Path, error: type[SfmGtError] = InputError) -> Any:
    """Content of a YAML file, None when it is empty.

    Raises:
        error: no regular file, unreadable, too large, not YAML, nested too deep, a key that is given twice (the last one would
            win silently), aliases (a few lines of those unfold to gigabytes), or a number of endless digits or that YAML
            takes for another than it looks like (0525 for 341, 1:30 for 90).
    """
    try:
        if path.exists() and not path.is_file():
            raise error(f"{path}: not a regular file; put a YAML file there")
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise error(f"{path}: {size} bytes; needed at most {MAX_BYTES}, a page of text; shorten it")
        text = path.read_text(encoding="utf-8")
    except OSError as failure:
        raise error(f"{path}: cannot be read ({failure.strerror}); give an existing YAML file") from None
    except UnicodeDecodeError as failure:
        raise error(f"{path}: cannot be read ({failure}); save it as UTF-8 text") from None
    return parse_yaml(text, str(path), error)


def parse_yaml(text: str, name: str, error: type[SfmGtError] = InputError) -> Any:
    """The same of a text.

    Args:
        name: where it stands, the beginning of messages.
    """
    if len(text) > MAX_BYTES:
        raise error(f"{name}: {len(text)} characters; needed at most {MAX_BYTES}, a page of text; shorten it")
    try:
        return yaml.load(text, Loader=_Loader)
    except _RefusedError as failure:
        raise error(f"{name}: {failure}") from None
    except (yaml.YAMLError, ValueError, OverflowError) as failure:
        raise error(f"{name}: not valid YAML ({' '.join(str(failure).split())}); fix or remove it") from None


class _RefusedError(Exception):
    """Valid YAML that is not accepted here; the message lacks only the file."""


class _PlainEvents(Reader, Scanner, Parser):  # type: ignore[misc]
    """PyYAML's own events."""

    def __init__(self, stream: str):
        Reader.__init__(self, stream)
        Scanner.__init__(self)
        Parser.__init__(self)


_Events: Any = yaml.cyaml.CParser if yaml.__with_libyaml__ else _PlainEvents


class _Loader(Composer, _Events, SafeConstructor, Resolver):  # type: ignore[misc]
    """PyYAML's safe loader, on libyaml's events, without what makes a file mean something else than it seems to say."""

    def __init__(self, stream: str):
        _Events.__init__(self, stream)
        Composer.__init__(self)
        SafeConstructor.__init__(self)
        Resolver.__init__(self)
        self._depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """One value, once it is known to be no alias and not too deep."""
        if self.check_event(yaml.AliasEvent):
            event = self.peek_event()
            raise _RefusedError(f"line {_line(event)}: holds the alias *{event.anchor}, which can unfold without bound; write "
                                "its content out")  # fmt: skip
        if self._depth >= MAX_DEPTH:
            raise _RefusedError(f"line {_line(self.peek_event())}: nested deeper than {MAX_DEPTH} levels; flatten it")
        self._depth += 1
        node: yaml.Node | None = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """A mapping whose keys all differ."""
        first_lines: dict[Any, int] = {}
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str | int | float | bool | None):
                raise _RefusedError(f"line {_line(key_node)}: the key is a {type(key).__name__}; needed a word")
            if key in first_lines:
                raise _RefusedError(f"line {_line(key_node)}: {one_line(str(key))!r} is given twice, first in line "
                                    f"{first_lines[key]}; remove one of them")  # fmt: skip
            first_lines[key] = _line(key_node)
        content: dict[Any, Any] = super().construct_mapping(node, deep=deep)
        return content

    def construct_yaml_int(self, node: yaml.ScalarNode) -> int:
        """A whole number that means what its digits say."""
        self._check_number(node)
        if len(node.value) > MAX_DIGITS:
            raise _RefusedError(
                f"line {_line(node)}: a number of {len(node.value)} digits; needed at most {MAX_DIGITS}"
            )
        value = int(super().construct_yaml_int(node))
        if _OCTAL.fullmatch(node.value):
            raise _RefusedError(f"line {_line(node)}: {node.value} begins with 0, which YAML takes for base 8, {value}; write "
                                f"{int(node.value)}, or quotes around what is text")  # fmt: skip
        return value

    def construct_yaml_float(self, node: yaml.ScalarNode) -> float:
        """A number that means what its digits say."""
        self._check_number(node)
        return float(super().construct_yaml_float(node))

    def _check_number(self, node: yaml.ScalarNode) -> None:
        if ":" in node.value:
            raise _RefusedError(f"line {_line(node)}: {node.value[:MAX_DIGITS]} is a number in base 60 to YAML; write one "
                                "number without colons, or quotes around what is text")  # fmt: skip


# The base class lists its own functions, not the names that are overridden above.
_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.construct_yaml_int)
_Loader.add_constructor("tag:yaml.org,2002:float", _Loader.construct_yaml_float)


def _line(place: Any) -> int:
    return int(place.start_mark.line) + 1
