"""Posed human meshes from the body model ``anny`` (CC0 shape data), frame by frame."""

from __future__ import annotations

from dataclasses import dataclass

import anny
import numpy as np
import torch
from camera_path import rotation_matrix
from scene_types import Person, Pose

REGIONS = ("shirt", "trousers", "shoes", "skin", "hair")
# Waist as a fraction of stature: the pelvis bones span it, so bones alone cannot tell shirt from trousers.
WAIST_HEIGHT = 0.57
HAIRLINE_HEIGHT = 0.955
NAPE_HEIGHT = 0.88
# How far behind the head's middle (fraction of stature) the hair begins to fall to the nape.
NAPE_BEHIND = 0.012


@dataclass(frozen=True)
class Figure:
    """One person's mesh: rest shape, the frozen pose and which cloth covers each face."""

    person: Person
    faces: np.ndarray  # (F, 3) int
    face_region: np.ndarray  # (F,) index into REGIONS
    rest_m: np.ndarray  # (V, 3) upright, feet at z = 0: texture coordinates that move with the skin
    frozen_m: np.ndarray  # (V, 3) world


class BodyModel:
    """The one body model, loaded once: its first load parses the shape data for minutes."""

    def __init__(self) -> None:
        self._model = anny.Anny().to(dtype=torch.float32)
        self.faces = self._model.faces.numpy()
        weights = self._model.vertex_bone_weights.numpy()
        bones = self._model.vertex_bone_indices.numpy()
        self._vertex_bone = np.take_along_axis(bones, weights.argmax(1)[:, None], 1)[:, 0]

    def vertices(self, person: Person, pose: Pose) -> np.ndarray:
        """(V, 3) metres in the body's own frame (origin in the hips, +z up, facing -y), at the stated stature."""
        rest = self._evaluate(person, {})
        scale = person.stature_m / np.ptp(rest[:, 2])
        return scale * self._evaluate(person, pose)

    def _evaluate(self, person: Person, pose: Pose) -> np.ndarray:
        transforms = torch.eye(4).repeat(1, self._model.bone_count, 1, 1)
        for bone, turn_deg in pose.items():
            rotation = rotation_matrix(np.deg2rad(turn_deg))
            transforms[0, self._model.bone_labels.index(bone), :3, :3] = torch.from_numpy(rotation).float()
        shape = dict.fromkeys(self._model.phenotype_labels, 0.5) | person.phenotype
        with torch.no_grad():
            return self._model(pose_parameters=transforms, phenotype_kwargs=shape)["vertices"][0].double().numpy()

    def face_regions(self, rest_m: np.ndarray, long_sleeves: bool) -> np.ndarray:
        """(F,) index into REGIONS, from each face's main bone and its place on the upright body."""
        labels = np.array([_bone_region(name, long_sleeves) for name in self._model.bone_labels])
        region = labels[self._vertex_bone[self.faces[:, 0]]]
        centre = rest_m[self.faces].mean(1) / np.ptp(rest_m[:, 2])
        region = np.where(region == "waist", np.where(centre[:, 2] > WAIST_HEIGHT, "shirt", "trousers"), region)
        head_middle_y = centre[region == "head", 1].mean()
        behind = centre[:, 1] > head_middle_y + NAPE_BEHIND
        hair = (centre[:, 2] > HAIRLINE_HEIGHT) | (behind & (centre[:, 2] > NAPE_HEIGHT))
        region = np.where(region == "head", np.where(hair, "hair", "skin"), region)
        return np.array([REGIONS.index(name) for name in region])


def _bone_region(bone: str, long_sleeves: bool) -> str:
    """Cloth by bone name; 'waist' and 'head' are split further by place."""
    if bone.startswith(("head", "eye")):
        return "head"
    if bone.startswith(("finger", "metacarpal", "wrist", "neck")):
        return "skin"
    if bone.startswith("lowerarm"):
        return "shirt" if long_sleeves else "skin"
    if bone.startswith(("foot", "toe")):
        return "shoes"
    if bone.startswith(("upperleg", "lowerleg")):
        return "trousers"
    return "waist" if bone.startswith(("root", "pelvis", "spine05", "spine04")) else "shirt"


def _to_world(body_m: np.ndarray, person: Person, floor_m: float) -> np.ndarray:
    turn = rotation_matrix(np.array([0.0, 0.0, np.deg2rad(person.heading_deg)]))
    return body_m @ turn.T + np.array([*person.position_m, -floor_m])


def make_figure(body: BodyModel, person: Person) -> Figure:
    """Build the frozen figure, its lowest point standing on the floor."""
    rest = body.vertices(person, {})
    rest = rest - [0.0, 0.0, rest[:, 2].min()]
    posed = body.vertices(person, person.pose)
    return Figure(
        person=person,
        faces=body.faces,
        face_region=body.face_regions(rest, person.outfit.long_sleeves),
        rest_m=rest,
        frozen_m=_to_world(posed, person, posed[:, 2].min()),
    )


def _motion_at(person: Person, frame_index: int) -> tuple[Pose, np.ndarray] | None:
    """Rotations (deg, absolute) and shift (m) at a frame, eased between keys; None outside the keys: frozen."""
    keys = person.motion
    if not keys or not keys[0].frame_index < frame_index < keys[-1].frame_index:
        return None
    right = next(i for i, key in enumerate(keys) if key.frame_index >= frame_index)
    before, after = keys[right - 1], keys[right]
    u = (frame_index - before.frame_index) / (after.frame_index - before.frame_index)
    eased = u * u * (3 - 2 * u)
    pose: Pose = dict(person.pose)
    for bone in before.turn_deg.keys() | after.turn_deg.keys():
        a, b = (np.array(key.turn_deg.get(bone, (0.0, 0.0, 0.0))) for key in (before, after))
        pose[bone] = tuple(np.array(pose.get(bone, (0.0, 0.0, 0.0))) + (1 - eased) * a + eased * b)
    return pose, (1 - eased) * np.array(before.shift_m) + eased * np.array(after.shift_m)


def vertices_at(body: BodyModel, figure: Figure, frame_index: int) -> np.ndarray:
    """(V, 3) world metres at a frame; exactly ``figure.frozen_m`` while the figure stands still."""
    motion = _motion_at(figure.person, frame_index)
    if motion is None:
        return figure.frozen_m
    pose, shift = motion
    frozen_body = body.vertices(figure.person, figure.person.pose)
    # the floor of the frozen pose, so that bending a joint does not lift the whole figure
    moved = _to_world(body.vertices(figure.person, pose), figure.person, frozen_body[:, 2].min())
    return moved + shift
