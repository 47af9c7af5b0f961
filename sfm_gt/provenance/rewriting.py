"""Shared files without one source: JSON without its entries, tables without its rows, shards without its samples."""

from __future__ import annotations

import tarfile
from collections import defaultdict
from collections.abc import Container, Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from sfm_gt.formats.atomic import replacing_file
from sfm_gt.formats.manifest import read_json, write_json
from sfm_gt.provenance.traces import TAR_SUFFIXES, TEXT_SUFFIXES, Traces, mentions


def rewrite_without(traces: Traces, path: Path) -> None:
    """Rewrites one file, whole or not at all, so that nothing of the source is in it; a file with nothing else is removed."""
    suffix = path.suffix.lower()
    if suffix == ".json":
        write_json(path, pruned(traces, read_json(path)))
    elif suffix == ".parquet":
        _rewrite_table(traces, path)
    elif suffix in TAR_SUFFIXES:
        _rewrite_shard(traces, path)
    elif suffix in TEXT_SUFFIXES:
        _rewrite_lines(traces, path)
    else:
        path.unlink()  # a copy of one of its files, or an archive around one


def pruned(traces: Traces, value: Any) -> Any:
    """JSON content without what names the source: the innermost entry of a list, or the key, that does goes."""
    if isinstance(value, dict):
        kept = {key: entry for key, entry in value.items() if not traces.in_text(key)}
        return {key: pruned(traces, v) for key, v in kept.items() if not (isinstance(v, str) and traces.in_text(v))}
    if isinstance(value, list):
        return [pruned(traces, entry) for entry in value if not _is_about(traces, entry)]
    return value


def _is_about(traces: Traces, entry: Any) -> bool:
    """Whether an entry of a list goes as a whole: it names the source itself, not in a list deeper down."""
    if isinstance(entry, dict):
        return entry.get("video_id") == traces.video_id or any(
            isinstance(value, str) and traces.in_text(value) for value in entry.values()
        )
    return isinstance(entry, str) and traces.in_text(entry)


def _rewrite_table(traces: Traces, path: Path) -> None:
    table = pq.read_table(path)
    kept = pa.array([not traces.in_value(row) for row in table.to_pylist()], pa.bool_())
    with replacing_file(path) as partial:
        pq.write_table(table.filter(kept), partial)


def _rewrite_lines(traces: Traces, path: Path) -> None:
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True)
    with replacing_file(path) as partial:
        partial.write_text("".join(line for line in lines if not traces.in_text(line)), encoding="utf-8")


def _rewrite_shard(traces: Traces, path: Path) -> None:
    """A WebDataset shard without the samples of the source; a sample is what shares a name up to the first dot."""
    about: dict[str, bool] = defaultdict(bool)
    with tarfile.open(path) as archive:
        members = [member for member in archive.getmembers() if member.isfile()]
        for member in members:
            content = _content(archive, member)
            named = traces.owns(Path(member.name)) or traces.is_copy(content)
            text = Path(member.name).suffix.lower() in TEXT_SUFFIXES and traces.in_text(
                content.decode(errors="replace")
            )
            about[_key(member.name)] |= named or text
        kept = [member for member in members if not about[_key(member.name)]]
        if not kept:
            path.unlink()
            return
        with replacing_file(path) as partial, tarfile.open(partial, "w") as rewritten:
            for member in kept:
                rewritten.addfile(member, archive.extractfile(member))


def _key(name: str) -> str:
    folder, _, base = name.rpartition("/")
    return f"{folder}/{base.split('.')[0]}"


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(member)
    return file.read() if file is not None else b""


def scan(traces: Traces, folders: Iterable[Path], passed_over: Container[str]) -> list[str]:
    """Everything below the folders that still holds something of the source, a line each; empty is the proof.

    Args:
        passed_over: names of files that are not looked into.
    """
    left = []
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if traces.owns(path.relative_to(folder)):
                left.append(f"{path}: named after it")
            elif path.is_file() and path.name not in passed_over and mentions(traces, path):
                left.append(f"{path}: names it, or holds its bytes")
    return left
