"""The JSON Schema of types, with classes that are stored as another type described by that type."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from typedflow.schema.forms import form_of
from typedflow.schema.records import stored_in
from typedflow.schema.types import Kind


def describe_kinds(kinds: Sequence[Kind], template: str) -> tuple[tuple[dict[str, Any], ...], dict[str, Any]]:
    """Return the JSON Schema of each kind, and what they refer to by `template`, as in `"#/$defs/{name}"`.

    Raises `Formless`, TypeError, ValueError or RecursionError where JSON Schema cannot describe a kind.
    """
    more: dict[str, Any] = {}
    schemas, definitions = msgspec.json.schema_components(
        [form_of(kind) for kind in kinds], schema_hook=_hook(kinds, template, more), ref_template=template
    )
    return tuple(schemas), {**definitions, **more}


def _hook(kinds: Sequence[Kind], template: str, more: dict[str, Any]) -> Callable[[type], dict[str, Any]]:
    """Return the hook for classes that msgspec does not know; what a schema refers to is put into `more`."""
    ways = {part.cls: part.stored for kind in kinds for part in stored_in(kind) if part.stored is not None}

    def describe(cls: type) -> dict[str, Any]:
        stored = ways.get(cls)
        if stored is None:
            raise NotImplementedError
        if stored.schema is not None:
            schema = dict(stored.schema(template))
            definitions: Mapping[str, Any] = schema.pop("$defs", {})
        else:
            (schema,), definitions = describe_kinds([stored.kind], template)
        more.update(definitions)
        return schema

    return describe
