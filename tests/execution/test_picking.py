"""Events and resources that are named by an attribute: `when_event` and `data.require`."""

from __future__ import annotations

from typing import Any

import pytest

from tests.execution.running import Bells, outcome
from typedflow import Contract, ContractError, Data, Events, Flow, ResourceError, Resources
from typedflow.testing import make_data


class Tool:
    page = 3


class Tools(Resources):
    name: str
    tool: Tool | None = None


class Work(Contract):
    input: int
    result: int
    resources: Tools
    events: Bells


class More(Bells):
    more: str


class Alike(Events):
    rung: int


class Other(Events):
    rung: str


class Unknown(Events):
    moved: str


# -- events


def rings(data: Data[Work, int]) -> None:
    data.emit("rung", data.value + 1)


@pytest.mark.parametrize("event", [Bells.rung, More.rung, Alike.rung])
def test_a_chain_starts_when_its_event_fires(event: int) -> None:
    def answer(data: Data[Work, int]) -> int:
        return data.value

    flow = Flow(Work)
    flow.to(rings)
    flow.when_event(event, name="ringing").to(answer).end()
    assert outcome(flow, 1, runtime_resources={"name": "n"}) == 2


@pytest.mark.parametrize(
    "event, problem",
    [
        ("rung", "TF719: flow 'Work': when_event() takes an event of the contract's Events class, not 'rung' (str)"),
        (Tools.name, "TF719: "),
        (Other.rung, "TF501: flow 'Work': event 'rung' of Other is none of contract 'Work' "),
    ],
)
def test_what_is_no_event_of_the_contract_is_refused(event: Any, problem: str) -> None:
    with pytest.raises(ContractError) as caught:
        Flow(Work).when_event(event)
    assert str(caught.value).startswith(problem)


def test_an_event_that_the_contract_does_not_declare_is_found_with_the_whole_flow() -> None:
    flow: Any = Flow(Work)
    flow.to(rings)
    flow.when_event(Unknown.moved).to(rings)
    with pytest.raises(ContractError, match=r"TF501: .*declares no event 'moved'"):
        flow.validate()


# -- resources


def data_with(**resources: Any) -> Data[Work, int]:
    return make_data(Work, 1, resources={"name": "n", **resources})


def test_a_resource_is_picked_by_its_attribute() -> None:
    tool = Tool()
    data = data_with(tool=tool)
    assert data.require(lambda r: r.tool) is tool
    assert data.require(lambda r: r.name) == "n"


def test_a_picked_resource_that_is_missing_is_named() -> None:
    with pytest.raises(ResourceError, match=r"^TF102: .*'tool'") as caught:
        data_with().require(lambda r: r.tool)
    assert caught.value.missing == ("tool",)


@pytest.mark.parametrize("pick", [lambda r: r.tool.page, lambda r: 3, lambda r: None, "tool"])
def test_what_picks_no_resource_is_refused(pick: Any) -> None:
    with pytest.raises(ResourceError, match=r"^TF104: data.require\(…\) takes a function"):
        data_with(tool=Tool()).require(pick)


def test_an_unknown_resource_is_refused() -> None:
    unknown: Any = lambda r: r.toool  # noqa: E731  # a function that no checker looks at
    with pytest.raises(ResourceError, match=r"^TF101: Tools declares no resource 'toool'"):
        data_with().require(unknown)
