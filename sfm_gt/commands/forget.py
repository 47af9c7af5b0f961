"""Forget: takes one source out of a run, so that nothing which came from it is left, and stops it from coming back.

First everything is removed, then a scan proves it, and only then are tables and report made again, as any run makes them.

The journal is written before anything is removed and goes last, so a killed forget is completed by running it again. Each
step may be repeated: what is gone stays gone, and what is rewritten is rewritten to the same bytes.
"""

from __future__ import annotations

import logging
import re
import shutil
from collections.abc import Container, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from sfm_gt.commands import export
from sfm_gt.config import read_config
from sfm_gt.errors import InputError, SfmGtError
from sfm_gt.formats import run_lock
from sfm_gt.formats.atomic import PARTIAL, partials_of, replacing_file, target_name
from sfm_gt.formats.dataset_layout import DATASET_JSON, INDEX_NAME
from sfm_gt.formats.frame_index import check_index, vouch_for_index
from sfm_gt.formats.manifest import read_json, write_json
from sfm_gt.formats.sources import TOMBSTONES_JSON, Source, Tombstone, add_tombstone, hashed_url, read_tombstones
from sfm_gt.formats.workspace import JOURNAL, Workspace
from sfm_gt.provenance.known_sources import (
    find_source,
    is_forgotten,
    known_sources,
    near_duplicates,
    same_bytes,
    verdict_of,
)
from sfm_gt.provenance.rewriting import rewrite_without, scan
from sfm_gt.provenance.traces import Traces, distinct_fingerprints, mentions
from sfm_gt.stages import evaluate, report, summary
from sfm_gt.video.video_folders import VIDEO_SUFFIXES

OF_CLIPS = (
    "videos", "work/clips", "work/thumbnails", "work/mask_sheets", "dataset/clips", "dataset/layers", "dataset/pseudo_labels",
    "predictions",
)  # fmt: skip
EXPORT_JSON = "export.json"
REMADE = ("evaluation", "report", "summary.txt")
"""What of OUT holds figures over several sources."""
# They know the source on purpose: the journal until all is done, the tombstone for good, by hashes alone.
BOOKKEEPING = (JOURNAL, TOMBSTONES_JSON)
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Job:
    """What an interrupted forget needs to go on: the journal's content.

    Attributes:
        also: folders outside the run (releases, copies) that are cleaned too.
        exports: folder, format and remaining clips of exports, which are made again from what is left.
        remade: folders of OUT that hold figures over several sources; they go, and are made again without this one.
    """

    traces: Traces
    tombstone: Tombstone
    also: tuple[str, ...]
    exports: tuple[tuple[str, str, tuple[str, ...]], ...]
    remade: tuple[str, ...]


def run(root: Path, wanted: str, also: Sequence[Path] = (), cores: int = 1, with_duplicates: bool | None = None) -> str:
    """Forgets the source ``wanted`` (video id, file name, URL or SHA-256) of the run in ``root``; says what was done.

    A forget that was interrupted before is completed first. Videos of the same bytes are one source, and go together.

    Args:
        with_duplicates: whether near-duplicates (re-encoded, mirrored, padded, cropped) go too or stay; None = ask.

    Raises:
        InputError: no such source, several such, near-duplicates that nobody has decided on,
            a link that leads out of the tree, or a run is at work there.
        SfmGtError: something of the source is still there afterwards; the message names it.
    """
    workspace = Workspace(root)
    with ExitStack() as held:
        lock = run_lock.try_hold(workspace.lock("run"))
        if lock is None:
            at_work = run_lock.holder(workspace.lock("run"))
            raise InputError(f"{root}: a run is at work there, {at_work}; wait for its end or stop it, then forget")
        held.enter_context(lock)
        said: list[str] = []
        remade: set[str] = set()
        if workspace.forget_journal.is_file():
            said.append(_carry_out(workspace, job := _read_job(workspace)))
            remade |= set(job.remade)
        source = find_source(workspace, wanted)
        for folder in also:
            _check_also(workspace, folder)
        if source is not None:
            for folder in (root, *also):
                _refuse_links_out(folder)
            # The wanted one last: as long as it is there, a forget that was killed finds its twins again.
            twins = same_bytes(workspace, source)
            copies = near_duplicates(workspace, source)
            if copies and with_duplicates is None:
                listed = ", ".join(f"{copy.video_id} ({copy.path})" for copy in copies)
                raise InputError(f"{source.video_id}: near-duplicates are {listed}; look at them, then add --with-duplicates "
                                 "to forget them too or --without-duplicates to keep them")  # fmt: skip
            kept = () if with_duplicates else tuple(copy.source_sha256 for copy in copies if copy.source_sha256)
            for one in (*twins, *(copies if with_duplicates else ()), source):
                log.info("forget: looking for what came from %s", one.video_id)
                job = _plan(workspace, one, also, kept)
                write_json(workspace.forget_journal, _journal(job))
                said.append(_carry_out(workspace, job))
                remade |= set(job.remade)
            said += [f"{copy.video_id}: a near-duplicate of {source.video_id}, was kept" for copy in copies if kept]
            said += [f"{twin.video_id}: the same bytes as {source.video_id}, so the same source" for twin in twins]
        elif not said and not is_forgotten(workspace, wanted):
            gone = "; what was forgotten has no name any more" if read_tombstones(workspace.dataset) else ""
            raise InputError(f"{root}: no source {wanted!r}; give a video id, file name, URL or SHA-256 of "
                             f"dataset/sources.json{gone}")  # fmt: skip
        if source is None and not said and also:
            raise InputError(f"{wanted}: was forgotten before, so that its names are gone; {also[0]} was not touched: make it "
                             "again or delete it")  # fmt: skip
        _make_again(workspace, remade, cores)
        return "\n".join(said) or f"{wanted}: was forgotten before"


def _plan(workspace: Workspace, source: Source, also: Sequence[Path], kept: tuple[str, ...] = ()) -> Job:
    clip_ids = _clip_ids(workspace, source.video_id)
    file_name = source.path if source.path != source.video_id else None
    elsewhere = [known for known in known_sources(workspace).values() if known.video_id != source.video_id]
    if clash := sorted(set(clip_ids) & {known.video_id for known in elsewhere}):
        raise InputError(f"{clash[0]!r} is a clip of {source.video_id!r} and the id of another video, which forget cannot tell "
                         "apart; rename that video and run again")  # fmt: skip
    # A page or name that others share is no name of this one, and its tombstone must not stop them.
    url = None if source.url in {known.url for known in elsewhere} else source.url
    words = tuple(
        word
        for word in (source.source_sha256, url, file_name)
        if word and not _names_another(source.video_id, word, elsewhere)
    )
    names = Traces(source.video_id, clip_ids, words, _lock_names(workspace, source.video_id))
    for folder in (workspace.root, *also):
        for path in _files(folder):
            mentions(names, path)  # what cannot be read is refused here, before anything is removed
    for dataset in _datasets([workspace.root, *also]):
        check_index(dataset)  # one that was changed must not be vouched for by rewriting it
    own = [path for path in _files(workspace.root) if names.owns(path.relative_to(workspace.root))]
    # A file elsewhere may be a copy of this source's; what lies with the clips of others is theirs.
    by_clip = [path for place in OF_CLIPS for path in _files(workspace.root / place)]
    others = [path for path in by_clip if not names.owns(path.relative_to(workspace.root))]
    others += [p for folder in also for p in _files(folder / "clips") if not names.owns(p.relative_to(folder))]
    traces = Traces(names.video_id, clip_ids, words, names.lock_names, distinct_fingerprints(own, others))
    tombstone = Tombstone(
        source_sha256=source.source_sha256, url_sha256=hashed_url(url) if url else None,
        perceptual_hash=source.perceptual_hash, kept_sha256=kept,
    )  # fmt: skip
    remade = tuple(name for name in REMADE if (workspace.root / name).exists())
    exports = tuple(_export(workspace, folder, clip_ids) for folder in also if (folder / EXPORT_JSON).is_file())
    return Job(traces, tombstone, tuple(str(folder.resolve()) for folder in also), exports, remade)


def _names_another(video_id: str, word: str, others: Sequence[Source]) -> bool:
    """Whether the word would also be found in what is known of another source, be it as a part of a longer name."""
    found = Traces(video_id, (), (word,))
    known = [text for one in others for text in (one.path, one.source, one.source_sha256)]
    return any(found.in_text(text) for text in known if text)


def _check_also(workspace: Workspace, folder: Path) -> None:
    if not folder.is_dir():
        raise InputError(f"--also {folder}: no such folder; give an export or a release")
    if workspace.root.resolve().is_relative_to(folder.resolve()):
        raise InputError(f"--also {folder}: holds the run itself; give the export or release alone")
    for path in folder.rglob("*"):
        if path.suffix.lower() in VIDEO_SUFFIXES:
            raise InputError(
                f"--also {folder}: holds the video {path.name}; give an export or release, no folder of videos"
            )


def _export(workspace: Workspace, folder: Path, forgotten: Sequence[str]) -> tuple[str, str, tuple[str, ...]]:
    """What is to be exported again. Raises SfmGtError where that cannot be done, while all is still there."""
    manifest = read_json(folder / EXPORT_JSON)
    kept = [entry["clip_id"] for entry in manifest["clips"] if entry["clip_id"] not in forgotten]
    try:
        if kept:
            export.check(workspace.root, manifest["format"], kept)
    except SfmGtError as error:
        raise InputError(f"--also {folder}: cannot be exported again without the source ({error}); fix that, or delete the "
                         "export and forget without it") from None  # fmt: skip
    return str(folder.resolve()), manifest["format"], tuple(kept)


def _clip_ids(workspace: Workspace, video_id: str) -> tuple[str, ...]:
    """Clips of the video, also such as an earlier configuration left: a clip's name is its video's and a number."""
    pattern = re.compile(re.escape(video_id) + r"-\d{3,}")
    places = ("work/clips/*", "dataset/clips/*/*", "predictions/*/*/*")
    names = {target_name(path.name).split(".")[0] for place in places for path in workspace.root.glob(place)}
    if verdict := verdict_of(workspace, video_id):
        names |= {shot["clip_id"] for shot in (*verdict.clips, *verdict.rejected)}
    return tuple(sorted(name for name in names if pattern.fullmatch(name)))


def _lock_names(workspace: Workspace, video_id: str) -> tuple[str, ...]:
    models = sorted(path.name for path in (workspace.root / "predictions").glob("*"))
    return tuple(
        workspace.lock(*job, video_id).name for job in (("reconstruct",), *(("predict", model) for model in models))
    )


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink())


def _refuse_links_out(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_symlink() and not path.resolve().is_relative_to(folder.resolve()):
            raise InputError(
                f"{path}: a link that leads out of the tree; remove it first, what lies there is not touched"
            )


def _carry_out(workspace: Workspace, job: Job) -> str:
    folders = [workspace.root, *(Path(folder) for folder in job.also)]
    with ExitStack() as held:
        # A stage may have outlived its killed workflow; what it still writes must be there before it is removed.
        for name in job.traces.lock_names:
            if workspace.lock(name).exists():
                held.enter_context(run_lock.wait_for(workspace.lock(name)))
        add_tombstone(workspace.dataset, job.tombstone)
        _remove(workspace.catalog)  # the next run lists the videos anew
        for shared in job.remade:
            _remove(workspace.root / shared)
        for folder in (*folders, *export.known_exports(workspace)):
            for partial in partials_of(folder):
                _remove(partial)
        log.info("forget: removing what came from %s", job.traces.video_id)
        removed = sum(_remove_own(job.traces, folder) for folder in folders)
        exported = [Path(folder) for folder, _, _ in job.exports]
        rewritten = sum(_rewrite_shared(workspace, job, folder) for folder in folders if folder not in exported)
        for dataset in _datasets(folders):
            _recount(dataset)
        for exported_to, format_name, clip_ids in job.exports:
            _export_again(workspace, Path(exported_to), format_name, clip_ids)
    log.info("forget: scanning %s", ", ".join(map(str, folders)))
    left = scan(job.traces, folders, BOOKKEEPING)
    if left:
        raise SfmGtError(
            f"{job.traces.video_id}: not forgotten, {len(left)} files still hold something of it: {'; '.join(left)}"
        )
    workspace.forget_journal.unlink()
    return (f"{job.traces.video_id}: forgotten. {removed} files and folders removed, {rewritten} files rewritten; a scan "
            "found nothing that came from it. The video itself, where you keep it, was not touched.")  # fmt: skip


def _remove_own(traces: Traces, folder: Path) -> int:
    """Removes what is named after the source, and what killed stages left half-written."""
    own = [p for p in folder.rglob("*") if traces.owns(p.relative_to(folder)) or p.name.startswith(PARTIAL)]
    return sum(_remove(path) for path in own)


def _remove(path: Path) -> bool:
    """Whether there was anything; it may have gone with its folder."""
    if path.is_symlink() or path.is_file():
        path.unlink()
        return True
    if path.is_dir():
        shutil.rmtree(path)
        return True
    return False


def _rewrite_shared(workspace: Workspace, job: Job, folder: Path) -> int:
    n_rewritten = 0
    for path in list(_files(folder)):
        if path.name in BOOKKEEPING or not mentions(job.traces, path):
            continue
        rewrite_without(job.traces, path)
        n_rewritten += 1
    return n_rewritten


def _datasets(folders: Sequence[Path]) -> list[Path]:
    """The data sets in a run and in its copies and releases."""
    places = [place for folder in folders for place in (folder, folder / "dataset")]
    return [place for place in places if (place / DATASET_JSON).is_file() and (place / INDEX_NAME).is_file()]


def _recount(dataset: Path) -> None:
    """The data set's own counts and the hash of its index, which pruning its list of clips does not change."""
    frames = pq.read_metadata(dataset / INDEX_NAME).num_rows
    vouch_for_index(dataset, read_json(dataset / DATASET_JSON) | {"frames": frames})


def _export_again(workspace: Workspace, folder: Path, format_name: str, clip_ids: Sequence[str]) -> None:
    """An export of the remaining clips in place of the old one: its lists and archives follow no pattern of ours."""
    if clip_ids:
        export.write(workspace.root, format_name, folder, clip_ids)  # beside the old one, which it then replaces
    elif folder.exists():
        shutil.rmtree(folder)


def _make_again(workspace: Workspace, names: Container[str], cores: int) -> None:
    """Tables and report over the sources that are left. All is proven by now: what is not made here, the workflow makes."""
    for name in REMADE:
        if name in names:
            log.info("forget: making %s again", name)
            with suppress(SfmGtError):
                _remake(workspace, name, cores)


def _remake(workspace: Workspace, name: str, cores: int) -> None:
    config = read_config(workspace.config)
    clip_ids = [clip["clip_id"] for clip in read_json(workspace.clip_list)["clips"]]
    if not clip_ids:
        raise InputError(f"{workspace.clip_list}: no clip is left")
    if name == "evaluation":
        evaluate.run(workspace, config.evaluate, config.models, clip_ids, config.seed, cores)
    elif name == "report":
        report.run(workspace, config.report, clip_ids)
    else:
        with replacing_file(workspace.root / name) as partial:
            partial.write_text(summary.run(workspace) + "\n")


def _journal(job: Job) -> dict[str, Any]:
    return {"traces": asdict(job.traces), "tombstone": job.tombstone.model_dump(mode="json"), "also": list(job.also),
            "exports": job.exports, "remade": list(job.remade)}  # fmt: skip


def _read_job(workspace: Workspace) -> Job:
    content = read_json(workspace.forget_journal)
    traces = content["traces"]
    fingerprints = tuple((size, digest) for size, digest in traces.pop("fingerprints"))
    lists: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in traces.items()}
    return Job(
        Traces(**(lists | {"fingerprints": fingerprints})), Tombstone.model_validate(content["tombstone"]),
        tuple(content["also"]), tuple((folder, name, tuple(clips)) for folder, name, clips in content["exports"]),
        tuple(content["remade"]),
    )  # fmt: skip
