"""clips/<video>/<clip>/images.json of a release without pictures: what each picture's file must be when it is made again."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np

from sfm_gt.errors import InputError
from sfm_gt.formats.manifest import read_json, write_json
from sfm_gt.formats.perceptual_hash import perceptual_hash

IMAGES_JSON = "images.json"


@dataclass(frozen=True)
class ImageHash:
    """Of one JPEG file: SHA-256 of its bytes, and the perceptual hash of its picture for decoders that round otherwise."""

    frame_index: int
    sha256: str
    perceptual_hash: str


def hash_image(frame_index: int, content: bytes) -> ImageHash:
    """Hashes of a JPEG file's bytes. Raises InputError when they are no picture."""
    pixels = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR_RGB)
    if pixels is None:
        raise InputError(f"frame {frame_index}: not a picture; rebuild the clip with `sfm-gt dataset`")
    return ImageHash(frame_index, hashlib.sha256(content).hexdigest(), perceptual_hash(pixels))


def write_image_hashes(folder: Path, hashes: list[ImageHash]) -> None:
    """Writes ``folder/images.json``."""
    write_json(folder / IMAGES_JSON, {"images": [asdict(one) for one in hashes]})


def read_image_hashes(folder: Path) -> list[ImageHash]:
    """Reads ``folder/images.json``. Raises InputError when it is missing or broken."""
    return [ImageHash(**entry) for entry in read_json(folder / IMAGES_JSON)["images"]]
