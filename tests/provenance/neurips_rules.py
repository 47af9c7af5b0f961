"""What NeurIPS 2026 asks of a Croissant file (core and minimal RAI), from the description of its validator and RAI editor.

The validator tries three things: the file is JSON, mlcroissant takes it, and every record set gives records. The editor wants
eight fields of Responsible AI, two of them lineage in PROV-O. The core fields are those that the specification of Croissant
calls required.
https://neurips.cc/Conferences/2026/EvaluationsDatasetsHosting
"""

from __future__ import annotations

import json
from pathlib import Path

import mlcroissant

CORE = ("@context", "@type", "conformsTo", "name", "description", "url", "license", "creator", "datePublished", "distribution",
        "recordSet")  # fmt: skip
MINIMAL_RAI = ("rai:dataLimitations", "rai:dataBiases", "rai:personalSensitiveInformation", "rai:dataUseCases",
               "rai:dataSocialImpact", "rai:hasSyntheticData", "prov:wasDerivedFrom", "prov:wasGeneratedBy")  # fmt: skip


def flags(card: Path) -> list[str]:
    """Everything that the checker has to say against a card, a line each."""
    content = json.loads(card.read_text())
    found = [f"{key}: missing" for key in (*CORE, *MINIMAL_RAI) if content.get(key) in (None, "", [], {})]
    dataset = mlcroissant.Dataset(jsonld=card)
    found += [*dataset.metadata.issues.errors, *dataset.metadata.issues.warnings]
    for records in dataset.metadata.record_sets:
        if next(iter(dataset.records(records.id)), None) is None:
            found.append(f"{records.id}: gives no record")
    return found
