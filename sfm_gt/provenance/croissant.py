"""The machine-readable card of a release: Croissant 1.1 with the fields of its Responsible AI extension (RAI 1.0).

Built and validated with mlcroissant (extra ``publish``), so a card that its own reader refuses is never written.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sfm_gt.errors import InputError
from sfm_gt.formats.atomic import replacing_file
from sfm_gt.formats.sources import Source
from sfm_gt.provenance.croissant_records import distribution, record_sets
from sfm_gt.provenance.publisher import Publisher

CROISSANT_JSON = "croissant.json"
CROISSANT_1_1 = "http://mlcommons.org/croissant/1.1"
RAI_1_0 = "http://mlcommons.org/croissant/RAI/1.0"
# Terms of 1.1, of RAI and of PROV-O that mlcroissant's default context leaves out.
_CONTEXT = {
    "rai": "http://mlcommons.org/croissant/RAI/", "arrayShape": "cr:arrayShape", "containedIn": "cr:containedIn",
    "isArray": "cr:isArray", "prov": "http://www.w3.org/ns/prov#",
}  # fmt: skip
_STEPS = {
    "structure from motion": "cameras and poses from the video's own frames",
    "multi-view stereo": "z-depth and its standard deviation where views agree; no depth network",
    "masking": "what moves, overlays and, where configured, people",
    "scaling": "metres where a cue gives them",
}


def write_croissant(folder: Path, sources: Sequence[Source], facts: Mapping[str, Any], publisher: Publisher) -> None:
    """Writes ``folder/croissant.json`` for the release that lies there.

    Args:
        facts: ``name``, ``version``, ``limits`` (lines), ``preprocessing`` (lines), ``personal`` (lines), ``missing``,
            ``tools`` (name and version).
        publisher: its url, creators and contact; what it does not state is left out.

    Raises:
        InputError: mlcroissant is not installed, or refuses the card.
    """
    try:
        import mlcroissant as mlc
    except ImportError:
        raise InputError(
            "publish writes a Croissant card and needs mlcroissant: pip install 'sfm-gt[publish]'"
        ) from None
    context = mlc.Context(conforms_to=[CROISSANT_1_1, RAI_1_0])
    try:
        metadata = mlc.Metadata(
            ctx=context, name=facts["name"], version=facts["version"], conforms_to=[CROISSANT_1_1, RAI_1_0],
            license=sorted({source.license or "not stated" for source in sources}), url=publisher.url,
            creators=[mlc.Person(ctx=context, name=creator) for creator in publisher.creators] or None,
            date_published=datetime.now(UTC).replace(tzinfo=None), distribution=distribution(mlc, context, folder),
            record_sets=record_sets(mlc, context, folder), **_described(sources, facts, publisher),
        )  # fmt: skip
        content = metadata.to_json() | _lineage(sources, facts["tools"]) | _stated(publisher)
        content["@context"] |= _CONTEXT
        with replacing_file(folder / CROISSANT_JSON) as partial:
            partial.write_text(json.dumps(content, indent=1, default=str) + "\n")
        mlc.Dataset(jsonld=folder / CROISSANT_JSON)
    except mlc.ValidationError as error:
        raise InputError(f"{folder / CROISSANT_JSON}: not valid Croissant ({' '.join(str(error).split())})") from None


def _described(sources: Sequence[Source], facts: Mapping[str, Any], publisher: Publisher) -> dict[str, Any]:
    """What the card says in words, from the run."""
    dates = sorted(source.recorded_on for source in sources if source.recorded_on)
    return {
        "description": facts["description"],
        "keywords": ["depth", "structure from motion", "ground truth"],
        "cite_as": facts["cite_as"],
        "data_collection": f"{len(sources)} videos whose sources, licences and consent stand in sources.json; cameras by "
        "structure from motion, depth by multi-view stereo, no depth network",
        "data_collection_type": ["Others"],
        "data_collection_raw_data": f"videos of {dates[0]} to {dates[-1]}" if dates else "videos; dates not stated",
        "data_collection_missing_data": facts["missing"],
        "data_preprocessing_protocol": list(facts["preprocessing"]),
        "data_annotation_protocol": ["computed from the video by multi-view geometry; each value with a standard deviation"],
        "machine_annotation_tools": [f"{name} {version}" for name, version in facts["tools"]],
        "data_use_cases": ["training and evaluation of depth estimation from single pictures, pairs and video"],
        "data_limitations": list(facts["limits"]),
        "data_biases": list(facts["biases"]),
        "data_social_impact": "depth estimation serves robots, cameras and people who see little, surveillance as well. The "
        "videos may show people who did not ask to be in a data set: sources.json says what consent there is",
        "personal_sensitive_information": list(facts["personal"]),
        "data_release_maintenance_plan": "a source is removed on request "
        f"({f'to {publisher.contact}' if publisher.contact else 'no contact is stated'}) with `sfm-gt forget`; "
        "tombstones.json holds hashes of what must not come back, for holders of copies",
    }  # fmt: skip


def _lineage(sources: Sequence[Source], tools: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """PROV-O: the videos with their licences, and the steps with the software that took them."""
    agents = [{"@type": "prov:SoftwareAgent", "name": name, "softwareVersion": version} for name, version in tools]
    steps = [{"@type": "prov:Activity", "name": name, "description": what, "prov:wasAssociatedWith": agents}
             for name, what in _STEPS.items()]  # fmt: skip
    return {"prov:wasDerivedFrom": [_video(source) for source in sources], "prov:wasGeneratedBy": steps}


def _video(source: Source) -> dict[str, Any]:
    said = {
        "name": source.path, "url": source.url, "license": source.license or "not stated",
        "identifier": f"sha256:{source.source_sha256}" if source.source_sha256 else None,
    }  # fmt: skip
    return {"@type": ["prov:Entity", "sc:VideoObject"]} | {key: value for key, value in said.items() if value}


def _stated(publisher: Publisher) -> dict[str, Any]:
    """What mlcroissant has no field for."""
    contact = publisher.contact
    point = {"email" if contact and "@" in contact else "url": contact}
    return ({"contactPoint": {"@type": "sc:ContactPoint", **point}} if contact else {}) | (
        {} if publisher.synthetic is None else {"rai:hasSyntheticData": publisher.synthetic}
    )
