"""The plain records: a row, what was loaded, what failed, the summary."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct


class Job(Struct, frozen=True):
    """Ask for the CSV files of a folder to be loaded."""

    folder: str


class Row(Struct, frozen=True, forbid_unknown_fields=True):
    """One order of a file."""

    number: Annotated[str, Meta(min_length=1)]
    cents: Annotated[int, Meta(ge=0)]
    country: Annotated[str, Meta(pattern="^[A-Z]{2}$")]


class Loaded(Struct, frozen=True, tag="loaded"):
    """What one file has brought."""

    file: str
    rows: int
    cents: int


class Failure(Struct, frozen=True):
    """Why one file was not loaded."""

    file: str
    error: str
    attempts: int


class Summary(Struct, frozen=True):
    """The outcome of a job."""

    files: int
    rows: int
    cents: int
    failures: tuple[Failure, ...] = ()
