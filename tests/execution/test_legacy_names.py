"""The legacy names read and write what the new ones do, both ways (B7)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.execution.chains import BOTH_FORMS, Form, chain, run
from typedflow import Contract, ContractError, Data, Flow, FlowState, PathError, State


class OldState(State):
    topic: str = ""
    drafts: list[str] = []
    about: dict[str, int] = {}


class OldCounters(FlowState):
    topic: str = ""
    drafts: list[str] = []
    about: dict[str, int] = {}


class Old(Contract):
    input: Any
    result: Any
    state: OldState
    flow_state: OldCounters


class Bare(Contract):
    input: Any
    result: Any


LAYERS = pytest.mark.parametrize("old, new", [("runtime_data", "state"), ("flow_data", "flow_state")])


def calls(data: Data[Any, Any], old: str) -> tuple[Any, Any, Any, Any]:
    """Return the four legacy calls of one layer: get, set, append, del."""
    get, set_, append, delete = (getattr(data, f"{verb}_{old}") for verb in ("get", "set", "append", "del"))
    return get, set_, append, delete


@LAYERS
@BOTH_FORMS
def test_new_names_see_what_the_legacy_ones_wrote(form: Form, old: str, new: str) -> None:
    """B7."""

    def step(data: Data[Old, Any]) -> Any:
        _, set_, append, delete = calls(data, old)
        set_("topic", "x")
        set_("about.a", 1)
        append("drafts", "a")
        append("drafts", "a")
        layer = getattr(data, new)
        written = layer.to_dict()
        delete("drafts")
        delete("about.a")
        return written, layer.to_dict()

    assert chain(Old, form(step)).start(1) == (
        {"topic": "x", "drafts": ["a", "a"], "about": {"a": 1}},
        {"topic": "x", "drafts": [], "about": {}},
    )


@LAYERS
@BOTH_FORMS
def test_legacy_names_see_what_the_new_ones_wrote(form: Form, old: str, new: str) -> None:
    """B7."""

    def step(data: Data[Old, Any]) -> Any:
        layer = getattr(data, new)
        layer.topic = "x"
        layer.append("drafts", "a")
        get, *_ = calls(data, old)
        return get("topic"), get("drafts"), get("about.a"), get("about.a", 5)

    assert chain(Old, form(step)).start(1) == ("x", ["a"], None, 5)


@LAYERS
@pytest.mark.parametrize("emit, heard", [(True, ["x"]), (False, [])])
def test_listeners_hear_the_legacy_names_unless_silenced(old: str, new: str, emit: bool, heard: list[str]) -> None:
    """B7."""
    found: list[Any] = []

    def step(data: Data[Old, Any]) -> None:
        calls(data, old)[1]("topic", "x", emit=emit)

    flow: Flow[Any] = Flow(Old)
    flow.to(step).end()
    flow.when({new: "topic"}).to(lambda data: found.append(data.value))
    flow.start(1)
    assert found == heard


@LAYERS
def test_what_does_not_fit_is_refused_in_the_words_of_the_new_names(old: str, new: str) -> None:
    """B7, B8."""

    def step(data: Data[Old, Any]) -> None:
        calls(data, old)[1]("topic", 5)

    with pytest.raises(ContractError) as caught:
        chain(Old, step).start(1)
    assert str(caught.value) == f"TF601: step 'step' of flow 'Old': 'topic' of {new} takes str, not 5 (int)"


@LAYERS
@pytest.mark.parametrize("verb", [0, 1, 2, 3])
def test_an_unknown_path_is_refused(old: str, new: str, verb: int) -> None:
    """B7."""

    def step(data: Data[Old, Any]) -> None:
        calls(data, old)[verb]("topik", *["x"] * (verb in (1, 2)))

    with pytest.raises(PathError, match=r"^TF202: step 'step' of flow 'Old': .* \(did you mean 'topic'\?\)"):
        chain(Old, step).start(1)


@LAYERS
def test_a_layer_that_is_not_declared_is_refused(old: str, new: str) -> None:
    """B7."""

    def step(data: Data[Any, Any]) -> Any:
        return calls(data, old)[0]("topic")

    with pytest.raises(ContractError, match=rf"^TF611: contract 'Bare' declares no {new}"):
        chain(Bare, step).start(1)


@pytest.mark.filterwarnings("error::DeprecationWarning")
def test_there_is_no_warning_at_run_time() -> None:
    """B7: type checkers tell, the program goes on as it did."""

    def step(data: Data[Old, Any]) -> Any:
        calls(data, "runtime_data")[1]("topic", "x")
        return data.state.topic

    assert run(chain(Old, step), 1).result == "x"
