"""Which videos lie in a folder, and under which name each goes on. Light: the workflow imports it at parse time."""

from __future__ import annotations

import errno
import hashlib
import re
import stat
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter
from pathlib import Path

from sfm_gt.errors import InputError, one_line

VIDEO_SUFFIXES = (
    *(".mp4", ".m4v", ".mov", ".qt", ".3gp", ".3g2", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".m2v"),
    *(".ts", ".mts", ".m2ts", ".flv", ".wmv", ".asf", ".ogv", ".mxf"),
)
SIDECAR_SUFFIXES = (".yaml", ".yml")
MAX_SLUG_LENGTH = 60
HASH_LENGTH = 6
BEGINNING_BYTES = 1 << 14


@dataclass(frozen=True)
class Stored:
    """What an object storage says of a video and what lies beside it, as a job has no look at it.

    Attributes:
        error: why the sidecar cannot be used, empty where it can.
        files: size and time of each object that the video's result is made of, by its path in the folder.
    """

    error: str
    files: Mapping[str, Sequence[float]]


@dataclass(frozen=True)
class VideoFile:
    """One video of the folder.

    Attributes:
        video_id: unique in the folder; ASCII letters, digits, ``_`` and ``-`` only, so that it is safe in any path.
        sidecar: the YAML file of the same stem next to the video, if there is one.
        refusal: reason code when the name alone already rules the video out, else None; ``message`` then says why.
        warning: what lies next to the video and is not used, or None.
        stored: set where the folder is one of an object storage.
    """

    video_id: str
    path: Path
    sidecar: Path | None = None
    refusal: str | None = None
    message: str | None = None
    warning: str | None = None
    stored: Stored | None = None


def list_videos(folder: Path) -> tuple[VideoFile, ...]:
    """All entries of ``folder`` with the suffix of a video, sorted by name; other files and hidden ones are passed over.

    What is no file, shares its stem or has a name that folds to the id of another is in the list with its refusal.

    Raises:
        InputError: the folder is missing, is no folder, or holds no video.
    """
    entries = _entries(folder)
    ids = {path: slug(path.stem) for path in _video_paths(folder, entries)}
    # A large folder is asked once for its names, not for each that a sidecar might have.
    names = {path.name for path in entries}
    sharing: dict[str, list[Path]] = {}
    for path, video_id in ids.items():
        sharing.setdefault(video_id, []).append(path)
    taken = {video_id for video_id, alone in sharing.items() if len(alone) == 1}
    found = []
    for path, video_id in ids.items():
        others = [other for other in sharing[video_id] if other != path]
        found.append(_refused_name(path, others, taken) if others else _video_file(path, video_id, names))
        taken.add(found[-1].video_id)
    return _without_twins(found)


def passed_over(folder: Path) -> tuple[str, ...]:
    """What lies in ``folder`` and looks as if it were meant, but is not read: one line each."""
    entries = _entries(folder)
    stems = {path.stem for path in entries if _is_named_like_a_video(path)}
    sidecars = (path for path in entries if path.suffix in SIDECAR_SUFFIXES and path.stem not in stems)
    folders = (path for path in entries if path.is_dir() and not path.name.startswith("."))
    return (
        *(f"{one_line(path.name)} is no sidecar: no video there has its name" for path in sidecars),
        *(f"{one_line(path.name)}/ holds videos that are not read: move them up into the folder of videos"
          for path in folders if _holds_videos(path)),
    )  # fmt: skip


def _is_named_like_a_video(path: Path) -> bool:
    return path.suffix.lower() in VIDEO_SUFFIXES


def _holds_videos(folder: Path) -> bool:
    """Whether there is nothing but videos and sidecars in it: a recording beside its video has other files too."""
    try:
        names = [path for path in folder.iterdir() if path.is_file() and not path.name.startswith(".")]
    except OSError:
        return False
    videos = [path for path in names if _is_named_like_a_video(path)]
    return bool(videos) and all(path in videos or path.suffix in SIDECAR_SUFFIXES for path in names)


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir(), key=attrgetter("name"))
    except FileNotFoundError:
        raise InputError(f"{folder}: no such folder; set videos to a folder that holds videos") from None
    except NotADirectoryError:
        raise InputError(f"{folder}: is a file; set videos to the folder that holds it") from None
    except PermissionError:
        raise InputError(f"{folder}: cannot be listed (permission denied); make the folder readable") from None


def _video_paths(folder: Path, entries: list[Path]) -> list[Path]:
    # Folders, pipes and links that lead nowhere stay in the list: ingest refuses them by name instead of losing them silently.
    paths = [p for p in entries if _is_named_like_a_video(p) and not p.name.startswith(".")]
    if not paths:
        known = " ".join(VIDEO_SUFFIXES)
        raise InputError(f"{folder}: found {len(entries)} entries but no video; put videos there ({known})")
    return paths


def _refused_name(path: Path, others: list[Path], taken: set[str]) -> VideoFile:
    twin = next((other for other in others if other.stem == path.stem), None)
    if twin is not None:
        reason, why = "duplicate_stem", f"{twin.name} has the same stem, so sidecar and results would be mixed up"
    else:
        reason, why = "duplicate_id", f"{others[0].name} has the same id, {slug(path.stem)}"
    video_id = next(made for length in range(HASH_LENGTH, 65) if (made := slug(path.name, length)) not in taken)
    return VideoFile(video_id, path, None, reason, f"{path.name}: {why}; rename one of them")


def _video_file(path: Path, video_id: str, names: set[str]) -> VideoFile:
    kind = _kind(path)
    if kind not in ("file", "missing"):
        message = f"{path.name}: is a {kind}; needed a video file; rename or remove it"
        return VideoFile(video_id, path, None, "not_a_file", message)
    likely = [f"{path.stem}{suffix}" for suffix in SIDECAR_SUFFIXES]
    beside = {path.with_name(name): _kind(path.with_name(name)) for name in likely if name in names}
    sidecars = [sidecar for sidecar, kind in beside.items() if kind == "file"]
    if len(sidecars) > 1:
        message = f"{path.name}: both {sidecars[0].name} and {sidecars[1].name} lie next to it; remove one of them"
        return VideoFile(video_id, path, None, "sidecar_invalid", message)
    ignored = next((f"{sidecar.name}: is a {kind} and no file, so it is ignored; replace or remove it"
                    for sidecar, kind in beside.items() if kind not in ("file", "missing")), None)  # fmt: skip
    return VideoFile(video_id, path, sidecars[0] if sidecars else None, warning=ignored)


def _without_twins(videos: list[VideoFile]) -> tuple[VideoFile, ...]:
    """Refuses videos of the same bytes as an earlier one: counted twice they would lie in two splits."""
    groups = [[video for video in videos if video.refusal is None and video.path.is_file()]]
    # Whole files are read only where size and beginning agree.
    for likeness in (_size, _beginning, _content):
        groups = [alike for group in groups for alike in _alike(group, likeness)]
    twins = {}
    for first, *others in groups:
        for video in others:
            message = f"{video.path.name}: the same file as {first.path.name}; remove one of them"
            twins[video.video_id] = replace(video, refusal="duplicate_source", message=message)
    return tuple(twins.get(video.video_id, video) for video in videos)


def _alike(videos: list[VideoFile], likeness: Callable[[Path], object]) -> list[list[VideoFile]]:
    """Groups of at least two videos that are alike."""
    groups: dict[object, list[VideoFile]] = {}
    for video in videos:
        groups.setdefault(likeness(video.path), []).append(video)
    return [group for group in groups.values() if len(group) > 1]


def _size(path: Path) -> object:
    # Empty files are refused as such.
    return path.stat().st_size or path


def _beginning(path: Path) -> object:
    try:
        with path.open("rb") as file:
            return file.read(BEGINNING_BYTES)
    except OSError:
        return path  # like no other


def _content(path: Path) -> object:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def _kind(path: Path) -> str:
    """What lies at a path, in words: ``file``, ``missing`` or what it is instead."""
    try:
        mode = path.stat().st_mode
    except OSError as error:
        # A name that is as long as names may be leaves no room for the longer suffix of a sidecar.
        return "missing" if error.errno == errno.ENAMETOOLONG or not path.is_symlink() else "link that leads nowhere"
    kinds = {stat.S_IFREG: "file", stat.S_IFDIR: "folder", stat.S_IFIFO: "named pipe", stat.S_IFSOCK: "socket"}
    return kinds.get(stat.S_IFMT(mode), "device")


def slug(name: str, hash_length: int = HASH_LENGTH) -> str:
    """``name`` itself when it is safe in paths, else a safe likeness of it with a short hash of the true name."""
    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    safe = re.sub(r"[^A-Za-z0-9_]+", "-", ascii_name).strip("-_")[:MAX_SLUG_LENGTH] or "video"
    if safe == name:
        return name
    # surrogateescape: a file name need not be valid UTF-8.
    digest = hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()
    return f"{safe}-{digest[:hash_length]}"
