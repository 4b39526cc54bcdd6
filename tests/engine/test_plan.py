"""The compiled plan: where values go, and which checks are needed at all."""

from __future__ import annotations

from typing import Any, NoReturn

import pytest

from tests.engine.runs import START, Notes, Numbers, Wiring
from typedflow import Contract, Data
from typedflow.definition.nodes import Child, Retry, StepOptions
from typedflow.engine.plan import Kind, NoExactClass, Plan, PlanNode, is_proven
from typedflow.schema.annotations import NEVER, UNKNOWN
from typedflow.schema.check import Mismatch
from typedflow.schema.contracts import ContractSpec, spec_of


def node(plan: Plan, name: str) -> PlanNode:
    return next(node for node in plan.nodes if node.name == name)


def count(data: Data[Numbers, int]) -> float:
    return data.value


async def spell(data: Data[Any, float]) -> str:
    return str(data.value)


def shorten(data: Data[Numbers, int]) -> list[int]:
    return [data.value]


def leave(data: Data[Numbers, int]) -> NoReturn:
    raise ValueError(data.value)


def ask(data: Any) -> Any: ...


def test_every_node_has_its_kind() -> None:
    wiring = Wiring()
    wiring.to(START, "a")
    wiring.batch(START, "b")
    wiring.each(START, "c")
    wiring.match(START, "hit_first", "d")
    wiring.match(START, "hit_all", "e")
    heard = wiring.builder.when("rung", "simple_or")
    wiring.builder.end(wiring.builder.collect(heard, "all", "a", "filled_then_empty"))
    kinds = {node.name: Kind(node.kind) for node in wiring.plan().nodes}
    assert kinds == {
        "start": Kind.ROOT, "a": Kind.STEP,
        "batch": Kind.BATCH, "b": Kind.STEP, "end_batch": Kind.JOIN,
        "for_each": Kind.EACH, "c": Kind.STEP, "end_for_each": Kind.JOIN,
        "match": Kind.MATCH, "d": Kind.STEP, "end_match": Kind.PASS,
        "match#2": Kind.MATCH, "e": Kind.STEP, "end_match#2": Kind.JOIN,
        "when rung": Kind.ROOT, "all": Kind.COLLECT, "end": Kind.END,
    }  # fmt: skip


def test_edges_lead_from_ports_to_slots() -> None:
    wiring = Wiring()
    wiring.batch(START, "a", "b")
    plan = wiring.plan()
    batch, join = node(plan, "batch"), node(plan, "end_batch")
    assert batch.ports == (((node(plan, "a").index, 0),), ((node(plan, "b").index, 0),))
    assert node(plan, "a").ports == (((join.index, 0),),)
    assert node(plan, "b").ports == (((join.index, 1),),)
    assert batch.join == join.index
    assert join.as_tuple


def test_a_lone_task_behind_a_node_is_its_next_step() -> None:
    wiring = Wiring()
    first = wiring.to(START, "a")
    second = wiring.to(first, "b")
    wiring.to(second, "c")
    wiring.to(second, "d")
    plan = wiring.plan()
    assert node(plan, "a").next_step == node(plan, "b").index
    assert node(plan, "b").next_step == node(plan, "c").next_step == -1


def test_an_end_is_no_next_step() -> None:
    wiring = Wiring()
    wiring.builder.end(wiring.to(START, "a"))
    assert node(wiring.plan(), "a").next_step == -1


def test_a_value_is_checked_only_where_nobody_vouches_for_it() -> None:
    wiring = Wiring(Numbers)
    proven = wiring.call(wiring.call(START, count), spell)
    wiring.call(wiring.to(proven, "ask"), spell)
    plan = wiring.plan()
    assert node(plan, "count").check_in is None
    assert node(plan, "spell").check_in is None
    check = node(plan, "spell#2").check_in
    assert check is not None
    assert check(3) == 3.0
    with pytest.raises(Mismatch):
        check("three")


def test_a_return_is_checked_by_its_class_alone_where_that_will_do() -> None:
    wiring = Wiring(Numbers)
    wiring.call(wiring.call(START, count), spell)
    wiring.call(START, shorten)
    plan = wiring.plan()
    assert node(plan, "spell").exact_out is str
    assert node(plan, "spell").is_async
    assert not node(plan, "count").is_async
    assert node(plan, "shorten").exact_out is NoExactClass
    assert node(plan, "shorten").check_out is not None


@pytest.mark.parametrize("function", [lambda data: data.value, leave], ids=["unannotated", "NoReturn"])
def test_a_return_that_nobody_declares_is_not_checked(function: Any) -> None:
    wiring = Wiring(Numbers)
    wiring.call(START, function)
    step = wiring.plan().nodes[1]
    assert step.check_out is None
    assert step.exact_out is NoExactClass


def test_a_result_is_checked_only_where_nobody_vouches_for_it() -> None:
    wiring = Wiring(Numbers)
    wiring.builder.end(wiring.call(START, count))
    wiring.builder.end(wiring.to(START, "ask"))
    plan = wiring.plan()
    assert node(plan, "end").check_in is None
    assert node(plan, "end#2").check_in is not None


def test_options_make_a_step_that_is_not_plain() -> None:
    wiring = Wiring()
    wiring.builder.step(START, ask, None, options=StepOptions(Retry(2)))  # type: ignore[arg-type]  # no local names
    wiring.to(START, "a")
    plan = wiring.plan()
    assert not node(plan, "ask").plain
    assert node(plan, "ask").options.retry == Retry(2)
    assert node(plan, "a").plain


def test_bounds_and_modes_are_taken_over() -> None:
    wiring = Wiring()
    wiring.batch(START, "a", concurrency=3)
    wiring.each(START, "b", concurrency=2)
    wiring.match(START, "hit_all", "c", otherwise="d")
    heard = wiring.builder.when("rung", "simple_or")
    wiring.builder.collect(heard, "all", "r", "filled_and_update")
    plan = wiring.plan()
    assert (node(plan, "batch").limit, node(plan, "for_each").limit) == (3, 2)
    match = node(plan, "match")
    assert (match.hit_all, match.has_else, len(match.ports), [case.condition for case in match.cases]) == (
        True, True, 2, ["c"],
    )  # fmt: skip
    assert (node(plan, "all").keeps, node(plan, "all").branches) == (True, ("r",))


def test_listeners_are_found_by_what_they_wait_for() -> None:
    wiring = Wiring()
    wiring.to(wiring.builder.when("rung", "simple_or"), "a")
    wiring.to(wiring.builder.when({"event": "rung", "state": ["seen"], "flow_state": "runs"}, "and"), "b")
    plan = wiring.plan()
    one, other = node(plan, "when rung").index, node(plan, "when").index
    assert plan.listeners == {
        ("event", "rung"): (one, other), ("state", "seen"): (other,), ("flow_state", "runs"): (other,),
    }  # fmt: skip
    assert (plan.state_paths, plan.flow_state_paths) == (frozenset({"seen"}), frozenset({"runs"}))


def test_what_a_contract_checks_is_compiled_once() -> None:
    wiring = Wiring()
    wiring.to(START, "a")
    plan = wiring.plan()
    assert sorted(plan.check_events) == ["knocked", "rung"]
    assert plan.check_stream is None
    assert plan.result_needed


def test_a_contract_with_a_stream_and_without_a_result() -> None:
    class Talk(Contract):
        input: None
        result: None
        stream: int

    wiring = Wiring(Talk)
    wiring.to(START, "a")
    plan = wiring.plan()
    assert plan.check_stream is not None
    assert plan.check_stream(3) == 3
    assert not plan.result_needed
    assert plan.check_events == {}


def test_a_node_that_calls_nothing_says_so() -> None:
    wiring = Wiring()
    wiring.to(START, "a")
    with pytest.raises(NotImplementedError):
        wiring.plan().nodes[0].handler(None)


class Kid(Contract):
    input: int
    result: float
    state: Notes


class ChildFlow:
    """A flow as its parent's definition sees it."""

    name = "kid"
    spec: ContractSpec = spec_of(Kid)

    def supplied(self) -> tuple[str, ...]:
        return ()


def test_the_mappings_of_a_child_flow_are_resolved() -> None:
    wiring = Wiring(Numbers)
    kid: Child = ChildFlow()
    wiring.builder.sub_flow(START, kid)
    plan = wiring.plan()
    child = node(plan, "kid")
    assert child.kind == Kind.CHILD
    assert child.child is kid
    assert [(str(b.target.scope), str(b.source.scope)) for b in child.capture] == [("input", "value")]
    assert [(str(b.target.scope), str(b.source.scope)) for b in child.write_back] == [("value", "result")]
    assert plan.nodes[0].next_step == child.index


@pytest.mark.parametrize(
    "target, source, proven",
    [(float, int, True), (int, str, False), (int, UNKNOWN, False), (int, NEVER, False), (int, Any, False)],
)
def test_a_source_proves_a_target(target: Any, source: Any, proven: bool) -> None:
    assert is_proven(target, source) is proven
