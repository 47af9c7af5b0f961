"""Whether a result is current: the content of its inputs, its settings and its versions say so, whatever time stamps say.

A key stands for all that a result hangs on. Results carry theirs, and are current as long as it is the one that would be
made now. Content is read anew only where the file system says that a file was touched.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from sfm_gt.config import Config
from sfm_gt.workflow.versions import VERSIONS

SECTIONS = ("clips", "frames", "sfm", "dense", "moving", "clean", "scale", "dataset")
"""Sections of the configuration that shape ground truth; each has a stage of its name."""
SECTION_OF = {"maps": "dataset"}
"""Stages that take the section of another."""


def key_of(*parts: Any) -> str:
    """A key that moves when any of the parts does."""
    text = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def made(mark: Path, key: str, make: Callable[[], Any], intact: Callable[[], bool] = lambda: True) -> None:
    """Calls ``make`` unless its result is there already, ``intact`` and with this key; ``mark`` is the file that holds it."""
    if mark.is_file() and mark.read_text() == key and intact():
        return
    mark.unlink(missing_ok=True)
    make()
    mark.write_text(key)


def state_of(path: Path) -> dict[str, Any]:
    """Content of a file, and how the file system describes it; of a folder, what lies in it."""
    if not path.exists():
        return {"missing": True}
    return {"stat": _stat(path), "sha256": digest(path)}


def unchanged(path: Path, state: dict[str, Any]) -> bool:
    """Whether a file still has the content it had."""
    if not path.exists() or "missing" in state:
        return not path.exists() and "missing" in state
    return _stat(path) == state["stat"] or digest(path) == state["sha256"]


def _stat(path: Path) -> list[int]:
    # The time of the last change of the entry too, which nobody sets back by hand.
    found = path.stat()
    return [found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino]


def digest(path: Path) -> str:
    """SHA-256 of a file; of a folder, of the names, sizes and times in it."""
    if path.is_dir():
        below = sorted(path.rglob("*"))
        return key_of([[str(one.relative_to(path)), *_stat(one)[:2]] for one in below if one.is_file()])
    try:
        file = path.open("rb")
    except OSError as error:
        return f"unreadable: {error.strerror}"
    with file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def section_key(section: BaseModel) -> str:
    """Key of a section: its values, and the content of files that it names."""
    named = {str(path): digest(path) for path in _paths(section) if path.exists()}
    return key_of(section.model_dump(mode="json"), named)


def settings_key(config: Config) -> str:
    """Key of all settings and versions that shape ground truth."""
    sections = [section_key(getattr(config, name)) for name in SECTIONS]
    stages = ("ingest", *SECTIONS, *SECTION_OF)
    return key_of(sections, config.seed, _salt(config), _uses(config), {stage: VERSIONS[stage] for stage in stages})


def stage_key(config: Config, stage: str, *inputs: str) -> str:
    """Key of one stage's result: its section, its version and the keys of what it reads."""
    return key_of(stage, VERSIONS[stage], section_key(getattr(config, SECTION_OF.get(stage, stage))), *inputs)


def ingest_key(config: Config, *inputs: str) -> str:
    """Key of what ingest finds; it has no section of its own."""
    return key_of("ingest", VERSIONS["ingest"], config.frames.min_short_side_px, _salt(config), *inputs)


def prediction_key(model_key: str, verdict_key: str) -> str:
    """Key of one model's predictions on one video, from those of the model's section and of the video's verdict."""
    return key_of("predict", VERSIONS["predict"], model_key, verdict_key)


def own_protocols(config: Config) -> list[Path]:
    """Protocols that are the user's own files."""
    return [Path(name) for name in config.evaluate.protocols if Path(name).suffix in (".yaml", ".yml")]


def collected_key(config: Config, made_of: dict[str, str]) -> str:
    """Key of tables and report, from the keys of all verdicts and predictions that they are made of."""
    sections = [section_key(section) for section in (config.evaluate, config.report, config.provenance, *config.models)]
    versions = {stage: VERSIONS[stage] for stage in ("clip_list", "index", "evaluate", "report", "summary")}
    return key_of(made_of, sections, config.seed, versions, [digest(path) for path in own_protocols(config)])


def _uses(config: Config) -> tuple[str, dict[str, Any]]:
    """For what, and on which terms of its own, a run uses videos."""
    return config.provenance.use, config.provenance.terms


def _salt(config: Config) -> str:
    salt = config.provenance.salt_file
    return digest(salt) if salt is not None and salt.is_file() else str(salt)


def _paths(section: BaseModel) -> list[Path]:
    """Files and folders that a section names, also in parts of it."""
    found: list[Path] = []
    for name, value in section:
        if isinstance(value, BaseModel):
            found += _paths(value)
        elif isinstance(value, Path) or (name == "path" and isinstance(value, str)):
            found.append(Path(value))
    return found
