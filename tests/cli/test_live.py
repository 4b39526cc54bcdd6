"""What `run` shows on stderr while an execution runs: lines, or a table on a terminal."""

from __future__ import annotations

import io
from collections.abc import Iterable

import pytest
from rich.console import Console

from tests.cli.project import Project
from tests.cli.terminal import talk
from typedflow.cli.live import Lines, LiveTable
from typedflow.engine.status import Status
from typedflow.engine.tokens import Interrupt
from typedflow.execution.observing import (
    ChildEntered,
    ChildLeft,
    ExecutionStarted,
    ItemEnded,
    Record,
    StepEnded,
    StepFailed,
    StepPaused,
    StepRetried,
    StepStarted,
)

MANY = """\
import asyncio
from typedflow import Contract, Data, Flow

class Many(Contract):
    input: int
    result: int
    stream: str

def count(data: Data[Many, int]) -> list[int]:
    data.put("counting")
    print("a line of the handler")
    return list(range(data.value))

async def double(data: Data[Many, int]) -> int:
    await asyncio.sleep(0)
    return 2 * data.value

def total(data: Data[Many, list[int]]) -> int:
    if not data.value:
        raise LookupError("nothing to add")
    return sum(data.value)

inner = Flow(Many, name="inner")
inner.to(count).for_each().to(double).end_for_each().to(total).end()
flow = Flow(Many, name="many")
flow.to_sub_flow(inner, name="part", capture={"input": "value"}).end()
"""


def step(kind: type, name: str, *, execution: str = "x", **more: object) -> Record:
    record: Record = kind(execution=execution, flow="f", time=more.pop("time", 0.0), step=name, key=name, **more)
    return record


def item(done: int, total: int, time: float) -> Record:
    return ItemEnded(execution="x", flow="f", time=time, step="each", item=0, done=done, total=total, failed=False)


def lines_of(records: Iterable[Record]) -> list[str]:
    lines: list[str] = []
    with Lines(lines.append) as view:
        for record in records:
            view.observe(record)
    return lines


ASKED = Interrupt("q", "human", None, None, "ask")


def test_lines_name_what_has_happened_to_each_step() -> None:
    assert lines_of(
        [
            ExecutionStarted(execution="x", flow="f", time=0.0, status=Status.RUNNING),
            step(StepStarted, "get"),
            step(StepRetried, "get", attempt=1, error="OSError", wait=0.5),
            step(StepEnded, "get", seconds=0.2),
            step(StepEnded, "put", seconds=12.34),
            step(StepPaused, "ask", interrupt=ASKED),
            step(StepFailed, "try", error="KeyError", text="", seconds=0.1, caught=True),
            step(StepFailed, "end", error="ValueError", text="", seconds=0.1, caught=False),
        ]
    ) == [
        "get: failed (OSError), attempt 1 in 0.5 s",
        "get: done",
        "put: done in 12.3 s",
        "ask: waits for an answer",
        "try: failed, handled (KeyError)",
        "end: failed (ValueError)",
    ]


def test_the_steps_of_a_child_stand_under_the_name_of_its_node() -> None:
    entered = step(ChildEntered, "part", child="y", child_flow="inner")
    deeper = step(ChildEntered, "deep", execution="y", child="z", child_flow="inner")
    left = step(ChildLeft, "part", child="y", status=Status.COMPLETED)
    ended = step(StepEnded, "get", execution="z", seconds=0.0)
    assert lines_of([entered, deeper, ended, left]) == ["part/deep/get: done"]


def test_a_step_that_runs_often_has_few_lines() -> None:
    assert lines_of(step(StepEnded, "look", seconds=0.0) for _ in range(1200)) == [
        *["look: done"] * 3,
        "look: done 10 times",
        "look: done 100 times",
        "look: done 1000 times",
    ]


def test_the_items_of_a_for_each_have_a_line_in_a_second_and_one_at_the_end() -> None:
    assert lines_of(item(done, 10, done / 4) for done in range(1, 11)) == [
        "each: 5 of 10 items",
        "each: 9 of 10 items",
        "each: 10 of 10 items",
    ]


def test_the_table_has_a_row_for_each_step() -> None:
    now, shown = [0.0], io.StringIO()
    console = Console(file=shown, width=80, height=40, force_terminal=True, color_system=None, markup=False)
    table = LiveTable(console, lambda: now[0])
    for record in [
        step(StepStarted, "get"),
        step(StepEnded, "get", seconds=0.1),
        step(StepStarted, "long"),
        step(StepStarted, "try"),
        step(StepFailed, "try", error="KeyError", text="", seconds=0.1, caught=False),
        step(StepStarted, "again"),
        step(StepRetried, "again", attempt=1, error="OSError", wait=2.0),
        step(StepStarted, "ask"),
        step(StepPaused, "ask", interrupt=ASKED),
        item(3, 4, 0.0),
    ]:
        table.observe(record)
    now[0] = 75.0
    console.print(table.render())
    rows = [" ".join(line.split()) for line in shown.getvalue().splitlines()]
    assert [row for row in rows if row[0] in "✓✗?"] == ["✓ get", "✗ try failed (KeyError)", "? ask waits for an answer"]
    assert [row[2:] for row in rows if row[0] not in "✓✗?"][:2] == ["long 75.0 s", "again OSError; attempt 1 in 2.0 s"]
    assert rows[-1].endswith("3 of 4")


def test_a_long_table_shows_its_newest_rows() -> None:
    console = Console(file=io.StringIO(), width=80, height=10)
    table = LiveTable(console)
    for number in range(50):
        table.observe(step(StepStarted, f"step{number}"))
    assert table.render().row_count == 6


@pytest.fixture
def many(project: Project) -> Project:
    project.write("many.py", MANY)
    return project


def test_a_run_writes_lines_where_there_is_no_terminal(many: Project) -> None:
    done = many.run("run", "many:flow", "--input", "3", "--no-store")
    assert (done.code, done.stdout) == (0, "6\n")
    lines = done.stderr.splitlines()
    lines.remove("counting")
    assert lines == [
        "a line of the handler",
        "part/count: done",
        *["part/double: done"] * 3,
        "part/for_each: 3 of 3 items",
        "part/total: done",
    ]


@pytest.mark.full
def test_json_has_nothing_beside_it(many: Project) -> None:
    many.write("many.py", MANY.replace('    print("a line of the handler")\n', ""))
    done = many.spawn("run", "many:flow", "--input", "3", "--no-store", "--json")
    assert (done.stderr, done.document["result"], done.document["stream"]) == ("", 6, ["counting"])


def test_a_run_draws_a_table_on_a_terminal_and_leaves_it(many: Project) -> None:
    code, shown = talk(many, "run", "many:flow", "--input", "3", "--no-store", term="xterm")
    assert code == 0
    assert "a line of the handler\n" in shown
    last = shown[shown.rindex("part/count") :]
    assert [" ".join(line.split()) for line in last.splitlines()] == [
        "part/count",
        "✓ part/double 3 times",
        f"✓ part/for_each {'━' * 20} 3 of 3",
        "✓ part/total",
        "6",
    ]


@pytest.mark.full
def test_a_failure_on_a_terminal_stands_behind_the_table(many: Project) -> None:
    code, shown = talk(many, "run", "many:flow", "--input", "0", "--no-store", term="xterm")
    assert code == 1
    assert "✗  part/total" in shown
    assert "error: LookupError: nothing to add (many.py:20)\n" in shown[shown.rindex("✗") :]
    assert "Traceback" not in shown
