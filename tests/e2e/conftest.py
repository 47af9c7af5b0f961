"""One run of the whole workflow on the embedded clip, in the company of files that are no videos."""

from __future__ import annotations

import shutil
import subprocess
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
import yaml

from tests.e2e.workflow import DEMO, run


def write_video(path: Path, frames: list[np.ndarray], fps: int = 15) -> None:
    """An H.264 MP4 of RGB frames."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=fps, options={"crf": "14"})
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        stream.time_base = Fraction(1, fps)
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())


def demo_frames() -> list[np.ndarray]:
    """All frames of the embedded clip, RGB."""
    with av.open(str(DEMO / "videos" / "mannequin.mp4")) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


@pytest.fixture(scope="session")
def demo_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """The folder of a finished run on the embedded clip and six files that cannot give ground truth."""
    folder = tmp_path_factory.mktemp("demo")
    videos = folder / "videos"
    shutil.copytree(DEMO / "videos", videos)
    (videos / "text.mp4").write_text("this is no video\n")
    (videos / "nothing.mov").write_bytes(b"")
    shutil.copy(videos / "mannequin.mp4", videos / "twin.mp4")
    shutil.copy(videos / "mannequin.mp4", videos / "twin.mkv")
    # Of other bytes: the same file under another name is refused for that.
    (videos / "mistaken.mp4").write_bytes((videos / "mannequin.mp4").read_bytes() + b"\0")
    (videos / "mistaken.yaml").write_text("scale: {known_distnce: []}\n")
    still = np.random.default_rng(0).integers(0, 255, (240, 320, 3), np.uint8)
    write_video(videos / "still image ü.mp4", [still] * 20)
    return folder, run(folder)


@pytest.fixture(scope="session")
def small_videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with every second frame of the embedded clip at half size, and its sidecar to match."""
    folder = tmp_path_factory.mktemp("small") / "videos"
    folder.mkdir()
    frames = [cv2.resize(frame, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA) for frame in demo_frames()[::2]]
    write_video(folder / "small.mp4", frames)
    sidecar = yaml.safe_load((DEMO / "videos" / "mannequin.yaml").read_text())
    for distance in sidecar["scale"]["known_distance"]:
        distance["frame_index"] //= 2
        distance["point_a"] = [value / 2 for value in distance["point_a"]]
        distance["point_b"] = [value / 2 for value in distance["point_b"]]
    (folder / "small.yaml").write_text(yaml.safe_dump(sidecar))
    return folder
