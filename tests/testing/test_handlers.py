"""`typedflow.testing`: one handler, called alone."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any, Generic, Protocol, TypeVar, cast

import msgspec
import pytest

from typedflow import (
    Contract,
    ContractError,
    Data,
    Events,
    Flow,
    FlowState,
    NoResultError,
    ResourceError,
    Resources,
    State,
)
from typedflow.testing import PauseSignal, emitted, make_data, result_of, streamed

Kept = TypeVar("Kept", bound="ReviewState", covariant=True)


class Request(msgspec.Struct):
    topic: str


class ReviewState(State):
    seen: list[str] = []
    owner: str = "nobody"


class Counters(FlowState):
    reviewed: int = 0


class ReviewResources(Resources):
    logger: logging.Logger


class ReviewEvents(Events):
    approved: int


class Review(Contract):
    input: Request
    result: str
    state: ReviewState
    flow_state: Counters
    resources: ReviewResources
    events: ReviewEvents
    stream: str


def handle(data: Data[Review, Request]) -> str:
    data.state.seen.append(data.value.topic)
    data.update_flow_state(lambda counters: setattr(counters, "reviewed", counters.reviewed + 1))
    data.emit("approved", 3)
    data.put("seen")
    return f"{data.resources.logger.name} {data.key}"


def test_a_handler_runs_alone_with_layers_of_its_own() -> None:
    resources = {"logger": logging.getLogger("review")}
    data = make_data(Review, Request(topic="a"), flow_state={"reviewed": 4}, resources=resources)
    other = make_data(Review, Request(topic="b"), state={"owner": "me"})
    assert handle(data) == "review test:handler@0"
    assert (data.state.seen, data.flow_state.reviewed, emitted(data)) == (["a"], 5, [("approved", 3)])
    assert (other.state.to_dict(), other.flow_state.reviewed) == ({"seen": [], "owner": "me"}, 0)


def test_writes_and_events_are_checked_as_in_a_flow() -> None:
    data = make_data(Review, Request(topic="a"))
    with pytest.raises(ContractError, match="'owner' of state takes str, not 3"):
        data.state.owner = 3  # type: ignore[assignment]  # on purpose
    with pytest.raises(ContractError, match="did you mean 'approved'"):
        data.emit("aproved", 3)


HINT = "give it with make_data(…, resources={'search': …})"


class Search:
    """Find nothing."""


class ToolResources(Resources):
    logger: logging.Logger
    search: Search
    depth: int = 3
    cache: dict[str, str] | None = None


class Tooled(Contract):
    input: str
    result: str
    resources: ToolResources


class HasLogger(Protocol):
    @property
    def logger(self) -> logging.Logger: ...


class NeedsLogger(Protocol):
    @property
    def resources(self) -> HasLogger: ...


LOGGER = logging.getLogger("tooled")


def log(data: Data[NeedsLogger, object]) -> str:
    return data.resources.logger.name


@pytest.mark.parametrize(
    "read",
    [
        lambda data: data.resources.search,
        lambda data: data.require_resource("search"),
        lambda data: getattr(data.resources, "search", None),
    ],
)
def test_a_resource_is_missing_only_when_it_is_read(read: Callable[[Any], object]) -> None:
    data = make_data(Tooled, "a", resources={"logger": LOGGER})
    assert (data.resources.logger, data.resources.depth, data.resources.cache) == (LOGGER, 3, None)
    assert (data.get_resource("search"), data.get_resource("search", 5)) == (None, 5)
    with pytest.raises(ResourceError) as caught:
        read(data)
    (problem,) = caught.value.problems
    assert (problem.number, problem.text, caught.value.missing) == (
        "TF102", "resource 'search', declared as Search, is missing", ("search",)
    )  # fmt: skip
    assert problem.hint.endswith(HINT)


def test_without_any_resource_the_first_that_is_read_is_missing() -> None:
    with pytest.raises(ResourceError, match=r"'logger', declared as Logger, is missing .*make_data\(…, resources"):
        handle(make_data(Review, Request(topic="a")))


def test_an_optional_resource_that_is_none_is_missing_where_it_is_required() -> None:
    with pytest.raises(ResourceError, match=r"'cache'.*make_data\(…, resources=\{'cache': …\}\)"):
        make_data(Tooled, "a").require_resource("cache")


def test_the_resources_of_a_test_are_of_the_declared_class() -> None:
    data = make_data(Tooled, "a", resources={"logger": LOGGER})
    assert isinstance(data.resources, ToolResources)
    assert type(data.resources).__name__ == "ToolResources"
    search = Search()
    data.set_resource("search", search)
    assert data.resources.search is search
    assert type(data.resources) is ToolResources
    data.del_resource("search")
    with pytest.raises(ResourceError, match="make_data"):
        data.resources.search  # noqa: B018  # it raises
    with pytest.raises(ContractError, match="cannot be assigned"):
        data.resources.depth = 4  # type: ignore[misc]  # on purpose


def test_a_handler_of_a_protocol_needs_only_its_part() -> None:
    assert log(make_data(Tooled, "a", resources={"logger": LOGGER})) == "tooled"
    with pytest.raises(ResourceError, match="'logger', declared as Logger, is missing"):
        log(make_data(Tooled, "a"))


@pytest.mark.parametrize(
    "make, number, text",
    [
        (lambda: make_data(Tooled, "a", resources={"loger": LOGGER}), "TF101",
         "ToolResources declares no resource 'loger'"),
        (lambda: make_data(Tooled, "a", resources={"logger": "x"}), "TF103", "resource 'logger' is declared as Logger"),
        (lambda: make_data(Tooled, "a").require_resource("serch"), "TF101",
         "ToolResources declares no resource 'serch'"),
        (lambda: make_data(Tooled, "a", state={"a": 1}), "TF611", "contract 'Tooled' declares no state"),
        (lambda: make_data(Review, "a", state={"onwer": "me"}), "TF602", "ReviewState has no field 'onwer'"),
        (lambda: make_data(Review, "a", flow_state={"reviewd": 1}), "TF602", "Counters has no field 'reviewd'"),
        (lambda: make_data(Review, "a", attempt=0), "TF718", "attempt is a whole number from 1, not 0 (int)"),
        (lambda: make_data(Review, "a", attempt=cast("Any", True)), "TF718",
         "attempt is a whole number from 1, not True"),
        (lambda: make_data(Review, "a", key=""), "TF718", "key is a text that is not empty, not '' (str)"),
        (lambda: make_data(Review, "a", step=cast("Any", 3)), "TF718", "the name of a node is a text, not 3 (int)"),
        (lambda: make_data(Review, "a", execution_id="a b"), "TF816", "'a b' is not an execution id"),
    ],
)  # fmt: skip
def test_what_a_test_gives_is_checked(make: Callable[[], object], number: str, text: str) -> None:
    with pytest.raises((ContractError, ResourceError)) as caught:
        make()
    assert (caught.value.problems[0].number, caught.value.problems[0].text.startswith(text)) == (number, True)


def test_what_is_wrong_with_several_options_comes_at_once() -> None:
    with pytest.raises(ContractError) as caught:
        make_data(Review, "a", attempt=0, key="", execution_id="")
    assert [problem.number for problem in caught.value.problems] == ["TF816", "TF718", "TF718"]


def test_the_step_its_key_and_its_attempt_can_be_chosen() -> None:
    data = make_data(Review, Request(topic="a"), step="search", key="order-7", attempt=3, execution_id="run-1")
    assert (data.step, data.key, data.attempt, data.execution_id) == ("search", "order-7", 3, "run-1")
    data = make_data(Review, Request(topic="a"), step="search", execution_id="run-1")
    assert (data.step, data.key, data.attempt) == ("search", "run-1:search@0", 1)


def test_stream_items_and_a_result_can_be_seen() -> None:
    def work(data: Data[Review, Request]) -> None:
        data.put("one")
        data.put("two")
        data.set_result("first")
        data.set_result("second")

    data = make_data(Review, Request(topic="a"))
    assert (streamed(data), emitted(data)) == ([], [])
    with pytest.raises(NoResultError, match="step 'handler' of flow 'Review': there is no result: the handler has set"):
        result_of(data)
    work(data)
    assert (streamed(data), result_of(data)) == (["one", "two"], "first")


def test_items_and_results_are_checked_as_in_a_flow() -> None:
    data: Any = make_data(Review, Request(topic="a"))
    with pytest.raises(ContractError, match="stream"):
        data.put(3)
    with pytest.raises(ContractError, match="result"):
        data.set_result(3)
    assert streamed(data) == []
    other: Any = make_data(Tooled, "a")
    with pytest.raises(ContractError, match="declares no stream"):
        other.put("x")


def test_the_items_of_a_flow_that_runs_are_not_kept() -> None:
    found: list[str] = []

    def work(data: Data[Review, Request]) -> str:
        with pytest.raises(TypeError, match=r"streamed\(\) takes a Data of make_data\(\)") as caught:
            streamed(data)
        found.append(str(caught.value))
        return ""

    flow = Flow(Review)
    flow.to(work).end()
    flow.start(Request(topic="a"), runtime_resources={"logger": LOGGER})
    assert len(found) == 1


def test_a_handler_may_work_in_threads() -> None:
    data = make_data(Review, Request(topic="a"), resources={"logger": LOGGER})
    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(data.put, f"{index}") for index in range(20)]:
            done.result()
        pool.submit(handle, data).result()
    assert sorted(streamed(data), key=lambda item: (len(item), item))[:20] == [f"{index}" for index in range(20)]
    assert emitted(data) == [("approved", 3)]


def test_the_older_names_work() -> None:
    data: Any = make_data(Review, Request(topic="a"), state={"owner": "me"}, flow_state={"reviewed": 4})
    data.set_runtime_data("owner", "you")
    data.append_runtime_data("seen", "b")
    data.set_flow_data("reviewed", 5)
    assert (data.state.to_dict(), data.flow_state.reviewed) == ({"seen": ["b"], "owner": "you"}, 5)
    data.del_runtime_data("owner")
    assert (data.get_runtime_data("owner"), data.get_flow_data("reviewed")) == ("nobody", 5)


def test_a_contract_that_is_generic_in_its_state() -> None:
    class Base(Contract, Generic[Kept]):
        input: int
        result: str
        state: Kept

    data = make_data(Base[ReviewState], 3, state={"owner": "me"})
    assert data.state.owner == "me"


def test_a_pause_is_a_signal_that_holds_the_question() -> None:
    def ask(data: Data[Review, Request]) -> int:
        data.pause_for({"topic": data.value.topic}, type="human")

    with pytest.raises(PauseSignal) as caught:
        ask(make_data(Review, Request(topic="a"), step="ask", key="order-7"))
    interrupt = caught.value.interrupt
    assert (interrupt.payload, interrupt.type, interrupt.step) == ({"topic": "a"}, "human", "ask")
    with pytest.raises(PauseSignal) as again:
        ask(make_data(Review, Request(topic="a"), step="ask", key="order-8"))
    assert (interrupt.id.startswith("ask-"), again.value.interrupt.id != interrupt.id) == (True, True)


def test_a_pause_with_a_default_answer() -> None:
    def ask(data: Data[Review, Request]) -> Request:
        return data.pause_for("?", deadline=timedelta(days=1), default=Request(topic="nobody"))

    with pytest.raises(PauseSignal) as caught:
        ask(make_data(Review, Request(topic="a")))
    assert caught.value.interrupt.deadline is not None
