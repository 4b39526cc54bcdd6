"""Resources by key: on Data, Flow and Execution, on unions of them, by protocols and type variables."""

from __future__ import annotations

import logging
from enum import Enum, StrEnum
from typing import Any, Final, Literal, TypeVar, reveal_type

from shop import DeepSearch, NeedsLogger, Partial, Plain, Request, Search, Shop, ShopResources

from typedflow import Data, Execution, Flow
from typedflow.stores import SnapshotStore


class Key(StrEnum):
    SEARCH = "search"
    WRONG = "serch"


class OldKey(str, Enum):  # noqa: UP042
    SEARCH = "search"


SEARCH: Final = "search"
TYPO: Final = "sear" + "chh"
C = TypeVar("C", bound=NeedsLogger)


def types_are_precise(data: Data[Shop, object]) -> None:
    reveal_type(data.require_resource("search"))
    #           ^ R: shop.Search
    reveal_type(data.require_resource("browser"))
    #           ^ R: shop.Search
    reveal_type(data.get_resource("browser"))
    #           ^ R: shop.Search | None
    reveal_type(data.get_resource("search", None))
    #           ^ R: shop.Search | None
    reveal_type(data.get_resource("browser", DeepSearch()))
    #           ^ R: shop.Search
    data.set_resource("browser", None)
    data.set_resource("search", DeepSearch())
    data.set_resource("on_done", lambda text: None)
    data.del_resource("search")


def unknown_keys_are_errors(data: Data[Shop, object]) -> None:
    data.require_resource("serch")
    #                     ^ E: TF101: ShopResources declares no resource 'serch' (did you mean 'search'?)  [typedflow-resource]
    data.get_resource("search.find")
    #                 ^ E: TF104: 'search.find' is not a resource key (take 'search' and read its attributes: resources are given whole, a key has no dots)  [typedflow-resource]
    data.set_resource("printer", 1)
    #                 ^ E: TF101: ShopResources declares no resource 'printer' (declared: 'logger', 'search', 'browser', 'on_done')  [typedflow-resource]
    data.del_resource("")
    #                 ^ E: TF104: '' is not a resource key (use the name of one field of the contract's resources)  [typedflow-resource]
    data.set_resource("search", 1)
    #                           ^ E: TF103: resource 'search' is declared as Search, not int (give an instance of Search)  [typedflow-resource]
    data.set_resource("on_done", lambda: None)
    #                            ^ E: Argument 2 to "set_resource" of "Data" has incompatible type "Callable[[], None]"; expected "Callable[[str], None] | None"  [arg-type]
    #                            ^ E: Cannot infer type of lambda  [misc]
    data.get_resource(key="serch", default=1)
    #                     ^ E: TF101: ShopResources declares no resource 'serch' (did you mean 'search'?)  [typedflow-resource]
    data.require_resource(
        "serch",
        # @8 E: TF101: ShopResources declares no resource 'serch' (did you mean 'search'?)  [typedflow-resource]
    )


def keys_may_be_names(data: Data[Shop, object], key: Literal["search", "serch"], any_key: str) -> None:
    reveal_type(data.require_resource(SEARCH))
    #           ^ R: shop.Search
    data.require_resource(TYPO)
    #                     ^ E: TF101: ShopResources declares no resource 'searchh' (did you mean 'search'?)  [typedflow-resource]
    reveal_type(data.require_resource(Key.SEARCH))
    #           ^ R: shop.Search
    reveal_type(data.require_resource(OldKey.SEARCH))
    #           ^ R: shop.Search
    data.require_resource(Key.WRONG)
    #                     ^ E: TF101: ShopResources declares no resource 'serch' (did you mean 'search'?)  [typedflow-resource]
    data.require_resource(key)
    #                     ^ E: TF101: ShopResources declares no resource 'serch' (did you mean 'search'?)  [typedflow-resource]
    reveal_type(data.require_resource(any_key))
    #           ^ R: Any
    reveal_type(data.require_resource("search" if any_key else "logger"))
    #           ^ R: shop.Search | logging.Logger


def parts_are_enough(data: Data[NeedsLogger, object]) -> None:
    reveal_type(data.require_resource("logger"))
    #           ^ R: logging.Logger
    data.require_resource("search")
    #                     ^ E: TF101: HasLogger declares no resource 'search' (declared: 'logger')  [typedflow-resource]


def contracts_may_be_variables(data: Data[C, object]) -> None:
    reveal_type(data.require_resource("logger"))
    #           ^ R: logging.Logger
    data.require_resource("loger")
    #                     ^ E: TF101: HasLogger declares no resource 'loger' (did you mean 'logger'?)  [typedflow-resource]


def contracts_may_be_unions(
    data: Data[Shop, str] | Data[Partial, str], both: Data[Shop | Partial, str], none: Data[Plain, str]
) -> None:
    reveal_type(data.require_resource("search"))
    #           ^ R: shop.Search
    data.require_resource("logger")
    #                     ^ E: TF101: PartialResources declares no resource 'logger' (declared: 'search')  [typedflow-resource]
    reveal_type(both.require_resource("search"))
    #           ^ R: shop.Search
    both.require_resource("logger")
    #                     ^ E: TF101: PartialResources declares no resource 'logger' (declared: 'search')  [typedflow-resource]
    none.require_resource("search")
    #                     ^ E: TF105: contract 'Plain' declares no resources (add a Resources class to Plain: `resources: PlainResources`)  [typedflow-resource]


def what_says_nothing_is_left_alone(data: Data[Any, Any], flow: Flow[Any]) -> None:
    data.require_resource("anything")
    flow.update_runtime_resources(anything=1)


def outside_of_handlers(flow: Flow[Shop], execution: Execution[Shop], plain: Flow[Plain]) -> None:
    flow.update_runtime_resources(search=Search(), browser=None)
    flow.update_runtime_resources(serch=Search(), logger=1)
    #                             ^ E: TF101: ShopResources declares no resource 'serch' (did you mean 'search'?)  [typedflow-resource]
    #                                                    ^ E: TF103: resource 'logger' is declared as Logger, not int (give an instance of Logger)  [typedflow-resource]
    flow.update_runtime_resources({"search": 1, SEARCH + "h": 2})
    #                                        ^ E: TF103: resource 'search' is declared as Search, not int (give an instance of Search)  [typedflow-resource]
    #                                           ^ E: TF101: ShopResources declares no resource 'searchh' (did you mean 'search'?)  [typedflow-resource]
    flow.update_runtime_resources(ShopResources(logger=logging.getLogger(), search=Search()))
    flow.set_runtime_resource("search", 1)
    #                                   ^ E: TF103: resource 'search' is declared as Search, not int (give an instance of Search)  [typedflow-resource]
    flow.del_runtime_resource("serch")
    #                         ^ E: TF101: ShopResources declares no resource 'serch' (did you mean 'search'?)  [typedflow-resource]
    reveal_type(execution.get_runtime_resource("search"))
    #           ^ R: shop.Search | None
    execution.set_runtime_resource("serch", 1)
    #                              ^ E: TF101: ShopResources declares no resource 'serch' (did you mean 'search'?)  [typedflow-resource]
    execution.update_runtime_resources(search="x")
    #                                         ^ E: TF103: resource 'search' is declared as Search, not str (give an instance of Search)  [typedflow-resource]
    plain.update_runtime_resources(search=1)
    #                              ^ E: TF105: contract 'Plain' declares no resources (add a Resources class to Plain: `resources: PlainResources`)  [typedflow-resource]
    flow.create_execution(runtime_resources={"search": Search(), "serch": 1})
    #                                                            ^ E: TF101: ShopResources declares no resource 'serch' (did you mean 'search'?)  [typedflow-resource]


async def given_with_a_start(flow: Flow[Shop]) -> None:
    reveal_type(flow.start(Request(topic="x"), runtime_resources={"search": 1}))
    #           ^ R: shop.Report
    #                                                                       ^ E: TF103: resource 'search' is declared as Search, not int (give an instance of Search)  [typedflow-resource]
    await flow.async_start(Request(topic="x"), runtime_resources={"logr": 1})
    #                                                             ^ E: TF101: ShopResources declares no resource 'logr' (declared: 'logger', 'search', 'browser', 'on_done')  [typedflow-resource]
    flow.create_execution(runtime_resources={"search": 1})
    #                                                  ^ E: TF103: resource 'search' is declared as Search, not int (give an instance of Search)  [typedflow-resource]


async def given_with_an_open(flow: Flow[Shop], store: SnapshotStore) -> None:
    await flow.async_open("id", store=store, runtime_resources={"serch": 1})
    #                                                           ^ E: TF101: ShopResources declares no resource 'serch' (did you mean 'search'?)  [typedflow-resource]
    flow.open("id", store=store, runtime_resources={"serch": 1})
    #                                               ^ E: TF101: ShopResources declares no resource 'serch' (did you mean 'search'?)  [typedflow-resource]
    flow.open("id", store=store, runtime_resources={"search": 1}, concurrency=0)
    #                                                         ^ E: TF103: resource 'search' is declared as Search, not int (give an instance of Search)  [typedflow-resource]
    #                                                                         ^ E: TF718: concurrency is a whole number from 1, not 0 (int) (leave it out for no bound)  [typedflow-flow]
    await flow.async_fork("id", store=store, runtime_resources={"serch": 1})
    #                                                           ^ E: TF101: ShopResources declares no resource 'serch' (did you mean 'search'?)  [typedflow-resource]
    await flow.async_fork("id", store=store, runtime_resources={"search": 1})
    #                                                                     ^ E: TF103: resource 'search' is declared as Search, not int (give an instance of Search)  [typedflow-resource]
