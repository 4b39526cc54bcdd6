"""From what a distribution says of its licence to one licence expression, or to the reason why there is none.

Three metadata fields may speak: `License-Expression` (PEP 639), the free text `License`, and the trove classifiers.
Each that does becomes a claim. The most precise claim that was understood wins, the others have to support it: they may
say less (the classifier 'BSD License' beside 'BSD-3-Clause'), and what they know better is taken from them, but a
licence that the winner does not know of is a conflict for a person to resolve.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from examples.license_audit import families
from examples.license_audit.expressions import (
    Expression,
    InvalidExpressionError,
    Leaf,
    join,
    leaves,
    parse,
    replaced,
)
from examples.license_audit.records import (
    Claim,
    Conflicting,
    Distribution,
    Identified,
    License,
    Source,
    Undeclared,
    Unrecognised,
)
from examples.license_audit.spellings import Recognised, recognise
from examples.license_audit.trove import CLASSIFIERS, SAYS_NOTHING

EXCERPT_CHARACTERS: Final = 80

# What build tools and people write for 'no licence given'.
_NOTHING: Final = frozenset({"", "unknown", "none", "n/a", "na", "null", "-", "tbd", "todo", "no license"})


def identify(distribution: Distribution) -> License:
    """Find the licence expression of a distribution, from all that its metadata says."""
    claims = tuple(_claims(distribution))
    understood = [claim for claim in claims if claim.expression]
    if not claims:
        return Undeclared()
    if not understood:
        return Unrecognised(claims)
    winner, *others = understood
    expression: Expression | None = parse(winner.expression)
    for other in others:
        expression = expression and _supported(expression, parse(other.expression))
    if expression is None:
        return Conflicting(claims)
    return Identified(str(expression), winner.source, tuple(_remarks(winner, claims)))


def _claims(distribution: Distribution) -> Iterator[Claim]:
    """Yield a claim for each field that speaks, the most precise first."""
    if _speaks(distribution.license_expression):
        yield _read_expression(distribution.license_expression)
    if _speaks(distribution.license_text):
        yield _claim(Source.TEXT, distribution.license_text, recognise(distribution.license_text))
    named = [classifier for classifier in distribution.classifiers if classifier not in SAYS_NOTHING]
    if named:
        yield _read_classifiers(named)


def _speaks(text: str) -> bool:
    return text.strip().rstrip(".").lower() not in _NOTHING


def _read_expression(text: str) -> Claim:
    try:
        return _claim(Source.EXPRESSION, text, Recognised(parse(text)))
    except InvalidExpressionError:  # some build tools copy the free text into the new field
        recognised = recognise(text)
    remark = "not a valid SPDX expression"
    return _claim(Source.EXPRESSION, text, recognised and Recognised(recognised.expression, remark))


def _read_classifiers(classifiers: list[str]) -> Claim:
    """Read classifiers as 'all of these': they cannot say 'or', and all is the reading that asks for most."""
    text = ", ".join(classifier.rpartition(" :: ")[2] for classifier in classifiers)
    known = [CLASSIFIERS[classifier] for classifier in classifiers if classifier in CLASSIFIERS]
    if len(known) < len(classifiers):
        return _claim(Source.CLASSIFIERS, text, None)
    expression = join("AND", [Leaf(license_id) for license_id in _most_precise(known)])
    remark = "" if isinstance(expression, Leaf) else "several classifiers, read as all of their licences"
    return _claim(Source.CLASSIFIERS, text, Recognised(expression, remark))


def _most_precise(license_ids: list[str]) -> list[str]:
    """Drop each family that another of the names is a closer word for: 'GPL' beside 'GPLv3 or later'."""
    return [
        license_id
        for license_id in license_ids
        if not any(families.members(other) < families.members(license_id) for other in license_ids)
    ]


def _claim(source: Source, text: str, recognised: Recognised | None) -> Claim:
    excerpt = " ".join(text.split())
    if len(excerpt) > EXCERPT_CHARACTERS:
        excerpt = excerpt[: EXCERPT_CHARACTERS - 1] + "…"
    if recognised is None:
        return Claim(source, excerpt)
    return Claim(source, excerpt, str(recognised.expression), recognised.remark)


def _supported(expression: Expression, claim: Expression) -> Expression | None:
    """Return the expression, made more precise by what a second claim says; None where the two cannot both be meant."""
    changes: dict[Leaf, Leaf] = {}
    for said in leaves(claim):
        counterpart = next((leaf for leaf in leaves(expression) if _may_be_same(leaf, said)), None)
        if counterpart is None:
            return None
        if families.members(said.id) < families.members(counterpart.id):
            changes[counterpart] = Leaf(said.id, counterpart.exception)
    return replaced(expression, changes)


def _may_be_same(leaf: Leaf, said: Leaf) -> bool:
    if said.id == families.PROPRIETARY and leaf.id.startswith("LicenseRef-"):  # an owner's own terms
        return leaf.id not in (*families.FAMILIES, families.PUBLIC_DOMAIN)
    return not families.members(leaf.id).isdisjoint(families.members(said.id))


def _remarks(winner: Claim, claims: tuple[Claim, ...]) -> Iterator[str]:
    if winner.remark:
        yield winner.remark
    for claim in claims:
        if not claim.expression:
            yield f"{claim.source} was not understood: '{claim.text}'"
