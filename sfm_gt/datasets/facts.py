"""What is stated of a frame beside its pixels, checked where a file from elsewhere states it: shards, rows of a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, Field, StrictBool

from sfm_gt.errors import InputError
from sfm_gt.formats.clip_paths import require_id
from sfm_gt.formats.validation import Number, Whole, validated

_Positive = Annotated[Number, Field(gt=0)]
_Length = Annotated[Whole, Field(gt=0)]


class _Facts(BaseModel):
    clip_id: str
    video_id: str
    frame_index: Whole
    timestamp_s: Number
    metric: StrictBool
    width: _Length
    height: _Length
    fx: _Positive
    fy: _Positive
    cx: Number
    cy: Number
    cam_from_world: Annotated[list[Number], Field(min_length=16, max_length=16)]
    depth_unit: _Positive
    sigma_unit: _Positive
    sigma_log_scale: Annotated[Number, Field(ge=0)] | None
    license: str | None


def require_facts(facts: Any, where: str) -> Mapping[str, Any]:
    """``facts`` as they are, when an item can be made of them.

    Args:
        where: the beginning of the message.

    Raises:
        InputError: no mapping, or a key is missing or holds what it cannot: another type, no finite number, no unit, no id.
    """
    found = validated(_Facts, facts, where, InputError)
    for name in (found.clip_id, found.video_id):
        require_id(name, where)
    if found.metric and found.sigma_log_scale is None:
        raise InputError(
            f"{where}: 'sigma_log_scale' is missing, which a frame with a metric scale has; export it again"
        )
    stated: Mapping[str, Any] = facts
    return stated
