"""Hydrate: makes the pictures of an annotations-only release from the user's own copies of the videos, verified by hash."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import cv2

from sfm_gt.errors import InputError
from sfm_gt.formats.atomic import replacing_directory
from sfm_gt.formats.dataset_layout import CLIP_JSON, LAYERS, SHUTTER_NPZ
from sfm_gt.formats.image_hashes import IMAGES_JSON, ImageHash, hash_image, read_image_hashes
from sfm_gt.formats.manifest import read_json
from sfm_gt.formats.perceptual_hash import bits_between
from sfm_gt.formats.shutter_shifts import read_shutter_shifts
from sfm_gt.imaging.resizing import fitted
from sfm_gt.sfm.clip_views import undistortion_of
from sfm_gt.sfm.undistortion import Undistortion
from sfm_gt.stages.ingest import sha256_of
from sfm_gt.video.decode import iterate_frames

# Another version of the decoder rounds a few pixels otherwise; another picture differs in half of the 64 bits.
MAX_BITS_BETWEEN_DECODERS = 4


def run(release: Path, videos: Path) -> str:
    """Writes ``images/`` of every clip whose video is there; says what was made and what is missing.

    Raises:
        InputError: no annotations-only release, none of its videos, or a picture that does not come out as released.
    """
    folders = sorted(path.parent for path in release.glob(f"clips/*/*/{IMAGES_JSON}"))
    if not folders:
        raise InputError(f"{release}: holds no clips/*/*/{IMAGES_JSON}; give an annotations-only release")
    by_hash = {sha256_of(path): path for path in sorted(videos.iterdir()) if path.is_file()} if videos.is_dir() else {}
    lines, made = [], 0
    for folder in folders:
        info = read_json(folder / CLIP_JSON)
        video = by_hash.get(info["source"].get("source_sha256", ""))
        if video is None:
            lines.append(f"{folder.name}: no file in {videos} has the SHA-256 of {info['source'].get('path')} "
                         f"({info['source'].get('source') or 'no URL stated'}); its pictures are missing")  # fmt: skip
            continue
        lines.append(_hydrate(folder, info, video))
        made += 1
    if not made:
        raise InputError("; ".join(lines))
    return "\n".join(lines)


def _hydrate(folder: Path, info: Mapping[str, Any], video: Path) -> str:
    expected = {one.frame_index: one for one in read_image_hashes(folder)}
    exact = 0
    with replacing_directory(folder / LAYERS["image"][0]) as images:
        for frame_index, content in _pictures(folder, info, video, expected):
            exact += _verified(
                f"{folder.name}, frame {frame_index}", hash_image(frame_index, content), expected[frame_index]
            )
            (images / f"{frame_index:06d}{LAYERS['image'][1]}").write_bytes(content)
        n_made = len(list(images.iterdir()))
        if n_made < len(expected):
            raise InputError(f"{video}: gave {n_made} of {len(expected)} frames of {folder.name}; copy the video again")
    other = (
        f", {len(expected) - exact} the same picture in other bytes (another decoder)" if exact < len(expected) else ""
    )
    return f"{folder.name}: {exact} pictures verified by SHA-256{other}"


def _verified(where: str, made: ImageHash, released: ImageHash) -> bool:
    """Whether the bytes are the released ones. Raises InputError when not even the picture is."""
    if made.sha256 == released.sha256:
        return True
    bits = bits_between(made.perceptual_hash, released.perceptual_hash)
    if bits > MAX_BITS_BETWEEN_DECODERS:
        raise InputError(
            f"{where}: another picture than was released ({bits} of 64 bits differ); nothing of it was kept"
        )
    return False


def _pictures(folder: Path, info: Mapping[str, Any], video: Path, wanted: Collection[int]) -> Any:
    """Frame index and JPEG bytes of the wanted frames, made as the stages ``frames`` and ``dataset`` make them."""
    shutter = read_shutter_shifts(folder / SHUTTER_NPZ)
    if shutter is None and info.get("measures", {}).get("sfm", {}).get("readout_s"):
        raise InputError(f"{folder / SHUTTER_NPZ}: missing, and the pictures of {info['clip_id']} were rectified to a "
                         "global shutter with it; copy the release again, or ask its publisher for a newer one")  # fmt: skip
    lens = info["camera_as_filmed"]
    undistortion = Undistortion.from_dict(lens)
    quality = [cv2.IMWRITE_JPEG_QUALITY, info["config"]["dataset"]["jpeg_quality"]]
    for frame_index, _, source in iterate_frames(video, min(wanted), max(wanted)):
        if frame_index in wanted:
            image = undistortion_of(undistortion, shutter, frame_index).image(
                fitted(source, max(lens["width"], lens["height"]))
            )
            _, content = cv2.imencode(LAYERS["image"][1], cv2.cvtColor(image, cv2.COLOR_RGB2BGR), quality)
            yield frame_index, content.tobytes()
