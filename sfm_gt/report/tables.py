"""The table of models: CSV with every figure, Markdown and LaTeX with the headline ones, protocol hash and notes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

Row = dict[str, Any]

HEADLINE = {
    "model": "model", "abs_rel": "AbsRel ↓", "delta1": "δ1 ↑", "alignment": "alignment", "kind": "kind",
    "abs_rel_image_mean": "AbsRel (image mean)", "delta1_image_mean": "δ1 (image mean)", "videos": "videos",
    "frames": "frames", "pixels": "pixels", "missing": "missing",
}  # fmt: skip
WORDS = ("model", "alignment", "kind")
"""Columns that hold words; all others hold figures and stand to the right."""
NOTHING_SCORED = "No frame was scored."


def headline(rows: Sequence[Row]) -> list[dict[str, str]]:
    """The rows as text under the titles of HEADLINE."""
    return [{title: _cell(column, row) for column, title in HEADLINE.items()} for row in rows]


def _cell(column: str, row: Row) -> str:
    if column == "missing":
        share = row["missing_pixel_share"]
        pixels = f" + {100 * share:.2g} % px" if share is not None and share > 0 else ""
        return f"{row['missing_frames']}{pixels}"
    value = row[column]
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "–"
    if isinstance(value, float):
        return f"{value:.3f}"
    return f"{value:,}".replace(",", " ") if column == "pixels" else str(value)


def markdown(rows: Sequence[Row], protocol_hash: str, notes: Sequence[str]) -> str:
    """GitHub-flavoured table, the notes below it."""
    if not rows:
        return f"{NOTHING_SCORED}\n\n" + "".join(f"{line}\n" for line in _below(protocol_hash, notes))
    cells = headline(rows)
    lines = ["| " + " | ".join(HEADLINE.values()) + " |"]
    lines.append("|" + "|".join("---" if column in WORDS else "---:" for column in HEADLINE) + "|")
    lines += ["| " + " | ".join(row.values()) + " |" for row in cells]
    return "\n".join(lines) + "\n\n" + "".join(f"{line}\n" for line in _below(protocol_hash, notes))


def latex(rows: Sequence[Row], protocol_hash: str, notes: Sequence[str]) -> str:
    """A booktabs table that needs no package besides booktabs; the notes as comments below it."""
    import pandas as pd

    titles = {**HEADLINE, "abs_rel": r"AbsRel $\downarrow$", "delta1": r"$\delta_1$ $\uparrow$",
              "delta1_image_mean": r"$\delta_1$ (image mean)"}  # fmt: skip
    comments = "".join(f"% {line}\n" for line in (*([] if rows else [NOTHING_SCORED]), *_below(protocol_hash, notes)))
    if not rows:
        return comments
    frame = pd.DataFrame(headline(rows))
    styled = frame.style.format(escape="latex").hide(axis="index")
    styled = styled.format_index(lambda title: titles[_column_of(title)], axis=1)
    body: str = styled.to_latex(
        hrules=True, column_format="".join("l" if column in WORDS else "r" for column in HEADLINE)
    )
    return body.replace("–", "--") + comments


def csv(rows: Sequence[Row], protocol_hash: str) -> str:
    """Every figure at full precision, the protocol hash in the last column; NaN as an empty cell."""
    text: str = _frame_of(rows, protocol_hash).to_csv(index=False, lineterminator="\n")
    return text


def _frame_of(rows: Sequence[Row], protocol_hash: str) -> pd.DataFrame:
    import pandas as pd

    if not rows:
        return pd.DataFrame(columns=["model", "kind", "alignment", "abs_rel", "delta1", "protocol"])
    return pd.DataFrame([{**row, "protocol": protocol_hash} for row in rows])


def _below(protocol_hash: str, notes: Sequence[str]) -> list[str]:
    return [f"Protocol {protocol_hash}: frame > video > data set mean; alignment per image.", *notes]


def _column_of(title: str) -> str:
    return next(column for column, known in HEADLINE.items() if known == title)
