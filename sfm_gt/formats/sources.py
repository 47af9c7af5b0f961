"""dataset/sources.json: where every video of the data set comes from; dataset/tombstones.json: which must not come back.

A tombstone holds hashes alone: enough to know a video again, nothing that was in it.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from sfm_gt.errors import InputError
from sfm_gt.formats.clip_paths import require_id
from sfm_gt.formats.manifest import read_json_object, write_json
from sfm_gt.formats.perceptual_hash import are_near_duplicates
from sfm_gt.formats.validation import validated

SOURCES_JSON = "sources.json"
TOMBSTONES_JSON = "tombstones.json"
MIN_SALT_BYTES = 16


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Source(_Part):
    """One video.

    Attributes:
        path: name of the video file.
        source: URL, or in words where it was recorded.
        uploader_hash: HMAC-SHA256 of the uploader's id under the project's salt.
        perceptual_hash: of some frames, see ``perceptual_hash.py``.
    """

    video_id: str
    path: str
    source: str | None = None
    license: str | None = None
    recorded_by: str | None = None
    recorded_on: str | None = None
    uploader_hash: str | None = None
    consent: str | None = None
    source_sha256: str | None = None
    perceptual_hash: tuple[str, ...] = ()

    @property
    def url(self) -> str | None:
        """``source`` where it is a URL."""
        return self.source if self.source and self.source.startswith(("https://", "http://")) else None


class Tombstone(_Part):
    """What is left of a forgotten source.

    Attributes:
        kept_sha256: of its near-duplicates that were to stay.
    """

    source_sha256: str | None
    url_sha256: str | None = None
    perceptual_hash: tuple[str, ...] = ()
    kept_sha256: tuple[str, ...] = ()

    def covers(self, source_sha256: str | None, url: str | None, perceptual_hash: tuple[str, ...]) -> bool:
        """Whether this is the forgotten video: same bytes, same URL, or a near-duplicate."""
        if source_sha256 in self.kept_sha256:
            return False
        same = source_sha256 is not None and source_sha256 == self.source_sha256
        same_url = url is not None and hashed_url(url) == self.url_sha256
        return same or same_url or are_near_duplicates(perceptual_hash, self.perceptual_hash)


def hashed_url(url: str) -> str:
    """SHA-256 of a URL."""
    return hashlib.sha256(url.encode()).hexdigest()


def hashed_uploader(uploader: str, salt_file: Path | None) -> str:
    """HMAC-SHA256 of an uploader's id, hex: it tells two videos of one person without telling who.

    Raises:
        InputError: no salt, or one that can be guessed.
    """
    if salt_file is None:
        raise InputError(
            "uploader is stated but no salt: set provenance.salt_file to a file of random bytes, kept private"
        )
    try:
        salt = salt_file.read_bytes()
    except OSError as error:
        raise InputError(f"provenance.salt_file {salt_file}: cannot be read ({error.strerror})") from None
    if len(salt) < MIN_SALT_BYTES:
        raise InputError(
            f"provenance.salt_file {salt_file}: found {len(salt)} bytes, needed {MIN_SALT_BYTES} random ones"
        )
    return hmac.new(salt, uploader.encode(), hashlib.sha256).hexdigest()


def source_of(clip_info: Mapping[str, Any], where: str) -> Source:
    """The source that a clip.json names. Raises InputError when it names none, or one by what is no id."""
    source = clip_info.get("source", {})
    if not isinstance(source, Mapping):
        raise InputError(f"{where}: 'source' is no object {{...}}; run the workflow again, or copy the clip again")
    stated = dict(source)
    stated.setdefault("video_id", str(clip_info.get("video_id", clip_info.get("clip_id"))))
    stated.setdefault("path", stated["video_id"])
    return _source(stated, where)


def _entries(path: Path, key: str) -> list[Any]:
    entries = read_json_object(path).get(key)
    if not isinstance(entries, list):
        raise InputError(f"{path}: holds no list {key!r}; run the workflow again, or copy the data set again")
    return entries


def _source(stated: Any, where: str) -> Source:
    source = validated(Source, stated, where, InputError)
    require_id(source.video_id, where)
    return source


def write_sources(folder: Path, sources: Iterable[Source]) -> None:
    """Writes ``folder/sources.json``, one entry a video, sorted."""
    entries = {source.video_id: source.model_dump(mode="json") for source in sources}
    write_json(folder / SOURCES_JSON, {"sources": [entries[video_id] for video_id in sorted(entries)]})


def read_sources(folder: Path) -> tuple[Source, ...]:
    """Reads ``folder/sources.json``.

    Raises:
        InputError: missing or broken, or a source is listed twice, or by what is no id.
    """
    path = folder / SOURCES_JSON
    sources = tuple(_source(entry, str(path)) for entry in _entries(path, "sources"))
    seen: dict[str, str] = {}
    for source in sources:
        for key in filter(None, (source.video_id, source.source_sha256)):
            if key in seen:
                raise InputError(
                    f"{path}: {source.video_id} and {seen[key]} are one source, listed twice; remove one entry"
                )
            seen[key] = source.video_id
    return sources


def read_tombstones(folder: Path) -> tuple[Tombstone, ...]:
    """Reads ``folder/tombstones.json``; none where there is no such file. Raises InputError when it is broken."""
    path = folder / TOMBSTONES_JSON
    if not path.is_file():
        return ()
    return tuple(validated(Tombstone, entry, str(path), InputError) for entry in _entries(path, "tombstones"))


def add_tombstone(folder: Path, tombstone: Tombstone) -> None:
    """Adds one to ``folder/tombstones.json``, once."""
    known = read_tombstones(folder)
    if tombstone not in known:
        write_json(folder / TOMBSTONES_JSON, {"tombstones": [t.model_dump(mode="json") for t in (*known, tombstone)]})
