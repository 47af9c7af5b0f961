"""What the configuration says of one depth model."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class ModelConfig(BaseModel):
    """One depth model to grade."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    method: str = Field(description="a file in sfm_gt/models/")
    path: str | None = Field(None, description="description file, weights or folder of predictions")
    kind: (
        Literal["metric_depth", "scale_invariant_depth", "affine_invariant_depth", "affine_invariant_disparity"] | None
    ) = Field(None, description="what the values mean; needed for predictions on disk")
    input_size: Literal["library", "authors"] = Field(
        "library",
        description="transformers: the size that images are brought to, where its rule differs from the authors' repository",
    )
    flipped: bool = Field(False, description="predict the mirrored images too, for protocols that average both")
