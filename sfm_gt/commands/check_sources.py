"""Check sources: which videos of a data set are gone from the web, or whose file or terms changed since they were used."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from sfm_gt.config import read_config
from sfm_gt.datasets.frames import open_dataset
from sfm_gt.errors import InputError
from sfm_gt.formats.sidecar import PROVENANCE, read_sidecar
from sfm_gt.formats.sources import Source, hashed_uploader, read_sources
from sfm_gt.formats.workspace import Workspace
from sfm_gt.stages.ingest import sha256_of
from sfm_gt.video.catalog import VideoFile, list_videos

TIMEOUT_S = 15
AGENT = "sfm-gt check-sources"


def run(out: Path, videos: Path | None = None) -> tuple[list[str], int]:
    """A line for every source, and how many of them have something wrong.

    Args:
        out: output folder of a run, a data set or a release.
        videos: folder or table of the video files with their sidecars; without it only links are checked.

    Raises:
        InputError: sources.json is missing or broken, a source is listed twice, or there are no videos.
    """
    dataset = open_dataset(out).path
    salt_file = _salt_file(dataset.parent)
    listed = None if videos is None else {video.video_id: video for video in list_videos(videos)}
    checked = [(source, _problems(source, listed, salt_file)) for source in read_sources(dataset)]
    lines = [f"{source.video_id}: {'; '.join(problems) or 'ok'}" for source, problems in checked]
    return lines, sum(bool(problems) for _, problems in checked)


def _salt_file(run: Path) -> Path | None:
    """The salt under which the run hashed uploaders; None where there is no run, as for a release."""
    config = Workspace(run).config
    return read_config(config).provenance.salt_file if config.is_file() else None


def _problems(source: Source, videos: Mapping[str, VideoFile] | None, salt_file: Path | None) -> list[str]:
    found = []
    if source.url and (problem := link_problem(source.url)):
        found.append(problem)
    if videos is not None:
        video = videos.get(source.video_id)
        if video is None or not video.path.is_file():
            found.append(f"file missing: {source.path}")
        else:
            if sha256_of(video.path) != source.source_sha256:
                found.append(f"file changed since it was used: {video.path}")
            found += _stated_otherwise(source, video, salt_file)
    if source.license is None:
        found.append("no licence stated")
    if source.consent in (None, "unknown"):
        found.append("consent not stated")
    return found


def _stated_otherwise(source: Source, video: VideoFile, salt_file: Path | None) -> list[str]:
    """What the video's sidecar says by now of the source, its terms or its uploader."""
    try:
        stated = read_sidecar(video.sidecar)
    except InputError as error:
        return [str(error)]
    now = stated.model_dump(mode="json", include=set(PROVENANCE))
    changed = {name for name in PROVENANCE if now[name] != getattr(source, name)}
    if stated.uploader and salt_file is not None:
        changed |= {"uploader"} if hashed_uploader(stated.uploader, salt_file) != source.uploader_hash else set()
    elif bool(stated.uploader) != bool(source.uploader_hash):
        changed |= {"uploader"}
    where = video.sidecar or video.path
    return [f"{', '.join(sorted(changed))} changed in {where.name}: run the workflow again"] if changed else []


def link_problem(url: str) -> str | None:
    """Why a URL leads nowhere; None where a page answers."""
    request = urllib.request.Request(url, method="HEAD", headers={"User-Agent": AGENT})
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S):
            return None
    except urllib.error.HTTPError as error:
        # A page may refuse HEAD, or strangers, and still be there.
        return f"dead link: {url} ({error.code} {error.reason})" if error.code in (404, 410) else None
    except (urllib.error.URLError, http.client.HTTPException, OSError, ValueError) as error:
        return f"link not reached: {url} ({getattr(error, 'reason', error)})"
