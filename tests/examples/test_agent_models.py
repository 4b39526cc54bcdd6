"""The model behind HTTP: what it is sent, and what is made of the lines that it streams."""

from __future__ import annotations

from typing import Any

import httpx
import msgspec
import pytest

from examples.agent.models import HttpModel, Piece, from_environment
from examples.agent.records import Asked, Message
from examples.agent.tools import describe_tools

LINES = [
    {"choices": [{"delta": {"content": "One "}}]},
    {"choices": [{"delta": {"content": "moment."}}]},
    {"choices": [{"delta": {"tool_calls": [{"index": 0, "id": "c1", "function": {"name": "read_note"}}]}}]},
    {"choices": [{"delta": {"tool_calls": [{"index": 0, "function": {"arguments": '{"name": '}}]}}]},
    {"choices": [{"delta": {"tool_calls": [{"index": 0, "function": {"arguments": '"plan"}'}}]}}]},
    {"choices": [{"delta": {}}]},
]
MESSAGES = [
    Message("user", "when?"),
    Message("assistant", "", (Asked("c0", "read_note", "{}"),)),
    Message("tool", "failed", call="c0"),
]


async def test_texts_come_as_they_are_streamed_and_calls_whole() -> None:
    sent: list[Any] = []

    def reply(request: httpx.Request) -> httpx.Response:
        sent.append((str(request.url), msgspec.json.decode(request.content)))
        lines = [f"data: {msgspec.json.encode(line).decode()}\n\n" for line in LINES]
        return httpx.Response(200, text="".join([": a comment\n", *lines, "data: [DONE]\n\n"]))

    async with httpx.AsyncClient(transport=httpx.MockTransport(reply), base_url="http://model/v1/") as client:
        pieces: list[Piece] = [piece async for piece in HttpModel(client, "small").reply(MESSAGES)]
    assert pieces == ["One ", "moment.", Asked("c1", "read_note", '{"name": "plan"}')]
    [(url, body)] = sent
    assert (url, body["model"], body["stream"]) == ("http://model/v1/chat/completions", "small", True)
    assert body["messages"][1]["tool_calls"][0]["function"] == {"name": "read_note", "arguments": "{}"}
    assert body["messages"][2] == {"role": "tool", "content": "failed", "tool_call_id": "c0"}


async def test_a_model_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"MODEL_URL": "http://127.0.0.1:1/", "MODEL_KEY": "k", "MODEL_NAME": "small"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(httpx.ConnectError):
        _ = [piece async for piece in from_environment().reply(MESSAGES)]


def test_a_tool_is_described_by_its_struct() -> None:
    described = {tool["name"]: tool for tool in describe_tools()}
    assert described["send_mail"] == {
        "name": "send_mail",
        "description": "Send a mail.",
        "parameters": {
            "type": "object",
            "properties": {"to": {"type": "string", "pattern": "@"}, "text": {"type": "string"}},
            "required": ["to", "text"],
        },
    }
