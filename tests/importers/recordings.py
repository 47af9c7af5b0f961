"""Recordings of apps and other programs, written for tests: small files of known cameras."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from sfm_gt import registry
from sfm_gt.errors import InputError
from sfm_gt.importers.shared.video_facts import VideoFacts

VIDEO = VideoFacts(width=752, height=480, first_timestamp_s=0.0)


def read(name: str, path: Path, video: VideoFacts = VIDEO):
    return registry.load("importers", name)().read(path, video)


def pose(angles_deg: tuple[float, float, float], centre: tuple[float, float, float]) -> np.ndarray:
    """Camera to world."""
    found = np.eye(4)
    found[:3, :3] = Rotation.from_euler("zyx", angles_deg, degrees=True).as_matrix()
    found[:3, 3] = centre
    return found


def assert_refused(name: str, path: Path, says: str, video: VideoFacts = VIDEO) -> None:
    with pytest.raises(InputError, match=says) as error:
        read(name, path, video)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


UPRIGHT = VideoFacts(width=720, height=960, first_timestamp_s=0.0)


def metadata(**changes) -> dict:
    """The second camera stands 1 m to the right of the first and has turned by 90 degrees to the left."""
    half = float(np.sqrt(0.5))
    poses = [[0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0], [0.0, half, 0.0, half, 1.0, 0.0, 0.0]]
    return {"w": 720, "h": 960, "fps": 30, "K": [800.0, 0, 0, 0, 810.0, 0, 361.0, 482.0, 1.0], "poses": poses} | changes


def written(folder: Path, content: dict) -> Path:
    path = folder / "metadata.json"
    path.write_text(json.dumps(content))
    return path


def of_polycams_converter(folder: Path, focal_px: tuple[float, ...]) -> Path:
    """What nerfstudio's converter makes of a scan: a lens a frame, which autofocus has moved a little."""
    frames = [
        {
            "file_path": f"images/frame_{number:05d}.png", "fl_x": focal, "fl_y": focal, "cx": 361.0, "cy": 482.0,
            "w": 720, "h": 960, "transform_matrix": pose((0, 5 * number, 0), (0.1 * number, 0, 0)).tolist(),
        }
        for number, focal in enumerate(focal_px)
    ]  # fmt: skip
    return written(folder, {"camera_model": "OPENCV", "frames": frames})


XMP = """<x:xmpmeta xmlns:x="adobe:ns:meta/">
  <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
    <rdf:Description xcr:Version="3" xcr:PosePrior="initial" xcr:Coordinates="absolute"
       xcr:DistortionModel="brown3" xcr:FocalLength35mm="{focal}" xcr:Skew="0" xcr:AspectRatio="1"
       xcr:PrincipalPointU="0.01" xcr:PrincipalPointV="-0.02" xcr:CalibrationPrior="initial"
       xmlns:xcr="http://www.capturingreality.com/ns/xcr/1.1#">
      {pose}
      <xcr:DistortionCoeficients>{distortion}</xcr:DistortionCoeficients>
    </rdf:Description>
  </rdf:RDF>
</x:xmpmeta>
"""
# Looks along +y of a world with +z up, from 2 m above its origin; then from 1 m further ahead.
ROTATION = "1 0 0 0 0 -1 0 1 0"


def write_xmp(
    folder: Path, name: str, position: str = "0 0 2", focal: float = 27.0, distortion: str = "-0.1 0.05 0 0 0 0"
) -> None:
    folder.mkdir(exist_ok=True)
    pose = f"<xcr:Rotation>{ROTATION}</xcr:Rotation><xcr:Position>{position}</xcr:Position>" if position else ""
    (folder / name).write_text(XMP.format(focal=focal, pose=pose, distortion=distortion))


TABLE_HEAD = "#name,x,y,alt,heading,pitch,roll,f,px,py,k1,k2,k3,k4,t1,t2"


def write_table(folder: Path, rows: list[str], head: str = TABLE_HEAD) -> Path:
    path = folder / "cameras.csv"
    path.write_text("\n".join([head, *rows]) + "\n")
    return path


def polycam(folder: Path, **changes: object) -> Path:
    """Two cameras: the first looks along -z with +y up, the second from 1 m to the right along -x."""
    folder.mkdir()
    for name, matrix in (("98765", pose((0, 0, 0), (0, 0, 0))), ("123456", pose((0, 90, 0), (1, 0, 0)))):
        entries = {f"t_{row}{column}": matrix[row, column] for row in range(3) for column in range(4)}
        lens = {"fx": 800.0, "fy": 810.0, "cx": 361.0, "cy": 482.0, "width": 720, "height": 960, "blur_score": 90.0}
        content = entries | lens | (changes if name == "123456" else {})
        (folder / f"{name}.json").write_text(json.dumps(content))
    return folder
