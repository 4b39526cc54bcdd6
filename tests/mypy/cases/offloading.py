"""`offload`: the key of the executor, and the function's types as those of the step."""

from __future__ import annotations

from concurrent.futures import Executor
from typing import reveal_type

from typedflow import Contract, Flow, Resources, offload


class Pools(Resources):
    pool: Executor


class Count(Contract):
    input: str
    result: int
    resources: Pools


class Bare(Contract):
    input: str
    result: int


def words(text: str) -> int:
    return len(text)


def double(number: int) -> int:
    return 2 * number


def texts(number: int) -> str:
    return str(number)


flow = Flow(Count)
counted = flow.to(offload(words, executor="pool"))
reveal_type(counted)
#           ^ R: typedflow.api.process.Process[offloading.Count, int, None]
counted.to(offload(double, executor="pol"))
#                                   ^ E: TF101: Pools declares no resource 'pol' (did you mean 'pool'?)  [typedflow-resource]
counted.to(offload(words, executor="pool"))
#          ^ E: TF701: step 'words' takes str, and gets int (annotate its parameter Data[…, int], or put a step in between that makes str of it)  [typedflow-flow]
counted.to(offload(texts, executor="pool")).end()
#                                           ^ E: TF702: end() sets the result of contract 'Count', int, and gets str (add a step before end() that returns int)  [typedflow-flow]

Flow(Bare).to(offload(words, executor="pool"))
#                                     ^ E: TF105: contract 'Bare' declares no resources (add a Resources class to Bare: `resources: BareResources`)  [typedflow-resource]
