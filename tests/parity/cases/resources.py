"""Resources: whole, by key, of the declared class; never as data."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import msgspec

from typedflow import Contract, Data, Flow, Resources, State


class Search:
    def find(self, topic: str) -> list[str]:
        return [topic]


class FastSearch(Search):
    pass


class Browser:
    pass


@runtime_checkable
class Finder(Protocol):
    def find(self, topic: str) -> list[str]: ...


class Request(msgspec.Struct):
    topic: str


class ReviewState(State):
    topic: str = ""


class ReviewTools(Resources):
    search: Search
    fast: FastSearch
    browser: Browser | None = None
    limit: int = 3
    words: list[str] = []


class Review(Contract):
    input: Request
    result: Request
    state: ReviewState
    resources: ReviewTools


class AuditTools(Resources):
    search: Search | None = None
    fast: FastSearch | None = None
    finder: Finder | None = None
    browser: Browser = Browser()
    limit: float = 0.5
    words: list[str] = []


class Audit(Contract):
    input: Request
    result: Request
    resources: AuditTools


class Bare(Contract):
    input: Request
    result: Request


def work(data: Data[Audit, Request]) -> Request:
    return data.value


audit = Flow(Audit)
audit.to(work).end()


def the_same_class() -> Flow[Review]:
    flow = Flow(Review)
    flow.to_sub_flow(audit, capture={"input": "value", "resources": {"search": "resources.search"}}).end()
    return flow


def under_another_key() -> Flow[Review]:
    flow = Flow(Review)
    flow.to_sub_flow(audit, capture={"input": "value", "resources": {"fast": "resources.fast"}}).end()
    return flow


def a_subclass_for_its_base() -> Flow[Review]:
    flow = Flow(Review)
    flow.to_sub_flow(audit, capture={"input": "value", "resources": {"search": "resources.fast"}}).end()
    return flow


def a_class_for_its_protocol() -> Flow[Review]:
    flow = Flow(Review)
    flow.to_sub_flow(audit, capture={"input": "value", "resources": {"finder": "resources.search"}}).end()
    return flow


def plain_values() -> Flow[Review]:
    flow = Flow(Review)
    flow.to_sub_flow(
        audit,
        capture={"input": "value", "resources": {"limit": "resources.limit", "words": "resources.words"}},
    ).end()
    return flow


def a_base_for_its_subclass() -> Flow[Review]:
    flow = Flow(Review)
    # P value TF306: capture["resources"]["fast"] = "resources.search": 'resources.fast' of the child takes FastSearch |
    #   None, and 'resources.search' of the parent is Search (take another source, or declare the two alike)
    flow.to_sub_flow(audit, capture={"input": "value", "resources": {"fast": "resources.search"}}).end()
    return flow


def another_class() -> Flow[Review]:
    flow = Flow(Review)
    # P value TF306: capture["resources"]["search"] = "resources.limit": 'resources.search' of the child takes Search |
    #   None, and 'resources.limit' of the parent is int (take another source, or declare the two alike)
    flow.to_sub_flow(audit, capture={"input": "value", "resources": {"search": "resources.limit"}}).end()
    return flow


def a_class_without_the_methods_of_the_protocol() -> Flow[Review]:
    flow = Flow(Review)
    # P value TF306: capture["resources"]["finder"] = "resources.browser": 'resources.finder' of the child takes Finder
    #   | None, and 'resources.browser' of the parent is Browser | None (take another source, or declare the two alike)
    flow.to_sub_flow(audit, capture={"input": "value", "resources": {"finder": "resources.browser"}}).end()
    return flow


def one_that_may_be_none() -> Flow[Review]:
    flow = Flow(Review)
    # P value TF307: capture["resources"]["browser"] = "resources.browser": 'resources.browser' of the child takes
    #   Browser, and 'resources.browser' of the parent may be None (declare the target as Browser | None, or take a
    #   value that is never None)
    flow.to_sub_flow(audit, capture={"input": "value", "resources": {"browser": "resources.browser"}}).end()
    return flow


def an_unknown_key_of_the_child() -> Flow[Review]:
    flow = Flow(Review)
    # P key TF304: capture["resources"]["serach"]: AuditTools has no field 'serach' (did you mean 'search'?)
    flow.to_sub_flow(audit, capture={"input": "value", "resources": {"serach": "resources.search"}}).end()
    return flow


def an_unknown_key_of_the_parent() -> Flow[Review]:
    flow = Flow(Review)
    # P value TF304: capture["resources"]["search"] = "resources.serach": ReviewTools has no field 'serach' (did you
    #   mean 'search'?)
    flow.to_sub_flow(audit, capture={"input": "value", "resources": {"search": "resources.serach"}}).end()
    return flow


def a_dotted_key() -> Flow[Review]:
    flow = Flow(Review)
    # P key TF303: capture["resources"]["search.find"]: 'search.find' is not a resource key (take 'search' and read its
    #   attributes: resources are given whole, a key has no dots)
    flow.to_sub_flow(audit, capture={"input": "value", "resources": {"search.find": "resources.search"}}).end()
    return flow


def a_dotted_source() -> Flow[Review]:
    flow = Flow(Review)
    # P value TF303: capture["resources"]["search"] = "resources.search.find": 'search.find' is not a resource key (take
    #   'search' and read its attributes: resources are given whole, a key has no dots)
    flow.to_sub_flow(audit, capture={"input": "value", "resources": {"search": "resources.search.find"}}).end()
    return flow


def all_of_them_at_once() -> Flow[Review]:
    flow = Flow(Review)
    # P value TF303: capture["resources"]["search"] = "resources": resources are captured one by one, by their keys
    #   (write "resources.search")
    flow.to_sub_flow(audit, capture={"input": "value", "resources": {"search": "resources"}}).end()
    return flow


def a_whole_set_for_a_whole_set() -> Flow[Review]:
    flow = Flow(Review)
    # P value TF313: capture["resources"] = "resources": 'resources' is given by keys, not as a whole (write
    #   {"resources": {"key": "resources.key"}})
    flow.to_sub_flow(audit, capture={"input": "value", "resources": "resources"}).end()
    return flow


def a_parent_without_resources() -> Flow[Bare]:
    flow = Flow(Bare)
    # P value TF314: capture["resources"]["search"] = "resources.search": the parent's contract declares no resources
    #   (declare `resources: …` there, or leave the entry out)
    flow.to_sub_flow(audit, capture={"input": "value", "resources": {"search": "resources.search"}}).end()
    return flow


def into_every_layer_of_the_parent() -> Flow[Review]:
    flow = Flow(Review)
    flow.to_sub_flow(
        audit,
        write_back={
            "value": {
                # P value TF402: write_back["value"]["topic"] = "resources.search": 'value' cannot be filled from
                #   'resources', only from 'result' (resources go to resources only: they are never part of a value or a
                #   state)
                "topic": "resources.search",
            },
            "state": {
                # P value TF402: write_back["state"]["topic"] = "resources.search": 'state' cannot be filled from
                #   'resources', only from 'result' (resources go to resources only: they are never part of a value or a
                #   state)
                "topic": "resources.search",
            },
            # P key TF410: write_back["resources"]: resources are never written back: a child's resources stay with the
            #   child (return what the parent needs as the child's result)
            "resources": {"search": "result"},
        },
    ).end()
    return flow
