"""Resources at the level of flows: lookup order and identity (B11-B15), checked before anything runs (B17, B18)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

import msgspec
import pytest

from tests.execution.chains import BOTH_FORMS, Form, chain, run, untyped
from typedflow import Contract, ContractError, Data, FinishedError, Flow, ResourceError, Resources


class Tool:
    """A client, as a user may have one."""

    def __init__(self, name: str) -> None:
        self.name = name


class SubTool(Tool):
    pass


@runtime_checkable
class Speaks(Protocol):
    def speak(self) -> str: ...


class Duck:
    def speak(self) -> str:
        return "quack"


class ToolResources(Resources):
    tool: Tool
    logger: logging.Logger | None = None
    options: dict[str, int] = {}
    names: list[str] = []
    duck: Speaks | None = None
    clock: Callable[[], float] | None = None
    spare: Tool | None = None
    made: Tool = msgspec.field(default_factory=lambda: Tool("made"))


class Job(Contract):
    input: Any
    result: Any
    resources: ToolResources


class Bare(Contract):
    input: Any
    result: Any


class Strict(Resources):
    zebra: Tool
    tool: Tool
    names: list[str]
    logger: logging.Logger | None = None


class StrictJob(Contract):
    input: Any
    result: Any
    resources: Strict


F, E, H = Tool("F"), Tool("E"), Tool("H")


def name_of_tool(data: Data[Job, Any]) -> str:
    tool: Tool = data.require_resource("tool")
    return tool.name


def flow_with_f(*handlers: Any) -> Flow[Any]:
    flow = chain(Job, *handlers or (name_of_tool,))
    flow.update_runtime_resources(tool=F)
    return flow


# -- B11 to B13: who supplies it


@BOTH_FORMS
def test_an_execution_overrides_the_flow_for_itself(form: Form) -> None:
    """B11."""
    flow = flow_with_f(form(name_of_tool))
    assert [flow.start(1), flow.start(1, runtime_resources={"tool": E}), flow.start(1)] == ["F", "E", "F"]


@BOTH_FORMS
def test_what_a_handler_sets_is_seen_later_in_this_execution_only(form: Form) -> None:
    """B12."""

    def set_it(data: Data[Job, bool]) -> None:
        if data.value:
            data.set_resource("tool", H)

    flow = flow_with_f(form(set_it), form(name_of_tool))
    assert [flow.start(True), flow.start(False)] == ["H", "F"]
    assert flow.get_runtime_resource("tool") is F


async def test_what_a_handler_sets_is_not_seen_by_an_overlapping_execution() -> None:
    """B12."""
    both = asyncio.Barrier(2)

    async def set_it(data: Data[Job, bool]) -> None:
        if data.value:
            data.set_resource("tool", H)
        await both.wait()

    flow = flow_with_f(set_it, name_of_tool)
    async with asyncio.timeout(5):
        assert list(await asyncio.gather(flow.async_start(True), flow.async_start(False))) == ["H", "F"]


@BOTH_FORMS
def test_del_resource_uncovers_the_flow_default_and_a_second_one_changes_nothing(form: Form) -> None:
    """B13."""

    def delete(data: Data[Job, int]) -> int:
        data.set_resource("tool", H)
        for _ in range(data.value):
            data.del_resource("tool")
        return data.value

    flow = flow_with_f(form(delete), form(name_of_tool))
    assert [flow.start(times, runtime_resources={"tool": E}) for times in (0, 1, 2)] == ["H", "F", "F"]


def test_outside_of_handlers_an_execution_is_given_resources_too() -> None:
    execution = flow_with_f().create_execution()
    execution.set_runtime_resource("tool", E)
    assert execution.get_runtime_resource("tool") is E
    execution.del_runtime_resource("tool")
    assert execution.get_runtime_resource("tool") is F
    execution.update_runtime_resources({"tool": E}, names=["a"])
    execution.start(1)
    assert (execution.result, execution.get_runtime_resource("names")) == ("E", ["a"])


def test_the_defaults_of_a_flow_are_set_read_and_removed() -> None:
    flow = chain(Job, name_of_tool)
    flow.set_runtime_resource("tool", F)
    assert (flow.get_runtime_resource("tool"), flow.get_runtime_resource("spare", E)) == (F, E)
    flow.del_runtime_resource("tool")
    flow.del_runtime_resource("tool")
    assert flow.get_runtime_resource("tool") is None


def test_a_change_of_the_flow_is_seen_by_an_execution_that_exists() -> None:
    flow = flow_with_f(lambda data: data.resources.tool.name)
    execution = flow.create_execution()
    flow.set_runtime_resource("tool", H)
    execution.start(1)
    assert execution.result == "H"


@BOTH_FORMS
def test_the_attribute_shows_resources_as_they_are_now(form: Form) -> None:
    def look(data: Data[Job, Any]) -> list[str]:
        names = [data.resources.tool.name]
        data.set_resource("tool", H)
        names.append(data.resources.tool.name)
        data.del_resource("tool")
        return [*names, data.resources.tool.name]

    assert flow_with_f(form(look)).start(1, runtime_resources={"tool": E}) == ["E", "H", "F"]


def test_the_attribute_follows_a_change_of_the_flow() -> None:
    def look(data: Data[Job, Any]) -> list[str]:
        before = data.resources.tool.name
        flow.set_runtime_resource("tool", H)
        return [before, data.resources.tool.name]

    flow = flow_with_f(look)
    assert flow.start(1) == ["F", "H"]


def test_the_attribute_is_made_once_while_nothing_changes() -> None:
    assert flow_with_f(lambda data: data.resources is data.resources).start(1) is True


# -- B14: asking


@BOTH_FORMS
def test_get_resource_gives_none_or_the_default(form: Form) -> None:
    """B14."""

    def look(data: Data[Job, Any]) -> Any:
        return data.get_resource("spare"), data.get_resource("spare", H), data.get_resource("tool", H)

    assert flow_with_f(form(look)).start(1) == (None, H, F)


@pytest.mark.parametrize("call", ["require_resource", "get_resource", "set_resource", "del_resource"])
def test_an_undeclared_key_is_refused_with_the_nearest_name(call: str) -> None:
    """B14."""

    def look(data: Data[Job, Any]) -> Any:
        return getattr(data, call)("tol", *[1] * (call == "set_resource"))

    with pytest.raises(ResourceError) as caught:
        flow_with_f(look).start(1)
    assert str(caught.value) == "TF101: ToolResources declares no resource 'tol' (did you mean 'tool'?)"


def test_require_resource_lists_what_is_available() -> None:
    """B14."""

    def look(data: Data[Job, Any]) -> Any:
        return data.require_resource("spare")

    with pytest.raises(ResourceError) as caught:
        flow_with_f(look).start(1)
    assert str(caught.value) == (
        "TF102: resource 'spare', declared as Tool | None, is missing "
        "(available: 'made', 'names', 'options', 'tool'; give it with update_runtime_resources(spare=…) "
        "on the flow, or runtime_resources={'spare': …})"
    )
    assert caught.value.missing == ("spare",)
    assert isinstance(caught.value, KeyError)


def test_require_resource_refuses_a_none_that_was_given() -> None:
    """B14."""
    with pytest.raises(ResourceError, match=r"^TF102: resource 'spare'"):
        flow_with_f(lambda data: data.require_resource("spare")).start(1, runtime_resources={"spare": None})


def test_conditions_may_use_resources() -> None:
    """B14."""

    def is_e(data: Data[Job, Any]) -> bool:
        return data.resources.tool is E

    async def is_f(data: Data[Job, Any]) -> Any:
        return data.require_resource("tool") is F

    flow: Flow[Any] = Flow(Job)
    flow.if_condition(is_e).to(lambda data: "e").elif_condition(is_f).to(lambda data: "f").end_condition().end()
    flow.update_runtime_resources(tool=F)
    assert [flow.start(1), flow.start(1, runtime_resources={"tool": E})] == ["f", "e"]


def test_a_contract_without_resources_says_so() -> None:
    def look(data: Any) -> Any:
        return data.require_resource("tool")

    flow = chain(Bare, look)
    with pytest.raises(ResourceError) as caught:
        flow.start(1)
    assert str(caught.value) == (
        "TF105: contract 'Bare' declares no resources (add a Resources class to Bare: `resources: BareResources`)"
    )
    with pytest.raises(ResourceError, match=r"^TF105"):
        flow.update_runtime_resources(tool=F)
    flow.update_runtime_resources()


def test_the_attribute_of_a_contract_without_resources_names_the_step() -> None:
    def look(data: Any) -> Any:
        return data.resources

    with pytest.raises(
        ContractError, match=r"^TF611: step 'look' of flow 'Bare': contract 'Bare' declares no resources"
    ):
        chain(Bare, look).start(1)


# -- B15: identity


@pytest.mark.parametrize(
    "key, value", [("tool", Tool("x")), ("options", {"a": 1}), ("names", ["a"]), ("logger", logging.getLogger("x"))]
)
@pytest.mark.parametrize("level", ["flow", "execution", "handler"])
def test_identity_is_kept(level: str, key: str, value: Any) -> None:
    """B15."""

    def look(data: Data[Job, Any]) -> bool:
        if level == "handler":
            data.set_resource(key, value)
        return data.require_resource(key) is value and getattr(data.resources, key) is value

    flow = flow_with_f(look)
    if level == "flow":
        flow.set_runtime_resource(key, value)
    assert flow.start(1, runtime_resources={key: value} if level == "execution" else None) is True


def test_an_override_replaces_and_never_merges() -> None:
    """B15."""
    flow = flow_with_f(lambda data: (data.resources.options, data.resources.names))
    flow.update_runtime_resources(options={"a": 1, "b": 2}, names=["a", "b"])
    overrides: dict[str, Any] = {"options": {"c": 3}, "names": []}
    assert flow.start(1, runtime_resources=overrides) == ({"c": 3}, [])
    assert flow.get_runtime_resource("options") == {"a": 1, "b": 2}


@pytest.mark.parametrize(
    "give",
    [
        pytest.param(lambda flow: flow.set_runtime_resource("tool.name", "x"), id="flow"),
        pytest.param(lambda flow: flow.start(1, runtime_resources={"tool.name": "x"}), id="execution"),
        pytest.param(lambda flow: flow.get_runtime_resource("tool.name"), id="get"),
        pytest.param(lambda flow: flow.del_runtime_resource("tool.name"), id="del"),
    ],
)
def test_dotted_keys_are_refused(give: Any) -> None:
    """B15."""
    with pytest.raises(ResourceError) as caught:
        give(flow_with_f())
    assert str(caught.value) == (
        "TF104: 'tool.name' is not a resource key "
        "(take 'tool' and read its attributes: resources are given whole, a key has no dots)"
    )


def test_a_resource_cannot_be_assigned_to() -> None:
    def assign(data: Data[Job, Any]) -> None:
        untyped(data.resources).tool = H

    with pytest.raises(ContractError) as caught:
        flow_with_f(assign).start(1)
    assert str(caught.value) == (
        "TF106: resource 'tool' cannot be assigned to ToolResources "
        "(data.set_resource('tool', value) replaces it for this execution)"
    )


# -- defaults of the class


def test_a_default_factory_makes_one_value_for_an_execution() -> None:
    made: list[Tool] = []

    def note(data: Data[Job, Any]) -> None:
        made.append(data.resources.made)

    def note_again(data: Data[Job, Any]) -> None:
        made.append(data.require_resource("made"))

    flow = flow_with_f(note, note_again)
    flow.start(1)
    flow.start(2)
    assert made[0] is made[1]
    assert made[1] is not made[2]
    assert made[2] is made[3]


def test_an_object_may_be_given_and_its_defaults_are_no_overrides() -> None:
    flow = flow_with_f(lambda data: (data.resources.tool.name, data.resources.names))
    flow.update_runtime_resources(ToolResources(tool=F, names=["flow"]))
    assert flow.start(1, runtime_resources=ToolResources(tool=E)) == ("E", ["flow"])


# -- preflight, B17 without a snapshot


@pytest.mark.parametrize("supplied", [{}, {"logger": None}])
def test_a_start_lists_every_missing_resource_with_its_type_before_any_handler(supplied: dict[str, Any]) -> None:
    ran: list[Any] = []
    execution = chain(StrictJob, ran.append).create_execution(runtime_resources=supplied, execution_id="e1")
    with pytest.raises(ResourceError) as caught:
        execution.start(1)
    lines = [
        f"  TF102: execution 'e1' of flow 'StrictJob': resource '{key}', declared as {type_}, is missing "
        f"(give it with update_runtime_resources({key}=…) on the flow, or runtime_resources={{'{key}': …}})"
        for key, type_ in [("zebra", "Tool"), ("tool", "Tool"), ("names", "list[str]")]
    ]
    assert str(caught.value) == "\n".join(["3 problems", *lines])
    assert caught.value.missing == ("names", "tool", "zebra")
    assert (ran, execution.status) == ([], "created")
    execution.update_runtime_resources(zebra=F, tool=F, names=[])
    execution.start(1)
    assert len(ran) == 1


async def test_a_resume_with_a_resource_missing_leaves_the_interrupt_pending() -> None:
    """B17."""

    def ask(data: Data[Job, Any]) -> str:
        data.pause_for("?", interrupt_id="ask")

    flow = flow_with_f(ask, name_of_tool)
    execution = flow.create_execution()
    await execution.async_start(1)
    flow.del_runtime_resource("tool")
    with pytest.raises(ResourceError, match="resource 'tool', declared as Tool, is missing"):
        await execution.async_continue_with("ask", "yes")
    assert list(execution.interrupts) == ["ask"]
    execution.set_runtime_resource("tool", E)
    await execution.async_continue_with("ask", "yes")
    assert execution.result == "E"


def test_a_child_with_a_resource_missing_fails_before_any_of_its_handlers() -> None:
    ran: list[Any] = []

    def child_step(data: Data[Job, Any]) -> Any:
        ran.append(data.value)
        return data.value

    def take_away(data: Data[Job, Any]) -> Any:
        child.del_runtime_resource("tool")
        return data.value

    child = chain(Job, child_step, name="child")
    child.update_runtime_resources(tool=F)
    flow: Flow[Any] = Flow(Job)
    flow.to(take_away).to_sub_flow(child).end()
    flow.update_runtime_resources(tool=F)
    with pytest.raises(ResourceError, match="of flow 'child': resource 'tool', declared as Tool, is missing"):
        flow.start(1)
    assert ran == []


# -- B18: of the declared class


@pytest.mark.parametrize(
    "key, value, declared, given",
    [
        ("tool", 5, "Tool", "int"),
        ("tool", None, "Tool", "None"),
        ("logger", "x", "Logger | None", "str"),
        ("options", [], "dict[str, int]", "list"),
        ("clock", 5, "Callable[[], float] | None", "int"),
    ],
)
@pytest.mark.parametrize(
    "give",
    [
        pytest.param(lambda flow, key, value: flow.set_runtime_resource(key, value), id="flow"),
        pytest.param(lambda flow, key, value: flow.create_execution().set_runtime_resource(key, value), id="execution"),
        pytest.param(lambda flow, key, value: flow.start(1, runtime_resources={key: value}), id="start"),
    ],
)
def test_a_value_of_the_wrong_class_is_refused_at_injection(
    give: Any, key: str, value: Any, declared: str, given: str
) -> None:
    """B18."""
    with pytest.raises(ResourceError) as caught:
        give(flow_with_f(), key, value)
    text = f"TF103: resource '{key}' is declared as {declared}, not {given} (give an instance of {declared})"
    assert str(caught.value) == text


@BOTH_FORMS
def test_a_value_of_the_wrong_class_is_refused_in_a_handler(form: Form) -> None:
    """B18."""

    def set_it(data: Data[Job, Any]) -> None:
        data.set_resource("tool", 5)

    with pytest.raises(ResourceError, match=r"^TF103: resource 'tool' is declared as Tool, not int"):
        flow_with_f(form(set_it)).start(1)


@pytest.mark.parametrize(
    "key, value", [("tool", SubTool("s")), ("duck", Duck()), ("clock", lambda: 1.0), ("spare", None)]
)
def test_subclasses_protocols_and_callables_pass(key: str, value: Any) -> None:
    """B18."""
    flow = flow_with_f(lambda data: data.get_resource(key))
    assert flow.start(1, runtime_resources={key: value}) is value


def test_an_injection_is_all_or_nothing_and_tells_all_at_once() -> None:
    """B18."""
    flow = flow_with_f()
    with pytest.raises(ResourceError) as caught:
        flow.update_runtime_resources(tool=E, names="a", oger=1, options=3)
    assert [problem.number for problem in caught.value.problems] == ["TF103", "TF101", "TF103"]
    assert flow.get_runtime_resource("tool") is F


def test_a_wrong_injection_into_an_execution_changes_nothing() -> None:
    """B18."""
    execution = flow_with_f().create_execution()
    with pytest.raises(ResourceError):
        execution.update_runtime_resources(tool=E, names="a")
    assert execution.get_runtime_resource("tool") is F


# -- a step that is over


@pytest.mark.parametrize("call", ["set_resource", "del_resource"])
def test_a_step_that_is_over_changes_no_resource(call: str) -> None:
    leaked: list[Any] = []
    execution = run(flow_with_f(leaked.append), 1)
    with pytest.raises(FinishedError) as caught:
        getattr(leaked[0], call)("tool", *[H] * (call == "set_resource"))
    assert str(caught.value) == (
        f"TF819: step 'append' is over: {call} can have no effect "
        "(finish before the step returns; a thread cannot be cancelled, only ignored)"
    )
    assert execution.get_runtime_resource("tool") is F
