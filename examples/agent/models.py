"""Models: the protocol that the agent needs, a scripted one for tests and the first run, and one that talks HTTP.

A model of your own is a class with one method, `reply`; `python -m examples.agent --model yours:make` uses it.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final, Protocol, TypeAlias, runtime_checkable

import httpx
import msgspec

from examples.agent.records import Asked, Message
from examples.agent.tools import describe_tools

Piece: TypeAlias = str | Asked
"""A piece of text, as it comes, or a whole call of a tool."""


@runtime_checkable
class Model(Protocol):
    """Continue a conversation."""

    def reply(self, messages: Sequence[Message]) -> AsyncIterator[Piece]:
        """Return the pieces of the next message of the assistant, in order."""
        ...


class ScriptedModel:
    """Reply with what a script has for this turn.

    The turn is read off the conversation, so that another process goes on with the right one.
    """

    def __init__(self, script: Sequence[Sequence[Piece]]) -> None:
        self._script = script

    async def reply(self, messages: Sequence[Message]) -> AsyncIterator[Piece]:
        """Return the pieces of the script; a text word by word."""
        turn = sum(message.role == "assistant" for message in messages)
        for piece in self._script[turn]:
            if isinstance(piece, Asked):
                yield piece
            else:
                for word in piece.split(" "):
                    yield f"{word} "


SCRIPT: Final[list[list[Piece]]] = [
    ["I will look at the notes.", Asked("call-1", "search_notes", '{"text": "review"}')],
    [Asked("call-2", "read_note", '{"name": "plan"}'), Asked("call-3", "read_note", '{"nam": "team"}')],
    [Asked("call-4", "read_note", '{"name": "team"}')],
    [
        "The review is on Friday.",
        Asked("call-5", "send_mail", '{"to": "bea@example.org", "text": "The review is on Friday at ten."}'),
    ],
    ["Done: Bea knows that the review is on Friday at ten."],
]
"""A conversation in which the model misspells an argument, reads what is wrong with it, and calls again."""


def scripted() -> Model:
    """Make the model of the first run: no network, no key, the same each time."""
    return ScriptedModel(SCRIPT)


class HttpModel:
    """Reply with a model behind an HTTP interface of the kind `POST /chat/completions`, streamed."""

    def __init__(self, client: httpx.AsyncClient, model: str) -> None:
        self._client = client
        self._model = model

    async def reply(self, messages: Sequence[Message]) -> AsyncIterator[Piece]:
        """Return the texts as they come, then the calls."""
        body = {
            "model": self._model,
            "stream": True,
            "messages": [_message(message) for message in messages],
            "tools": [{"type": "function", "function": tool} for tool in describe_tools()],
        }
        calls: dict[int, list[str]] = {}
        async with self._client.stream("POST", "chat/completions", json=body) as response:
            response.raise_for_status()
            async for line in response.aiter_lines():
                if not line.startswith("data: ") or line == "data: [DONE]":
                    continue
                for choice in msgspec.json.decode(line.removeprefix("data: "))["choices"]:
                    delta = choice["delta"]
                    if delta.get("content"):
                        yield delta["content"]
                    _add_calls(calls, delta.get("tool_calls") or ())
        for id_, name, arguments in calls.values():
            yield Asked(id_, name, arguments)


def from_environment() -> Model:
    """Make the model that the variables MODEL_URL, MODEL_KEY and MODEL_NAME name."""
    key = os.environ.get("MODEL_KEY", "")
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    client = httpx.AsyncClient(base_url=os.environ["MODEL_URL"], headers=headers, timeout=60)
    return HttpModel(client, os.environ["MODEL_NAME"])


def _add_calls(calls: dict[int, list[str]], deltas: Sequence[dict[str, Any]]) -> None:
    """Add the pieces of calls: the id and the name come once, the arguments in parts."""
    for delta in deltas:
        parts, function = calls.setdefault(delta["index"], ["", "", ""]), delta["function"]
        parts[0] += delta.get("id") or ""
        parts[1] += function.get("name") or ""
        parts[2] += function.get("arguments") or ""


def _message(message: Message) -> dict[str, Any]:
    made: dict[str, Any] = {"role": message.role, "content": message.text}
    if message.calls:
        made["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in message.calls
        ]
    if message.call:
        made["tool_call_id"] = message.call
    return made
