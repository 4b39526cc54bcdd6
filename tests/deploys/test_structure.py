"""What may change of the wiring while executions wait: rules 1 and 4 to 6, as rows of an old and a new definition."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple

import pytest

from typedflow import Contract, Data, Events, Execution, Flow, SnapshotError, Status

broken = [False]
"""Whether the steps that fail before a deploy do so now."""


class Job(Contract):
    input: int
    result: str


class Bells(Events):
    rung: int
    knocked: int


class Listening(Contract):
    input: int
    result: str
    events: Bells


class Leaf(Contract):
    input: int
    result: int


def step(name: str, add: int = 0) -> Any:
    """Make a step that adds a number."""

    def handler(data: Data[Any, int]) -> int:
        return data.value + add

    handler.__name__ = name
    return handler


def ask(name: str) -> Any:
    """Make a step that waits for a number, under its name."""

    def handler(data: Data[Any, int]) -> int:
        data.pause_for(f"{name} {data.value}", interrupt_id=f"{name}-{data.value}")

    handler.__name__ = name
    return handler


def fail(name: str, add: int = 0) -> Any:
    """Make a step that fails before the deploy."""

    def handler(data: Data[Any, int]) -> int:
        if broken[0]:
            raise ConnectionError(name)
        return data.value + add

    handler.__name__ = name
    return handler


def two(data: Data[Any, int]) -> list[int]:
    return [data.value, data.value + 1]


def show(data: Data[Any, object]) -> str:
    return repr(data.value)


def yes(data: Data[Any, int]) -> bool:
    return True


def no(data: Data[Any, int]) -> bool:
    return False


Wiring = Callable[[], Any]


def chain(*steps: Any, contract: Any = Job) -> Wiring:
    """Wire steps one behind another; a pair is a step with the options of `to`."""

    def wire() -> Any:
        flow: Any = Flow(contract, name="job")
        at = flow
        for each in steps:
            handler, options = each if isinstance(each, tuple) else (each, {})
            at = at.to(handler, **options)
        at.to(show).end()
        return flow

    return wire


def batch(*branches: Any, **options: Any) -> Wiring:
    def wire() -> Any:
        flow: Any = Flow(Job, name="job")
        at = flow.batch(**options)
        for each in branches:
            handler, of_branch = each if isinstance(each, tuple) else (each, {})
            at = at.branch(handler, **of_branch)
        at.end_batch().to(show, name="show it").end()
        return flow

    return wire


def each(*steps: Any, **options: Any) -> Wiring:
    def wire() -> Any:
        flow: Any = Flow(Job, name="job")
        at = flow.to(two).for_each(**options)
        for handler in steps:
            at = at.to(handler)
        at.end_for_each().to(show).end()
        return flow

    return wire


def match(*cases: Any, mode: str = "hit_all", last: Any = None, **options: Any) -> Wiring:
    """Wire a match; a case is (condition, options of case, steps…)."""

    def wire() -> Any:
        flow: Any = Flow(Job, name="job")
        at = flow.match(mode=mode, **options)
        for condition, of_case, *steps in cases:
            at = at.case(condition, **of_case)
            for handler in steps:
                at = at.to(handler)
        if last is not None:
            at = at.case_else().to(last)
        at.end_match().to(show, name="show it").end()
        return flow

    return wire


def collect(*members: tuple[Any, str, dict[str, Any]], name: str = "both", **options: Any) -> Wiring:
    def wire() -> Any:
        flow: Any = Flow(Job, name="job")
        at: Any = None
        for handler, branch, of_branch in members:
            at = flow.to(handler).collect(name, branch, **of_branch, **options)
        at.to(show, name="show it").end()
        return flow

    return wire


def listening(triggers: Any, *steps: Any, **options: Any) -> Wiring:
    """Wire a step that rings, one that asks and then knocks, and a listener."""

    def ring(data: Data[Listening, int]) -> int:
        data.emit("rung", data.value)
        return data.value

    def knock(data: Data[Listening, int]) -> int:
        data.emit("knocked", data.value)
        return data.value

    def wire() -> Any:
        flow: Any = Flow(Listening, name="job")
        flow.to(ring).to(ask("first")).to(knock)
        at = flow.when(triggers, **options)
        for handler in steps:
            at = at.to(handler)
        at.to(show).end()
        return flow

    return wire


def parent(child: Wiring, **options: Any) -> Wiring:
    def wire() -> Any:
        flow: Any = Flow(Job, name="job")
        flow.to(step("before")).to_sub_flow(child(), **options).to(show).end()
        return flow

    return wire


def leaf(*steps: Any, name: str = "leaf", contract: Any = Leaf) -> Wiring:
    def wire() -> Any:
        flow: Any = Flow(contract, name=name)
        at = flow
        for handler in steps:
            at = at.to(handler)
        at.end()
        return flow

    return wire


class Other(Contract):
    input: int
    result: int


class Row(NamedTuple):
    old: Wiring
    new: Wiring
    expected: str
    """The result, or what the refusal says."""


A, B, C = ask("a"), ask("b"), ask("c")
FORMER: dict[str, Any] = {"formerly": ("a",)}

ROWS: dict[str, Row] = {
    # a step that waits
    "nothing changed": Row(chain(A), chain(A), "7"),
    "a step in front": Row(chain(A), chain(step("new"), A), "7"),
    "a step behind": Row(chain(A), chain(A, step("new", 1)), "8"),
    "a step in between that waits too": Row(chain(A), chain(B, A), "7"),
    "renamed": Row(chain(A), chain(ask("z")), "'a', which the flow does not have any more"),
    "renamed, declared": Row(chain(A), chain((ask("z"), FORMER)), "7"),
    "renamed, another name declared": Row(chain(A), chain((ask("z"), {"formerly": ("x",)})), "does not have any more"),
    "renamed twice, both declared": Row(chain(A), chain((ask("z"), {"formerly": ("y", "a")})), "7"),
    "removed": Row(chain(A, step("more")), chain(step("more")), "'a', which the flow does not have any more"),
    "an explicit name": Row(chain((A, {"name": "x"})), chain((B, {"name": "x"})), "7"),
    "an explicit name given later": Row(chain(A), chain((A, {"name": "x"})), "'a', which the flow does not have"),
    "an explicit name given later, declared": Row(chain(A), chain((A, {"name": "x", "formerly": ("a",)})), "7"),
    "moved into a for_each": Row(chain(A), each(A), "not in that block"),
    "moved out of a for_each": Row(each(A), chain(A), "for_each"),
    "moved into a batch": Row(chain(A), batch(A), "not in that block"),
    "moved into a case": Row(chain(A), match((yes, {}, A), mode="hit_first"), "7"),
    # a step that failed
    "failed, a step in front": Row(chain(step("p"), fail("f")), chain(step("p"), step("q"), fail("f")), "1"),
    "failed, another step made the value": Row(chain(step("p"), fail("f")), chain(step("q"), fail("f")), "1"),
    "failed, renamed": Row(chain(fail("f")), chain(fail("g")), "'f', which the flow does not have any more"),
    "failed, renamed, declared": Row(chain(fail("f")), chain((fail("g", 1), {"formerly": ("f",)})), "2"),
    "failed, removed": Row(chain(fail("f"), step("x")), chain(step("x")), "'f', which the flow does not have any more"),
    # names that stand for several nodes
    "one became two": Row(chain(A), chain(B, A, A), "a name that several nodes share"),
    "two, unchanged": Row(chain(A, A), chain(A, A), "7"),
    "two became one": Row(chain(A, A), chain(A), "a name that several nodes share"),
    "two became three": Row(chain(A, A), chain(A, A, A), "a name that several nodes share"),
    "two, a step behind": Row(chain(A, A), chain(A, A, step("s")), "a name that several nodes share"),
    "two, the first declared": Row(chain(A, A), chain((A, {"name": "x", "formerly": ("a",)}), (A, {"name": "y"})), "7"),
    "two, the first declared under a name in use": Row(
        chain(A, A), chain(A, (A, {"name": "y", "formerly": ("a#2",)})), "a name that several nodes share"
    ),
    "two, the second declared": Row(
        chain(step("s"), A, A), chain(step("s"), A, (A, {"name": "x", "formerly": ("a#2",)})), "several nodes share"
    ),
    "failed, one became two": Row(chain(fail("f")), chain(fail("f", 1), fail("f", 5)), "several nodes share"),
    "failed, two became one": Row(chain(fail("f"), fail("f")), chain(fail("f")), "several nodes share"),
    "a lambda": Row(chain(lambda data: data.pause_for("?")), chain(step("s"), lambda data: 5), "several nodes share"),
    "two batches": Row(batch(A, step("s")), batch(A, step("s"), name="batch"), "(7, 1)"),
    # branches of a batch
    "branches, same": Row(batch(A, step("s", 1)), batch(A, step("s", 1)), "(7, 2)"),
    "branches in another order": Row(batch(A, step("s", 1)), batch(step("s", 1), A), "(2, 7)"),
    "branches in another order, both wait": Row(batch(A, B), batch(B, A), "(8, 7)"),
    "branch added": Row(batch(A, step("s")), batch(A, step("s"), step("t")), "had the branches a, s and has a, s, t"),
    "branch removed": Row(batch(A, B, step("s")), batch(A, B), "had the branches a, b, s and has a, b"),
    "branch renamed": Row(batch(A, step("s", 1)), batch(A, step("t", 1)), "had the branches a, s and has a, t"),
    "branch renamed, declared": Row(batch(A, step("s", 1)), batch(A, (step("t", 1), {"formerly": ("s",)})), "(7, 2)"),
    "branch that waits renamed, declared": Row(
        batch(A, step("s", 1)), batch((ask("z"), FORMER), step("s", 1)), "(7, 2)"
    ),
    "branches renamed and in another order": Row(
        batch(A, step("s", 1)), batch((step("t", 1), {"formerly": ("s",)}), (ask("z"), FORMER)), "(2, 7)"
    ),
    "branches that exchanged their names": Row(batch(A, step("s", 1)), batch(ask("s"), step("a", 1)), "(2, 7)"),
    "batch renamed": Row(batch(A, step("s")), batch(A, step("s"), name="x"), "'batch', which the flow does not have"),
    "batch renamed, declared": Row(batch(A, step("s")), batch(A, step("s"), name="x", formerly=("batch",)), "(7, 1)"),
    "batch became a for_each": Row(batch(A, name="x"), each(A, name="x"), "was batch"),
    "a bound added": Row(batch(A, B, C), batch(A, B, C, concurrency=1), "(7, 8, 9)"),
    "a bound removed": Row(batch(A, B, C, concurrency=1), batch(A, B, C), "(7, 8, 9)"),
    "a bound, in another order": Row(
        batch(fail("f"), B, step("c"), concurrency=1), batch(step("c"), B, fail("f"), concurrency=1), "(1, 8, 1)"
    ),
    # a for_each
    "items, a step in front": Row(each(A), each(step("s"), A), "[7, 7]"),
    "items, a step behind": Row(each(A), each(A, step("s", 1)), "[8, 8]"),
    "items, renamed": Row(each(A), each(ask("z")), "'a', which the flow does not have any more"),
    "for_each renamed": Row(each(A), each(A, name="x"), "'for_each', which the flow does not have"),
    "for_each renamed, declared": Row(each(A), each(A, name="x", formerly=("for_each",)), "[7, 7]"),
    "items, a bound added": Row(each(A), each(A, concurrency=1), "[7, 7]"),
    "items, a bound removed": Row(each(fail("f"), concurrency=1), each(fail("f")), "[1, 2]"),
    # cases
    "cases, same": Row(
        match((yes, {"name": "x"}, A), (yes, {"name": "y"}, step("s"))),
        match((yes, {"name": "x"}, A), (yes, {"name": "y"}, step("s"))),
        "[7, 1]",
    ),
    "cases in another order": Row(
        match((yes, {"name": "x"}, A), (yes, {"name": "y"}, step("s"))),
        match((yes, {"name": "y"}, step("s")), (yes, {"name": "x"}, A)),
        "[1, 7]",
    ),
    "case added": Row(
        match((yes, {"name": "x"}, A), (yes, {"name": "y"}, step("s"))),
        match((yes, {"name": "w"}, step("t")), (yes, {"name": "x"}, A), (yes, {"name": "y"}, step("s"))),
        "[7, 1]",
    ),
    "case that was not hit removed": Row(
        match((yes, {"name": "x"}, A), (no, {"name": "y"}, step("s"))), match((yes, {"name": "x"}, A)), "[7]"
    ),
    "case that was hit removed": Row(
        match((yes, {"name": "x"}, A), (yes, {"name": "y"}, step("s"))),
        match((yes, {"name": "x"}, A)),
        "had the branches x, y and has x",
    ),
    "case renamed": Row(
        match((yes, {"name": "x"}, A), (yes, {"name": "y"}, step("s"))),
        match((yes, {"name": "z"}, A), (yes, {"name": "y"}, step("s"))),
        "had the branches x, y and has z, y",
    ),
    "case renamed, declared": Row(
        match((yes, {"name": "x"}, A), (yes, {"name": "y"}, step("s"))),
        match((yes, {"name": "y"}, step("s")), (yes, {"name": "z", "formerly": ("x",)}, A)),
        "[1, 7]",
    ),
    "a step moved into another case": Row(
        match((yes, {"name": "x"}, step("p"), A), (yes, {"name": "y"}, step("s"))),
        match((yes, {"name": "x"}, step("p")), (yes, {"name": "y"}, step("s"), A)),
        "'a', which was in branch 'x' of 'match' and is in 'y'",
    ),
    "cases that exchanged their names": Row(
        match((yes, {"name": "x"}, A), (yes, {"name": "y"}, B)),
        match((yes, {"name": "y"}, A), (yes, {"name": "x"}, B)),
        "'a', which was in branch 'x' of 'match' and is in 'y'",
    ),
    "two cases of one condition": Row(
        match((yes, {}, step("s", 1)), (yes, {}, step("t", 2)), (yes, {"name": "x"}, A)),
        match((yes, {}, step("t", 2)), (yes, {}, step("s", 1)), (yes, {"name": "x"}, A)),
        "has case 'yes', which is a name that several of its cases share",
    ),
    "two cases of one condition, unchanged": Row(
        match((yes, {}, step("s", 1)), (yes, {}, A)), match((yes, {}, step("s", 1)), (yes, {}, A)), "[2, 7]"
    ),
    "two cases of one condition, declared": Row(
        match((yes, {}, step("s", 1)), (yes, {}, A)),
        match(
            (yes, {"name": "m", "formerly": ("yes#2",)}, A), (yes, {"name": "n", "formerly": ("yes",)}, step("s", 1))
        ),
        "[7, 2]",
    ),
    "one case became two of one condition": Row(
        match((yes, {}, A)),
        match((yes, {}, step("s", 1)), (yes, {}, A)),
        "has case 'yes', which is a name that several",
    ),
    "hit_all became hit_first": Row(
        match((yes, {"name": "x"}, A)),
        match((yes, {"name": "x"}, A), mode="hit_first"),
        "'match', which takes the first hit now",
    ),
    "hit_first became hit_all": Row(
        match((yes, {"name": "x"}, A), mode="hit_first"), match((yes, {"name": "x"}, A)), "not in that block"
    ),
    "hit_first, cases in another order": Row(
        match((yes, {"name": "x"}, A), (no, {"name": "y"}, B), mode="hit_first"),
        match((no, {"name": "y"}, B), (yes, {"name": "x"}, A), mode="hit_first"),
        "7",
    ),
    "match renamed": Row(
        match((yes, {"name": "x"}, A)), match((yes, {"name": "x"}, A), name="m"), "'match', which the flow does not"
    ),
    "match renamed, declared": Row(
        match((yes, {"name": "x"}, A)), match((yes, {"name": "x"}, A), name="m", formerly=("match",)), "[7]"
    ),
    # what was gathered
    "members, same": Row(
        collect((A, "x", {}), (step("s"), "y", {})), collect((A, "x", {}), (step("s"), "y", {})), "{'x': 7, 'y': 1}"
    ),
    "members in another order": Row(
        collect((A, "x", {}), (step("s"), "y", {})), collect((step("s"), "y", {}), (A, "x", {})), "{'y': 1, 'x': 7}"
    ),
    "member renamed": Row(
        collect((A, "x", {}), (step("s"), "y", {})),
        collect((A, "x", {}), (step("s"), "z", {})),
        "has no branch 'y' any more",
    ),
    "member renamed, declared": Row(
        collect((A, "x", {}), (step("s"), "y", {})),
        collect((A, "x", {}), (step("s"), "z", {"branch_formerly": ("y",)})),
        "{'x': 7, 'z': 1}",
    ),
    "member to come renamed": Row(
        collect((A, "x", {}), (step("s"), "y", {})), collect((A, "z", {}), (step("s"), "y", {})), "{'z': 7, 'y': 1}"
    ),
    "member that was waited for removed": Row(
        collect((A, "x", {}), (step("s"), "y", {})),
        collect((step("s"), "y", {})),
        "'a', which the flow does not have any more",
    ),
    "nothing is left to wait for": Row(
        collect((A, "x", {}), (step("s"), "y", {}), (step("t"), "z", {})),
        lambda: _with_asker(collect((step("s"), "y", {}), (step("t"), "z", {}))),
        "'both', which has no other branch any more",
    ),
    "collect renamed": Row(
        collect((A, "x", {}), (step("s"), "y", {})),
        collect((A, "x", {}), (step("s"), "y", {}), name="all"),
        "'both', which the flow does not have",
    ),
    "collect renamed, declared": Row(
        collect((A, "x", {}), (step("s"), "y", {})),
        collect((A, "x", {"formerly": ("both",)}), (step("s"), "y", {}), name="all"),
        "{'x': 7, 'y': 1}",
    ),
    "collect keeps from now on": Row(
        collect((A, "x", {}), (step("s"), "y", {})),
        collect((A, "x", {}), (step("s"), "y", {}), mode="filled_and_update"),
        "{'x': 7, 'y': 1}",
    ),
    # listeners
    "triggers, same": Row(
        listening(["rung", "knocked"]), listening(["rung", "knocked"]), "{'event': {'rung': 1, 'knocked': 7}}"
    ),
    "triggers in another order": Row(
        listening(["rung", "knocked"]),
        listening(["knocked", "rung"], name="when"),
        "{'event': {'knocked': 7, 'rung': 1}}",
    ),
    "trigger removed": Row(
        listening(["rung", "knocked"]), listening(["knocked"], name="when"), "has no branch 'event rung' any more"
    ),
    "listener for one of them": Row(
        listening(["rung", "knocked"]),
        listening(["rung", "knocked"], mode="or"),
        "'when', which fires for each of its triggers now: its mode is 'or'",
    ),
    "behind a listener": Row(listening("rung", A), listening("rung", step("s"), A), "7"),
    "listener renamed": Row(
        listening(["rung", "knocked"]), listening(["rung", "knocked"], name="w"), "'when', which the flow does not have"
    ),
    "listener renamed, declared": Row(
        listening(["rung", "knocked"]),
        listening(["rung", "knocked"], name="w", formerly=("when",)),
        "{'event': {'rung': 1, 'knocked': 7}}",
    ),
    # children
    "child, same": Row(parent(leaf(A)), parent(leaf(A)), "7"),
    "child, a step in front": Row(parent(leaf(A)), parent(leaf(step("s"), A)), "7"),
    "child, a step behind": Row(parent(leaf(A)), parent(leaf(A, step("s", 1))), "8"),
    "child, its step renamed": Row(
        parent(leaf(A)), parent(leaf(ask("z"))), "'a', which the flow does not have any more"
    ),
    "child, its node renamed": Row(parent(leaf(A)), parent(leaf(A), name="x"), "'leaf', which the flow does not have"),
    "child, its node renamed, declared": Row(parent(leaf(A)), parent(leaf(A), name="x", formerly=("leaf",)), "7"),
    "child flow renamed": Row(
        parent(leaf(A)), parent(leaf(A, name="new leaf")), "'leaf', which the flow does not have"
    ),
    "child flow renamed, its node named": Row(
        parent(leaf(A), name="x"), parent(leaf(A, name="new leaf"), name="x"), "one of flow 'leaf', not of 'new leaf'"
    ),
    "child flow renamed, declared": Row(parent(leaf(A)), parent(leaf(A, name="new leaf"), formerly=("leaf",)), "7"),
    "child flow renamed, its node named, declared": Row(
        parent(leaf(A), name="x"), parent(leaf(A, name="new leaf"), name="x", formerly=("leaf",)), "7"
    ),
    "child of another contract": Row(
        parent(leaf(A)), parent(leaf(A, contract=Other)), "one of contract 'Leaf', not of 'Other'"
    ),
    "child became a step": Row(parent(leaf(A)), chain(step("before"), ask("leaf")), "was child and is step"),
    "step became a child": Row(chain(step("before"), ask("leaf")), parent(leaf(A)), "was step and is child"),
    "child removed": Row(parent(leaf(A)), chain(step("before")), "'leaf', which the flow does not have any more"),
    "child in front of which it failed": Row(parent(leaf(fail("f"))), parent(leaf(step("s"), fail("f"))), "1"),
}


def _with_asker(wire: Wiring) -> Any:
    flow = wire()
    flow.to(A)
    return flow


def saved(wire: Wiring) -> bytes:
    """Run a flow until it waits or has failed."""
    execution: Execution[Any] = wire().create_execution()

    async def run() -> None:
        with suppress(ConnectionError):
            await execution.async_start(1)

    broken[0] = True
    asyncio.run(run())
    broken[0] = False
    assert execution.status in (Status.WAITING, Status.FAILED)
    return execution.save().to_bytes()


ANSWERS = {"a": 7, "b": 8, "c": 9, "first": 7, "z": 7}


def finished(execution: Execution[Any]) -> Any:
    """Carry an execution to its end, each step with its own answer."""

    async def run() -> None:
        if execution.status in (Status.FAILED, Status.RUNNING):
            await execution.async_retry()
        for _ in range(10):
            for interrupt in list(execution.interrupts.values()):
                await execution.async_continue_with(interrupt.id, ANSWERS.get(interrupt.id.partition("-")[0], 7))

    asyncio.run(run())
    return execution.result


@pytest.mark.parametrize("name", ROWS)
@pytest.mark.thin(5)
def test_an_execution_that_waits_goes_on_or_is_refused(name: str) -> None:
    row = ROWS[name]
    document = saved(row.old)
    execution = row.new().create_execution()
    try:
        execution.load(document)
    except SnapshotError as error:
        refused = error
    else:
        assert finished(execution) == row.expected
        return
    assert row.expected in str(refused)
    assert refused.problems[0].hint
    assert execution.status is Status.CREATED


def test_a_step_may_be_renamed_by_one_deploy_after_another_and_keeps_its_key() -> None:
    """What each definition saves has the names of its own day; the key is that of the first."""
    keys: list[str] = []

    def keyed(name: str, *formerly: str) -> Any:
        def handler(data: Data[Any, int]) -> int:
            keys.append(data.key)
            if broken[0]:
                raise ConnectionError(name)
            return data.value

        handler.__name__ = name
        return handler, {"formerly": formerly}

    document = saved(chain(step("before"), keyed("a")))
    for name, former in (("b", "a"), ("c", "b"), ("d", "c")):
        execution = chain(step("before"), keyed(name, former))().create_execution().load(document)
        document = execution.save().to_bytes()
    assert finished(execution) == "1"
    assert len(keys) == 2
    assert keys[0] == keys[1]
