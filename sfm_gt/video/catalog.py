"""Which videos a folder or a table holds, and under which name each goes on. Light: the workflow imports it at parse time."""

from __future__ import annotations

import errno
import hashlib
import re
import stat
import unicodedata
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sfm_gt.errors import InputError, one_line
from sfm_gt.formats.sidecar_row import SidecarRow, SidecarSource
from sfm_gt.video.video_folders import SIDECAR_SUFFIXES, VIDEO_SUFFIXES, video_folders
from sfm_gt.video.video_table import VideoRow, is_table, read_table, unread_columns

MAX_SLUG_LENGTH = 60
HASH_LENGTH = 6
LENGTHS = range(HASH_LENGTH, 65)  # of SHA-256 in hex
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
    """One video of a folder or table.

    Attributes:
        video_id: unique there; ASCII letters, digits, ``_`` and ``-`` only, so that it is safe in any path.
        sidecar: the YAML file of the same stem next to the video, or what its row says, if there is one.
        refusal: reason code when the name alone already rules the video out, else None; ``message`` then says why.
        warning: what lies next to the video and is not used, or None.
        stored: set where the folder is one of an object storage.
        folder: the folder of videos, or that of their table; None where it is the video's own.
    """

    video_id: str
    path: Path
    sidecar: SidecarSource | None = None
    refusal: str | None = None
    message: str | None = None
    warning: str | None = None
    stored: Stored | None = None
    folder: Path | None = None

    @property
    def root(self) -> Path:
        """Where names begin."""
        return self.path.parent if self.folder is None else self.folder

    @property
    def name(self) -> str:
        """The video's path in the folder of videos; the whole path where it lies elsewhere."""
        return name_in(self.root, self.path)


def name_in(folder: Path, path: Path) -> str:
    """``path`` relative to ``folder`` where it lies there, else as it is."""
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else str(path)


def root_of(videos: Path) -> Path:
    """The folder in which names begin: of videos, or the one that their table lies in."""
    return videos.parent if is_table(videos) else videos


def list_videos(videos: Path, url: str = "") -> tuple[VideoFile, ...]:
    """All videos of a folder and of those in it, sorted by name, or those of a table, in its order.

    In folders whatever has the suffix of a video counts; other files, hidden ones and the folders that ``video_folders`` leaves
    out are passed over. What is no file, shares its stem or has a name that folds to the id of another is in the list with its
    refusal.

    Args:
        videos: the folder, or a table as in video_table.py.
        url: where the table's folder lies in a storage; rows may name what is below it by URL.

    Raises:
        InputError: the folder or table is missing, cannot be read, or holds no video.
    """
    listed = _of_table(videos, url) if is_table(videos) else _of_folders(videos)
    return _without_twins(_with_own_ids(listed))


def passed_over(videos: Path) -> tuple[str, ...]:
    """What looks as if it were meant, but is not read: one line each."""
    if is_table(videos):
        return unread_columns(videos)
    lines = []
    for folder in video_folders(videos):
        stems = {path.stem for path in folder.videos}
        # YAML files of a folder without videos have another purpose.
        alone = [path for path in folder.sidecars if stems and path.stem not in stems]
        lines += [f"{one_line(name_in(videos, path))} is no sidecar: no video there has its name" for path in alone]
        lines += [f"{one_line(name_in(videos, path))}/ cannot be listed (permission denied), so it is passed over; make it "
                  "readable" for path in folder.unreadable]  # fmt: skip
    return tuple(lines)


def _of_folders(top: Path) -> list[VideoFile]:
    found, n_entries = [], 0
    for folder in video_folders(top):
        # A large folder is asked once for its names, not for each that a sidecar might have.
        names = set(folder.names)
        found += [_with_sidecar(_named(top, path, path.relative_to(top).as_posix()), names) for path in folder.videos]
        n_entries += len(names)
    if not found:
        known = " ".join(VIDEO_SUFFIXES)
        raise InputError(f"{top}: found {n_entries} entries but no video; put videos there ({known})")
    return sorted(found, key=lambda video: video.path.relative_to(top).parts)


def _of_table(table: Path, url: str) -> list[VideoFile]:
    return [_of_row(table, row, url) for row in read_table(table)]


def _of_row(table: Path, row: VideoRow, url: str) -> VideoFile:
    name = row.video.removeprefix(f"{url.rstrip('/')}/") if url else row.video
    video = _named(table.parent, table.parent / name, name)
    if row.id is not None:
        video = replace(video, video_id=slug(row.id))
    if row.problem is not None:
        return replace(video, refusal="not_a_file", message=f"row {row.number}: {row.problem}")
    # What a job on another machine reads is fetched from the storage.
    if "://" in name or (url and (Path(name).is_absolute() or ".." in Path(name).parts)):
        needed = f"an object below {url}" if url else "the path of a file; download it, or see --profile s3"
        return replace(video, refusal="not_a_file", message=f"row {row.number}: {name}: needed {needed}")
    beside = _with_sidecar(video)
    if row.sidecar is None or beside.refusal == "not_a_file":
        return beside
    stated = SidecarRow(table, row.number, row.sidecar)
    if beside.sidecar is not None:
        return replace(video, refusal="sidecar_invalid", message=_two_sidecars(video, beside.sidecar.name, stated.name))
    return replace(beside, sidecar=stated)


def _named(folder: Path, path: Path, name: str) -> VideoFile:
    return VideoFile(slug(name.removesuffix(path.suffix)), path, folder=folder)


def _with_own_ids(videos: list[VideoFile]) -> list[VideoFile]:
    """Refuses those that share an id, each under an id of its own; of rows with one file the first stays."""
    sharing: dict[str, list[VideoFile]] = {}
    for video in videos:
        sharing.setdefault(video.video_id, []).append(video)
    alone = {video_id for video_id, same in sharing.items() if len({video.path for video in same}) == 1}
    taken, told_apart = set(alone), []
    for video in videos:
        same = sharing[video.video_id]
        if video.video_id in alone and video is same[0]:
            told_apart.append(video)
        else:
            told_apart.append(_refused_name(video, [other for other in same if other is not video], taken))
            taken.add(told_apart[-1].video_id)
    return told_apart


def _refused_name(video: VideoFile, others: list[VideoFile], taken: Container[str]) -> VideoFile:
    elsewhere = [other for other in others if other.path != video.path]
    twin = next((other for other in elsewhere if other.path.with_suffix("") == video.path.with_suffix("")), None)
    if twin is not None:
        reason = "duplicate_stem"
        why = f"{twin.name} has the same stem, so sidecar and results would be mixed up; rename one of them"
    elif elsewhere:
        reason, why = "duplicate_id", f"{elsewhere[0].name} has the same id, {video.video_id}; rename one of them"
    else:
        reason, why = (
            "duplicate_source",
            f"listed more than once as {video.video_id}; the first row is used; remove the others",
        )
    # The rows of a table may name one file many times.
    likely = (slug(f"{video.name}{' again' * more}", length) for more in range(len(others) + 1) for length in LENGTHS)
    video_id = next(made for made in likely if made not in taken)
    return replace(video, video_id=video_id, sidecar=None, refusal=reason, message=f"{video.name}: {why}")


def _with_sidecar(video: VideoFile, names: Container[str] | None = None) -> VideoFile:
    """With what lies beside it.

    Args:
        names: of all that lies there, where they are known.
    """
    kind = _kind(video.path)
    if kind not in ("file", "missing"):
        message = f"{video.name}: is a {kind}; needed a video file; rename or remove it"
        return replace(video, refusal="not_a_file", message=message)
    likely = [video.path.with_name(f"{video.path.stem}{suffix}") for suffix in SIDECAR_SUFFIXES]
    beside = {path: _kind(path) for path in likely if names is None or path.name in names}
    sidecars = [path for path, kind in beside.items() if kind == "file"]
    if len(sidecars) > 1:
        return replace(
            video, refusal="sidecar_invalid", message=_two_sidecars(video, *(path.name for path in sidecars))
        )
    ignored = next((f"{path.name}: is a {kind} and no file, so it is ignored; replace or remove it"
                    for path, kind in beside.items() if kind not in ("file", "missing")), None)  # fmt: skip
    return replace(video, sidecar=sidecars[0] if sidecars else None, warning=ignored)


def _two_sidecars(video: VideoFile, one: str, other: str) -> str:
    return f"{video.name}: both {one} and {other} say something of it; remove one of them"


def _without_twins(videos: list[VideoFile]) -> tuple[VideoFile, ...]:
    """Refuses videos of the same bytes as another: counted twice they would lie in two splits.

    The one whose name comes first is used, of those in the fewest folders: copies in a folder are no reason to make it again.
    """
    groups = [[video for video in videos if video.refusal is None and _kind(video.path) == "file"]]
    # Whole files are read only where size and beginning agree.
    for likeness in (_size, _beginning, _content):
        groups = [alike for group in groups for alike in _alike(group, likeness)]
    twins = {}
    for group in groups:
        first, *others = sorted(group, key=lambda video: (len(Path(video.name).parts), video.name, video.video_id))
        for video in others:
            message = f"{video.name}: the same file as {first.name}; remove one of them"
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
