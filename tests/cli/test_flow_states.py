"""`typedflow flow-state show` and `delete`."""

from __future__ import annotations

import pytest

from tests.cli.project import Project
from tests.cli.terminal import talk

COUNTING = """\
from typedflow import Contract, Data, Flow, FlowState

class Counters(FlowState):
    runs: int = 0
    topics: dict[str, int] = {}

class Count(Contract):
    input: str
    result: int
    flow_state: Counters

def count(data: Data[Count, str]) -> int:
    topic = data.value
    def add(counters: Counters) -> int:
        counters.runs += 1
        counters.topics[topic] = counters.topics.get(topic, 0) + 1
        return counters.runs
    return data.update_flow_state(add)

flow = Flow(Count, name="count")
flow.to(count).end()
quiet = Flow(Count, name="quiet")
quiet.to(lambda data: 1).end()
"""


@pytest.fixture
def counted(project: Project) -> Project:
    """Return a project with a stored flow_state."""
    project.write("counting.py", COUNTING)
    for topic in ("birds", "birds", "bees"):
        assert project.run("run", "counting:flow", "--input", f'"{topic}"', "-q").code == 0
    return project


def test_a_flow_state_is_shown_without_its_flow(counted: Project) -> None:
    (counted.folder / "counting.py").unlink()
    assert counted.run("flow-state", "show", "count").stdout.splitlines() == [
        "flow_state of flow 'count'  contract Count, version 1",
        "├── runs: 3",
        "└── topics",
        "    ├── birds: 2",
        "    └── bees: 1",
    ]
    assert counted.run("flow-state", "show", "count", "--json").document == {
        "flow": "count",
        "contract": "Count",
        "version": 1,
        "flow_state": {"runs": 3, "topics": {"birds": 2, "bees": 1}},
    }


def test_a_deleted_flow_state_begins_anew(counted: Project) -> None:
    assert counted.run("flow-state", "delete", "count", "--yes").stdout == "deleted the flow_state of flow 'count'\n"
    assert counted.run("run", "counting:flow", "--input", '"birds"').stdout == "1\n"
    assert counted.run("flow-state", "delete", "count", "--yes", "--json").document == {
        "flow": "count",
        "deleted": True,
    }


@pytest.mark.full
def test_delete_asks_on_a_terminal(counted: Project) -> None:
    code, shown = talk(counted, "flow-state", "delete", "count", lines=[""])
    assert (code, shown.splitlines()[-1]) == (2, "error: nothing was deleted")
    code, shown = talk(counted, "flow-state", "delete", "count", lines=["^D"])
    assert (code, shown.splitlines()[-1]) == (2, "error: nothing was deleted")
    assert counted.run("flow-state", "show", "count").code == 0


MISTAKES = [
    (("show", "cuont"), "the store has no flow_state of a flow 'cuont' (did you mean 'count'?)"),
    (("delete", "cuont", "--yes"), "did you mean 'count'?"),
    (("delete", "count"), "cannot ask whether to delete the flow_state of flow 'count': stdin is no terminal"),
    (("show", "count", "--store", "files/"), "a folder of files shares no flow_state"),
    (("show", "count", "--store", "none.db"), "there is no store 'none.db'"),
]


def test_what_cannot_be_shown_or_deleted_says_why(counted: Project) -> None:
    (counted.folder / "files").mkdir()
    for arguments, text in MISTAKES:
        done = counted.run("flow-state", *arguments)
        assert (done.code, done.stdout) == (2, ""), arguments
        assert text in done.stderr, (arguments, done.stderr)


def test_a_flow_that_has_stored_none_is_told_from_an_unknown_one(counted: Project) -> None:
    counted.run("run", "counting:quiet", "--input", '"a"', "-q")
    done = counted.run("flow-state", "show", "quiet")
    assert done.stderr == (
        "error: the store has no flow_state of a flow 'quiet' (it is stored by the first execution that changes it)\n"
    )
