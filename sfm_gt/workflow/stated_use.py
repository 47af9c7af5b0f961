"""Whether a video may be used as a run states."""

from __future__ import annotations

from sfm_gt.config import ProvenanceConfig
from sfm_gt.formats.license_terms import refusal
from sfm_gt.formats.sidecar import Sidecar


def use_refused(stated: Sidecar, provenance: ProvenanceConfig) -> str | None:
    """Why licence or consent rule out ground truth and evaluation for ``provenance.use``, in words; None where they do not."""
    return refusal(stated.license, stated.consent, provenance.use, "evaluate", provenance.terms)
