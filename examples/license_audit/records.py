"""The plain records of an audit: what goes in, what is found, what comes out.

Nothing here knows of flows or of where metadata comes from; every record can be encoded and decoded, so that it can
be a value between steps, a field of the state, and part of a saved execution.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Literal, TypeAlias

from msgspec import Struct
from msgspec.structs import replace


class Verdict(StrEnum):
    """What the policy says of a licence; in order of severity, the mildest first."""

    ALLOWED = "allowed"
    REVIEW = "review"
    DENIED = "denied"

    @property
    def severity(self) -> int:
        """Return the rank: 0 for allowed, 1 for review, 2 for denied."""
        return tuple(Verdict).index(self)


class Source(StrEnum):
    """The metadata fields that speak of a licence, the most precise first."""

    EXPRESSION = "License-Expression"
    TEXT = "License"
    CLASSIFIERS = "Classifier"


class AuditRequest(Struct, frozen=True):
    """Ask for an audit; no names means every distribution of the catalog."""

    policy: str
    """The path of a TOML policy file."""
    names: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    """Where the distributions are, so that a resumed audit looks at the same ones; none for this Python's own."""
    ask: bool = False
    """Whether the audit waits for a person's decision on what is for review, or only reports it."""


class Policy(Struct, frozen=True, forbid_unknown_fields=True):
    """Sort licences into three lists; an entry is an SPDX id, alone or `WITH` an exception."""

    allowed: frozenset[str] = frozenset()
    review: frozenset[str] = frozenset()
    denied: frozenset[str] = frozenset()


class Distribution(Struct, frozen=True):
    """What one installed distribution says of its licence, as it says it."""

    name: str
    version: str
    license_expression: str = ""
    license_text: str = ""
    classifiers: tuple[str, ...] = ()
    """The licence classifiers only, whole: `License :: OSI Approved :: MIT License`."""
    license_files: tuple[str, ...] = ()


class Claim(Struct, frozen=True):
    """What one metadata field says, and how it was understood."""

    source: Source
    text: str
    """The field, shortened to one line."""
    expression: str = ""
    """The canonical SPDX expression; empty where the field was not understood."""
    remark: str = ""
    """What a reader should know of how the expression was found."""


class Identified(Struct, frozen=True, tag="identified"):
    """The metadata has one licence expression, and nothing in it says otherwise."""

    expression: str
    source: Source
    remarks: tuple[str, ...] = ()


class Conflicting(Struct, frozen=True, tag="conflicting"):
    """Two fields name licences that cannot both be meant."""

    claims: tuple[Claim, ...]


class Unrecognised(Struct, frozen=True, tag="unrecognised"):
    """The metadata names a licence in words that are not understood."""

    claims: tuple[Claim, ...]


class Undeclared(Struct, frozen=True, tag="undeclared"):
    """The metadata does not mention a licence."""


Answer: TypeAlias = Literal["allow", "deny"]
"""What a person says of a licence that the policy leaves open."""

License: TypeAlias = Identified | Conflicting | Unrecognised | Undeclared


class Ruling(Struct, frozen=True):
    """A verdict and the sentence that explains it."""

    verdict: Verdict
    reason: str


class Licensed(Struct, frozen=True):
    """One distribution with what its metadata says of its licence."""

    distribution: Distribution
    license: License


class Assessment(Struct, frozen=True):
    """One distribution with its licence and the policy's ruling, before a person acts on it."""

    distribution: Distribution
    license: License
    ruling: Ruling


class Question(Struct, frozen=True):
    """Ask a person about one distribution: what is known, and where to look; as JSON has it."""

    distribution: str
    version: str
    licence: str
    reason: str
    license_files: list[str] = []


class Decision(Struct, frozen=True):
    """What a person decided."""

    answer: Answer
    note: str = ""


class Finding(Struct, frozen=True):
    """The outcome for one distribution."""

    name: str
    version: str
    verdict: Verdict
    reason: str
    license: License
    license_files: tuple[str, ...] = ()
    """Where to look; filled for what a person has to decide."""
    decision: Decision | None = None
    """What a person decided, where one was asked."""


class Counts(Struct, frozen=True):
    """Count the findings of one audit by verdict."""

    allowed: int = 0
    review: int = 0
    denied: int = 0

    @property
    def total(self) -> int:
        """Return the number of distributions audited."""
        return self.allowed + self.review + self.denied


class Report(Struct, frozen=True):
    """The outcome of an audit, the gravest findings first."""

    policy: str
    counts: Counts
    findings: tuple[Finding, ...]
    unreadable: tuple[str, ...] = ()
    """The places of distributions whose metadata cannot be read; they are not counted."""


def find(assessment: Assessment, license_files: tuple[str, ...] = ()) -> Finding:
    """Record one distribution as the policy has it."""
    return Finding(
        name=assessment.distribution.name,
        version=assessment.distribution.version,
        verdict=assessment.ruling.verdict,
        reason=assessment.ruling.reason,
        license=assessment.license,
        license_files=license_files,
    )


def decide(assessment: Assessment, decision: Decision) -> Finding:
    """Record one distribution as a person decided, beside what the policy said."""
    allows = decision.answer == "allow"
    said = "allowed in review" if allows else "denied in review"
    return replace(
        find(assessment, assessment.distribution.license_files),
        verdict=Verdict.ALLOWED if allows else Verdict.DENIED,
        reason=f"{assessment.ruling.reason}; {said}" + (f": {decision.note}" if decision.note else ""),
        decision=decision,
    )


def compile_report(policy: str, findings: Iterable[Finding], unreadable: Iterable[str] = ()) -> Report:
    """Put the findings in order (gravest first, then by name) and count them."""
    ordered = tuple(sorted(findings, key=lambda finding: (-finding.verdict.severity, finding.name.lower())))
    verdicts = [finding.verdict for finding in ordered]
    counts = Counts(
        allowed=verdicts.count(Verdict.ALLOWED),
        review=verdicts.count(Verdict.REVIEW),
        denied=verdicts.count(Verdict.DENIED),
    )
    return Report(policy=policy, counts=counts, findings=ordered, unreadable=tuple(unreadable))
