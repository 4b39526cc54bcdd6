"""B19 to B24: if, match, batch and for_each, with sync and async handlers."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.execution.running import Gauge, Here, Plain, Style, both, double, now, outcome, passing, run
from typedflow import Contract, ContractError, Data, Flow, Status

# -- B19, B20: choosing


@both
@pytest.mark.parametrize("value, result", [(1, "one"), (2, "two"), (3, "more")])
def test_b19_if_elif_else_picks_one(style: Style, value: int, result: str) -> None:
    flow = Flow(Plain)
    (
        flow.to(style(passing))
        .if_condition(style(lambda data: data.value == 1))
        .to(style(lambda data: "one"))
        .elif_condition(style(lambda data: data.value == 2))
        .to(style(lambda data: "two"))
        .else_condition()
        .to(style(lambda data: "more"))
        .end_condition()
        .end()
    )
    assert outcome(flow, value) == result


@both
def test_b19_no_hit_and_no_else_lets_the_value_pass(style: Style) -> None:
    flow = Flow(Plain)
    flow.to(passing).if_condition(style(lambda data: False)).to(double).end_condition().end()
    assert outcome(flow, 3) == 3


@both
def test_b19_an_empty_branch_lets_the_value_pass(style: Style) -> None:
    flow = Flow(Plain)
    flow.to(passing).if_condition(style(lambda data: True)).else_condition().to(double).end_condition().end()
    assert outcome(flow, 3) == 3


@pytest.mark.parametrize("value, result", [("x", "X"), (1, "ONE"), (2, "else")])
def test_b20_a_case_is_a_value_too(value: Any, result: str) -> None:
    flow = Flow(Plain)
    (
        flow.match()
        .case("x")
        .to(lambda data: "X")
        .case(1)
        .to(lambda data: "ONE")
        .case_else()
        .to(lambda data: "else")
        .end_match()
        .end()
    )
    assert outcome(flow, value) == result


@both
@pytest.mark.parametrize("value, result", [(2, ["even"]), (6, ["even", "by 3"]), (5, ["none"])])
def test_b20_hit_all_gives_a_list_in_case_order_and_else_only_if_none_hit(
    style: Style, value: int, result: list[str]
) -> None:
    flow = Flow(Plain)
    (
        flow.match(mode="hit_all")
        .case(style(lambda data: data.value % 2 == 0))
        .to(style(lambda data: "even"))
        .case(style(lambda data: data.value % 3 == 0))
        .to(style(lambda data: "by 3"))
        .case_else()
        .to(style(lambda data: "none"))
        .end_match()
        .end()
    )
    assert outcome(flow, value) == result


def test_b20_no_hit_of_all_and_no_else_gives_an_empty_list() -> None:
    flow = Flow(Plain)
    flow.match(mode="hit_all").case("x").to(double).end_match().end()
    assert outcome(flow, 1) == []


@both
@pytest.mark.parametrize("found, hit", [([1], True), ("", False), (None, False), (7, True), ({}, False)])
def test_b20_a_condition_may_return_any_truthy_value(style: Style, found: Any, hit: bool) -> None:
    flow = Flow(Plain)
    arm = flow.match().case(style(lambda data: found)).to(lambda data: True)
    arm.case_else().to(lambda data: False).end_match().end()
    assert outcome(flow) is hit


def test_b20_a_plain_function_may_return_an_awaitable_condition() -> None:
    async def later(data: Here) -> bool:
        return False

    flow = Flow(Plain)
    flow.if_condition(lambda data: later(data)).to(double).end_condition().end()
    assert outcome(flow, 1) == 1


@both
def test_b20_a_condition_that_raises_fails_the_run(style: Style) -> None:
    def broken(data: Here) -> bool:
        raise ValueError("broken")

    flow = Flow(Plain)
    flow.match().case(style(broken)).to(double).end_match().end()
    execution = flow.create_execution()
    with pytest.raises(ValueError, match="broken") as failure:
        run(execution.async_start(1))
    assert execution.status is Status.FAILED
    assert failure.value.__notes__ == [f"in step 'match' of flow 'Plain', execution '{execution.id}'"]


def test_b20_conditions_use_resources_and_state_and_may_set_the_result() -> None:
    """B14: conditions may use resources."""

    def has_tool(data: Here) -> bool:
        data.state.seen.append(1)
        data.set_result("early")
        return data.get_resource("tool") is not None

    flow = Flow(Plain)
    flow.match().case(has_tool).to(lambda data: "with").case_else().to(lambda data: "without").end_match().end()
    execution = flow.create_execution(runtime_resources={"tool": 1})
    run(execution.async_start(1))
    assert execution.result == "early"
    assert execution.state.seen == [1]


# -- B21: batch


@both
def test_b21_a_batch_joins_in_branch_order(style: Style) -> None:
    flow = Flow(Plain)
    (
        flow.batch()
        .branch(style(lambda data: ("a", data.value)), name="a")
        .branch(style(lambda data: ("b", data.value)), name="b")
        .end_batch()
        .end()
    )
    assert outcome(flow, 1) == (("a", 1), ("b", 1))


def test_b21_a_batch_joins_in_branch_order_when_the_last_is_the_fastest() -> None:
    gauge = Gauge()
    flow = Flow(Plain)
    flow.batch().branch(gauge.holding("slow", 3)).branch(gauge.holding("fast", 1)).branch(double).end_batch().end()
    assert outcome(flow, 1) == (1, 1, 2)
    assert gauge.log == ["fast", "slow"]


def test_b21_plain_functions_that_return_awaitables_run_at_once_too() -> None:
    async def main() -> float:
        await flow.async_start(1)
        return now()

    flow = Flow(Plain)
    batch: Any = flow.batch()
    for number in range(4):
        batch = batch.branch(lambda data: asyncio.sleep(1), name=f"b{number}")
    batch.end_batch().end()
    assert run(main()) == 1


def test_b21_all_branches_get_the_same_object() -> None:
    flow = Flow(Plain)
    flow.batch().branch(passing, name="a").branch(passing, name="b").end_batch().end()
    value = [1]
    first, second = outcome(flow, value)
    assert first is second is value


def test_b21_a_batch_of_six_with_concurrency_two_never_has_three_at_once() -> None:
    gauge = Gauge()
    flow = Flow(Plain)
    batch: Any = flow.batch(concurrency=2)
    for number in range(6):
        batch = batch.branch(gauge.holding(f"b{number}", 6 - number))
    batch.end_batch().end()
    assert outcome(flow, 1) == (1,) * 6
    assert gauge.most == 2


def test_b21_two_branches_of_one_name_are_an_error_at_definition() -> None:
    with pytest.raises(ContractError, match="TF705: flow 'Plain': there are two branches named 'double'"):
        Flow(Plain).batch().branch(double).branch(double)


# -- B22: for_each


def test_b22_a_for_each_keeps_order_when_later_items_finish_first() -> None:
    async def late(data: Here) -> Any:
        await asyncio.sleep(10 - data.value)
        return data.value * 10

    flow = Flow(Plain)
    flow.for_each().to(late).end_for_each().end()
    assert outcome(flow, [1, 2, 3]) == [10, 20, 30]


@both
@pytest.mark.parametrize("items", [[1, 2], (1, 2), range(1, 3)], ids=lambda items: type(items).__name__)
def test_b22_lists_tuples_and_ranges_expand(style: Style, items: Any) -> None:
    flow = Flow(Plain)
    flow.for_each().to(style(double)).end_for_each().end()
    assert outcome(flow, items) == [2, 4]


@both
def test_b22_no_items_give_an_empty_list(style: Style) -> None:
    flow = Flow(Plain)
    flow.for_each().to(style(double)).end_for_each().end()
    assert outcome(flow, []) == []


@both
def test_b22_nested_for_each_gives_nested_lists(style: Style) -> None:
    flow = Flow(Plain)
    flow.for_each().for_each().to(style(double)).end_for_each().end_for_each().end()
    assert outcome(flow, [[1, 2], [], [3]]) == [[2, 4], [], [6]]


@pytest.mark.parametrize("value", ["abc", {"a": 1}, 5])
def test_b22_what_is_no_sequence_is_a_type_error(value: Any) -> None:
    flow = Flow(Plain)
    flow.to(passing).for_each().to(double).end_for_each().end()
    execution = flow.create_execution()
    with pytest.raises(TypeError, match="TF709: 'for_each': for_each goes over a sequence"):
        run(execution.async_start(value))
    assert execution.status is Status.FAILED


def test_b22_an_input_that_is_no_sequence_is_refused_before_any_handler() -> None:
    flow = Flow(Plain)
    flow.for_each().to(double).end_for_each().end()
    execution = flow.create_execution()
    with pytest.raises(ContractError, match="TF709"):
        run(execution.async_start("abc"))
    assert execution.status is Status.FAILED
    assert len(execution.errors) == 1


@pytest.mark.parametrize("where", ["block", "execution"])
def test_b22_concurrency_holds(where: str) -> None:
    gauge = Gauge()
    flow = Flow(Plain)
    flow.for_each(concurrency=3 if where == "block" else None).to(gauge.holding("item")).end_for_each().end()
    outcome(flow, range(10), concurrency=3 if where == "execution" else None)
    assert gauge.most == 3


@both
def test_b22_an_execution_wide_concurrency_of_one_never_runs_two_at_once(style: Style) -> None:
    """B22: and it does not deadlock, with nested blocks and conditions."""
    gauge = Gauge()

    async def condition(data: Here) -> bool:
        await gauge.hold()
        return True

    flow = Flow(Plain)
    (
        flow.for_each()
        .batch()
        .branch(gauge.holding("a"))
        .branch(gauge.holding("b"))
        .end_batch()
        .if_condition(condition)
        .to(style(passing))
        .end_condition()
        .end_for_each()
        .end()
    )
    assert outcome(flow, range(3), concurrency=1) == [(0, 0), (1, 1), (2, 2)]
    assert gauge.most == 1


# -- B23, B24: nesting


@pytest.mark.parametrize("mode, odd", [("hit_first", 3), ("hit_all", [3])])
@both
def test_b23_a_match_in_a_for_each(style: Style, mode: Any, odd: Any) -> None:
    flow = Flow(Plain)
    (
        flow.for_each()
        .match(mode=mode)
        .case(style(lambda data: data.value % 2))
        .to(style(passing))
        .case_else()
        .to(style(lambda data: "even"))
        .end_match()
        .end_for_each()
        .end()
    )
    even = "even" if mode == "hit_first" else ["even"]
    assert outcome(flow, [2, 3]) == [even, odd]


@pytest.mark.parametrize("mode, none", [("hit_first", 2), ("hit_all", [])])
def test_b23_a_match_without_else_in_a_for_each(mode: Any, none: Any) -> None:
    flow = Flow(Plain)
    flow.for_each().match(mode=mode).case(3).to(double).end_match().end_for_each().end()
    three = 6 if mode == "hit_first" else [6]
    assert outcome(flow, [2, 3]) == [none, three]


@pytest.mark.parametrize("mode, result", [("hit_first", [2, 4]), ("hit_all", [[2, 4], ["list"]])])
@both
def test_b23_a_for_each_in_a_match(style: Style, mode: Any, result: Any) -> None:
    flow = Flow(Plain)
    (
        flow.match(mode=mode)
        .case(style(lambda data: len(data.value) == 2))
        .for_each()
        .to(style(double))
        .end_for_each()
        .case(style(lambda data: isinstance(data.value, list)))
        .to(style(lambda data: ["list"]))
        .end_match()
        .end()
    )
    assert outcome(flow, [1, 2]) == result


def test_b24_one_batch_entered_twice_at_once_joins_each_round_with_its_own_values() -> None:
    """B24."""

    async def early(data: Here) -> Any:
        await asyncio.sleep(data.value)
        return ("early", data.value)

    async def late(data: Here) -> Any:
        await asyncio.sleep(10 - data.value)
        return ("late", data.value)

    def ring(data: Here) -> None:
        for number in (1, 2, 3):
            data.emit("rung", number)

    rounds: list[Any] = []
    flow = Flow(Plain)
    flow.to(ring)
    flow.when("rung").batch().branch(early).branch(late).end_batch().to(lambda data: rounds.append(data.value))
    run(flow.create_execution().async_start(0))
    assert sorted(rounds) == [(("early", n), ("late", n)) for n in (1, 2, 3)]


# -- values along the way


class Typed(Contract):
    input: int
    result: float


@both
def test_a_return_of_the_wrong_type_fails_the_run_at_that_step(style: Style) -> None:
    def wrong(data: Data[Typed, int]) -> float:
        return "much"  # type: ignore[return-value]  # wrong on purpose

    flow = Flow(Typed)
    flow.to(style(wrong)).end()
    with pytest.raises(ContractError) as failure:
        outcome(flow, 1)
    assert str(failure.value) == (
        "TF813: step 'wrong' of flow 'Typed': the return value does not fit: expected float, given 'much' (str) "
        "(change the value, or the annotation)"
    )


def test_a_return_is_normalised() -> None:
    def half(data: Data[Typed, int]) -> float:
        return data.value

    flow = Flow(Typed)
    flow.to(half).end()
    result = outcome(flow, True)
    assert (result, type(result)) == (1.0, float)


def test_a_value_that_nobody_vouches_for_is_checked_where_it_is_taken() -> None:
    def half(data: Data[Typed, int]) -> float:
        return data.value / 2

    def untyped(data: Data[Typed, int]) -> Any:
        return "much"

    flow = Flow(Typed)
    flow.to(untyped).to(half).end()
    with pytest.raises(ContractError, match="TF813: step 'half' of flow 'Typed': the value does not fit: expected int"):
        outcome(flow, 1)


def test_a_plain_function_may_return_an_awaitable() -> None:
    async def later(data: Here) -> Any:
        return data.value

    def soon(data: Here):  # type: ignore[no-untyped-def]  # nothing is said of the return
        return asyncio.ensure_future(later(data))

    flow = Flow(Plain)
    flow.to(lambda data: later(data)).to(soon).end()
    assert outcome(flow, 1) == 1


def test_b30_an_error_that_two_branches_raise_is_told_once() -> None:
    boom, waiting = ValueError("boom"), asyncio.Event()

    async def failing(data: Here) -> None:
        await waiting.wait()
        raise boom

    async def stopped(data: Here) -> None:
        waiting.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            raise boom from None

    flow = Flow(Plain)
    flow.batch().branch(failing).branch(stopped).end_batch().end()
    execution = flow.create_execution()
    with pytest.raises(ValueError, match="boom"):
        run(execution.async_start(1))
    assert execution.errors == (boom,)
