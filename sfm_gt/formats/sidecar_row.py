"""A sidecar that stands in a row of a table of videos instead of a file. Light: the workflow imports it at parse time."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class SidecarRow:
    """What a row says of its video.

    Attributes:
        table: the files that the text names lie beside it.
        row: the first one is 1.
        text: as the YAML file would hold it.
    """

    table: Path
    row: int
    text: str

    @property
    def parent(self) -> Path:
        """The folder of the files that it names."""
        return self.table.parent

    @property
    def sha256(self) -> str:
        """Of the text, which may hold what has to be kept in the table alone."""
        return hashlib.sha256(self.text.encode("utf-8", "surrogatepass")).hexdigest()

    @property
    def name(self) -> str:
        """For messages."""
        return f"{self.table.name}, row {self.row}"

    def __str__(self) -> str:
        return f"{self.table}, row {self.row}"


SidecarSource = Path | SidecarRow
