"""Create the defaults of records; a mutable default is never shared between two values."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from typedflow.schema.copies import compile_copy
from typedflow.schema.layer_fields import is_changeable
from typedflow.schema.parsing import parse
from typedflow.schema.records import fields_of
from typedflow.schema.types import Kind, RecordOf

Make = Callable[[], Any]


@functools.lru_cache(maxsize=1024)
def defaults_of(cls: Any) -> Mapping[str, Make]:
    """Return a factory for each field with a default, by name; empty for a class without fields.

    A mutable default is copied by the declared type of its field; the value of a `default_factory` is used as it is.
    """
    record = parse(cls)
    if not isinstance(record, RecordOf):
        return {}
    kinds = {field.name: field.kind for field in fields_of(record)}
    match record.flavour:
        case "struct":
            found = {field.name: (field.default, field.default_factory) for field in msgspec.structs.fields(cls)}
            missing: Any = msgspec.NODEFAULT
        case "dataclass":
            found = {field.name: (field.default, field.default_factory) for field in dataclasses.fields(cls)}
            missing = dataclasses.MISSING
        case _:
            return {}
    makers = {name: _maker(kinds[name], default, factory, missing) for name, (default, factory) in found.items()}
    return {name: make for name, make in makers.items() if make is not None}


def _maker(kind: Kind, default: Any, factory: Any, missing: Any) -> Make | None:
    if factory is not missing:
        made: Make = factory
        return made
    if default is missing:
        return None
    if not is_changeable(kind):
        return lambda: default
    copied = compile_copy(kind)
    return lambda: copied(default)
