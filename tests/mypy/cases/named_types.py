"""The names for what a migration gets, and for the functions that a config names."""

from __future__ import annotations

from typing import Any, reveal_type

from typedflow import Contract, Data, Document, Flow, Handlers


class C(Contract, version=3):
    input: int
    result: int


@C.migrate(1)
def first(document: Document) -> Document:
    document["state"]["count"] = document["state"].pop("number")
    return document


@C.migrate(2)
def second(document: dict[str, Any]) -> dict[str, Any]:
    return {"state": document["state"]}


@C.migrate(2)
#^ E: Value of type variable "MigrationT" of function cannot be "Callable[[str], dict[str, Any]]"  [type-var]
#          ^ E: TF918: contract 'C' cannot take a migration from version 2: there is one already (a migration leads from one version to the next: migrate(1) from 1 to 2)  [typedflow-state]
def wrong(document: str) -> Document:
    return {"state": document}


def double(data: Data[C, int]) -> int:
    return data.value * 2


HANDLERS: Handlers = {"double": double}
flow = Flow.from_config("", contract=C, handlers=HANDLERS)
reveal_type(flow)
#           ^ R: typedflow.api.flow.Flow[named_types.C]
Flow.from_config("", contract=C, handlers=[double])
#                                         ^ E: Argument "handlers" to "from_config" of "Flow" has incompatible type "list[Callable[[Data[C, int]], int]]"; expected "Mapping[str, object] | None"  [arg-type]
