"""Resources given as a mapping or an object, in whatever form: what is known of it is checked."""
# ruff: noqa: C408, PIE800, PIE804 -- the same mapping in all of its forms

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypedDict, Unpack

from typedflow import Contract, Execution, Flow, Resources


class Search: ...


class Log: ...


class Tools(Resources):
    search: Search
    log: Log | None = None


class More(Tools):
    extra: int
    also: int = 3


class Other(Resources):
    search: Log


class C(Contract):
    input: int
    result: int
    resources: Tools


class Some(TypedDict, total=False):
    serch: Search
    log: int


flow = Flow(C)
TOOLS: Final = {"serch": Search(), "log": 3}

# by position
flow.update_runtime_resources({"serch": Search()})
#                              ^ E: TF101: Tools declares no resource 'serch' (did you mean 'search'?)  [typedflow-resource]
flow.update_runtime_resources({"search": Log()})
#                                        ^ E: TF103: resource 'search' is declared as Search, not Log (give an instance of Search)  [typedflow-resource]
flow.create_execution().update_runtime_resources({"search": 3})
#                                                           ^ E: TF103: resource 'search' is declared as Search, not int (give an instance of Search)  [typedflow-resource]
flow.update_runtime_resources({"search": Search(), "log": None})
flow.update_runtime_resources(None)


def forms(ex: Execution[C], some: Some, **kwargs: Unpack[Some]) -> None:
    ex.update_runtime_resources(some)
    #                           ^ E: TF101: Tools declares no resource 'serch' (did you mean 'search'?)  [typedflow-resource]
    #                           ^ E: TF103: resource 'log' is declared as Log | None, not int (give an instance of Log | None)  [typedflow-resource]
    ex.update_runtime_resources(**some)
    #                             ^ E: TF101: Tools declares no resource 'serch' (did you mean 'search'?)  [typedflow-resource]
    #                             ^ E: TF103: resource 'log' is declared as Log | None, not int (give an instance of Log | None)  [typedflow-resource]
    ex.update_runtime_resources(**kwargs)
    #                             ^ E: TF101: Tools declares no resource 'serch' (did you mean 'search'?)  [typedflow-resource]
    #                             ^ E: TF103: resource 'log' is declared as Log | None, not int (give an instance of Log | None)  [typedflow-resource]
    ex.update_runtime_resources(**{"serch": 1})
    #                              ^ E: TF101: Tools declares no resource 'serch' (did you mean 'search'?)  [typedflow-resource]
    ex.update_runtime_resources(TOOLS)
    #                           ^ E: TF101: Tools declares no resource 'serch' (did you mean 'search'?)  [typedflow-resource]
    #                           ^ E: TF103: resource 'log' is declared as Log | None, not int (give an instance of Log | None)  [typedflow-resource]
    ex.update_runtime_resources({**TOOLS})
    #                              ^ E: TF101: Tools declares no resource 'serch' (did you mean 'search'?)  [typedflow-resource]
    #                              ^ E: TF103: resource 'log' is declared as Log | None, not int (give an instance of Log | None)  [typedflow-resource]
    ex.update_runtime_resources(dict(serch=1, log=3))
    #                                ^ E: TF101: Tools declares no resource 'serch' (did you mean 'search'?)  [typedflow-resource]
    #                                             ^ E: TF103: resource 'log' is declared as Log | None, not int (give an instance of Log | None)  [typedflow-resource]
    ex.update_runtime_resources(dict({"serch": 1}, log=3))
    #                                 ^ E: TF101: Tools declares no resource 'serch' (did you mean 'search'?)  [typedflow-resource]
    #                                                  ^ E: TF103: resource 'log' is declared as Log | None, not int (give an instance of Log | None)  [typedflow-resource]
    ex.update_runtime_resources({"serch": 1} | {"log": 3})
    #                            ^ E: TF101: Tools declares no resource 'serch' (did you mean 'search'?)  [typedflow-resource]
    #                                                  ^ E: TF103: resource 'log' is declared as Log | None, not int (give an instance of Log | None)  [typedflow-resource]
    ex.update_runtime_resources(Tools(search=Search()))
    ex.update_runtime_resources(More(search=Search(), extra=3))
    #                           ^ E: TF101: Tools declares no resource 'extra' (declared: 'search', 'log')  [typedflow-resource]
    ex.update_runtime_resources(Other(search=Log()))
    #                           ^ E: TF103: resource 'search' is declared as Search, not Log (give an instance of Search)  [typedflow-resource]
    flow.create_execution(runtime_resources=dict(serch=1))
    #                                            ^ E: TF101: Tools declares no resource 'serch' (did you mean 'search'?)  [typedflow-resource]
    flow.create_execution(runtime_resources=some)
    #                                       ^ E: TF101: Tools declares no resource 'serch' (did you mean 'search'?)  [typedflow-resource]
    #                                       ^ E: TF103: resource 'log' is declared as Log | None, not int (give an instance of Log | None)  [typedflow-resource]


def partly_known(ex: Execution[C], rest: dict[str, Any], mapping: Mapping[str, Search] | None, args: list[Any]) -> None:
    ex.update_runtime_resources({**rest, "serch": 1})
    #                                    ^ E: TF101: Tools declares no resource 'serch' (did you mean 'search'?)  [typedflow-resource]
    ex.update_runtime_resources({"serch": 1, **rest})
    #                            ^ E: TF101: Tools declares no resource 'serch' (did you mean 'search'?)  [typedflow-resource]
    ex.update_runtime_resources(rest | {"log": 3})
    #                                          ^ E: TF103: resource 'log' is declared as Log | None, not int (give an instance of Log | None)  [typedflow-resource]
    ex.update_runtime_resources(mapping)
    ex.update_runtime_resources(**rest)
    ex.update_runtime_resources(*args)
    ex.update_runtime_resources(*())
    flow.start(1, runtime_resources={**rest, "serch": 1})
    #                                        ^ E: TF101: Tools declares no resource 'serch' (did you mean 'search'?)  [typedflow-resource]


def replaced(ex: Execution[C]) -> None:
    ex.update_runtime_resources({"search": 1}, search=Search())
    ex.update_runtime_resources({**{"search": 1}, "search": Search()})
    ex.update_runtime_resources({"search": Search()}, search=1)
    #                                                        ^ E: TF103: resource 'search' is declared as Search, not int (give an instance of Search)  [typedflow-resource]
