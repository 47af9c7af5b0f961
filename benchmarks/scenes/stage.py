"""Builds a scene in Blender: room, figures, lights, camera."""

from __future__ import annotations

import os

import bpy
import numpy as np
from bent import bent_mesh
from camera_path import Lens
from materials import cloth_material
from mathutils import Matrix
from people import REGIONS, Figure
from rods import tube_mesh
from scene_types import THIN_LABEL, Ball, Box, Cloth, Lamp, Lighting, Panel, Person, Rod, Thing

REST_ATTRIBUTE = "rest_m"
OFFSET_ATTRIBUTE = "offset_m"
SENSOR_MM = 36.0
CLIP_START_M, CLIP_END_M = 0.05, 100.0
# Blender cameras look along -z with +y up; ours along +z with +y down.
CV_FROM_BLENDER = np.diag([1.0, -1.0, -1.0, 1.0])
BALL_SEGMENTS = 48
HDRI = os.path.join("studiolights", "world", "interior.exr")


def clear() -> None:
    """Start from an empty file."""
    bpy.ops.wm.read_factory_settings(use_empty=True)


def _add(name: str, mesh: bpy.types.Mesh) -> bpy.types.Object:
    thing = bpy.data.objects.new(name, mesh)
    bpy.context.scene.collection.objects.link(thing)
    return thing


def _mesh(name: str, vertices_m: np.ndarray, faces: np.ndarray) -> bpy.types.Mesh:
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata(vertices_m.tolist(), [], faces.tolist())
    return mesh


def add_box(box: Box) -> None:
    """Vertices in the box's own frame, so that its object coordinates are metres from its centre."""
    corners = np.array([[x, y, z] for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (-0.5, 0.5)]) * box.size_m
    faces = np.array([[0, 1, 3, 2], [4, 6, 7, 5], [0, 4, 5, 1], [2, 3, 7, 6], [0, 2, 6, 4], [1, 5, 7, 3]])
    thing = _add(box.name, _mesh(box.name, corners, faces))
    thing.location = box.centre_m
    thing.rotation_euler = (np.deg2rad(box.lean_deg), 0.0, np.deg2rad(box.yaw_deg))
    thing.data.materials.append(cloth_material(box.name, box.cloth, "object"))


def _panel_mesh(panel: Panel) -> bpy.types.Mesh:
    """A rectangle in its own xy plane (so that brickwork lies in it), bent or flat, with UVs over the whole of it."""
    if panel.curve_radius_m is not None:
        corners, faces, uv = bent_mesh(panel.size_m, panel.curve_radius_m)
    else:
        half = np.array([*panel.size_m, 0.0]) / 2
        corners = np.array([[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]]) * half
        faces, uv = np.array([[0, 1, 2, 3]]), np.array([[0, 0], [1, 0], [1, 1], [0, 1]])
    mesh = _mesh(panel.name, corners, faces)
    mesh.uv_layers.new(name="UVMap").data.foreach_set("uv", uv[faces].astype(np.float32).ravel())
    if panel.curve_radius_m is not None:
        mesh.polygons.foreach_set("use_smooth", np.ones(len(faces), bool))
    return mesh


def add_panel(panel: Panel) -> None:
    mesh = _panel_mesh(panel)
    thing = _add(panel.name, mesh)
    thing.location = panel.centre_m
    lean = np.deg2rad(panel.lean_deg)
    if panel.wall_yaw_deg is None:
        thing.rotation_euler = (lean, 0.0, 0.0)
    else:
        thing.rotation_euler = (np.pi / 2 - lean, 0.0, np.deg2rad(panel.wall_yaw_deg))
    mesh.materials.append(cloth_material(panel.name, panel.cloth, "object"))


def add_ball(ball: Ball) -> None:
    bpy.ops.mesh.primitive_uv_sphere_add(
        radius=ball.radius_m, location=ball.centre_m, segments=BALL_SEGMENTS, ring_count=BALL_SEGMENTS // 2
    )
    thing = bpy.context.object
    thing.data.polygons.foreach_set("use_smooth", np.ones(len(thing.data.polygons), bool))
    thing.data.materials.append(cloth_material(ball.name, ball.cloth, "object"))


def add_rod(rod: Rod) -> None:
    mesh = _mesh(rod.name, *tube_mesh(np.array(rod.points_m), rod.radius_m))
    mesh.polygons.foreach_set("use_smooth", np.ones(len(mesh.polygons), bool))
    mesh.materials.append(cloth_material(rod.name, rod.cloth, "object"))
    _add(rod.name, mesh).pass_index = THIN_LABEL


def add_thing(thing: Thing) -> None:
    {Box: add_box, Panel: add_panel, Ball: add_ball, Rod: add_rod}[type(thing)](thing)


def _cloth_of(person: Person, region: str) -> Cloth:
    return getattr(person.outfit, region)


def add_figure(figure: Figure) -> bpy.types.Object:
    """The frozen figure with its rest shape as texture coordinates and a zero offset; pass_index = person_id."""
    person = figure.person
    mesh = _mesh(person.name, figure.frozen_m, figure.faces)
    for region in REGIONS:
        name = f"{person.name} {region}"
        mesh.materials.append(cloth_material(name, _cloth_of(person, region), REST_ATTRIBUTE))
    mesh.polygons.foreach_set("material_index", figure.face_region.astype(np.int32))
    mesh.polygons.foreach_set("use_smooth", np.ones(len(figure.faces), bool))
    rest = mesh.attributes.new(REST_ATTRIBUTE, "FLOAT_VECTOR", "POINT")
    rest.data.foreach_set("vector", figure.rest_m.astype(np.float32).ravel())
    mesh.attributes.new(OFFSET_ATTRIBUTE, "FLOAT_VECTOR", "POINT")
    thing = _add(person.name, mesh)
    thing.pass_index = person.person_id
    return thing


def move_figure(thing: bpy.types.Object, figure: Figure, vertices_m: np.ndarray) -> None:
    """Set this frame's vertices and how far each is from its frozen place."""
    mesh = thing.data
    mesh.vertices.foreach_set("co", vertices_m.astype(np.float32).ravel())
    offset = (vertices_m - figure.frozen_m).astype(np.float32)
    mesh.attributes[OFFSET_ATTRIBUTE].data.foreach_set("vector", offset.ravel())
    mesh.update()


def add_lights(lighting: Lighting) -> None:
    """An HDRI that ships with Blender (CC0) and the lamps."""
    world = bpy.data.worlds.new("world")
    bpy.context.scene.world = world
    world.use_nodes = True
    nodes, links = world.node_tree.nodes, world.node_tree.links
    picture = nodes.new("ShaderNodeTexEnvironment")
    picture.image = bpy.data.images.load(os.path.join(bpy.utils.system_resource("DATAFILES"), HDRI))
    links.new(picture.outputs["Color"], nodes["Background"].inputs["Color"])
    nodes["Background"].inputs["Strength"].default_value = lighting.ambient
    for lamp in lighting.lamps:
        _add_lamp(lamp)


def _add_lamp(lamp: Lamp) -> None:
    light = bpy.data.lights.new("area", "AREA")
    light.size, light.energy, light.color = lamp.edge_m, lamp.watts, lamp.rgb
    thing = bpy.data.objects.new("area", light)
    thing.matrix_world = _aimed(np.array(lamp.place_m), np.array(lamp.aim_m))
    thing.visible_camera = False
    bpy.context.scene.collection.objects.link(thing)


def _aimed(place: np.ndarray, aim: np.ndarray) -> Matrix:
    """A Blender world matrix at ``place`` whose -z axis points at ``aim``."""
    back = (place - aim) / np.linalg.norm(place - aim)
    right = np.cross([0.0, 1.0, 0.01], back)
    right /= np.linalg.norm(right)
    matrix = np.eye(4)
    matrix[:3, :3] = np.stack([right, np.cross(back, right), back], axis=1)
    matrix[:3, 3] = place
    return Matrix(matrix.tolist())


def add_camera() -> bpy.types.Object:
    """A camera without a lens yet (see :func:`set_lens`)."""
    view = bpy.data.cameras.new("camera")
    view.sensor_fit = "HORIZONTAL"
    view.sensor_width = SENSOR_MM
    view.clip_start, view.clip_end = CLIP_START_M, CLIP_END_M
    camera = bpy.data.objects.new("camera", view)
    bpy.context.scene.collection.objects.link(camera)
    bpy.context.scene.camera = camera
    return camera


def set_lens(camera: bpy.types.Object, lens: Lens) -> None:
    """Focal length, principal point and kind of one frame's lens."""
    view, focal_mm = camera.data, lens.focal_px * SENSOR_MM / lens.width
    view.lens = focal_mm
    # Blender counts both shifts in widths, and moves the view, not the point: right and up
    view.shift_x = 0.5 - lens.centre_px[0] / lens.width
    view.shift_y = (lens.centre_px[1] - lens.height / 2) / lens.width
    if lens.fisheye:
        view.type, view.panorama_type, view.fisheye_fov = "PANO", "FISHEYE_LENS_POLYNOMIAL", np.pi
        # the angle is minus a polynomial of the distance from the centre in mm: of degree 1 here
        view.sensor_height = SENSOR_MM * lens.height / lens.width
        for power, factor in enumerate((0.0, -1.0 / focal_mm, 0.0, 0.0, 0.0)):
            setattr(view, f"fisheye_polynomial_k{power}", factor)


def place_camera(camera: bpy.types.Object, cam_from_world: np.ndarray) -> None:
    """Set the pose from our cam_from_world (4, 4)."""
    world_from_blender = np.linalg.inv(cam_from_world) @ CV_FROM_BLENDER
    camera.matrix_world = Matrix(world_from_blender.tolist())
