"""A flow that asks a person, with resources, a stream and a child, as a user's module."""

from __future__ import annotations

from typing import Final

ASKING: Final = """\
import msgspec
from typing import Literal
from typedflow import Contract, Data, Flow, Resources, State

class Request(msgspec.Struct):
    topic: str

class Notes(State):
    request: Request | None = None
    found: list[str] = []

class Tools(Resources):
    library: dict[str, list[str]]

class Review(Contract):
    input: Request
    result: str
    state: Notes
    resources: Tools

def search(data: Data[Review, Request]) -> list[str]:
    data.state.request = data.value
    data.state.found = data.resources.library[data.value.topic]
    return data.state.found

def approve(data: Data[Review, list[str]]) -> Literal["yes", "no"]:
    data.pause_for({"found": data.value}, type="human", interrupt_id="approval")

def write(data: Data[Review, str]) -> str:
    if data.value == "no":
        raise ValueError("refused")
    return ", ".join(data.state.found)

flow = Flow(Review, name="review")
flow.to(search).to(approve).to(write).end()

def tools():
    return {"library": {"birds": ["Sibley", "Svensson"]}}
"""
SETTINGS: Final = """\
[tool.typedflow]
resources = "review:tools"
flows = ["review:flow"]
"""
BIRDS: Final = '{"topic": "birds"}'
