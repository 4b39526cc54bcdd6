"""Events and resources by attribute, which every checker knows without the plugin."""

from __future__ import annotations

from typing import reveal_type

from review import Review, ReviewEvents

from typedflow import Contract, Data, Flow, Resources


class Browser:
    def go(self) -> int:
        return 1


class Tools(Resources):
    logger: int
    browser: Browser | None = None


class Work(Contract):
    input: str
    result: int
    resources: Tools


def approved(data: Data[Review, bool]) -> int:
    return 1


def named(data: Data[Review, str]) -> int:
    return 1


flow = Flow(Review)
reveal_type(flow.when_event(ReviewEvents.approved))  # R: Process[Review, bool]
reveal_type(flow.when_event(ReviewEvents.approved).to(approved))  # R: Process[Review, int]
flow.when_event(ReviewEvents.approved).to(named)  # E
flow.when_event(ReviewEvents.aproved)  # E


def work(data: Data[Work, str]) -> int:
    reveal_type(data.require(lambda r: r.logger))  # R: int
    reveal_type(data.require(lambda r: r.browser))  # R: Browser
    data.require(lambda r: r.loger)  # E
    data.require("browser")  # E
    return data.require(lambda r: r.browser).go()
