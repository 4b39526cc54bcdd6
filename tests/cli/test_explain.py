"""`typedflow explain`: who uses a path, over handlers, mappings and listeners."""

from __future__ import annotations

from tests.cli.project import Project

SOURCE = """\
import msgspec
from typedflow import Contract, Data, Events, Flow, FlowState, Resources, State

class Request(msgspec.Struct, frozen=True):
    topic: str

class Notes(State):
    request: Request = Request("")
    found: list[str] = []

class Counters(FlowState):
    runs: int = 0

class Tools(Resources):
    search: object

class Votes(Events):
    approved: str

class Review(Contract):
    input: Request
    result: str
    state: Notes
    flow_state: Counters
    resources: Tools
    events: Votes

def search(data: Data[Review, Request]) -> str:
    data.state.request = data.value
    data.emit("approved", "yes")
    return data.value.topic

def is_known(data: Data[Review, str]) -> bool:
    return data.state.get("request.topic") == data.value

def count(data: Data[Review, str]) -> str:
    data.flow_state.runs = 1
    return data.value

child = Flow(Review, name="child")
child.to(search).end()

flow = Flow(Review, name="review")
(
    flow.to(search)
    .if_condition(is_known)
    .to(count)
    .else_condition()
    .to(lambda data: data.value)
    .end_condition()
    .end()
)
flow.when({"state": "request"}).to(print)
flow.when("approved").to(count)
flow.to_sub_flow(
    child,
    capture={"input": {"topic": "state.request.topic"}, "resources": {"search": "resources.search"}},
    write_back={"runtime_data": {"request.topic": "result"}},
)
"""


def test_every_use_of_a_path_is_found(project: Project) -> None:
    project.write("review.py", SOURCE)
    done = project.spawn("explain", "review:flow", "state.request.topic")
    assert (done.code, done.stderr) == (0, "")
    assert (
        done.stdout
        == """\
state.request.topic of flow 'review': str
  writes       search        review.py:29  (state.request)
  reads        if: is_known  review.py:34
  listens      when request  review.py:53  (state.request)
  captures     child         review.py:55
  writes back  child         review.py:55
not seen: the source of lambda, print
"""
    )
    document = project.run("explain", "review:flow", "runtime_data.request.topic", "--json").document
    assert (document["path"], document["type"], document["unseen"]) == (
        "state.request.topic",
        "str",
        ["lambda", "print"],
    )
    assert [use["how"] for use in document["uses"]] == ["writes", "reads", "listens", "captures", "writes back"]


PATHS = [
    ("events.approved", {"emits search", "listens when approved"}),
    ("flow_state.runs", {"writes count", "writes count#2"}),
    ("resources.search", {"captures child"}),
    ("state.found", set()),
    ("events", {"emits search", "listens when approved"}),
]


def test_each_layer_can_be_asked_for(project: Project) -> None:
    project.write("review.py", SOURCE)
    for path, uses in PATHS:
        document = project.run("explain", "review:flow", path, "--json").document
        assert {f"{use['how']} {use['node']}" for use in document["uses"]} == uses, path
    assert "  nothing in the flow uses it\n" in project.run("explain", "review:flow", "state.found").stdout


WRONG = [
    ("state.reqest", "Notes has no field 'reqest' (did you mean 'request'?)"),
    ("stat.request", "'stat.request' begins with no layer (did you mean 'state'?)"),
    ("resources.serch", "contract 'Review' declares no resource 'serch' (did you mean 'search'?)"),
    ("events.aproved", "contract 'Review' declares no event 'aproved' (did you mean 'approved'?)"),
    ("state..x", "'.x' is not a path: segment 1 is empty"),
]


def test_an_unknown_path_is_a_mistake(project: Project) -> None:
    project.write("review.py", SOURCE)
    for path, text in WRONG:
        done = project.run("explain", "review:flow", path)
        assert (done.code, done.stdout) == (2, "")
        assert done.stderr.startswith(f"error: {text}"), done.stderr
