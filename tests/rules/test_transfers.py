"""What can go wrong when a checked mapping moves values, word for word."""

from __future__ import annotations

import pytest

from typedflow.rules.bindings import Binding, Place
from typedflow.rules.paths import parse_path
from typedflow.rules.problems import Problem
from typedflow.rules.scopes import CAPTURE, WRITE_BACK
from typedflow.rules.transfers import (
    does_not_fit_problem,
    no_place_problem,
    not_there_problem,
    shared_sources,
    uncopyable_problem,
    uncopyable_value_problem,
)


def place(text: str) -> Place:
    scope, _, rest = text.partition(".")
    path = parse_path(rest) if rest else ()
    assert isinstance(path, tuple)
    return Place(scope, path)


def bound(target: str, source: str) -> Binding:
    scope, _, field = target.partition(".")
    return Binding(place(target), place(source), (scope, field) if field else (scope,))


@pytest.mark.parametrize(
    "problem, line, side",
    [
        (uncopyable_problem(bound("input", "value.session"), CAPTURE, "nothing is known of how to copy Session"),
         "TF316: capture[\"input\"] = \"value.session\": 'value.session' cannot be copied: nothing is known of how to "
         "copy Session (capture the parts that are data; hand a live object over as a resource)", "value"),
        (uncopyable_problem(bound("state.a", "result.session"), WRITE_BACK, "nothing is known of how to copy Session"),
         "TF416: write_back[\"state\"][\"a\"] = \"result.session\": 'result.session' cannot be copied: nothing is "
         "known of how to copy Session (write it to one target, the parts that are data to others)", "value"),
        (uncopyable_value_problem(bound("value.topic", "result.text"), "session: no way"),
         "TF416: write_back[\"value\"][\"topic\"]: 'value' cannot be changed in part, because it cannot be copied: "
         "session: no way (write another value as a whole, or write to the state)", "key"),
        (not_there_problem(bound("state.a", "value.meta.lang"), CAPTURE, "lang"),
         "TF317: capture[\"state\"][\"a\"] = \"value.meta.lang\": 'value.meta.lang' is not there: no key 'lang' "
         "(set it before the child runs)", "value"),
        (not_there_problem(bound("state.a", "result.x"), WRITE_BACK, "x", what="field"),
         "TF417: write_back[\"state\"][\"a\"] = \"result.x\": 'result.x' is not there: no field 'x' "
         "(return it from the child)", "value"),
        (no_place_problem(bound("state.table.ada.name", "result.x"), WRITE_BACK, "no key 'ada'"),
         "TF417: write_back[\"state\"][\"table.ada.name\"]: 'state.table.ada.name' cannot be written: no key 'ada' "
         "(write what it lies in as a whole)", "key"),
        (does_not_fit_problem(CAPTURE, ("input",), "expected int, given 'x' (str)"),
         "TF317: capture[\"input\"]: the value does not fit: expected int, given 'x' (str) "
         "(the declared types fit; look for a value that was changed in place)", "value"),
    ],
)  # fmt: skip
def test_what_is_said(problem: Problem, line: str, side: str) -> None:
    assert (problem.render(), problem.side) == (line, side)


@pytest.mark.parametrize(
    "sources, shared",
    [
        ([], []),
        (["result"], []),
        (["result.a", "result.b"], []),
        (["result.a.x", "result.a.y"], []),
        (["result.a", "result.a"], [1]),
        (["result", "result.a"], [1]),
        (["result.a", "result"], [1]),
        (["result.a.x", "result.a", "result.b", "result.a.y"], [1, 3]),
        (["result.ab", "result.a"], []),
    ],
)
def test_a_source_that_an_earlier_binding_takes_too_needs_a_copy(sources: list[str], shared: list[int]) -> None:
    bindings = [bound(f"state.f{position}", source) for position, source in enumerate(sources)]
    assert shared_sources(bindings) == [bindings[position] for position in shared]
