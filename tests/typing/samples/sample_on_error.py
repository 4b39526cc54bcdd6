"""Failures as values: what a handler for errors gets, and what goes on behind it."""

from __future__ import annotations

from typing import reveal_type

import msgspec

from typedflow import Contract, Data, Failed, Flow, Process


class Pages(Contract):
    input: str
    result: list[int]


class Page(msgspec.Struct):
    size: int = 0


class Missing(msgspec.Struct):
    why: str = ""


class Fetch(Contract):
    input: str
    result: Page


def fetch(data: Data[Pages, str]) -> Page:
    return Page()


async def fetch_async(data: Data[Pages, str]) -> Page:
    return Page()


def lost(data: Data[Pages, Failed[str]]) -> Missing:
    reveal_type(data.value.value)  # R: str
    reveal_type(data.value.attempts)  # R: int
    return Missing()


async def lost_async(data: Data[Pages, Failed[str]]) -> Missing:
    return Missing()


def same(data: Data[Pages, Failed[str]]) -> Page:
    return Page()


def of_any_value(data: Data[Pages, Failed[object]]) -> None: ...


def of_int(data: Data[Pages, Failed[int]]) -> None: ...


def of_no_failure(data: Data[Pages, str]) -> None: ...


def pages(data: Data[Pages, list[Page]]) -> list[int]:
    return []


def pages_and_failures(data: Data[Pages, list[Page | Failed[str]]]) -> list[int]:
    return []


child = Flow(Fetch)


def build(one: Process[Pages, str], several: Process[Pages, list[str]]) -> None:
    reveal_type(one.to(fetch, on_error=lost))  # R: Process[Pages, Page | Missing]
    reveal_type(one.to(fetch_async, on_error=lost))  # R: Process[Pages, Page | Missing]
    reveal_type(one.to(fetch, on_error=lost_async))  # R: Process[Pages, Page | Missing]
    reveal_type(one.to(fetch_async, on_error=lost_async))  # R: Process[Pages, Page | Missing]
    reveal_type(one.to(fetch_async, on_error=same))  # R: Process[Pages, Page]
    reveal_type(one.to(fetch, on_error=of_any_value))  # R: Process[Pages, Page | None]
    one.to(fetch, on_error=of_int)  # E
    one.to(fetch, on_error=of_no_failure)  # E
    one.to(pages, on_error=lost)  # E
    one.to(fetch, on_error=None)  # E
    one.to(fetch, on_error=3)  # E

    reveal_type(one.to_sub_flow(child, on_error=lost))  # R: Process[Pages, Page | Missing]
    reveal_type(one.to_sub_flow(child, on_error=lost_async))  # R: Process[Pages, Page | Missing]
    reveal_type(one.to_sub_flow(child, capture={"input": "value"}, on_error=lost))  # R: Process[Pages, Page | Missing]
    reveal_type(one.to_sub_flow(child, write_back={}, on_error=lost))  # R: Process[Pages, str | Missing]
    one.to_sub_flow(child, on_error=of_int)  # E
    several.to_sub_flow(child, on_error=of_any_value)  # E

    one_item = several.for_each(on_error="collect").to(fetch_async)
    reveal_type(one_item)  # R: Process[Pages, Page, Each[Failed[str], None]]
    all_items = one_item.end_for_each()
    reveal_type(all_items)  # R: Process[Pages, list[Page | Failed[str]]]
    twice = several.for_each(on_error="collect").to(fetch, on_error=lost_async).end_for_each()
    reveal_type(twice)  # R: Process[Pages, list[Page | Missing | Failed[str]]]
    reveal_type(several.for_each().to(fetch_async).end_for_each())  # R: Process[Pages, list[Page]]
    reveal_type(several.for_each(on_error="fail").to(fetch).end_for_each())  # R: Process[Pages, list[Page]]
    all_items.to(pages)  # E
    reveal_type(all_items.to(pages_and_failures))  # R: Process[Pages, list[int]]
    several.for_each(on_error="colect")  # E
    several.for_each(on_error="collect").batch().branch(fetch).branch(fetch_async).end_batch().end()  # E
    pair = several.for_each(on_error="collect").batch().branch(fetch).branch(fetch_async).end_batch()
    reveal_type(pair.end_for_each())  # R: Process[Pages, list[tuple[Page, Page] | Failed[str]]]


flow = Flow(Pages)
reveal_type(flow.to(fetch, on_error=lost))  # R: Process[Pages, Page | Missing]
reveal_type(flow.to_sub_flow(child, on_error=lost))  # R: Process[Pages, Page | Missing]


async def lost_later(data: Data[Pages, Failed[str]]) -> Missing:
    return Missing()


def lost_number(data: Data[Pages, Failed[int]]) -> Missing:
    return Missing()


def branches(one: Process[Pages, str], child: Flow[Fetch]) -> None:
    reveal_type(one.batch().branch(fetch, on_error=lost).end_batch())  # R: Process[Pages, tuple[Page | Missing], None]
    both = one.batch().branch(fetch_async, on_error=lost_later).branch(fetch)
    reveal_type(both.end_batch())  # R: Process[Pages, tuple[Page | Missing, Page], None]
    ended = one.batch().branch(child, on_error=lost).end_batch()
    reveal_type(ended)  # R: Process[Pages, tuple[Page | Missing], None]
    one.batch().branch(fetch, on_error=lost_number)  # E
    reveal_type(one.side_branch(fetch, on_error=lost))  # R: Process[Pages, str, None]
    one.side_branch(fetch, on_error=lost_number)  # E
