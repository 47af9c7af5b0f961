"""layers/<clip>/joints.json: where people's joints are seen in the published images, and where they are in the world.

    {"metric": true, "origin": "sidecar", "people": {"anna": {
        "seen_px": {"12": {"left_knee": [x, y], ...}, ...},
        "world": {"left_knee": {"position": [x, y, z], "sigma": [x, y, z]}, ...},
        "refusal": null}}}

Names of joints are COCO's, see ``joints.py``. Who did not hold still has no place in the world: ``refusal`` says why.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import Float

from sfm_gt.errors import InputError
from sfm_gt.formats.manifest import read_json, write_json

JOINTS_JSON = "joints.json"
Origin = Literal["sidecar", "pose_network"]


@dataclass(frozen=True)
class WorldJoint:
    """A joint in the clip's world frame, in metres where the clip is metric, else in SfM units.

    Attributes:
        sigma: one standard deviation along each axis of the world, by the scatter of the views; neither the clip's scale nor
            how far a mark lies off the bone is in it.
    """

    position: Float[np.ndarray, "3"]
    sigma: Float[np.ndarray, "3"]


@dataclass(frozen=True)
class PersonJoints:
    """Joints of one person.

    Attributes:
        seen_px: pixel position in the published, undistorted image, centres at +0.5, by frame index and joint.
        world: by joint; those that are seen in enough frames under enough parallax.
        refusal: why nothing is known in the world, None where something is.
    """

    seen_px: Mapping[int, Mapping[str, Float[np.ndarray, "2"]]]
    world: Mapping[str, WorldJoint]
    refusal: str | None


@dataclass(frozen=True)
class ClipJoints:
    """Joints of all people of a clip, by name or number of the person.

    Attributes:
        metric: whether positions in the world are metres.
        origin: who found the joints in the images.
    """

    metric: bool
    origin: Origin
    people: Mapping[str, PersonJoints]


def write_clip_joints(folder: Path, joints: ClipJoints) -> None:
    """Writes ``folder/joints.json``."""
    people = {name: _person_to_json(person) for name, person in joints.people.items()}
    write_json(folder / JOINTS_JSON, {"metric": joints.metric, "origin": joints.origin, "people": people})


def read_clip_joints(folder: Path) -> ClipJoints | None:
    """Reads ``folder/joints.json``; None where there is no such file.

    Raises:
        InputError: it is damaged.
    """
    path = folder / JOINTS_JSON
    if not path.is_file():
        return None
    content = read_json(path)
    try:
        people = {name: _person_from_json(person) for name, person in content["people"].items()}
        return ClipJoints(bool(content["metric"]), content["origin"], people)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"{path}: not a file of joints ({error!r}); run `sfm-gt layers` again") from None


def _person_to_json(person: PersonJoints) -> dict[str, Any]:
    seen = {str(index): {name: px.tolist() for name, px in joints.items()} for index, joints in person.seen_px.items()}
    world = {
        name: {"position": one.position.tolist(), "sigma": one.sigma.tolist()} for name, one in person.world.items()
    }
    return {"seen_px": seen, "world": world, "refusal": person.refusal}


def _person_from_json(content: Mapping[str, Any]) -> PersonJoints:
    seen = {
        int(index): {name: _vector(px, 2) for name, px in joints.items()}
        for index, joints in content["seen_px"].items()
    }
    world = {
        name: WorldJoint(_vector(one["position"], 3), _vector(one["sigma"], 3))
        for name, one in content["world"].items()
    }
    return PersonJoints(seen, world, content["refusal"])


def _vector(values: Any, length: int) -> Float[np.ndarray, " n"]:
    vector = np.array(values, dtype=np.float64)
    if vector.shape != (length,):
        raise ValueError(f"found {values!r}, needed {length} numbers")
    return vector
