"""What each reason code means and what to do about it: one text for the report and for docs/reasons.md."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

REASONS_YAML = Path(__file__).with_name("reasons.yaml")


@dataclass(frozen=True)
class Reason:
    """One entry of reasons.yaml.

    Attributes:
        codes: reason codes that share it.
        stages: that give them.
        condition: when, as Markdown.
        remedy: what to do, as Markdown; empty where nothing is known to help.
    """

    codes: tuple[str, ...]
    stages: tuple[str, ...]
    condition: str
    remedy: str


@cache
def reasons() -> tuple[Reason, ...]:
    """All entries, in the order of the file."""
    entries = yaml.safe_load(REASONS_YAML.read_text(encoding="utf-8"))
    return tuple(Reason(tuple(e["codes"]), tuple(e["stages"]), e["condition"], e["remedy"]) for e in entries)


def remedy(code: str, stage: str) -> str:
    """What to do about a verdict of a stage, as Markdown; empty where nothing is known to help."""
    found = [reason for reason in reasons() if code in reason.codes]
    return next((reason.remedy for reason in found if stage in reason.stages), found[0].remedy if found else "")
