"""Two programs as a new user writes them: a triage of tickets with typed answers and deadlines, and a data job."""

from __future__ import annotations

from concurrent.futures import Executor, ThreadPoolExecutor
from datetime import timedelta
from enum import Enum
from pathlib import Path

import msgspec
import pytest

from typedflow import (
    Contract,
    Data,
    Failed,
    Flow,
    FlowState,
    InterruptError,
    ItemEnded,
    Resources,
    Retry,
    State,
    Status,
    offload,
)
from typedflow.stores import SQLiteStore
from typedflow.testing import run_flow


class Severity(Enum):
    LOW = "low"
    HIGH = "high"


class Ticket(msgspec.Struct):
    id: str
    text: str


class Assign(msgspec.Struct, tag="assign"):
    to: str
    severity: Severity = Severity.LOW


class Reject(msgspec.Struct, tag="reject"):
    reason: str


class Done(msgspec.Struct):
    id: str
    outcome: str


class Desk(State):
    ticket: Ticket | None = None
    log: list[str] = []


class Counters(FlowState):
    limit: int = 3
    assigned: int = 0


class Mail(Resources):
    outbox: list[str]


class Triage(Contract):
    input: Ticket
    result: Done
    state: Desk
    flow_state: Counters
    resources: Mail


async def receive(data: Data[Triage, Ticket]) -> Ticket:
    data.state.ticket = data.value
    return data.value


def ask(data: Data[Triage, Ticket]) -> Assign | Reject:
    return data.pause_for(
        {"id": data.value.id, "text": data.value.text},
        type="triage",
        deadline=timedelta(hours=4),
        default=Assign(to="on-call", severity=Severity.HIGH),
    )


def assign(data: Data[Triage, Assign]) -> Done:
    assert data.state.ticket is not None
    data.require_resource("outbox").append(f"{data.state.ticket.id} -> {data.value.to}")
    number = data.update_flow_state(count)
    data.state.log.append(f"assigned as number {number}")
    return Done(id=data.state.ticket.id, outcome=f"assigned to {data.value.to} ({data.value.severity.value})")


def count(counters: Counters) -> int:
    counters.assigned += 1
    return counters.assigned


def reject(data: Data[Triage, Reject]) -> Done:
    assert data.state.ticket is not None
    return Done(id=data.state.ticket.id, outcome=f"rejected: {data.value.reason}")


triage = Flow(Triage)
(triage.to(receive).to(ask).match().case_type(Assign).to(assign).case_type(Reject).to(reject).end_match().end())


class Row(msgspec.Struct):
    path: Path
    words: int


class Report(msgspec.Struct):
    rows: list[Row]
    failed: list[str]


class Progress(State):
    source: Path = Path()


class Pools(Resources):
    pool: Executor


class Job(Contract):
    input: Path
    result: Report
    state: Progress
    resources: Pools
    stream: str


def listing(data: Data[Job, Path]) -> list[Path]:
    data.state.source = data.value
    return sorted(data.value.glob("*.txt"))


def words_of(path: Path) -> Row:
    text = path.read_text()
    if not text:
        raise ValueError(f"{path.name} is empty")
    return Row(path=path, words=len(text.split()))


def tell(data: Data[Job, Row]) -> Row:
    data.put(f"{data.value.path.name}: {data.value.words}")
    return data.value


def report(data: Data[Job, list[Row | Failed[Path]]]) -> Report:
    rows = [row for row in data.value if isinstance(row, Row)]
    failed = [f"{each.value.name}: {each.text}" for each in data.value if isinstance(each, Failed)]
    return Report(rows=rows, failed=failed)


job = Flow(Job)
(
    job.to(listing)
    .for_each(concurrency=2, on_error="collect")
    .to(offload(words_of, executor="pool"), retry=Retry(attempts=2))
    .to(tell)
    .end_for_each()
    .to(report)
    .end()
)


def test_an_answer_decides() -> None:
    outbox: list[str] = []
    done = run_flow(triage, Ticket("t1", "x"), answers={"ask": Assign(to="ann")}, resources={"outbox": outbox})
    assert done == Done("t1", "assigned to ann (low)")
    assert outbox == ["t1 -> ann"]


def test_an_answer_may_be_plain_data() -> None:
    answers = {"triage": {"type": "reject", "reason": "spam"}}
    done = run_flow(triage, Ticket("t1", "x"), answers=answers, resources={"outbox": []})
    assert done.outcome == "rejected: spam"


def test_nobody_answers_in_time() -> None:
    assert run_flow(triage, Ticket("t1", "x"), resources={"outbox": []}).outcome == "assigned to on-call (high)"


def test_a_script_answers_what_is_pending_in_a_store(tmp_path: Path) -> None:
    outbox: list[str] = []
    with SQLiteStore(tmp_path / "triage.db") as store:
        for name in ("t0", "t1"):
            execution = triage.create_execution(store=store, execution_id=name, runtime_resources={"outbox": outbox})
            assert execution.start(Ticket(name, "broken")) is Status.WAITING
        first, _ = store.pending_sync("Triage", "triage")
        assert first.payload == {"id": "t0", "text": "broken"}
        assert triage.answer_schema(first)["discriminator"]["propertyName"] == "type"
        opened = triage.open(first.execution_id, store=store, runtime_resources={"outbox": outbox})
        with pytest.raises(InterruptError, match="with 'type' one of 'assign', 'reject'"):
            opened.continue_with(first, {"type": "asign", "to": "bob"})
        with pytest.raises(InterruptError, match="Assign has no field 'extra'"):
            opened.continue_with(first, {"type": "assign", "to": "bob", "extra": 1})
        opened.continue_with(first, {"type": "assign", "to": "bob", "severity": "high"})
        assert opened.result == Done("t0", "assigned to bob (high)")
        assert [entry.execution_id for entry in store.list_sync(status="waiting")] == ["t1"]


def test_a_job_reports_failures_and_progress(tmp_path: Path) -> None:
    for name, text in {"a": "one two", "b": "", "c": "three"}.items():
        (tmp_path / f"{name}.txt").write_text(text, encoding="utf-8")
    progress: list[tuple[int, int]] = []

    def watch(record: object) -> None:
        if isinstance(record, ItemEnded):
            progress.append((record.done, record.total))

    with ThreadPoolExecutor(2) as pool, SQLiteStore(tmp_path / "jobs.db") as store:
        execution = job.create_execution(
            store=store, checkpoint="step", runtime_resources={"pool": pool}, observers=[watch]
        )
        assert execution.start(tmp_path) is Status.COMPLETED
    assert [row.words for row in execution.result.rows] == [2, 1]
    assert execution.result.failed == ["b.txt: b.txt is empty"]
    assert progress == [(1, 3), (2, 3), (3, 3)]
