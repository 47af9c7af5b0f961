"""Which uses a licence permits: SPDX identifiers, a few named terms, and a project's own ``LicenseRef-...`` names.

Facts from the licences' own texts: Creative Commons legal codes (NC: no commercial use, ND: no adapted material is shared),
Open Data Commons, and the named terms as described here. This is a gate against mistakes, no legal advice.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Literal, get_args

from sfm_gt.errors import ConfigError, InputError

Use = Literal["private", "research", "commercial"]
"""What is done with the data: measured and looked at by those who hold the videos; published research; anything."""
Action = Literal["evaluate", "export", "publish", "publish_annotations"]
Permission = Literal["research", "commercial", "publish"]
PERMISSIONS = get_args(Permission)

_FREE: frozenset[Permission] = frozenset(PERMISSIONS)
_NON_COMMERCIAL: frozenset[Permission] = frozenset({"research", "publish"})
_NO_SHARING: frozenset[Permission] = frozenset({"research"})
_NO_DERIVATIVES: frozenset[Permission] = frozenset({"research", "commercial"})
_PERMITTED: dict[str, frozenset[Permission]] = {
    **dict.fromkeys(("CC0-1.0", "PDDL-1.0", "MIT", "Apache-2.0", "BSD-3-Clause", "ODC-By-1.0", "ODbL-1.0"), _FREE),
    **{f"CC-BY-{version}": _FREE for version in ("2.0", "2.5", "3.0", "4.0")},
    **{f"CC-BY-SA-{version}": _FREE for version in ("2.0", "2.5", "3.0", "4.0")},
    **{f"CC-BY-NC-{version}": _NON_COMMERCIAL for version in ("2.0", "2.5", "3.0", "4.0")},
    **{f"CC-BY-NC-SA-{version}": _NON_COMMERCIAL for version in ("2.0", "2.5", "3.0", "4.0")},
    # An undistorted frame is adapted material.
    **{f"CC-BY-ND-{version}": _NO_DERIVATIVES for version in ("2.0", "2.5", "3.0", "4.0")},
    **{f"CC-BY-NC-ND-{version}": _NO_SHARING for version in ("2.0", "2.5", "3.0", "4.0")},
    "own recording": _FREE,
    "research use": _NO_SHARING,
    "all rights reserved": frozenset(),
    "platform terms": frozenset(),  # a video platform's standard licence: watching, nothing else
}
CUSTOM_PREFIX = "LicenseRef-"
CONSENT_THAT_ENDS_USE = ("refused", "withdrawn")
CONSENT_TO_SHOW = ("given", "not_applicable")


def permissions_of(license_name: str, terms: Mapping[str, Sequence[Permission]]) -> frozenset[Permission]:
    """What a licence permits beyond private use.

    Args:
        terms: the project's own names, each with its permissions.

    Raises:
        InputError: nobody has said what this licence permits.
    """
    folded = {name.casefold(): allowed for name, allowed in _PERMITTED.items()}
    if license_name in terms:
        return frozenset(terms[license_name])
    if license_name.casefold() in folded:
        return folded[license_name.casefold()]
    nearest = difflib.get_close_matches(license_name, [*_PERMITTED, *terms], n=1, cutoff=0.5)
    hint = f"did you mean {nearest[0]!r}? Otherwise give" if nearest else "give"
    raise InputError(
        f"unknown licence {license_name!r}; {hint} an SPDX identifier, or a name {CUSTOM_PREFIX}... with its permissions "
        "in provenance.terms"
    )


def check_terms(terms: Mapping[str, Sequence[Permission]]) -> None:
    """Raises ConfigError for an own name that could be taken for a standard one."""
    for name in terms:
        if not name.startswith(CUSTOM_PREFIX):
            raise ConfigError(f"provenance.terms: found {name!r}, needed a name that begins with {CUSTOM_PREFIX}")


def refusal(
    license_name: str | None,
    consent: str | None,
    use: Use,
    action: Action,
    terms: Mapping[str, Sequence[Permission]],
) -> str | None:
    """Why a source may not be used so, in words, also where its licence is unknown; None where it may.

    Private use needs no licence: whoever holds a video may measure it. Everything is refused once consent is withdrawn.
    Pictures are published where the licence permits it and people agreed, or nobody is seen; annotations without a pixel
    need the licence's permission for the stated use alone.
    """
    if consent in CONSENT_THAT_ENDS_USE:
        return f"consent is {consent}; remove it with `sfm-gt forget`"
    needed: list[Permission] = [] if use == "private" else [use]
    if action == "publish":
        needed.append("publish")
        if consent not in CONSENT_TO_SHOW:
            return f"consent is {consent or 'not stated'}, and pictures are published only where it is given"
    if action == "publish_annotations" and use == "private":
        return "publishing is no private use; state provenance.use research or commercial"
    if not needed:
        return None
    if license_name is None:
        return "no licence is stated in the sidecar"
    try:
        permitted = permissions_of(license_name, terms)
    except InputError as unknown:
        return str(unknown)
    missing = [permission for permission in needed if permission not in permitted]
    return f"licence {license_name!r} does not permit: {', '.join(missing)}" if missing else None
