"""What a handler does with its data, read from its source."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import pytest

from typedflow.cli.uses import paths_in, related, uses_of


def attributes(data: Any) -> Any:
    data.state.request.topic = data.resources.search(data.value)
    data.state.count += 1
    del data.state.left
    data.state.first, data.state.second = 1, data.flow_state.limit
    return data.state.found[0].title


def paths(data: Any) -> Any:
    data.state.set("a.b", data.state.get("c.d", 1))
    data.state.append("e", data.flow_state["f.g"])
    data.flow_state.delete("h")
    return "i.j" in data.state, data.state.to_dict()


def legacy(data: Any) -> Any:
    data.set_runtime_data("a", data.get_flow_data("b"))


def calls(data: Any) -> Any:
    data.require_resource("search").find(data.get_resource("cache"))
    data.set_resource("browser", None)
    data.emit("approved", 1)
    return data.pause_for(resume_event="closed")


def in_place(data: Any) -> Any:
    data.state.found.append(1)
    data.state.about["x"] = 2
    return data.state.names.index("a")


def named(data: Any) -> Any:
    state = data.state
    request = state.request
    request.topic = "x"
    found: Any = data.state.found
    request = None
    for each in found:
        each.title = "x"
    return request


def updated(data: Any) -> Any:
    data.update_flow_state(lambda counters: counters.set("runs", 1))


async def awaited(data: Any) -> Any:
    if (found := data.state.found) and await found.load():
        return [each for each in data.state.items if each]
    return (lambda: data.state.late)()


def passed(data: Any) -> Any:
    helped(1, data)
    shown(data.state.request)
    return print(data.state)


def helped(number: int, given: Any) -> None:
    given.state.number = number
    passed(given)


def shown(request: Any) -> Any:
    return request.topic


def unrelated(data: Any) -> Any:
    other = object()
    return other.state, data.value.state, data.key  # type: ignore[attr-defined]  # never called


@functools.lru_cache
def cached(data: Any) -> Any:
    return data.state.cached


def wrapping(handler: Callable[[Any], Any]) -> Callable[[Any], Any]:
    @functools.wraps(handler)
    def step(data: Any) -> Any:
        return handler(data)

    return step


class Step:
    def method(self, data: Any) -> Any:
        return data.state.method

    def __call__(self, data: Any) -> Any:
        return data.state.called


def bound(prefix: str, data: Any) -> Any:
    return data.state.bound


USES: list[tuple[Any, set[str]]] = [
    (
        attributes,
        {"writes state.request.topic", "reads resources.search", "writes state.count", "writes state.left"}
        | {"writes state.first", "writes state.second", "reads flow_state.limit", "reads state.found.title"},
    ),
    (
        paths,
        {"writes state.a.b", "reads state.c.d", "writes state.e", "reads flow_state.f.g", "writes flow_state.h"}
        | {"reads state.i.j", "reads state"},
    ),
    (legacy, {"writes state.a", "reads flow_state.b"}),
    (
        calls,
        {"reads resources.search", "reads resources.cache", "writes resources.browser", "emits events.approved"}
        | {"emits events.closed"},
    ),
    (in_place, {"writes state.found", "writes state.about.x", "reads state.names"}),
    (
        named,
        {"reads state", "reads state.request", "writes state.request.topic", "reads state.found"}
        | {"writes state.found.title"},
    ),
    (updated, {"writes flow_state.runs"}),
    (awaited, {"reads state.found", "reads state.items", "reads state.late"}),
    (passed, {"writes state.number", "reads state.request.topic", "reads state"}),
    (unrelated, set()),
    (wrapping(attributes), {"writes state.count"}),
    (Step().method, {"reads state.method"}),
    (Step(), {"reads state.called"}),
    (functools.partial(bound, "x"), {"reads state.bound"}),
    (functools.partial(functools.partial(bound, prefix="x")), set()),
]


@pytest.mark.parametrize("handler, expected", USES)
def test_the_source_of_a_handler_shows_what_it_uses(handler: Any, expected: set[str]) -> None:
    uses = uses_of(handler)
    assert uses is not None
    found = {f"{use.how} {'.'.join(use.path)}" for use in uses}
    assert expected <= found if "__wrapped__" in vars(handler) else found == expected
    assert {use.file for use in uses} <= {__file__}


def test_a_use_has_the_line_that_it_stands_on() -> None:
    first = attributes.__code__.co_firstlineno
    uses = uses_of(attributes)
    assert uses is not None
    lines = {".".join(use.path): use.line - first for use in uses}
    assert lines == {
        "state.request.topic": 1,
        "resources.search": 1,
        "state.count": 2,
        "state.left": 3,
        "state.first": 4,
        "state.second": 4,
        "flow_state.limit": 4,
        "state.found.title": 5,
    }


@pytest.mark.parametrize("handler", [lambda data: data.state.x, print, str, functools.partial(print), 5])
def test_what_has_no_source_is_not_seen(handler: Any) -> None:
    assert uses_of(handler) is None


@pytest.mark.parametrize(
    "used, relation", [("a.b", "same"), ("a.b.c", "inside"), ("a", "around"), ("a.c", ""), ("a.bc", ""), ("b", "")]
)
def test_a_path_is_related_to_its_parts_and_to_what_it_is_a_part_of(used: str, relation: str) -> None:
    assert related(tuple(used.split(".")), ("a", "b")) == relation


def test_the_sources_of_a_mapping_are_found_at_any_depth() -> None:
    assert list(paths_in({"input": "value", "state": {"a": "state.b"}, "none": None})) == ["value", "state.b"]
