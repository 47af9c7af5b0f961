"""What the Snakefile knows of a run: validated configuration, videos, and what each rule's ``params`` must carry.

``params`` decide what Snakemake runs again: each rule carries its stage's section and version, and those parts of the
sidecar that its stage reads. Editing ``dense:`` therefore reruns dense and what follows, nothing above it.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import sys
from collections.abc import Mapping
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import IO, Any

import yaml

from sfm_gt.config import Config, to_yaml, validate
from sfm_gt.errors import ConfigError, InputError, SfmGtError
from sfm_gt.formats import run_lock
from sfm_gt.formats.atomic import replacing_file
from sfm_gt.formats.sidecar import PROVENANCE, Sidecar, evidence_path, imported_path, read_sidecar
from sfm_gt.formats.workspace import Workspace
from sfm_gt.formats.yaml_text import read_yaml
from sfm_gt.scale.shared.estimate import need_depth
from sfm_gt.video.catalog import VideoFile, list_videos
from sfm_gt.workflow.settings_check import check_settings
from sfm_gt.workflow.versions import VERSIONS

# Paths that Snakemake, shells and their tools take as they stand. Braces would be wildcards, a dash an option, :// a
# storage provider; Snakemake has no way to quote them.
_PLAIN = re.compile(r"(?![-\s])(?!.*://)[\w./ ()+,@=:-]*(?<!\s)")
_LINKS = Path(".snakemake") / "sfm-gt"  # of output folders with other paths


class RunPlan:
    """One run as the rules see it."""

    def __init__(self, config: Config):
        self._config = config
        self.workspace = Workspace(config.out)
        self._videos: dict[str, VideoFile] = {video.video_id: video for video in list_videos(config.videos)}
        self.lock: IO[str] | None = None
        self.out = str(config.out if _is_plain(config.out) else _plain_link(config.out))
        self.config_path = str(Workspace(Path(self.out)).config)
        self.video_ids = sorted(self._videos)
        self.seed = config.seed
        self.model_names = [model.name for model in config.models]

    @staticmethod
    def version(stage: str) -> int:
        """VERSION of a stage: it moves when the stage's output values move."""
        return VERSIONS[stage]

    def options(self, section: str) -> str:
        """One section of the configuration, to compare; a path in it with braces would be taken for a wildcard."""
        return re.sub(r"\{(?=[\s\w.])", "(", getattr(self._config, section).model_dump_json())

    def setting(self, section: str, key: str) -> Any:
        """One value of a section, for a stage that reads just that of another stage's section."""
        return getattr(getattr(self._config, section), key)

    @property
    def protocol_files(self) -> list[str]:
        """Protocols of the user's own, whose content a changed file changes."""
        return [str(path) for path in self._own_protocols if _is_plain(path)]

    @property
    def protocol_state(self) -> str:
        """State of those that Snakemake cannot be told of."""
        return "".join(_state(path) for path in self._own_protocols if not _is_plain(path))

    @property
    def _own_protocols(self) -> list[Path]:
        return [Path(name) for name in self._config.evaluate.protocols if Path(name).suffix in (".yaml", ".yml")]

    def model_options(self, name: str) -> str:
        """One entry of ``models``."""
        return next(model.model_dump_json() for model in self._config.models if model.name == name)

    def video_input(self, video_id: str) -> list[str]:
        """The video file; what is none is left to ingest, which refuses it by name."""
        path = self._videos[video_id].path
        return [str(path)] if path.is_file() and _is_plain(path) else []

    def video_state(self, video_id: str) -> str:
        """State of a video file that Snakemake cannot be told of, so that another one makes ingest run again."""
        path = self._videos[video_id].path
        return "" if _is_plain(path) else _state(path)

    def video_of(self, clip_id: str) -> str:
        """Video id of a clip id."""
        return clip_id.rsplit("-", 1)[0]

    @cached_property
    def _sidecars(self) -> dict[str, Sidecar | str]:
        """Each video's sidecar, or the error that ingest will refuse it with."""
        read: dict[str, Sidecar | str] = {}
        for video in self._videos.values():
            try:
                read[video.video_id] = read_sidecar(video.sidecar)
            except InputError as error:
                read[video.video_id] = str(error)
        return read

    def sidecar_error(self, video_id: str) -> str:
        """Why the sidecar cannot be used, empty when it can: a repaired sidecar makes ingest run again."""
        sidecar = self._sidecars[video_id]
        return sidecar if isinstance(sidecar, str) else ""

    def sidecar_section(self, clip_id: str, section: str) -> str:
        """One section of the sidecar, with the content of the files that it names."""
        video = self._videos.get(self.video_of(clip_id))
        sidecar = self._sidecars.get(self.video_of(clip_id))
        if video is None or not isinstance(sidecar, Sidecar):
            return ""
        stated: str = getattr(sidecar, section).model_dump_json(exclude_defaults=True)
        for name in sidecar.scale.files if section == "scale" else ():
            if video.sidecar is not None:
                stated += evidence_path(video.sidecar, name).read_text(errors="replace")
        return stated

    @cached_property
    def scale_needs_depth(self) -> bool:
        """Whether a configured scale cue looks at dense depth; scale then waits for it."""
        return need_depth(self._config.scale.cues)

    def sidecar_import(self, video_id: str) -> str:
        """What the sidecar imports, with a digest of the files: edited cameras make their readers run again."""
        video, sidecar = self._videos.get(video_id), self._sidecars.get(video_id)
        if video is None or video.sidecar is None or not isinstance(sidecar, Sidecar) or sidecar.imported is None:
            return ""
        path = imported_path(video.sidecar, sidecar.imported)
        digest = hashlib.sha256()
        for file in sorted(path.iterdir()) if path.is_dir() else [path]:
            # A recording's folder also holds its video and depth maps, which no importer reads.
            if file.is_file() and file.suffix in (".txt", ".csv", ".bin"):
                digest.update(file.name.encode() + file.read_bytes())
        # Some formats say nothing of the focal length and take the sidecar's.
        return f"{sidecar.imported.model_dump_json()}{digest.hexdigest()}{sidecar.camera.focal_px or ''}"

    def sidecar_provenance(self, clip_id: str) -> str:
        """Source, licence, author, date, uploader and consent."""
        sidecar = self._sidecars.get(self.video_of(clip_id))
        if not isinstance(sidecar, Sidecar):
            return ""
        return sidecar.model_dump_json(include={*PROVENANCE, "uploader"})


def _is_plain(path: Path) -> bool:
    return _PLAIN.fullmatch(str(path)) is not None


def _state(path: Path) -> str:
    if not path.exists():
        return "missing"
    return f"{path.stat().st_size} bytes of {path.stat().st_mtime_ns}"


def _plain_link(folder: Path) -> Path:
    """A link to ``folder`` with a path that Snakemake takes."""
    target = folder.absolute()
    link = _LINKS / hashlib.sha256(os.fsencode(target)).hexdigest()[:16]
    link.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError):
        link.symlink_to(target, target_is_directory=True)
    return link


def prepare(workflow: Any, content: dict[str, Any]) -> RunPlan:
    """Validates and leaves the effective configuration in the output folder; exits with one line on an error.

    Args:
        workflow: Snakemake's global of the Snakefile.
        content: Snakemake's ``config``.
    """
    try:
        for path in workflow.configfiles:
            read_yaml(Path(path), ConfigError)  # Snakemake lets the last of equal keys win
        typed = _typed(content, workflow.config_settings.config)
        config = validate(json.loads(json.dumps(typed, default=str)))
        if workflow.is_main_process:
            check_settings(config)
        plan = RunPlan(config)
        if workflow.is_main_process:
            plan.lock = run_lock.try_hold(plan.workspace.lock("run"))
        if plan.lock is not None:
            if plan.workspace.forget_journal.is_file():
                raise InputError(f"{config.out}: a forget was interrupted; complete it with `sfm-gt forget` first")
            _clear_remains(Path(".snakemake"), plan.out)
            _leave_config(config)
    except SfmGtError as error:
        print(f"sfm-gt: {error}", file=sys.stderr)
        sys.exit(1)
    return plan


def _typed(content: Any, given: Any) -> Any:
    """``content`` with numbers and booleans where the command line gave them: Snakemake leaves nested ones as text."""
    if isinstance(given, Mapping):
        return {key: _typed(value, given[key]) if key in given else value for key, value in content.items()}
    if isinstance(given, list):
        return [_typed(one, one) for one in given]
    read = yaml.safe_load(given) if isinstance(given, str) else given
    return read if isinstance(read, bool | int | float) else content


def _clear_remains(snakemake_folder: Path, out: str) -> None:
    """Removes what a killed Snakemake left of its work on ``out``: its lock and its marks of incomplete outputs.

    To be called only with our own lock held, which proves that no other run is at work there. Our outputs appear whole or
    not at all, so one that exists is complete whatever the mark says.
    """
    prefix = out.rstrip("/") + "/"
    for lock in snakemake_folder.glob("locks/*.lock"):
        if any(line.startswith(prefix) for line in lock.read_text().splitlines()):
            lock.unlink()
    marks = snakemake_folder / "incomplete"
    for mark in [path for path in marks.rglob("*") if path.is_file()]:
        # Snakemake names a mark by the encoded output path; long ones are cut into folders that begin with @.
        encoded = "".join(part.removeprefix("@") for part in mark.relative_to(marks).parts)
        if base64.urlsafe_b64decode(encoded).decode(errors="replace").startswith(prefix):
            mark.unlink()


def keep_going(workflow: Any) -> None:
    """One clip's error must not stop the others; the run still ends with exit status 1."""
    workflow.scheduler.keepgoing = True


def _leave_config(config: Config) -> None:
    path = Workspace(config.out).config
    text = to_yaml(config)
    if not path.is_file() or path.read_text() != text:
        with replacing_file(path) as partial:
            partial.write_text(text)
