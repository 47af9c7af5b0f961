"""Coloured meshes as GLB, the binary form of glTF 2.0: unlit, with normals, in linear colours.

glTF has +y up, lengths in metres, and takes ``COLOR_0`` for linear light, which pictures are not (sRGB, IEC 61966-2-1).
16 bits a channel keep dark shades apart. Colours of a photograph already hold its light: ``KHR_materials_unlit`` shows them so.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int, UInt8, UInt16

FLOAT, USHORT, UINT = 5126, 5123, 5125
ARRAY_BUFFER, ELEMENT_ARRAY_BUFFER = 34962, 34963
UNLIT = "KHR_materials_unlit"
MATERIAL = {
    "pbrMetallicRoughness": {"baseColorFactor": [1.0, 1.0, 1.0, 1.0], "metallicFactor": 0.0, "roughnessFactor": 1.0},
    "extensions": {UNLIT: {}},
}


@dataclass(frozen=True)
class ColouredMesh:
    """Triangles of one surface.

    Attributes:
        positions: (V, 3), +y up.
        normals: (V, 3) unit vectors in the same axes.
        colours: (V, 3) sRGB, as pictures hold them.
        faces: (F, 3) numbers of vertices, counter-clockwise seen from outside.
    """

    name: str
    positions: Float[np.ndarray, "v 3"]
    normals: Float[np.ndarray, "v 3"]
    colours: UInt8[np.ndarray, "v 3"]
    faces: Int[np.ndarray, "f 3"]


def linear_from_srgb(colours: UInt8[np.ndarray, "*n 3"]) -> UInt16[np.ndarray, "*n 3"]:
    """Linear light in 16 bits of 8-bit sRGB colours."""
    share = np.arange(256) / 255
    light = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    return np.rint(65535 * light).astype(np.uint16)[colours]


def write_glb(path: Path, meshes: Sequence[ColouredMesh]) -> None:
    """Writes one scene with a node a mesh; the same meshes give the same bytes."""
    buffer = bytearray()
    views: list[dict[str, int]] = []
    accessors: list[dict[str, Any]] = []

    def stored(values: np.ndarray, component: int, kind: str, target: int, **more: Any) -> int:
        content = np.ascontiguousarray(values).tobytes()
        views.append({"buffer": 0, "byteOffset": len(buffer), "byteLength": len(content), "target": target})
        buffer.extend(content + b"\0" * (-len(content) % 4))
        accessors.append(
            {"bufferView": len(views) - 1, "componentType": component, "count": len(values), "type": kind} | more
        )
        return len(accessors) - 1

    primitives = []
    for mesh in meshes:
        positions = mesh.positions.astype(np.float32)
        bounds = {"min": positions.min(axis=0).tolist(), "max": positions.max(axis=0).tolist()}
        opaque = np.column_stack([linear_from_srgb(mesh.colours), np.full(len(positions), 65535, np.uint16)])
        attributes = {
            "POSITION": stored(positions, FLOAT, "VEC3", ARRAY_BUFFER, **bounds),
            "NORMAL": stored(mesh.normals.astype(np.float32), FLOAT, "VEC3", ARRAY_BUFFER),
            "COLOR_0": stored(opaque, USHORT, "VEC4", ARRAY_BUFFER, normalized=True),
        }
        indices = stored(mesh.faces.astype(np.uint32).reshape(-1), UINT, "SCALAR", ELEMENT_ARRAY_BUFFER)
        primitives.append({"attributes": attributes, "indices": indices, "material": 0})
    content: dict[str, Any] = {"asset": {"version": "2.0", "generator": "sfm_gt"}, "scene": 0, "scenes": [{}]}
    if meshes:
        content |= {
            "scenes": [{"nodes": list(range(len(meshes)))}], "extensionsUsed": [UNLIT], "materials": [MATERIAL],
            "nodes": [{"name": mesh.name, "mesh": number} for number, mesh in enumerate(meshes)],
            "meshes": [{"name": m.name, "primitives": [p]} for m, p in zip(meshes, primitives, strict=True)],
            "buffers": [{"byteLength": len(buffer)}], "bufferViews": views, "accessors": accessors,
        }  # fmt: skip
    path.write_bytes(_binary(json.dumps(content, separators=(",", ":")).encode(), bytes(buffer)))


def _binary(text: bytes, buffer: bytes) -> bytes:
    """Header and chunks of a GLB file."""
    text += b" " * (-len(text) % 4)
    chunks = struct.pack("<I4s", len(text), b"JSON") + text
    if buffer:
        chunks += struct.pack("<I4s", len(buffer), b"BIN\0") + buffer
    return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks
