"""The plain records of a conversation: messages, tool calls, their outcomes, and what is streamed."""

from __future__ import annotations

from typing import Literal, TypeAlias

from msgspec import Struct


class Asked(Struct, frozen=True):
    """A call as the model wrote it: nothing in it has been checked."""

    id: str
    name: str
    arguments: str
    """JSON, as the model has it."""


class Message(Struct, frozen=True):
    """One message of the conversation."""

    role: Literal["user", "assistant", "tool"]
    text: str
    calls: tuple[Asked, ...] = ()
    """Of the assistant: the tools that it wants to use."""
    call: str = ""
    """Of a tool: the id of the call that it answers."""


class Permission(Struct, frozen=True, forbid_unknown_fields=True):
    """What a person says of a call."""

    allowed: bool
    always: bool = False
    """Do not ask again for this tool, in this conversation."""
    note: str = ""


class Outcome(Struct, frozen=True):
    """What came of a call, for the model to read."""

    call: str
    tool: str
    text: str
    always: bool = False


class Token(Struct, frozen=True, tag="token"):
    """Stream a piece of what the model says."""

    text: str


class Used(Struct, frozen=True, tag="used"):
    """Stream that a tool has been used."""

    tool: str
    text: str


Item: TypeAlias = Token | Used
