"""Points and triangles lie on the scene, in the picture's colours, for the readers of PLY and GLB."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

import sfm_gt
from sfm_gt.exporters.shared.surfaces import triangles
from sfm_gt.formats.glb import linear_from_srgb
from sfm_gt.geometry.camera import project
from sfm_gt.geometry.transforms import inverse_rigid, transform_points
from tests.exporters.small_dataset import CAMERA, assert_on_wall, pose


def test_trimesh_loads_points_and_triangles_where_the_wall_is(exported):
    import trimesh

    cloud = trimesh.load(exported("ply") / "near-000.ply")
    assert len(cloud.vertices) > 500
    assert_on_wall(np.asarray(cloud.vertices), 2e-3)
    scene = trimesh.load(exported("glb") / "near-000.glb")
    mesh = scene.geometry["000005"]
    points = np.asarray(mesh.vertices) * [1, -1, -1]  # glTF has +y up
    assert_on_wall(points, 2e-3)
    centre = inverse_rigid(pose(5))[:3, 3]
    towards = (np.asarray(mesh.face_normals) * [1, -1, -1] * (centre - points[mesh.faces].mean(axis=1))).sum(axis=1)
    assert (towards > 0).all(), "faces look at the camera"


def glb_parts(path: Path) -> tuple[dict, list[np.ndarray]]:
    """JSON and accessors of a GLB file, read by the tables of the glTF 2.0 specification."""
    content = path.read_bytes()
    length = int.from_bytes(content[12:16], "little")
    tree, binary = json.loads(content[20 : 20 + length]), content[28 + length :]
    kinds = {5126: np.float32, 5123: np.uint16, 5125: np.uint32}
    arrays = []
    for accessor in tree["accessors"]:
        view = tree["bufferViews"][accessor["bufferView"]]
        width = {"SCALAR": 1, "VEC3": 3, "VEC4": 4}[accessor["type"]]
        values = np.frombuffer(binary, kinds[accessor["componentType"]], accessor["count"] * width, view["byteOffset"])
        arrays.append(values.reshape(-1, width))
    return tree, arrays


def test_glb_shows_the_pictures_own_colours_without_light(exported, out):
    tree, arrays = glb_parts(exported("glb") / "near-000.glb")
    assert "KHR_materials_unlit" in tree["extensionsUsed"]
    assert "KHR_materials_unlit" in tree["materials"][0]["extensions"]
    (mesh,) = (mesh for mesh in tree["meshes"] if mesh["name"] == "000005")
    (primitive,) = mesh["primitives"]
    positions, normals, colours = (arrays[primitive["attributes"][name]] for name in ("POSITION", "NORMAL", "COLOR_0"))
    assert np.linalg.norm(normals, axis=1) == pytest.approx(1.0, abs=1e-5)
    towards = (inverse_rigid(pose(5))[:3, 3] * [1, -1, -1] - positions) * normals
    assert (towards.sum(axis=1) > 0).all()
    # Where each vertex lies in the picture, and the light that an sRGB value stands for (a grey of 188 is half of white).
    xy = project(CAMERA, transform_points(pose(5), positions.astype(np.float64) * [1, -1, -1]))
    image = sfm_gt.open_dataset(out).frames_of("near-000")[2].image
    srgb = image[np.floor(xy[:, 1]).astype(int), np.floor(xy[:, 0]).astype(int)] / 255
    light = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    assert colours[:, :3] / 65535 == pytest.approx(light, abs=1e-5)
    assert linear_from_srgb(np.array([[188, 0, 255]], np.uint8))[0] / 65535 == pytest.approx([0.5, 0, 1], abs=0.005)


VALIDATOR = """require('gltf-validator').validateBytes(new Uint8Array(require('fs').readFileSync(process.argv[1])))
    .then(report => console.log(JSON.stringify(report.issues)))"""


def test_the_validator_of_khronos_finds_nothing(exported, tmp_path):
    node, npm = shutil.which("node"), shutil.which("npm")
    folder = next((Path(place) for place in os.environ.get("NODE_PATH", "").split(":") if place), None)
    if not node or not npm or folder is None or not (folder / "gltf-validator").is_dir():
        pytest.skip("gltf-validator is not installed: npm install gltf-validator, and NODE_PATH to its node_modules")
    path = exported("glb") / "near-000.glb"
    issues = json.loads(subprocess.run([node, "-e", VALIDATOR, str(path)], check=True, capture_output=True).stdout)
    assert issues["messages"] == []


def test_steps_of_a_tenth_of_a_metre_at_five_metres_are_torn_and_a_slanted_floor_is_not():
    for height in (0.1, 0.25):
        step = np.full((6, 6), 5.0)
        step[:, 3:] += height
        assert len(triangles(step)) == 2 * 5 * 4, "every square but those across the step"
    # A floor 1.5 m below the camera, seen through 540 px of focal length three pixels apart: 4 to 11 m away.
    floor = 1.5 * 540 / np.arange(75.0, 200.0, 3.0)[:, None] * np.ones((1, 6))
    assert len(triangles(floor)) == 2 * 5 * (len(floor) - 1)


def test_no_triangle_spans_a_depth_step_or_a_hole():
    depth = np.array([[1.0, 1.0, 2.0], [1.0, np.nan, 2.0], [1.0, 1.0, 2.0]])
    assert triangles(depth).tolist() == [[0, 3, 1]]
    assert len(triangles(np.full((3, 3), 2.0))) == 8, "two for every square of pixels"
