"""Procedural materials as Blender node graphs: matt, or matt under a gloss.

Every surface carries its pattern times a grain of a few octaves: multi-view stereo needs texture, and a pattern that
repeats would match itself one period off without the grain.
"""

from __future__ import annotations

import bpy
import cv2
import numpy as np
from scene_types import Cloth, Rgb

# Blender's wave texture has a period of 2 pi / 20 at scale 1.
WAVE_PERIOD_M = 2 * np.pi / 20
GRAIN_OCTAVES = 3.0
GRAIN_DARKEST, GRAIN_BRIGHTEST = 0.35, 1.3
POSTER_PX = (256, 384)
# of a waxed floor or a lacquered door: mirror images are seen, softened
GLOSS_ROUGHNESS = 0.10


def _rgba(rgb: Rgb) -> tuple[float, float, float, float]:
    return (*rgb, 1.0)


class _Graph:
    """A material's node tree with the texture coordinate (metres) that its patterns read."""

    def __init__(self, material: bpy.types.Material, coordinates: str) -> None:
        self.nodes, self.links = material.node_tree.nodes, material.node_tree.links
        self.nodes.clear()
        if coordinates == "object":
            self.position = self.nodes.new("ShaderNodeTexCoord").outputs["Object"]
        else:
            attribute = self.nodes.new("ShaderNodeAttribute")
            attribute.attribute_name = coordinates
            self.position = attribute.outputs["Vector"]

    def add(self, kind: str, **inputs: object) -> bpy.types.Node:
        """A node with inputs set by name: a socket is linked, anything else is a value."""
        node = self.nodes.new(kind)
        for name, value in inputs.items():
            socket = node.inputs[name.replace("_", " ")]
            if isinstance(value, bpy.types.NodeSocket):
                self.links.new(value, socket)
            else:
                socket.default_value = value
        return node

    def blend(self, factor: object, rgb_a: object, rgb_b: object, mode: str = "MIX") -> bpy.types.NodeSocket:
        node = self.add("ShaderNodeMixRGB", Fac=factor, Color1=rgb_a, Color2=rgb_b)
        node.blend_type = mode
        return node.outputs["Color"]

    def stretch(self, value: bpy.types.NodeSocket, low: float, high: float, to: tuple[float, float]):
        node = self.add("ShaderNodeMapRange", Value=value, From_Min=low, From_Max=high, To_Min=to[0], To_Max=to[1])
        return node.outputs["Result"]

    def glazed(self, matt: bpy.types.NodeSocket, share: float) -> bpy.types.NodeSocket:
        """A share of the light mirrored, the rest as the matt shader has it."""
        mirror = self.add("ShaderNodeBsdfGlossy", Color=_rgba((1.0, 1.0, 1.0)), Roughness=GLOSS_ROUGHNESS)
        mix = self.nodes.new("ShaderNodeMixShader")
        mix.inputs[0].default_value = share
        self.links.new(matt, mix.inputs[1])
        self.links.new(mirror.outputs["BSDF"], mix.inputs[2])
        return mix.outputs["Shader"]

    def wave(self, axis: str, period_m: float) -> bpy.types.NodeSocket:
        node = self.add("ShaderNodeTexWave", Vector=self.position, Scale=WAVE_PERIOD_M / period_m)
        node.bands_direction = axis
        return node.outputs["Fac"]


def _brickwork(graph: _Graph, cloth: Cloth, aspect: float, offset: float, joint: float) -> bpy.types.NodeSocket:
    dark = tuple(0.35 * c for c in cloth.rgb_b)
    node = graph.add(
        "ShaderNodeTexBrick",
        Vector=graph.position,
        Color1=_rgba(cloth.rgb_a),
        Color2=_rgba(cloth.rgb_b),
        Mortar=_rgba(dark),
        Scale=1.0,
        Mortar_Size=joint,
        Brick_Width=cloth.size_m,
        Row_Height=cloth.size_m * aspect,
    )
    node.offset = offset
    return node.outputs["Color"]


def _bricks(graph: _Graph, cloth: Cloth) -> bpy.types.NodeSocket:
    return _brickwork(graph, cloth, aspect=0.36, offset=0.5, joint=0.012)


def _planks(graph: _Graph, cloth: Cloth) -> bpy.types.NodeSocket:
    return _brickwork(graph, cloth, aspect=0.12, offset=0.37, joint=0.005)


def _tiles(graph: _Graph, cloth: Cloth) -> bpy.types.NodeSocket:
    return _brickwork(graph, cloth, aspect=1.0, offset=0.0, joint=0.008)


def _stripes(graph: _Graph, cloth: Cloth) -> bpy.types.NodeSocket:
    band = graph.stretch(graph.wave("Z", cloth.size_m), 0.4, 0.6, (0.0, 1.0))
    return graph.blend(band, _rgba(cloth.rgb_a), _rgba(cloth.rgb_b))


def _plaid(graph: _Graph, cloth: Cloth) -> bpy.types.NodeSocket:
    across = graph.stretch(graph.wave("X", cloth.size_m), 0.4, 0.6, (0.0, 1.0))
    down = graph.stretch(graph.wave("Z", cloth.size_m), 0.4, 0.6, (0.0, 1.0))
    striped = graph.blend(across, _rgba(cloth.rgb_a), _rgba(cloth.rgb_b))
    return graph.blend(down, striped, graph.blend(0.5, striped, _rgba((0.05, 0.05, 0.06))))


def _cells(graph: _Graph, cloth: Cloth) -> bpy.types.NodeSocket:
    node = graph.add("ShaderNodeTexVoronoi", Vector=graph.position, Scale=1.0 / cloth.size_m)
    tone = graph.add("ShaderNodeSeparateColor", Color=node.outputs["Color"]).outputs["Red"]
    two_tone = graph.blend(tone, _rgba(cloth.rgb_a), _rgba(cloth.rgb_b))
    return graph.blend(0.15, two_tone, node.outputs["Color"])


def _dots(graph: _Graph, cloth: Cloth) -> bpy.types.NodeSocket:
    node = graph.add("ShaderNodeTexVoronoi", Vector=graph.position, Scale=1.0 / cloth.size_m, Randomness=0.6)
    inside = graph.stretch(node.outputs["Distance"], 0.3, 0.4, (1.0, 0.0))
    return graph.blend(inside, _rgba(cloth.rgb_a), _rgba(cloth.rgb_b))


def _mottle(graph: _Graph, cloth: Cloth) -> bpy.types.NodeSocket:
    node = graph.add("ShaderNodeTexNoise", Vector=graph.position, Scale=1.0 / cloth.size_m, Detail=2.0)
    tone = graph.stretch(node.outputs["Fac"], 0.35, 0.65, (0.0, 1.0))
    return graph.blend(tone, _rgba(cloth.rgb_a), _rgba(cloth.rgb_b))


def poster_picture(cloth: Cloth) -> np.ndarray:
    """(H, W, 3) float RGB in 0..1: random overlapping shapes and words, the layout drawn from ``cloth.seed``."""
    rng = np.random.default_rng(cloth.seed)
    width, height = POSTER_PX
    picture = np.full((height, width, 3), cloth.rgb_a, np.float32)
    for _ in range(45):
        colour = tuple(float(c) for c in np.clip(rng.choice([cloth.rgb_a, cloth.rgb_b]) * rng.uniform(0.3, 1.6), 0, 1))
        colour = tuple(np.clip(np.array(colour) + rng.uniform(-0.25, 0.25, 3), 0, 1).tolist())
        x, y = int(rng.integers(0, width)), int(rng.integers(0, height))
        size = int(rng.integers(10, 60))
        if rng.random() < 0.5:
            cv2.circle(picture, (x, y), size // 2, colour, -1, cv2.LINE_AA)
        else:
            cv2.rectangle(picture, (x, y), (x + size, y + size // 2), colour, -1, cv2.LINE_AA)
    for row, word in enumerate(("DANCE", "FREEZE", "STILL", "PARTY")):
        y = 60 + row * 85 + int(rng.integers(0, 30))
        ink = (0.02, 0.02, 0.03) if row % 2 else (0.95, 0.93, 0.85)
        cv2.putText(picture, word, (12, y), cv2.FONT_HERSHEY_TRIPLEX, 1.9, ink, 4, cv2.LINE_AA)
    return picture


def _poster(graph: _Graph, cloth: Cloth) -> bpy.types.NodeSocket:
    picture = poster_picture(cloth)[::-1]  # Blender's images start at the bottom row
    height, width = picture.shape[:2]
    image = bpy.data.images.new(f"poster{cloth.seed}", width, height, float_buffer=True)
    image.pixels.foreach_set(np.dstack([picture, np.ones((height, width), np.float32)]).astype(np.float32).ravel())
    node = graph.add("ShaderNodeTexImage", Vector=graph.nodes.new("ShaderNodeTexCoord").outputs["UV"])
    node.image = image
    return node.outputs["Color"]


PATTERNS = {
    "bricks": _bricks,
    "planks": _planks,
    "tiles": _tiles,
    "stripes": _stripes,
    "plaid": _plaid,
    "cells": _cells,
    "dots": _dots,
    "mottle": _mottle,
    "poster": _poster,
}


def cloth_material(name: str, cloth: Cloth, coordinates: str) -> bpy.types.Material:
    """The cloth's material; ``coordinates`` is 'object' or the name of a vertex attribute in metres."""
    material = bpy.data.materials.new(name)
    material.use_nodes = True
    graph = _Graph(material, coordinates)
    colour = PATTERNS[cloth.pattern](graph, cloth)
    noise = graph.add(
        "ShaderNodeTexNoise", Vector=graph.position, Scale=1.0 / cloth.grain_m, Detail=GRAIN_OCTAVES, Roughness=0.65
    )
    darkest, brightest = (1.0 + cloth.grain_contrast * (tone - 1.0) for tone in (GRAIN_DARKEST, GRAIN_BRIGHTEST))
    grain = graph.stretch(noise.outputs["Fac"], 0.3, 0.7, (darkest, brightest))
    grey = graph.add("ShaderNodeCombineColor", Red=grain, Green=grain, Blue=grain).outputs["Color"]
    shader = graph.add("ShaderNodeBsdfDiffuse", Color=graph.blend(1.0, colour, grey, "MULTIPLY"))
    surface = shader.outputs["BSDF"]
    if cloth.gloss > 0.0:
        surface = graph.glazed(surface, cloth.gloss)
    output = graph.nodes.new("ShaderNodeOutputMaterial")
    graph.links.new(surface, output.inputs["Surface"])
    return material
