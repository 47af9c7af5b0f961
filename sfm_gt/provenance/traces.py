"""What tells that a file comes from one source: its names, its bytes."""

from __future__ import annotations

import hashlib
import io
import re
import tarfile
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from sfm_gt.errors import InputError
from sfm_gt.formats.atomic import target_name

TEXT_SUFFIXES = frozenset({".csv", ".html", ".json", ".jsonl", ".log", ".md", ".tex", ".tsv", ".txt", ".yaml", ".yml"})
TAR_SUFFIXES = frozenset({".tar", ".tgz", ".gz", ".bz2", ".xz"})
ZIP_SUFFIXES = frozenset({".zip", ".npz"})
_FRAME = r"_\d{6}"  # exports name a frame by its clip and its index
# Which part of a path is a video id: those that begin so, in a run or a release.
_VIDEO_AT = {
    ("work", "videos"): 2, ("videos",): 1, ("dataset", "clips"): 2, ("clips",): 1, ("predictions",): 2,
    ("logs", "reconstruct"): 2, ("logs", "predict"): 3,
}  # fmt: skip
_ID = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True)
class Traces:
    """One source in a tree.

    Attributes:
        clip_ids: of the source.
        words: names that stand for this source alone wherever they occur as a whole word: clip ids, hash, URL, file name.
        lock_names: files below .locks that belong to it.
        fingerprints: SHA-256, by size in bytes, of files that came from the source and from no other.
    """

    video_id: str
    clip_ids: tuple[str, ...]
    words: tuple[str, ...] = ()
    lock_names: tuple[str, ...] = ()
    fingerprints: tuple[tuple[int, str], ...] = ()

    def __post_init__(self) -> None:
        for name in (self.video_id, *self.clip_ids):
            if not _ID.fullmatch(name):
                raise InputError(
                    f"found the id {name!r}, needed letters, digits, _ and - alone; the tree was tampered with"
                )

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        words = sorted({*self.clip_ids, *self.words}, key=len, reverse=True)
        return re.compile(rf"(?<![\w-])(?:{'|'.join(map(re.escape, words))})(?:{_FRAME})?(?![\w-])")

    @cached_property
    def _sizes(self) -> frozenset[int]:
        return frozenset(size for size, _ in self.fingerprints)

    @cached_property
    def _hashes(self) -> frozenset[str]:
        return frozenset(digest for _, digest in self.fingerprints)

    def owns(self, relative: Path) -> bool:
        """Whether a path below the tree is this source's own: a part of it is named by it or one of its clips."""
        if relative.parts[:1] == (".locks",):
            return relative.name in self.lock_names
        stems = [re.sub(f"{_FRAME}$", "", target_name(part).split(".")[0]) for part in relative.parts]
        of_video = (
            stems[at] for place, at in _VIDEO_AT.items() if relative.parts[: len(place)] == place and at < len(stems)
        )
        return self.video_id in of_video or any(stem in self.clip_ids for stem in stems)

    def in_text(self, text: str) -> bool:
        """Whether a text names the source."""
        return bool(self._pattern.search(text))

    def is_copy(self, content: bytes) -> bool:
        """Whether bytes are those of a file that came from the source."""
        return len(content) in self._sizes and hashlib.sha256(content).hexdigest() in self._hashes

    def in_value(self, value: Any) -> bool:
        """Whether a value of JSON, or a row of a table, names the source or holds a file of it."""
        if isinstance(value, dict):
            return value.get("video_id") == self.video_id or any(self.in_value(v) for v in value.values())
        if isinstance(value, list | tuple):
            return any(self.in_value(entry) for entry in value)
        if isinstance(value, bytes):
            return self.is_copy(value)
        return isinstance(value, str) and self.in_text(value)


def fingerprint(path: Path) -> tuple[int, str]:
    """Size and SHA-256 of a file."""
    with path.open("rb") as file:
        return path.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest()


def distinct_fingerprints(own: Iterable[Path], others: Iterable[Path]) -> tuple[tuple[int, str], ...]:
    """Of the files ``own``, those whose bytes occur in none of ``others``: an empty mask says nothing about anybody."""
    found = {fingerprint(path) for path in own if path.stat().st_size}
    sizes = {size for size, _ in found}
    return tuple(sorted(found - {fingerprint(path) for path in others if path.stat().st_size in sizes}))


def mentions(traces: Traces, path: Path) -> bool:
    """Whether a file that the source does not own holds anything of it: its name in text or tables, its bytes, also packed.

    Raises:
        InputError: an archive or table that cannot be read, so that nobody can say.
    """
    suffix = path.suffix.lower()
    try:
        if suffix in TEXT_SUFFIXES:
            return traces.in_text(path.read_text(encoding="utf-8", errors="replace"))
        if suffix == ".parquet":
            return any(traces.in_value(row) for row in _rows(path))
        if suffix in TAR_SUFFIXES:
            return any(_in_member(traces, *member) for member in tar_members(path))
        if suffix in ZIP_SUFFIXES and any(_in_member(traces, *member) for member in _zip_members(path)):
            return True
    except (tarfile.TarError, zipfile.BadZipFile, pa.ArrowException, EOFError, OSError) as error:
        raise InputError(f"{path}: cannot be read ({error}), so its content is unknown; remove or fix it") from None
    return path.stat().st_size in traces._sizes and traces.is_copy(path.read_bytes())


def _in_member(traces: Traces, name: str, content: bytes) -> bool:
    if traces.owns(Path(name)) or traces.is_copy(content):
        return True
    return Path(name).suffix.lower() in TEXT_SUFFIXES and traces.in_text(content.decode(errors="replace"))


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    for batch in pq.ParquetFile(path).iter_batches(batch_size=1024):
        yield from batch.to_pylist()


def tar_members(path: Path) -> Iterator[tuple[str, bytes]]:
    """Name and content of every file of a tar archive.

    Raises:
        tarfile.TarError, EOFError: the archive is cut short.
    """
    with tarfile.open(path) as archive:
        for member in archive:
            file = archive.extractfile(member)
            if file is not None:
                content = file.read()
                if len(content) < member.size:
                    raise EOFError(f"cut short within {member.name}")
                yield member.name, content


def _zip_members(path: Path) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(io.BytesIO(path.read_bytes())) as archive:
        for name in archive.namelist():
            yield name, archive.read(name)
