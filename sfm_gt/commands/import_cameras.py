"""Names cameras from elsewhere in a video's sidecar, once they are known to be readable: ``sfm-gt import``."""

from __future__ import annotations

import shutil
from dataclasses import asdict
from pathlib import Path

import yaml

from sfm_gt.errors import InputError, Rejected
from sfm_gt.formats.atomic import replacing_file
from sfm_gt.formats.sidecar import read_sidecar
from sfm_gt.sfm.given_cameras import read_cameras
from sfm_gt.video.catalog import list_videos
from sfm_gt.video.probe import probe_video


def run(video: Path, format_name: str, file: Path, refine: bool) -> str:
    """Adds ``import:`` to the sidecar of ``video``, copies ``file`` next to it where it lies elsewhere; a line about it, and
    one on each thing that the file states and the video has no use for.

    A sidecar without a source gets the URL that a MannequinChallenge or RealEstate10K file begins with. Comments stay.

    Raises:
        InputError: no video, a sidecar that imports already, an unknown format, a file that is not in it.
    """
    found = [entry for entry in list_videos(video.parent) if entry.path == video]
    if not found:
        raise InputError(f"{video}: no video there; give the file that the cameras belong to")
    stated = read_sidecar(found[0].sidecar)
    sidecar = found[0].sidecar if isinstance(found[0].sidecar, Path) else video.with_suffix(".yaml")
    if stated.imported is not None:
        raise InputError(f"{sidecar}: imports {stated.imported.file!r} already; remove that section first")
    placed, copied = _beside(video, file)
    text = sidecar.read_text(encoding="utf-8").rstrip("\n") + "\n" if sidecar.is_file() else ""
    section = {"format": format_name, "file": placed.name} | ({"refine": True} if refine else {})
    text += yaml.safe_dump({"import": section}, sort_keys=False) + _source(placed, format_name, stated.source)
    try:
        with replacing_file(sidecar) as draft:
            draft.write_text(text, encoding="utf-8")
            cameras = read_cameras(draft, asdict(probe_video(video, 1)))
            assert cameras is not None, "the draft names cameras"
    except (InputError, Rejected) as error:
        if copied:
            placed.unlink()
        raise InputError(str(error).replace(draft.name, sidecar.name)) from None
    said = f"{sidecar}: {len(cameras.track.cam_from_world)} cameras of {placed.name} ({format_name})"
    return "\n".join([said, *(f"warning: {remark}" for remark in cameras.remarks)])


def _beside(video: Path, file: Path) -> tuple[Path, bool]:
    """The file as it lies next to the video, copied there when it lies elsewhere."""
    if file.resolve().parent == video.resolve().parent:
        return file, False
    if not file.is_file():
        raise InputError(f"{file}: no file; a folder of cameras has to be in the folder of the video")
    placed = video.parent / file.name
    if placed.exists():
        raise InputError(f"{placed}: exists already; remove it, or give --file {placed}")
    shutil.copyfile(file, placed)
    return placed, True


def _source(path: Path, format_name: str, stated: str | None) -> str:
    if stated is not None or format_name not in ("mannequin_challenge", "realestate10k"):
        return ""
    url = path.read_text(encoding="utf-8", errors="replace").split("\n", 1)[0].strip()
    return yaml.safe_dump({"source": url}) if url.startswith("http") else ""
