"""What takes the wiring of a whole flow to see: open blocks, names used twice, chunks, events out of a block, starts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, NoReturn

from typedflow import Contract, Data, Events, Flow, Resources


class Heard(Events):
    said: int


class Tools(Resources):
    log: str
    note: str
    extra: str = ""


class Talk(Contract):
    input: list[int]
    result: list[int]
    events: Heard
    resources: Tools


def keep(data: Data[Talk, list[int]]) -> list[int]:
    return data.value


def count(data: Data[Talk, int]) -> int:
    return data.value


def asks(data: Data[Talk, int]) -> int:
    return data.pause_for("?", resume_event="said")


def asks_here(data: Data[Talk, int]) -> int:
    return data.pause_for("?")


# blocks
opened = Flow(Talk)
opened.for_each().to(count)
#      ^ E: TF703: a for_each block is never closed (call .end_for_each() on the chain inside it)  [typedflow-flow]
opened.for_each().to(count).end_for_each().match().case(1).to(keep)
#                                          ^ E: TF703: a match block is never closed (call .end_match() on the chain inside it)  [typedflow-flow]
opened.to(keep).if_condition(lambda data: data.value).to(keep).end_condition().end()

in_parts = Flow(Talk)
items = in_parts.for_each()
items.to(count).end_for_each().end()


def left_to_others(finish: Callable[[object], None]) -> None:
    flow = Flow(Talk)
    finish(flow.for_each())
    batch = flow.batch()
    finish(batch)


# names
named = Flow(Talk)
named.to(keep, name="first").to(keep, name="second").to(keep, name="first").end()
#                                                                  ^ E: TF705: there are two nodes named 'first' (explicit names are unique)  [typedflow-flow]
other = Flow(Talk)
other.to(keep, name="first").end()


def either(flag: bool) -> None:
    flow = Flow(Talk)
    if flag:
        flow.to(keep, name="one").end()
    else:
        flow.to(keep, name="one").to(keep).end()


batches = Flow(Talk)
batches.batch().branch(keep).branch(keep).end_batch()
#                                   ^ E: TF705: there are two branches named 'keep' (name one of them otherwise: .branch(handler, name=…))  [typedflow-flow]
batches.batch().branch(keep).branch(keep, name="kept").end_batch()
batches.batch().branch(keep).end_batch().to(lambda data: [1]).end()

# chunks
chunks = Flow(Talk)


@chunks.chunk
def plain(data: Data[Talk, list[int]]) -> list[int]:
    return data.value


@chunks.chunk("called")
def of_another_name(data: Data[Talk, list[int]]) -> list[int]:
    return data.value


chunks.chunk("late")(keep)
chunks.to("plain").to("called").to("late").to("cold").end()
#                                             ^ E: TF706: no chunk is registered as 'cold' (registered: 'called', 'late', 'plain')  [typedflow-flow]


def registered_elsewhere(register: Callable[[Flow[Talk]], None]) -> None:
    flow = Flow(Talk)
    register(flow)
    flow.to("anything").end()


# events out of a block
asking = Flow(Talk)
asking.for_each().to(asks).end_for_each().end()
#                    ^ E: TF710: pause_for(resume_event='said') inside a for_each block, which would wait for this branch forever (leave resume_event out: the answer then becomes the step's output)  [typedflow-flow]
asking.for_each().to(asks_here).end_for_each().end()
asking.to(lambda data: 1).to(asks)

def asks_in_time(data: Data[Talk, int]) -> int:
    if data.value:
        return data.pause_for("?", resume_event="said", deadline=timedelta(1), default=3)
    return data.pause_for("?", resume_event="said", deadline=timedelta(1), default="nothing")
    #                                                                              ^ E: TF842: pause_for(default=…) is an answer like any other: int, not str (give a value that the step could return)  [typedflow-event]


def asks_itself(data: Data[Talk, int]) -> int | None:
    if data.value:
        return data.pause_for("?", deadline=timedelta(1), default=None)
    return data.pause_for("?", deadline=timedelta(1), default="nothing")
    #                                                         ^ E: TF842: pause_for(default=…) is an answer like any other: int | None, not str (give a value that the step could return)  [typedflow-event]


def asks_without_end(data: Data[Talk, int], when: timedelta | None, more: Any) -> int:
    match data.value:
        case 1:
            data.pause_for("?", default=1)
            #                           ^ E: TF842: pause_for(default=…) is the answer at the deadline, and there is no deadline (add deadline=timedelta(…), or leave default out)  [typedflow-event]
        case 2:
            data.pause_for("?", deadline=None, resume_event="said", default=3)
            #                                                               ^ E: TF842: pause_for(default=…) is the answer at the deadline, and there is no deadline (add deadline=timedelta(…), or leave default out)  [typedflow-event]
        case 3:
            data.pause_for("?", deadline=when, default=1)
    return data.pause_for("?", default=1, **more)


async def asks_in_a_coroutine(data: Data[Talk, int]) -> list[int]:
    if data.value:
        data.pause_for("?", deadline=timedelta(1), default=[])
    return data.pause_for("?", deadline=timedelta(1), default=3)
    #                                                         ^ E: TF842: pause_for(default=…) is an answer like any other: list[int], not int (give a value that the step could return)  [typedflow-event]


def asks_anything(data: Data[Talk, int]) -> NoReturn:
    data.pause_for("?", deadline=timedelta(1), default=3)


# resources
bare = Flow(Talk)
bare.to(keep).end()
bare.start([1], runtime_resources={"log": ""})
#    ^ E: TF102: resource 'note', declared as str, is missing (give it with update_runtime_resources(note=…) on the flow, or runtime_resources={'note': …})  [typedflow-resource]
bare.start([1], runtime_resources={"log": "", "note": ""})

supplied = Flow(Talk)
supplied.to(keep).end()
supplied.update_runtime_resources({"log": ""})
supplied.set_runtime_resource("note", "")
supplied.start([1])


def in_a_function(resources: dict[str, str]) -> None:
    flow = Flow(Talk)
    flow.to(keep).end()
    flow.start([1], runtime_resources=resources)


async def in_a_coroutine() -> None:
    flow = Flow(Talk)
    flow.to(keep).end()
    flow.update_runtime_resources(log="")
    await flow.async_start([1])
    #          ^ E: TF102: resource 'note', declared as str, is missing (give it with update_runtime_resources(note=…) on the flow, or runtime_resources={'note': …})  [typedflow-resource]
