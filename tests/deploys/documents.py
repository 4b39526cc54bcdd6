"""Real documents of many flows at many moments, and every way to make one of their structural fields wrong."""

from __future__ import annotations

import asyncio
import copy
import json
from collections.abc import Iterator
from functools import cache
from typing import Any, Final

import msgspec

from tests.execution.pausing import CASES, answer_to, taken
from typedflow import Execution, Snapshot, Status

MOST: Final = 10
"""Moments of one case: evenly over its run."""


def documents_of(name: str) -> list[dict[str, Any]]:
    """Return what is saved as each step of a case begins, and each time that it waits, as JSON trees."""
    return [json.loads(text) for text in _texts_of(name)]


@cache
def _texts_of(name: str) -> tuple[str, ...]:
    case = CASES[name]
    saved: list[str] = []

    async def run() -> None:
        execution: Execution[Any] = case.build().create_execution(execution_id="case")
        taken.set(lambda data: saved.append(execution.save().to_json()))
        await execution.async_start(case.value)
        while execution.status is Status.WAITING:
            saved.append(execution.save().to_json())
            chosen = next(iter(execution.interrupts))
            await execution.async_continue_with(chosen, answer_to(execution, case, chosen))
        taken.set(lambda data: None)

    asyncio.run(run())
    distinct = tuple({_timeless(text): text for text in saved}.values())
    return distinct[:: max(1, len(distinct) // MOST)]


def _timeless(text: str) -> str:
    tree = json.loads(text)
    return json.dumps(
        {key: part for key, part in tree.items() if key not in ("created", "saved", "sequence", "checksum")}
    )


def sealed(tree: dict[str, Any]) -> Snapshot:
    """Return a document as a Snapshot, which writes the checksum anew; raises `msgspec.ValidationError`."""
    return msgspec.json.decode(msgspec.json.encode(tree), type=Snapshot)


Mutation = tuple[str, dict[str, Any]]
"""What was changed, and the changed document."""

WHOLE: Final = frozenset({"shape", "state", "flow_state", "result", "value", "values", "source", "payload", "coded"})
"""The payloads: they are data of the flow's types, and other tests try them."""
SEALED: Final = frozenset({"checksum", "state_mark", "encoding", "created", "saved", "fingerprint", "plan", "format"})
"""What other tests change."""


def mutations(tree: dict[str, Any]) -> Iterator[Mutation]:
    """Yield the document with each structural field changed to each wrong value of its kind."""
    names = sorted(_names(tree))
    for path, part in _places(tree, ()):
        for what, value in _others(path, part, names):
            changed = copy.deepcopy(tree)
            at: Any = changed
            for key in path[:-1]:
                at = at[key]
            if value is GONE:
                del at[path[-1]]
            else:
                at[path[-1]] = value
            yield f"{'.'.join(map(str, path))}: {what}", changed


GONE: Final = object()


def _places(part: Any, path: tuple[Any, ...]) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Yield every field of a document that is not inside of a payload."""
    items = part.items() if isinstance(part, dict) else enumerate(part)
    for key, inner in items:
        here = (*path, key)
        if key in SEALED or (path and path[-1] == "nodes"):
            continue
        yield here, inner
        is_slot = len(here) > 1 and here[-2] == "slots" and "joins" in here
        if (
            isinstance(inner, dict | list)
            and key not in WHOLE
            and key not in ("nodes", "events", "causes")
            and not is_slot
        ):
            yield from _places(inner, here)


def _others(path: tuple[Any, ...], part: Any, names: list[str]) -> Iterator[tuple[str, Any]]:
    key = path[-1]
    yield "left out", GONE
    if key in WHOLE:
        return
    yield "null", None
    if isinstance(part, bool):
        yield "not", not part
    elif isinstance(part, int):
        for other in (0, 1, part + 1, part - 1, part + 7, 2**63, 2**70):
            if other != part:
                yield str(other), other
    elif isinstance(part, str):
        if key in ("node", "producer"):
            yield from ((name, name) for name in names if name != part)
        elif key == "status":
            yield from ((each, each) for each in (*map(str, Status), "answered") if each != part)
        elif key == "resume_event":
            yield from ((each, each) for each in ("rung", "knocked", "replied") if each != part)
        yield "another text", "nothing"
        yield "no text", ""
    elif isinstance(part, list):
        for index in range(min(len(part), 3)):
            yield f"without {index}", [*part[:index], *part[index + 1 :]]
            yield f"{index} twice", [*part, part[index]]
        if len(part) > 1:
            yield "turned round", part[::-1]
        yield "empty", []
        if key == "hits":
            yield "hits beyond", [9 for _ in part]
        if len(path) > 1 and path[-2] == "slots" and "joins" in path:
            yield "a value", [None]
    elif isinstance(part, dict):
        yield "empty", {}
    if key in ("resume_event", "scope", "hits", "parent") and part is None:
        wrong: dict[str, Any] = {"scope": {"join": 0, "item": 0}, "hits": [0], "parent": 0, "resume_event": "rung"}
        yield "given", wrong[str(key)]


def _names(tree: dict[str, Any]) -> set[str]:
    found = set(tree["nodes"]) | {"start", "nowhere", "end"}
    return found.union(*(_names(child) for child in tree["children"]))
