"""WebDataset shards: tar files whose members ``<key>.<layer>`` with one key make a sample, and ``shards.json`` over them.

A shard holds frames of one clip only, so that taking a clip out of a release means deleting its shards. The same samples give
the same bytes.
"""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import cv2
import numpy as np
from jaxtyping import UInt16
from pydantic import BaseModel, Field, StrictBool

from sfm_gt.errors import InputError
from sfm_gt.formats.atomic import replacing_file
from sfm_gt.formats.clip_paths import require_id
from sfm_gt.formats.manifest import read_json_object
from sfm_gt.formats.path_check import inside
from sfm_gt.formats.validation import Whole, validated

SHARDS_JSON = "shards.json"
SUFFIXES = {"image": "jpg", "depth": "depth.png16", "sigma": "sigma.png16",
            "outlier": "outlier.png", "moving": "moving.png", "overlay": "overlay.png",
            "person": "person.png"}  # fmt: skip
"""Name of each layer's member. Readers of shards decode what ends in png as 8-bit colour, which steps of depth are not."""
Sample = tuple[str, Mapping[str, bytes]]


def write_shard(path: Path, samples: Iterable[Sample]) -> dict[str, Any]:
    """Writes one shard and returns its entry of shards.json: name, samples, bytes, sha256."""
    count = 0
    with replacing_file(path) as partial:
        with tarfile.open(partial, "w", format=tarfile.USTAR_FORMAT) as tar:
            for key, layers in samples:
                for suffix, content in layers.items():
                    member = tarfile.TarInfo(f"{key}.{suffix}")
                    member.size = len(content)
                    tar.addfile(member, io.BytesIO(content))
                count += 1
        with partial.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        size = partial.stat().st_size
    return {"samples": count, "bytes": size, "sha256": digest}


class _Shard(BaseModel):
    shard: str
    clip_id: str
    split: Literal["train", "val", "test"]
    metric: StrictBool = True
    samples: Annotated[Whole, Field(ge=0)]
    bytes: Annotated[Whole, Field(ge=0)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


def list_shards(folder: Path) -> list[dict[str, Any]]:
    """Entries of shards.json: ``shard`` (path below ``folder``), ``clip_id``, ``split``, ``metric``, ``samples``, ``bytes``,
    ``sha256``. Lists of before ``metric`` was in them are read as if all were.

    Raises:
        InputError: no list, an entry that lacks something or holds what it cannot, a shard that is missing, lies elsewhere, or
            has another size than when it was written. Content is another matter, see :func:`check_shard`.
    """
    stated, found = folder / SHARDS_JSON, []
    entries = read_json_object(stated).get("shards")
    if not isinstance(entries, list):
        raise InputError(f"{stated}: holds no list 'shards'; copy or export the shards again")
    for number, content in enumerate(entries):
        entry = validated(_Shard, content, f"{stated}: shard {number}", InputError)
        require_id(entry.clip_id, stated)
        path = inside(folder, entry.shard, stated)
        size = path.stat().st_size
        if size != entry.bytes:
            raise InputError(f"{path}: {size} bytes, written with {entry.bytes}; the shard is cut short or was changed: "
                             "copy or export it again")  # fmt: skip
        found.append(entry.model_dump())
    return found


def check_shard(path: Path, sha256: str) -> None:
    """Whether a shard is the one that shards.json was written with; reads all of it. Raises InputError when it is another."""
    with path.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != sha256:
            raise InputError(f"{path}: was changed since it was written; copy or export it again")


def decode_png16(key: str, content: bytes) -> UInt16[np.ndarray, "h w"] | None:
    """A decoder for ``webdataset``: ``WebDataset(shards).decode(decode_png16, "pil")``.

    Returns:
        Steps of ``depth_unit`` or ``sigma_unit`` of the sample's JSON, 0 = invalid; None for members of another kind.

    Raises:
        InputError: no 16-bit PNG.
    """
    if not key.endswith(".png16"):
        return None
    steps = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED) if content else None
    if steps is None or steps.dtype != np.uint16 or steps.ndim != 2:
        raise InputError(f"{key}: no 16-bit PNG of one channel; copy the shard again")
    return steps


def read_shard(path: Path) -> Iterator[tuple[str, dict[str, bytes]]]:
    """Key and layers of each sample, in order.

    Raises:
        InputError: the tar is cut short or damaged, or a member's name leads elsewhere.
    """
    key, layers = "", dict[str, bytes]()
    try:
        with tarfile.open(path, "r:") as tar:
            for member in tar:
                own, _, suffix = member.name.partition(".")
                if not member.isfile() or "/" in member.name or not own or not suffix:
                    raise InputError(
                        f"{path}: holds {member.name!r}, which is no layer of a sample; needed <key>.<layer>"
                    )
                if own != key and layers:
                    yield key, layers
                    layers = {}
                file = tar.extractfile(member)
                key, layers[suffix] = own, file.read() if file else b""
                if len(layers[suffix]) != member.size:
                    raise tarfile.ReadError(f"{member.name} ends early")
    except (tarfile.TarError, EOFError) as error:
        raise InputError(f"{path}: shard cut short or damaged ({error}); copy or export it again") from None
    if layers:
        yield key, layers
