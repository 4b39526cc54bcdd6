# mypy: disable-error-code=empty-body
"""What a step awaits is the value behind it: also for a wrong handler, a thread, a choice of two, and behind a mistake."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine, Generator, Iterator
from typing import Any, NoReturn, reveal_type

from typedflow import Contract, Data, Flow


class Job(Contract):
    input: int
    result: str


Given = Data[Job, int]


class Lazy:
    def __await__(self) -> Generator[Any, Any, int]: ...


class Vague:
    def __await__(self) -> Iterator[Any]: ...


class Untyped:
    def __await__(self):  # type: ignore[no-untyped-def]
        yield


async def work(data: Given) -> int: ...


def coroutine(data: Given) -> Coroutine[Any, Any, int]: ...


def future(data: Given) -> asyncio.Future[int]: ...


def lazy(data: Given) -> Lazy: ...


def vague(data: Given) -> Vague: ...


def untyped(data: Given) -> Untyped: ...


def maybe(data: Given) -> str | Awaitable[int]: ...


def of_text(data: Data[Job, str]) -> asyncio.Task[int]: ...


def paused(data: Given) -> Awaitable[NoReturn]: ...


def number(data: Given) -> int: ...


def text(data: Data[Job, str]) -> str: ...


flow = Flow(Job)
flow.to(future).to(text)
#                  ^ E: TF701: step 'text' takes str, and gets int (annotate its parameter Data[…, int], or put a step in between that makes str of it)  [typedflow-flow]
flow.to(lazy).to(text)
#                ^ E: TF701: step 'text' takes str, and gets int (annotate its parameter Data[…, int], or put a step in between that makes str of it)  [typedflow-flow]
flow.to(maybe).to(text)
#                 ^ E: TF701: step 'text' takes str, and gets str | int (annotate its parameter Data[…, str | int], or put a step in between that makes str of it)  [typedflow-flow]
flow.to(future).end()
#               ^ E: TF702: end() sets the result of contract 'Job', str, and gets int (add a step before end() that returns str)  [typedflow-flow]
reveal_type(flow.to(vague))
#           ^ R: typedflow.api.process.Process[awaited_values.Job, Any, None]
reveal_type(flow.to(untyped))
#           ^ R: typedflow.api.process.Process[awaited_values.Job, Any, None]

# behind a mistake
reveal_type(flow.to(of_text).to(number))
#           ^ R: typedflow.api.process.Process[awaited_values.Job, int, None]
#                   ^ E: TF701: step 'of_text' takes str, and gets int (annotate its parameter Data[…, int], or put a step in between that makes str of it)  [typedflow-flow]

# in a thread: an async function is refused, a plain one may return what the loop awaits
reveal_type(flow.to(coroutine, thread=True))
#           ^ R: typedflow.api.process.Process[awaited_values.Job, int, None]
flow.to(work, thread=True)
#                    ^ E: TF717: step 'work' is async, and thread=True runs a plain function in a thread (leave thread=True out, or make the handler a plain def)  [typedflow-flow]

# options are checked all the same
flow.to(lazy, retry=3)
#                   ^ E: TF718: retry is a Retry, not 3 (int)  [typedflow-flow]
flow.to(lazy, name=3)
#                  ^ E: TF718: the name of a node is a text, not 3 (int)  [typedflow-flow]


def either(first: bool) -> None:
    reveal_type(flow.to(future if first else work))
    #           ^ R: typedflow.api.process.Process[awaited_values.Job, int, None]
    reveal_type(flow.to(number if first else maybe))
    #           ^ R: typedflow.api.process.Process[awaited_values.Job, int | str, None]
    flow.to(of_text if first else work)
    #       ^ E: TF701: step 'of_text' takes str, and gets int (annotate its parameter Data[…, int], or put a step in between that makes str of it)  [typedflow-flow]


flow.to(paused).to(number)
#       ^ E: TF720: step 'paused' pauses and returns NoReturn: nothing says which type answers it (annotate its return with the type of the answer: `-> Approval`)  [typedflow-flow]
