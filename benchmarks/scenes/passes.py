"""The two renders of each frame: truth (one exact ray a pixel) and colour (many rays, denoised)."""

from __future__ import annotations

from pathlib import Path

import bpy
from scene_types import CameraPath
from stage import OFFSET_ATTRIBUTE

# Cycles jitters its one sample inside the pixel filter: this narrow, it hits the pixel's centre to 0.01 px.
TRUTH_FILTER_PX = 0.01
COLOUR_FILTER_PX = 1.5
DIFFUSE_BOUNCES = 2
OFFSET_AOV = "offset"


def configure(path: CameraPath, threads: int) -> None:
    """Settings that both renders share. ``threads`` 0 takes every core."""
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.render.resolution_x, scene.render.resolution_y = path.width, path.height
    scene.render.resolution_percentage = 100
    scene.render.use_persistent_data = True
    scene.render.threads_mode = "FIXED" if threads else "AUTO"
    if threads:
        scene.render.threads = threads
    scene.cycles.device = "CPU"
    scene.cycles.max_bounces = scene.cycles.diffuse_bounces = DIFFUSE_BOUNCES
    scene.cycles.caustics_reflective = scene.cycles.caustics_refractive = False
    # the default (AgX) washes out contrast, which matching lives on
    scene.view_settings.view_transform = "Standard"


def _truth_material() -> bpy.types.Material:
    """A glowing surface that hands out each point's offset from its frozen place (zero where it has none).

    It must glow: Cycles takes a surface without light of its own or a BSDF for clear air and looks through it.
    """
    material = bpy.data.materials.new("truth")
    material.use_nodes = True
    nodes, links = material.node_tree.nodes, material.node_tree.links
    nodes.clear()
    attribute = nodes.new("ShaderNodeAttribute")
    attribute.attribute_name = OFFSET_ATTRIBUTE
    aov = nodes.new("ShaderNodeOutputAOV")
    aov.aov_name = OFFSET_AOV
    links.new(attribute.outputs["Vector"], aov.inputs["Color"])
    links.new(nodes.new("ShaderNodeEmission").outputs[0], nodes.new("ShaderNodeOutputMaterial").inputs["Surface"])
    return material


def prepare_truth(folder: Path) -> None:
    """From now on each render writes depth_, label_ and offset_NNNN.exr (32-bit floats) into the folder."""
    scene, layer = bpy.context.scene, bpy.context.view_layer
    scene.cycles.samples = 1
    scene.cycles.use_denoising = scene.cycles.use_adaptive_sampling = False
    scene.cycles.pixel_filter_type = "GAUSSIAN"
    scene.cycles.filter_width = TRUTH_FILTER_PX
    layer.use_pass_z = layer.use_pass_object_index = True
    aov = layer.aovs.add()
    aov.name, aov.type = OFFSET_AOV, "COLOR"
    layer.material_override = _truth_material()
    scene.use_nodes = True
    tree = scene.node_tree
    tree.nodes.clear()
    source = tree.nodes.new("CompositorNodeRLayers")
    sink = tree.nodes.new("CompositorNodeOutputFile")
    sink.base_path = str(folder)
    sink.format.file_format, sink.format.color_depth = "OPEN_EXR", "32"
    sink.file_slots.clear()
    for slot, output in (("depth_", "Depth"), ("label_", "IndexOB"), ("offset_", OFFSET_AOV)):
        sink.file_slots.new(slot)
        tree.links.new(source.outputs[output], sink.inputs[slot])


def prepare_colour(samples: int) -> None:
    """From now on each render is the picture."""
    scene, layer = bpy.context.scene, bpy.context.view_layer
    scene.use_nodes = False
    layer.material_override = None
    scene.cycles.samples = samples
    scene.cycles.use_denoising = True
    scene.cycles.denoiser = "OPENIMAGEDENOISE"
    scene.cycles.denoising_input_passes = "RGB_ALBEDO_NORMAL"
    # "accurate" would run the network once more for each guide: two thirds of the time for no gain seen
    scene.cycles.denoising_prefilter = "FAST"
    scene.cycles.pixel_filter_type = "BLACKMAN_HARRIS"
    scene.cycles.filter_width = COLOUR_FILTER_PX
    scene.render.image_settings.file_format = "PNG"
    scene.render.image_settings.color_mode = "RGB"


def render_truth(frame_index: int) -> None:
    bpy.context.scene.frame_set(frame_index)
    bpy.ops.render.render()


def render_colour(frame_index: int, target: Path) -> None:
    """Written beside and renamed, so that a killed render leaves no half picture. The noise differs by frame."""
    scene = bpy.context.scene
    scene.frame_set(frame_index)
    scene.cycles.seed = frame_index
    partial = target.with_name(f"partial_{target.name}")
    scene.render.filepath = str(partial)
    bpy.ops.render.render(write_still=True)
    partial.rename(target)
