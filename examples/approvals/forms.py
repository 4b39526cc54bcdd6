"""HTML forms made of JSON Schema, and what is sent with them as the plain data that the schema describes.

Objects of texts, numbers, booleans and enums, which is what people are asked for here. Nothing is checked: that is for
what takes the data.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any, TypeAlias

Schema: TypeAlias = Mapping[str, Any]
Fields: TypeAlias = Mapping[str, Any]


def render_form(schema: Schema, action: str, sent: Mapping[str, str] | None = None, error: str = "") -> str:
    """Return a form for an object; with `sent` it keeps what was typed before, and shows the error."""
    known = sent or {}
    lines = [f'<form method="post" action="{escape(action)}">']
    if error:
        lines.append(f'<p role="alert">{escape(error)}</p>')
    for name, field in fields_of(schema).items():
        lines.append(f"<p><label>{escape(name)} {_input(name, field, known.get(name))}</label></p>")
    return "\n".join([*lines, "<button>Send</button>", "</form>"])


def read_form(schema: Schema, sent: Mapping[str, str]) -> dict[str, Any]:
    """Return what was sent as plain data; what is no number, where one is wanted, stays the text that it is."""
    known = fields_of(schema)
    absent = {name: False for name, field in known.items() if field.get("type") == "boolean" and name not in sent}
    return {**{name: _read(known.get(name, {}), text) for name, text in sent.items()}, **absent}


def fields_of(schema: Schema) -> dict[str, Fields]:
    """Return the properties of an object, by name; a `$ref` at the root is followed."""
    reference = schema.get("$ref")
    target = schema if reference is None else schema["$defs"][reference.rpartition("/")[2]]
    return dict(target.get("properties", {}))


def _input(name: str, field: Fields, sent: str | None) -> str:
    default = str(field.get("default", "")) if sent is None else sent
    if "enum" in field:
        options = (
            f"<option{' selected' if str(each) == default else ''}>{escape(str(each))}</option>"
            for each in field["enum"]
        )
        return f'<select name="{escape(name)}">{"".join(options)}</select>'
    if field.get("type") == "boolean":
        return f'<input type="checkbox" name="{escape(name)}"{" checked" if sent else ""}>'
    kind = "number" if field.get("type") in ("integer", "number") else "text"
    limits = {"min": "minimum", "max": "maximum", "minlength": "minLength", "maxlength": "maxLength"}
    attributes = "".join(f' {here}="{field[there]}"' for here, there in limits.items() if there in field)
    required = "" if "default" in field else " required"
    return f'<input type="{kind}" name="{escape(name)}" value="{escape(default)}"{attributes}{required}>'


def _read(field: Fields, text: str) -> Any:
    try:
        match field.get("type"):
            case "boolean":
                return True
            case "integer":
                return int(text)
            case "number":
                return float(text)
    except ValueError:
        pass  # what takes the data says what is wrong with it
    return text
