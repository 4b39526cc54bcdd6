"""Flows that pause in every construct, with the answers they need and the result they come to.

A second process imports this too: `python -m tests.execution.pausing CASE FILE PAYLOAD ANSWER` loads what the first one
has saved, answers the interrupt with this payload, and saves again.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NoReturn

import msgspec

from typedflow import Contract, Data, Events, Execution, Flow, FlowState, Resources, State, Status


class Reply(msgspec.Struct):
    text: str
    score: int = 0


class Memory(State):
    note: str = ""
    total: int = 0
    replies: list[Reply] = []


class Tally(FlowState):
    answered: int = 0


class Gear(Resources):
    voice: object | None = None


class Bells(Events):
    rung: int
    knocked: str
    replied: Reply


class Talk(Contract):
    input: int
    result: str
    state: Memory
    flow_state: Tally
    resources: Gear
    events: Bells
    stream: str


class Leaf(Contract):
    """What a child flow gives: a number for a number."""

    input: int
    result: int
    state: Memory
    flow_state: Tally
    events: Bells


class Middle(Contract):
    """A child flow over a number that gives several."""

    input: int
    result: list[int]
    state: Memory


taken: Final[ContextVar[Callable[[Data[Any, Any]], object]]] = ContextVar("taken", default=lambda data: None)
"""Is called as each handler begins."""


# -- handlers


def _begin(data: Data[Any, Any]) -> Any:
    taken.get()(data)
    return data.value


def ask(data: Data[Any, int]) -> int:
    value = _begin(data)
    data.pause_for(f"{data.step} {value}", type="human")


async def ask_later(data: Data[Any, int]) -> int:
    await asyncio.sleep(0)
    return ask(data)


def ask_for_reply(data: Data[Any, int]) -> Reply:
    value = _begin(data)
    data.pause_for(f"{data.step} {value}")


def ask_by_event(data: Data[Any, int]) -> NoReturn:
    value = _begin(data)
    data.pause_for(f"{data.step} {value}", resume_event="replied")


def increment(data: Data[Any, int]) -> int:
    return int(_begin(data) + 1)


async def increment_later(data: Data[Any, int]) -> int:
    await asyncio.sleep(0)
    return increment(data)


def three(data: Data[Any, int]) -> list[int]:
    value = _begin(data)
    return [value, value + 1, value + 2]


def text_of(data: Data[Any, Reply]) -> str:
    return str(_begin(data).text)


def show(data: Data[Any, object]) -> str:
    return repr(_begin(data))


def add_up(data: Data[Any, list[int]]) -> int:
    return sum(_begin(data))


def ring(data: Data[Talk, int]) -> int:
    value = _begin(data)
    data.emit("rung", value)
    return int(value)


def knock(data: Data[Any, int]) -> int:
    value = _begin(data)
    data.emit("knocked", f"knock {value}")
    return int(value)


def note_down(data: Data[Talk, int]) -> int:
    value = _begin(data)
    data.state.note = f"noted {value}"
    return int(value)


def ring_until_three(data: Data[Talk, int]) -> str:
    value = _begin(data)
    data.state.total += value
    if value < 3:
        data.emit("rung", value + 1)
    else:
        data.set_result(f"total {data.state.total}")
    return "again"


def is_odd(data: Data[Any, int]) -> bool:
    return bool(data.value % 2)


def is_small(data: Data[Any, int]) -> bool:
    return bool(data.value < 10)


# -- the flows; what a type checker knows of them is tried elsewhere


def chain() -> Any:
    flow: Any = Flow(Talk)
    flow.to(ask).to(increment).to(show).end()
    return flow


def twice() -> Any:
    flow: Any = Flow(Talk)
    flow.to(ask).to(ask_later).to(increment).to(show).end()
    return flow


def batch_branch() -> Any:
    flow: Any = Flow(Talk)
    batch = flow.to(increment).batch().branch(increment_later).branch(ask).branch(ask_for_reply)
    batch.end_batch().to(show).end()
    return flow


def bounded_batch() -> Any:
    flow: Any = Flow(Talk)
    batch = flow.batch(concurrency=1).branch(ask).branch(increment).branch(ask_later).branch(increment_later)
    batch.end_batch().to(show).end()
    return flow


def for_each(concurrency: int | None = None) -> Any:
    flow: Any = Flow(Talk)
    items = flow.to(three).for_each(concurrency=concurrency)
    items.to(increment_later).to(ask).to(increment).end_for_each().to(show).end()
    return flow


def for_each_twice() -> Any:
    flow: Any = Flow(Talk)
    items = flow.to(three).for_each(concurrency=2)
    items.to(ask).to(ask_later).end_for_each().to(add_up).to(show).end()
    return flow


def match_arm() -> Any:
    flow: Any = Flow(Talk)
    match = flow.to(three).for_each().match().case(is_odd).to(ask).to(increment)
    match.case_else().to(ask_for_reply).to(text_of).end_match().end_for_each().to(show).end()
    return flow


def all_arms() -> Any:
    flow: Any = Flow(Talk)
    match = flow.match(mode="hit_all").case(is_odd).to(ask).case(2).to(increment)
    match.case(is_small).to(ask_for_reply).to(text_of).case_else().to(show).end_match().to(show).end()
    return flow


def if_arm() -> Any:
    flow: Any = Flow(Talk)
    flow.if_condition(is_odd).to(ask).else_condition().to(increment).end_condition().to(show).end()
    return flow


def collect_members() -> Any:
    flow: Any = Flow(Talk)
    begun = flow.to(increment)
    begun.to(ask_for_reply).collect("both", "asked")
    begun.to(increment_later).collect("both", "counted").to(show).end()
    return flow


def collect_in_each() -> Any:
    flow: Any = Flow(Talk)
    item = flow.to(three).for_each()
    item.to(ask).collect("both", "asked")
    item.to(increment).collect("both", "counted").to(show).end_for_each().to(show).end()
    return flow


def behind_collect() -> Any:
    flow: Any = Flow(Talk)
    flow.to(ring).collect("kept", "once", mode="filled_and_update")
    kept = flow.when("rung").to(ask).collect("kept", "rung", mode="filled_and_update")
    kept.to(show).end()
    return flow


def behind_when() -> Any:
    flow: Any = Flow(Talk)
    flow.to(ring)
    flow.when("rung").to(ask).to(increment).to(show).end()
    return flow


def into_when_and() -> Any:
    flow: Any = Flow(Talk)
    flow.to(ring).to(note_down).to(ask).to(knock)
    flow.when({"event": ["rung", "knocked"], "state": "note"}, mode="and").to(show).end()
    return flow


def behind_when_and() -> Any:
    flow: Any = Flow(Talk)

    def ask_with_all(data: Data[Talk, Any]) -> int:
        value = _begin(data)
        data.pause_for(f"{data.step} {value['event']['rung']} {value['state']['note']}")

    flow.to(ring).to(note_down)
    flow.when({"event": "rung", "state": "note"}, mode="and").to(ask_with_all).to(show).end()
    return flow


def behind_when_or() -> Any:
    flow: Any = Flow(Talk)

    def ask_which(data: Data[Talk, Any]) -> str:
        kind, name, value = _begin(data)
        data.pause_for(f"{kind} {name} {value}")

    flow.to(ring).to(knock)
    flow.when({"event": ["rung", "knocked"]}, mode="or").to(ask_which).collect("all", "said").to(show).end()
    return flow


def side_branch() -> Any:
    flow: Any = Flow(Talk)
    flow.side_branch(ask).to(increment).side_branch(ask_later).to(show).end()
    return flow


def side_branch_in_each() -> Any:
    flow: Any = Flow(Talk)
    flow.to(three).for_each().side_branch(ask).to(increment).end_for_each().to(show).end()
    return flow


def by_event() -> Any:
    flow: Any = Flow(Talk)
    flow.to(ask_by_event)
    flow.when("replied").to(text_of).end()
    return flow


def loop() -> Any:
    flow: Any = Flow(Talk)
    flow.to(ring)
    flow.when("rung").to(ask).to(ring_until_three)
    return flow


def _leaf() -> Any:
    leaf: Any = Flow(Leaf, name="leaf")
    leaf.to(increment).to(ask).to(increment).end()
    return leaf


def _middle() -> Any:
    middle: Any = Flow(Middle, name="middle")
    middle.to(three).for_each(concurrency=2).to_sub_flow(_leaf()).end_for_each().end()
    return middle


def child_in_child() -> Any:
    inner: Any = Flow(Leaf, name="inner")
    inner.to(increment).to_sub_flow(_leaf(), capture={"input": "value"}).end()
    flow: Any = Flow(Talk)
    (
        flow.to(note_down)
        .to_sub_flow(
            inner,
            capture={"input": "value", "state": {"note": "state.note"}},
            write_back={"state": {"total": "result"}, "value": "result"},
        )
        .to(show)
        .end()
    )
    return flow


def each_in_child() -> Any:
    flow: Any = Flow(Talk)
    flow.to_sub_flow(_middle()).to(show).end()
    return flow


def child_as_branch() -> Any:
    flow: Any = Flow(Talk)
    flow.batch().branch(_leaf()).branch(ask).branch(_leaf(), name="leaf again").end_batch().to(show).end()
    return flow


def child_by_event() -> Any:
    def score_of(data: Data[Leaf, Reply]) -> int:
        return int(_begin(data).score)

    child: Any = Flow(Leaf, name="child")
    child.to(ask_by_event)
    child.when("replied").to(score_of).end()
    flow: Any = Flow(Talk)
    flow.to(three).for_each().to_sub_flow(child).end_for_each().to(show).end()
    return flow


@dataclass(frozen=True)
class Case:
    """One flow, what its interrupts are answered with, by payload, and what comes out."""

    build: Callable[[], Any]
    answers: Mapping[str, Any]
    result: str
    at_once: int = 1
    """How many interrupts are pending when it first waits."""
    value: int = 1


YES: Final = {"text": "yes", "score": 7}
SEEN: Final = "Reply(text='yes', score=7)"

CASES: Final[Mapping[str, Case]] = {
    "chain": Case(chain, {"ask 1": 10}, "11"),
    "twice": Case(twice, {"ask 1": 10, "ask_later 10": 20}, "21"),
    "batch branch": Case(batch_branch, {"ask 2": 10, "ask_for_reply 2": YES}, f"(3, 10, {SEEN})", 2),
    "bounded batch": Case(bounded_batch, {"ask 1": 10, "ask_later 1": 30}, "(10, 2, 30, 2)", 2),
    "for_each": Case(for_each, {"ask 2": 20, "ask 3": 30, "ask 4": 40}, "[21, 31, 41]", 3),
    "for_each by 1": Case(lambda: for_each(1), {"ask 2": 20, "ask 3": 30, "ask 4": 40}, "[21, 31, 41]", 3),
    "for_each by 2": Case(lambda: for_each(2), {"ask 2": 20, "ask 3": 30, "ask 4": 40}, "[21, 31, 41]", 3),
    "for_each twice": Case(
        for_each_twice,
        {f"ask {item}": item * 10 for item in (1, 2, 3)} | {f"ask_later {item}0": item for item in (1, 2, 3)},
        "6",
        3,
    ),
    "match arm": Case(match_arm, {"ask 1": 10, "ask_for_reply 2": YES, "ask 3": 30}, "[11, 'yes', 31]", 3),
    "all arms": Case(all_arms, {"ask 1": 10, "ask_for_reply 1": YES}, "[10, 'yes']", 2),
    "if arm": Case(if_arm, {"ask 1": 10}, "10"),
    "collect members": Case(collect_members, {"ask_for_reply 2": YES}, f"{{'asked': {SEEN}, 'counted': 3}}"),
    "collect in each": Case(
        collect_in_each,
        {"ask 1": 10, "ask 2": 20, "ask 3": 30},
        repr([repr({"asked": item * 10, "counted": item + 1}) for item in (1, 2, 3)]),
        3,
    ),
    "behind collect": Case(behind_collect, {"ask 1": 10}, "{'once': 1, 'rung': 10}"),
    "behind when": Case(behind_when, {"ask 1": 10}, "11"),
    "into when and": Case(
        into_when_and,
        {"ask 1": 10},
        "{'event': {'rung': 1, 'knocked': 'knock 10'}, 'state': {'note': 'noted 1'}}",
    ),
    "behind when and": Case(behind_when_and, {"ask_with_all 1 noted 1": 10}, "10"),
    "behind when or": Case(behind_when_or, {"event rung 1": "r", "event knocked knock 1": "r"}, "{'said': 'r'}", 2),
    "side branch": Case(side_branch, {"ask 1": 10, "ask_later 2": 20}, "2", 2),
    "side branch in each": Case(side_branch_in_each, {"ask 1": 1, "ask 2": 2, "ask 3": 3}, "[2, 3, 4]", 3),
    "by event": Case(by_event, {"ask_by_event 1": YES}, "yes"),
    "loop": Case(loop, {"ask 1": 1, "ask 2": 2, "ask 3": 3}, "total 6"),
    "child in child": Case(child_in_child, {"ask 3": 10}, "11"),
    "each in child": Case(each_in_child, {"ask 2": 20, "ask 3": 30, "ask 4": 40}, "[21, 31, 41]", 3),
    "child as branch": Case(child_as_branch, {"ask 2": 20, "ask 1": 10}, "(21, 10, 21)", 3),
    "child by event": Case(
        child_by_event, {f"ask_by_event {item}": {"text": "", "score": item} for item in (1, 2, 3)}, "[1, 2, 3]", 3
    ),
}

# -- answering

Pick = Callable[[list[str]], str]
"""Chooses which of the pending interrupts, by id, is answered next."""
Between = Callable[[Execution[Any], Callable[[], Any]], Execution[Any]]
"""What happens to an execution between two steps: it is kept, or saved and loaded into another flow."""


def kept(execution: Execution[Any], build: Callable[[], Any]) -> Execution[Any]:
    return execution


async def begin(case: Case) -> Execution[Any]:
    """Run a case until it first waits."""
    execution: Execution[Any] = case.build().create_execution(execution_id="case")
    await execution.async_start(case.value)
    return execution


async def finish(
    execution: Execution[Any], case: Case, between: Between = kept, pick: Pick = lambda ids: ids[0]
) -> Execution[Any]:
    """Answer until nothing is asked any more."""
    while execution.status is Status.WAITING:
        execution = between(execution, case.build)
        chosen = pick(list(execution.interrupts))
        await execution.async_continue_with(chosen, answer_to(execution, case, chosen))
    return between(execution, case.build)


def answer_to(execution: Execution[Any], case: Case, interrupt_id: str) -> Any:
    return case.answers[str(execution.interrupts[interrupt_id].payload)]


async def until(so: Callable[[], object]) -> None:
    """Run the loop until something is so."""
    for _ in range(10_000):
        if so():
            return
        await asyncio.sleep(0)
    raise AssertionError("it never came to be so")


def document(execution: Execution[Any]) -> dict[str, Any]:
    """Return what an execution saves, but for what differs from save to save."""
    tree: dict[str, Any] = json.loads(execution.save().to_json())
    waiting = [tree]
    for each in waiting:
        for name in ("checksum", "created", "saved", "sequence"):
            del each[name]
        for interrupt in each["interrupts"]:
            del interrupt["since"]
        waiting.extend(each["children"])
    return tree


def program(name: str, file: str, payload: str, answer: str) -> str:
    """Load what another process has saved, answer one interrupt, save again; gives status and result."""
    execution = CASES[name].build().create_execution().load(Path(file))
    chosen = next(id_ for id_, each in execution.interrupts.items() if each.payload == payload)
    status = execution.continue_with(chosen, json.loads(answer))
    execution.save(file)
    return f"{status} {execution.result if status is Status.COMPLETED else ''}".strip()


if __name__ == "__main__":
    sys.stdout.write(program(*sys.argv[1:]))
