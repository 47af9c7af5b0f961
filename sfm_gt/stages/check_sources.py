"""Check sources: which videos of a data set are gone from the web, or are no longer the files that were used."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from pathlib import Path

from sfm_gt.datasets.frames import open_dataset
from sfm_gt.formats.sources import Source, read_sources
from sfm_gt.stages.ingest import sha256_of

TIMEOUT_S = 15
AGENT = "sfm-gt check-sources"


def run(out: Path, videos: Path | None = None) -> tuple[list[str], int]:
    """A line for every source, and how many of them have something wrong.

    Args:
        out: output folder of a run, a data set or a release.
        videos: folder of the video files; without it only links are checked.

    Raises:
        InputError: sources.json is missing or broken, or a source is listed twice.
    """
    checked = [(source, _faults(source, videos)) for source in read_sources(open_dataset(out).path)]
    lines = [f"{source.video_id}: {'; '.join(faults) or 'ok'}" for source, faults in checked]
    return lines, sum(bool(faults) for _, faults in checked)


def _faults(source: Source, videos: Path | None) -> list[str]:
    found = []
    if source.url and (fault := link_fault(source.url)):
        found.append(fault)
    if videos is not None:
        path = videos / Path(source.path).name
        if not path.is_file():
            found.append(f"file missing: {path}")
        elif sha256_of(path) != source.source_sha256:
            found.append(f"file changed since it was used: {path}")
    if source.license is None:
        found.append("no licence stated")
    if source.consent in (None, "unknown"):
        found.append("consent not stated")
    return found


def link_fault(url: str) -> str | None:
    """Why a URL leads nowhere; None where a page answers."""
    request = urllib.request.Request(url, method="HEAD", headers={"User-Agent": AGENT})
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S):
            return None
    except urllib.error.HTTPError as fault:
        # A page may refuse HEAD, or strangers, and still be there.
        return f"dead link: {url} ({fault.code} {fault.reason})" if fault.code in (404, 410) else None
    except (urllib.error.URLError, http.client.HTTPException, OSError, ValueError) as fault:
        return f"link not reached: {url} ({getattr(fault, 'reason', fault)})"
