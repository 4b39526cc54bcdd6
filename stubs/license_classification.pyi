"""What a parent has to know of the flow of `examples.license_audit.classification`: its contract, no handlers."""

from enum import StrEnum
from typing import Protocol, TypeAlias

from msgspec import Struct

from typedflow import Contract, Flow, Resources, State

class Verdict(StrEnum):
    ALLOWED = "allowed"
    REVIEW = "review"
    DENIED = "denied"

class Source(StrEnum):
    EXPRESSION = "License-Expression"
    TEXT = "License"
    CLASSIFIERS = "Classifier"

class Policy(Struct, frozen=True, forbid_unknown_fields=True):
    allowed: frozenset[str] = ...
    review: frozenset[str] = ...
    denied: frozenset[str] = ...

class Distribution(Struct, frozen=True):
    name: str
    version: str
    license_expression: str = ...
    license_text: str = ...
    classifiers: tuple[str, ...] = ...
    license_files: tuple[str, ...] = ...

class Claim(Struct, frozen=True):
    source: Source
    text: str
    expression: str = ...
    remark: str = ...

class Identified(Struct, frozen=True, tag="identified"):
    expression: str
    source: Source
    remarks: tuple[str, ...] = ...

class Conflicting(Struct, frozen=True, tag="conflicting"):
    claims: tuple[Claim, ...]

class Unrecognised(Struct, frozen=True, tag="unrecognised"):
    claims: tuple[Claim, ...]

class Undeclared(Struct, frozen=True, tag="undeclared"): ...

License: TypeAlias = Identified | Conflicting | Unrecognised | Undeclared

class Ruling(Struct, frozen=True):
    verdict: Verdict
    reason: str

class Assessment(Struct, frozen=True):
    distribution: Distribution
    license: License
    ruling: Ruling

class Catalog(Protocol):
    def names(self) -> list[str]: ...
    def read(self, name: str) -> Distribution: ...
    def unreadable(self) -> list[str]: ...

class ClassificationState(State):
    policy: Policy

class ClassificationResources(Resources):
    catalog: Catalog

class Classification(Contract):
    input: str
    result: Assessment
    state: ClassificationState
    resources: ClassificationResources

def build_classification() -> Flow[Classification]: ...
