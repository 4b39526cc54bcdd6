"""The tools: their arguments are Structs, so that the schema a model reads and the check of what it writes are one."""

from __future__ import annotations

from typing import Annotated, Any, Final, Protocol, TypeAlias, runtime_checkable

import msgspec
from msgspec import Meta, Struct

from examples.agent.records import Asked


class Search(Struct, frozen=True, forbid_unknown_fields=True, tag="search_notes", tag_field="tool"):
    """Find the notes that contain a text."""

    text: Annotated[str, Meta(min_length=1)]


class Read(Struct, frozen=True, forbid_unknown_fields=True, tag="read_note", tag_field="tool"):
    """Read one note."""

    name: str


class Send(Struct, frozen=True, forbid_unknown_fields=True, tag="send_mail", tag_field="tool"):
    """Send a mail."""

    to: Annotated[str, Meta(pattern="@")]
    text: str


Tool: TypeAlias = Search | Read | Send

ASKS: Final = frozenset({"send_mail"})
"""The tools that a person has to allow: what they do cannot be undone."""
TOOLS: Final[dict[str, type[Tool]]] = {str(kind.__struct_config__.tag): kind for kind in (Search, Read, Send)}


class ToolError(ValueError):
    """Raised for a call that cannot be carried out; the model reads why."""


@runtime_checkable
class Desk(Protocol):
    """What the tools work on."""

    notes: dict[str, str]

    def send(self, key: str, to: str, text: str) -> None:
        """Send a mail; one that was sent with this key is not sent again."""
        ...


def read_call(asked: Asked) -> Tool:
    """Return the call that a model wrote, checked; raises `ToolError` where it does not fit a tool."""
    kind = TOOLS.get(asked.name)
    if kind is None:
        raise ToolError(f"there is no tool '{asked.name}'; there are {', '.join(TOOLS)}")
    try:
        return msgspec.convert({**msgspec.json.decode(asked.arguments, type=dict), "tool": asked.name}, kind)
    except msgspec.DecodeError as error:
        raise ToolError(f"the arguments of '{asked.name}' do not fit: {error}") from error


def use_tool(tool: Tool, desk: Desk, key: str) -> str:
    """Carry out a call, and return what the model reads of it."""
    match tool:
        case Search(text=text):
            found = [name for name, note in desk.notes.items() if text.lower() in note.lower()]
            return f"found: {', '.join(found)}" if found else "found nothing"
        case Read(name=name):
            if name not in desk.notes:
                raise ToolError(f"there is no note '{name}'")
            return desk.notes[name]
        case Send(to=to, text=text):
            desk.send(key, to, text)
            return f"sent to {to}"


def describe_tools() -> list[dict[str, Any]]:
    """Return name, description and JSON Schema of each tool, in the form that models are given."""
    return [
        {"name": name, "description": kind.__doc__, "parameters": _parameters(kind)} for name, kind in TOOLS.items()
    ]


def _parameters(kind: type[Tool]) -> dict[str, Any]:
    schema = msgspec.json.schema(kind)["$defs"][kind.__name__]
    properties = {name: field for name, field in schema["properties"].items() if name != "tool"}
    return {
        "type": "object",
        "properties": properties,
        "required": [name for name in schema["required"] if name != "tool"],
    }
