"""What the Snakefile knows of a run: validated configuration, videos, inputs of each, and what has to be made again.

Snakemake is told what is stale by ``workflow/staleness.py``; time stamps of inputs decide nothing.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import yaml

from sfm_gt.config import Config, to_yaml, validate
from sfm_gt.errors import ConfigError, OutputError, SfmGtError
from sfm_gt.formats import run_lock
from sfm_gt.formats.atomic import replacing_file
from sfm_gt.formats.dataset_layout import DATASET_JSON, INDEX_NAME
from sfm_gt.formats.manifest import MANIFEST_NAME
from sfm_gt.formats.sidecar_row import SidecarRow
from sfm_gt.formats.verdict import INPUTS_NAME, VERDICT_NAME
from sfm_gt.formats.workspace import JOURNAL, Workspace
from sfm_gt.formats.yaml_text import parse_yaml, read_yaml
from sfm_gt.video.catalog import Stored, VideoFile, list_videos, name_in, passed_over, root_of
from sfm_gt.video.catalog_file import State as VideosState
from sfm_gt.video.catalog_file import ids_in, known_videos, state_of_videos, write_catalog
from sfm_gt.video.video_table import is_table
from sfm_gt.workflow.currency import own_protocols
from sfm_gt.workflow.estimate import THREADS_OF_A_JOB, estimate, films_of
from sfm_gt.workflow.staleness import KEY_JSON, VideoInputs, stale_results
from sfm_gt.workflow.storage import ObjectStorage, State

if TYPE_CHECKING:
    from sfm_gt.workflow.console import Console

# Paths that Snakemake, shells and their tools take as they stand. Braces would be wildcards, a dash an option, :// a
# storage provider; Snakemake has no way to quote them.
_PLAIN = re.compile(r"(?![-\s])(?!.*://)[\w./ ()+,@=:-]*(?<!\s)")
_OWN = Path(".snakemake") / "sfm-gt"  # links to output folders with other paths, mirrors of object storages
_TELL_WHAT_IS_CURRENT = ("collected.json", JOURNAL, f"videos/*/{VERDICT_NAME}", f"videos/*/{INPUTS_NAME}",
                         f"predictions/*/*/{KEY_JSON}", f"dataset/clips/*/*/{MANIFEST_NAME}",
                         f"dataset/{DATASET_JSON}", f"dataset/{INDEX_NAME}")  # fmt: skip


class RunPlan:
    """One run as the rules see it."""

    def __init__(self, config: Config, workflow: Any):
        self._config, self._workflow = config, workflow
        self._storage = ObjectStorage.of(workflow, _OWN / "mirror")
        self._here = config if self._storage is None else _located(config, self._storage.local)
        self._known = config if self._storage is None else _located(config, self._storage.mirrored)
        self._videos: Mapping[str, VideoFile] = {}
        self._videos_state: VideosState | None = None
        self.workspace = Workspace(self._here.out)
        self.lock: IO[str] | None = None
        self.stale: set[str] = set()
        self._told = False
        self.console: Console | None = None
        self.out = str(config.out if _is_plain(config.out) else _plain_link(config.out))
        # Where jobs find it: in the folder itself, or in Snakemake's copy of what is stored.
        self._out_here = Path(self.out) if self._storage is None else self._here.out
        self.config_path = str(Workspace(self._out_here).config)
        self.model_names = [model.name for model in config.models]
        own = own_protocols(config) if self._storage is None else []
        self.protocol_files = [str(path) for path in own if _is_plain(path)]

    @property
    def address(self) -> str:
        """How Snakemake names the output folder."""
        return self.out if self._storage is None else self._storage.address(self._config.out)

    @property
    def video_ids(self) -> list[str]:
        """Every video, sorted."""
        return sorted(self._videos)

    def find_videos(self) -> None:
        """Lists the folder or table; what a run does once."""
        if self._storage is None:
            self._videos_state = state_of_videos(self._config.videos)
            self._videos = {video.video_id: video for video in list_videos(self._config.videos)}
            return
        videos = self._config.videos
        states = self._storage.mirror_videos(root_of(videos), self._config.out)
        found = list_videos(self._known.videos, self._storage.address(root_of(videos)))
        self._videos = {video.video_id: _stored(video, states, self._here.videos) for video in found}

    def recall_videos(self) -> None:
        """What the start of the run found; for the one job that this process is for."""
        if self._storage is not None:
            self._storage.fetch(Workspace(self._config.out).catalog, self.workspace.catalog)
            self._fetch_table(self._storage)
            self._leave_config()
        self._videos = known_videos(self.workspace.catalog, self._here.videos)

    def inputs(self, video_id: str) -> list[str]:
        """The video, its sidecar and the files that this names, as far as Snakemake can be told of them.

        Snakemake asks while it builds the DAG, which is when it can be told what is stale.
        """
        if self.stale and not self._told:
            self._workflow.dag.forcefiles.update(self.stale)
            self._told = True
        video = self._videos[video_id]
        if video.stored is not None:
            files = tuple(root_of(self._config.videos) / name for name in video.stored.files)
        else:
            files = VideoInputs.of(video).files
        return [str(path) for path in files if _is_plain(path)]

    def passed_over(self) -> tuple[str, ...]:
        """What looks as if it were meant but is not read, a line each; and videos of the output folder that are gone."""
        from sfm_gt.workflow.outcome import count

        lines = passed_over(self._known.videos)
        gone = sorted(set(ids_in(self.workspace.catalog)) - set(self._videos))
        if gone:
            names = ", ".join(gone[:3]) + (", …" if len(gone) > 3 else "")
            lines += (f"{self._config.out} holds results of {count(len(gone), 'video')} that {self._config.videos} does not "
                      f"hold ({names}): they leave the data set; give another out folder to keep them",)  # fmt: skip
        return lines

    def find_stale(self) -> None:
        """Sets ``stale``: outputs that are there but not what would be made now."""
        if self._storage is not None:
            self._storage.mirror(self._config.out, _TELL_WHAT_IS_CURRENT)
        Workspace(self._known.out).require_no_forget(known_as=self.out)
        found = stale_results(self._known, self._videos.values())
        self.stale = {str(self._out_here / path.relative_to(self._known.out)) for path in found}

    def start(self) -> None:
        """Called when jobs are about to run."""
        # What breaks for one video or model must not stop the others; the run still ends with exit status 1.
        self._workflow.scheduler.keepgoing = True
        self.leave_records()
        if self.console is not None:
            self._open_console(self.console)

    def leave_records(self) -> None:
        """Leaves configuration and catalog, which jobs read, in the output folder.

        One line and exit status 1 when another run is at work there.
        """
        if self.lock is None:
            _exit(self.another_run())
        self._leave_config()
        write_catalog(self.workspace.catalog, self._videos_state, self._videos.values())
        if self._storage is not None:
            self._store_records(self._storage)
            self._fetch_table(self._storage)

    def another_run(self) -> OutputError:
        """Who is at work in the output folder."""
        at_work = run_lock.holder(self.workspace.lock("run"))
        return OutputError(
            f"{self._config.out}: a run is at work there, {at_work}; wait for its end, or choose another out folder"
        )

    def _fetch_table(self, storage: ObjectStorage) -> None:
        """Jobs read in it what it says of their video."""
        if is_table(self._config.videos):
            storage.fetch(self._config.videos, self._here.videos)

    def _leave_config(self) -> None:
        path, text = self.workspace.config, to_yaml(self._here)
        if not path.is_file() or path.read_text() != text:
            with replacing_file(path) as partial:
                partial.write_text(text)

    def _store_records(self, storage: ObjectStorage) -> None:
        stated, known = Workspace(self._config.out), Workspace(self._known.out)
        storage.store(stated.catalog, self.workspace.catalog)
        with replacing_file(known.config) as partial:
            partial.write_text(to_yaml(self._config))
        storage.store(stated.config, known.config)

    def readable(self, folder: str, pattern: str) -> Workspace:
        """A workspace in which the results that match can be read, wherever jobs left them."""
        if self._storage is not None:
            if "*" in pattern:
                self._storage.mirror(self._config.out / folder, [pattern])
            else:
                self._storage.mirror_file(self._config.out / folder / pattern)
        return Workspace(self._known.out)

    def end(self) -> None:
        """Says what came out; called when no job is left, whether or not all succeeded."""
        if self.console is not None:
            self.console.end()

    def _open_console(self, console: Console) -> None:
        jobs = [job for job in self._workflow.dag.needrun_jobs() if job.rule.name == "reconstruct"]
        videos = [self._videos[video_id] for video_id in sorted({job.wildcards.video for job in jobs})]
        cores, estimated = self._cores(), None
        if self._storage is None:  # no film is fetched for its header
            films = films_of([video.path for video in videos if video.refusal is None])
            estimated = estimate(self._config, films, cores)
        console.begin(estimated, len(self._videos), len(videos), cores)

    def _cores(self) -> int:
        """That work at a time; on a cluster those of as many jobs as may run there."""
        if self._workflow.local_exec:
            return int(self._workflow.resource_settings.cores)
        return THREADS_OF_A_JOB * min(self._workflow.nodes, max(len(self._videos), 1))


def _located(config: Config, place: Callable[[Path], Path]) -> Config:
    """With the folders of the run elsewhere."""
    return config.model_copy(update={"videos": place(config.videos), "out": place(config.out)})


def _stored(video: VideoFile, states: Mapping[str, State], videos: Path) -> VideoFile:
    """A video of a mirror as jobs find it, below the folder or table ``videos``."""
    inputs, folder, sidecar = VideoInputs.of(video), root_of(videos), video.sidecar
    files = {name: states[name] for name in inputs.named() if name in states}
    if isinstance(sidecar, SidecarRow):
        sidecar = replace(sidecar, table=videos)
    elif sidecar is not None:
        sidecar = folder / name_in(video.root, sidecar)
    return replace(video, path=folder / video.name, folder=folder, sidecar=sidecar, stored=Stored(inputs.error, files))


def _is_plain(path: Path) -> bool:
    return _PLAIN.fullmatch(str(path)) is not None


def _plain_link(folder: Path) -> Path:
    """A link to ``folder`` with a path that Snakemake takes."""
    target = folder.absolute()
    link = _OWN / hashlib.sha256(os.fsencode(target)).hexdigest()[:16]
    link.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError):
        link.symlink_to(target, target_is_directory=True)
    return link


def prepare(workflow: Any, content: dict[str, Any]) -> RunPlan:
    """Validates the configuration; exits with one line on an error.

    Args:
        workflow: Snakemake's global of the Snakefile.
        content: Snakemake's ``config``.
    """
    if "--lint" in sys.argv:  # looks at rules alone, and is run without any configuration
        return RunPlan(Config(videos=Path("videos"), out=Path("out")), workflow)
    try:
        for path in workflow.configfiles:
            read_yaml(Path(path), ConfigError)  # Snakemake lets the last of equal keys win
        _check_arguments(workflow.config_settings)
        typed = _typed(content, workflow.config_settings.config)
        config = validate(json.loads(json.dumps(typed, default=str)))
        plan = RunPlan(config, workflow)
        if not workflow.is_main_process:
            plan.recall_videos()
            return plan
        # What only the start of a run needs is not imported for each of its jobs.
        from sfm_gt.workflow.console import attach
        from sfm_gt.workflow.settings_check import check_settings

        check_settings(config)
        plan.find_videos()
        for line in plan.passed_over():
            print(f"warning: {line}", file=sys.stderr)
        if workflow.modifier.is_main_snakefile():
            plan.console = attach(workflow, plan.readable)
        plan.lock = run_lock.try_hold(plan.workspace.lock("run"))
        # Snakemake would find its own lock, and advise to remove it.
        if plan.lock is None and not workflow.output_settings.dryrun and _locks(Path(".snakemake"), plan.address):
            raise plan.another_run()
        plan.find_stale()
        # Snakemake tells a module of nothing that happens later.
        if not workflow.modifier.is_main_snakefile() and not workflow.output_settings.dryrun:
            plan.leave_records()
        if plan.lock is not None:
            _clear_remains(Path(".snakemake"), plan.address)
    except SfmGtError as error:
        _exit(error)
    return plan


def _exit(error: SfmGtError) -> None:
    print(f"sfm-gt: {error}", file=sys.stderr)
    sys.exit(1)


def _check_arguments(settings: Any) -> None:
    """The same of values on the command line that Snakemake took for mappings or lists; it keeps their texts beside them.

    Raises:
        ConfigError: a key that is given twice in one value, or what else no YAML of users may hold.
    """
    for entry in settings.config_args or ():
        key, _, text = entry.partition("=")
        if isinstance(settings.config.get(key), Mapping | list):
            parse_yaml(text, f"--config {key}", ConfigError)


def _typed(content: Any, given: Any) -> Any:
    """``content`` with numbers and booleans where the command line gave them: Snakemake leaves nested ones as text."""
    if isinstance(given, Mapping):
        return {key: _typed(value, given[key]) if key in given else value for key, value in content.items()}
    if isinstance(given, list):
        return [_typed(one, one) for one in given]
    read = yaml.safe_load(given) if isinstance(given, str) else given
    return read if isinstance(read, bool | int | float) else content


def _locks(snakemake_folder: Path, out: str) -> list[Path]:
    """Snakemake's locks on files of ``out``."""
    return [
        lock
        for lock in snakemake_folder.glob("locks/*.lock")
        if any(line.startswith(_prefix(out)) for line in lock.read_text().splitlines())
    ]


def _prefix(out: str) -> str:
    """With what Snakemake's names of the files in ``out`` begin."""
    return out.rstrip("/") + "/"


def _clear_remains(snakemake_folder: Path, out: str) -> None:
    """Removes what a killed Snakemake left of its work on ``out``: its lock and its marks of incomplete outputs.

    To be called only with our own lock held, which proves that no other run is at work there. Our outputs appear whole or
    not at all, so one that exists is complete whatever the mark says.
    """
    for lock in _locks(snakemake_folder, out):
        lock.unlink()
    marks = snakemake_folder / "incomplete"
    for mark in [path for path in marks.rglob("*") if path.is_file()]:
        # Snakemake names a mark by the encoded output path; long ones are cut into folders that begin with @.
        encoded = "".join(part.removeprefix("@") for part in mark.relative_to(marks).parts)
        if base64.urlsafe_b64decode(encoded).decode(errors="replace").startswith(_prefix(out)):
            mark.unlink()
