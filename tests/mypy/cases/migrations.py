"""Contracts with versions, for another module."""

from __future__ import annotations

from typedflow import Contract

NEWEST = int("7")


class Elsewhere(Contract, version=2):
    input: str
    result: str


class Unversioned(Contract, version=NEWEST):
    input: str
    result: str
