"""A run whose videos and results are objects of a storage: Snakemake's default storage provider, whichever that is.

Snakemake fetches what a job reads and stores what it declares. What a run has to know before and beside its jobs comes from a
mirror, a folder with the names, sizes and times of objects, and the content of only those that are read.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path, PurePath
from typing import Any

from sfm_gt.errors import ConfigError, InputError
from sfm_gt.video.video_folders import SIDECAR_SUFFIXES

State = tuple[int, float]
"""Size of an object in bytes, and when it was stored."""
_READ_BESIDE_VIDEOS = (*SIDECAR_SUFFIXES, ".csv", ".txt", ".parquet")


class ObjectStorage:
    """Folders of the configuration as objects below Snakemake's default prefix, and their mirror."""

    def __init__(self, workflow: Any, mirrors: Path):
        self._workflow = workflow
        self._object_at = workflow.modifier.path_modifier.apply_default_storage
        prefix = str(workflow.storage_settings.default_storage_prefix)
        self._mirror = mirrors / hashlib.sha256(prefix.encode()).hexdigest()[:16]
        _look_again_for_folders(workflow.storage_registry.default_storage_provider.get_storage_object_cls())
        # Snakemake's own loop may be at work in the thread that asks.
        self._thread = ThreadPoolExecutor(1)

    @classmethod
    def of(cls, workflow: Any, mirrors: Path) -> ObjectStorage | None:
        """None where paths are those of a file system."""
        return cls(workflow, mirrors) if workflow.storage_settings.default_storage_provider is not None else None

    def local(self, path: Path) -> Path:
        """Where Snakemake puts the object while a job reads or writes it."""
        if path.is_absolute() or ".." in path.parts or ":" in str(path):
            raise ConfigError(f"{path}: in an object storage, videos and out are paths below --default-storage-prefix, "
                              "such as videos=videos")  # fmt: skip
        return Path(str(self._object_at(str(path))))

    def address(self, path: Path) -> str:
        """How Snakemake names the object or folder."""
        # The prefix itself has a name only through what lies there.
        return str(self._object(path / "any").print_query).removesuffix("/any")

    def mirrored(self, path: Path) -> Path:
        """Where the mirror of an object or folder lies."""
        return self._mirror / path

    def mirror_videos(self, folder: Path, out: Path) -> dict[str, State]:
        """Mirrors the folder of videos or of their table and answers what lies in it.

        Of films and pictures, name and size are enough.

        Args:
            out: results, which may lie in that folder and are left out.

        Raises:
            InputError: nothing lies there.
        """
        results = out if out.is_relative_to(folder) else None

        def is_input(name: str) -> bool:
            return results is None or not (folder / name).is_relative_to(results)

        states = {name: state for name, state in self._states(folder).items() if is_input(name)}
        if not states:
            raise InputError(f"{self.address(folder)}: no object is found below it; put videos there, or correct "
                             "the prefix, the address of the storage or the credentials")  # fmt: skip
        self._update(folder, states, is_input, lambda name: PurePath(name).suffix.lower() in _READ_BESIDE_VIDEOS)
        return states

    def mirror(self, folder: Path, patterns: Sequence[str]) -> None:
        """Mirrors what matches in the folder."""

        def is_asked_for(name: str) -> bool:
            return any(PurePath(name).match(pattern) for pattern in patterns)

        found = {name: state for name, state in self._states(folder).items() if is_asked_for(name)}
        self._update(folder, found, is_asked_for, lambda name: True)

    def mirror_file(self, path: Path) -> None:
        """Mirrors one object, if it is there."""
        from snakemake_interface_common.exceptions import WorkflowError

        self.mirrored(path).unlink(missing_ok=True)
        with suppress(WorkflowError):
            self.fetch(path, self.mirrored(path))

    def fetch(self, path: Path, to: Path) -> None:
        """Writes the object's content to a file."""
        self._run(self._object(path, to).managed_retrieve())

    def store(self, path: Path, content: Path) -> None:
        """Makes a file's content the object's."""
        self._run(self._object(path, content).managed_store())

    def _states(self, folder: Path) -> dict[str, State]:
        """All objects below ``folder``, by their path in it."""
        from snakemake.io import IOCache

        cache, root = IOCache(None), self.local(folder)
        self._run(self._object(folder / "any").inventory(cache))
        return {
            str(Path(key).relative_to(root)): (cache.size[key], mtime.storage())
            for key, mtime in cache.mtime.items()
            if Path(key).is_relative_to(root)
        }

    def _update(
        self, folder: Path, states: dict[str, State], concerns: Callable[[str], bool], read: Callable[[str], bool]
    ) -> None:
        mirror = self.mirrored(folder)
        for path in [path for path in mirror.rglob("*") if path.is_file()]:
            name = str(path.relative_to(mirror))
            if name not in states and concerns(name):
                path.unlink()
        for name, (size, mtime) in states.items():
            path = mirror / name
            if path.is_file() and (path.stat().st_size, path.stat().st_mtime) == (size, mtime):
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            if read(name):
                self.fetch(folder / name, path)
            else:
                _stand_in(path, str(folder / name), size)
            os.utime(path, (mtime, mtime))

    def _object(self, path: Path, file: Path | None = None) -> Any:
        stored = self._object_at(str(path)).flags["storage_object"]
        if file is not None:
            stored.set_local_path(file)
        return stored

    def _run(self, coroutine: Any) -> Any:
        return self._thread.submit(self._workflow.async_run, coroutine).result()


def _look_again_for_folders(kind: Any) -> None:
    """Lets an object of the S3 plug-in (0.3.6) forget that it was no folder: a job on another machine may have made it since.

    Without, the results of every job that runs elsewhere are taken for missing.
    """
    exists = kind.exists
    if getattr(exists, "looks_again", False):
        return

    def exists_now(stored: Any) -> bool:
        if getattr(stored, "_is_dir", None) is False:
            stored._is_dir = None
        return exists(stored)

    exists_now.looks_again = True  # type: ignore[attr-defined]
    kind.exists = exists_now


def _stand_in(path: Path, address: str, size: int) -> None:
    """A file of a size that takes no room; it begins with its address, so that no two are taken for the same film."""
    with path.open("wb") as file:
        file.write(address.encode("utf-8", "surrogateescape")[:size])
        file.truncate(size)
