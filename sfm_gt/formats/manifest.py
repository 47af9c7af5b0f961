"""The manifest that ends every stage's output: what was done, by which version, and the verdict.

It vouches for the stage's files by their SHA-256, so that one that is missing, replaced or edited later is not used unseen.
Manifests hold no clock time and no host name: the same input and configuration give the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from sfm_gt.errors import InputError, Rejected
from sfm_gt.formats.atomic import replacing_file

MANIFEST_NAME = "manifest.json"


@dataclass(frozen=True)
class Manifest:
    """Result of one stage on one video or clip.

    Attributes:
        status: ``ok``; ``rejected``: this stage found that it cannot give ground truth; ``skipped``: an earlier one did.
        reason: reason code where not ok; a skipped stage repeats the code of the stage that rejected.
        measured, threshold: the figure behind the verdict and its bound, where there is one.
        measures: figures for the report, by name with unit suffix.
        files: SHA-256 of the stage's files by path in its folder; empty where a stage does not vouch for them.
    """

    stage: str
    version: int
    status: Literal["ok", "rejected", "skipped"] = "ok"
    reason: str | None = None
    message: str | None = None
    measured: float | None = None
    threshold: float | None = None
    measures: dict[str, Any] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether later stages have something to work on."""
        return self.status == "ok"

    @classmethod
    def rejected(cls, stage: str, version: int, verdict: Rejected) -> Manifest:
        """The manifest of a stage that ended in a verdict. Figures that came out as no number are not known."""
        known = {
            name: value
            for name, value in verdict.measures.items()
            if not isinstance(value, float) or math.isfinite(value)
        }
        return cls(
            stage,
            version,
            "rejected",
            verdict.reason,
            str(verdict),
            verdict.measured,
            verdict.threshold,
            known,
        )

    def skipped_in(self, stage: str, version: int) -> Manifest:
        """The manifest of a later stage that has nothing to do, because of this one's verdict."""
        return Manifest(stage, version, "skipped", self.reason, self.message, self.measured, self.threshold)


def write_json(path: Path, content: Any) -> None:
    """Deterministic, whole-or-nothing JSON."""
    with replacing_file(path) as partial:
        text = json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"
        # Bytes of a file name that are no text become JSON's own escapes.
        partial.write_text(text, encoding="utf-8", errors="backslashreplace")


def parsed_json(content: bytes, where: Path | str) -> Any:
    """JSON from memory. Raises InputError for what is none, or is nested deeper than anything that this package writes."""
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where}: not valid JSON ({error}); delete it and run again, or copy it again") from None


def read_json(path: Path) -> Any:
    """Raises InputError when the file is missing or not JSON."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise InputError(f"{path}: not found; run the stage that writes it, or check the output folder") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); needed a JSON file") from None
    return parsed_json(content, path)


def read_json_object(path: Path) -> dict[str, Any]:
    """Raises InputError when the file is missing, not JSON, or holds something else than names with values."""
    content = read_json(path)
    if not isinstance(content, dict):
        raise InputError(
            f"{path}: holds a JSON {type(content).__name__}, needed an object {{...}}; delete it and run again, or copy "
            "it again"
        )
    return content


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Writes ``folder/manifest.json``: always the last file of a stage."""
    write_json(folder / MANIFEST_NAME, asdict(manifest))


def files_of(folder: Path) -> dict[str, str]:
    """SHA-256 of every file below a stage's folder but its manifest, by path; hidden files are a file manager's."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    digests = {}
    for path in paths:
        if path.name != MANIFEST_NAME:
            with path.open("rb") as file:
                digests[path.relative_to(folder).as_posix()] = hashlib.file_digest(file, "sha256").hexdigest()
    return digests


def check_files(folder: Path) -> None:
    """Whether the files of a stage are those that its manifest vouches for.

    Raises:
        InputError: one is missing, added or changed; the manifest is removed then, so that the next run makes the stage again.
            Or there is no manifest.
    """
    manifest = read_manifest(folder)
    difference = first_difference(folder, manifest)
    if difference is not None:
        (folder / MANIFEST_NAME).unlink(missing_ok=True)
        raise InputError(f"{difference} after the stage {manifest.stage} was complete; run again, and it is made anew")


def first_difference(folder: Path, manifest: Manifest) -> str | None:
    """A file that is not as the manifest says, and what became of it; None where all are, or it vouches for none."""
    found = files_of(folder) if manifest.files else {}
    for name in sorted(found.keys() | manifest.files.keys()):
        if found.get(name) != manifest.files.get(name):
            what = "is missing" if name not in found else "was added" if name not in manifest.files else "was changed"
            return f"{folder / name}: {what}"
    return None


def read_manifest(folder: Path) -> Manifest:
    """Reads ``folder/manifest.json``. Raises InputError when it is missing or broken."""
    path = folder / MANIFEST_NAME
    try:
        manifest = Manifest(**read_json_object(path))
    except TypeError:
        raise InputError(f"{path}: no manifest of this version; delete it and run again, or copy it again") from None
    if not isinstance(manifest.files, dict):
        raise InputError(f"{path}: 'files' is no object {{...}}; delete it and run again, or copy it again")
    return manifest
