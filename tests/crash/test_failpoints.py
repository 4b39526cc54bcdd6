"""A process that is killed at any point between two steps, and what a new process makes of it.

Letters are the invariants: A an acknowledged save survives; B a snapshot is the old or the new one; C one final
transition; E bodies at least once, with a stable key; F the flow_state is the sum of what was committed.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
import psycopg
import pytest

from tests.budget import budget, is_full
from tests.crash import journey
from tests.crash.program import Order, Report, open_store
from tests.postgres import conninfo_of
from tests.stores.conformance import DATABASES, execute
from typedflow.engine.status import TRANSITIONS, Status
from typedflow.execution.failpoints import FAILPOINTS
from typedflow.schema.contracts import spec_of
from typedflow.snapshot.flow_states import decode_flow_state
from typedflow.snapshot.reading import read_document
from typedflow.stores import StoredSnapshot

ROOT: Final = Path(__file__).parents[2]
FINAL: Final = ("completed", "cancelled")
EVERY: Final = 1 if is_full() else 15
"""The quick form kills at every fifteenth time that a point is reached, the first one always."""
OF_THE_STORE: Final = ("save.encoded", "save.stored", "flow_state.updated")
"""The points at which the quick form kills a process whose store is a server."""
KILLED_OFTEN: Final = {("sqlite", "step"), ("postgres", "pause")}
"""The stores and checkpoints whose processes the quick form kills any number of times."""
HISTORY: Final = """
    CREATE TABLE IF NOT EXISTS history (sequence INTEGER, status TEXT);
    CREATE TRIGGER IF NOT EXISTS saved AFTER INSERT ON typedflow_executions
    BEGIN INSERT INTO history VALUES (new.sequence, new.status); END;
    CREATE TRIGGER IF NOT EXISTS saved_again AFTER UPDATE OF sequence ON typedflow_executions
    BEGIN INSERT INTO history VALUES (new.sequence, new.status); END;
"""
POSTGRES_HISTORY: Final = """
    CREATE TABLE IF NOT EXISTS history
        (number bigint GENERATED ALWAYS AS IDENTITY, execution bigint REFERENCES typedflow_executions ON DELETE CASCADE,
        sequence bigint, status text);
    CREATE OR REPLACE FUNCTION note_save() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO history (execution, sequence, status) VALUES (new.id, new.sequence, new.status); RETURN NULL;
    END $$;
    CREATE OR REPLACE TRIGGER saved AFTER INSERT OR UPDATE OF sequence ON typedflow_executions
        FOR EACH ROW EXECUTE FUNCTION note_save();
"""


class Processes:
    """Runs each order in a new process."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process

    def run(self, order: Order) -> Report:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(msgspec.json.encode(order) + b"\n")
        self.process.stdin.flush()
        report = msgspec.json.decode(self.process.stdout.readline(), type=Report)
        assert not report.error, report.error
        return report


@pytest.fixture(scope="module")
def processes() -> Iterator[Processes]:
    command = [sys.executable, "-m", "tests.crash.program"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            yield Processes(process)
        finally:
            process.kill()


class Case:
    """One journey in one folder: run it, kill it, look at what is there."""

    def __init__(self, processes: Processes, folder: Path, store: str, checkpoint: str, size: int) -> None:
        self.processes = processes
        self.folder = folder
        self.order = Order(str(folder), store, checkpoint, size)  # type: ignore[arg-type]  # one of the two
        folder.mkdir()
        if store in DATABASES:
            self.keep_history()

    def keep_history(self) -> None:
        """Record every save in the database itself."""

        async def make() -> None:
            async with open_store(self.order.store, self.folder):
                pass

        asyncio.run(make())
        if self.order.store == "sqlite":
            database = sqlite3.connect(self.folder / "store.db")
            database.executescript(HISTORY)
            database.close()
        else:
            with psycopg.connect(conninfo_of(self.folder)) as connection:
                connection.execute(POSTGRES_HISTORY)

    def run(self, point: str = "", nth: int = 0) -> Report:
        report = self.processes.run(msgspec.structs.replace(self.order, point=point, nth=nth))
        if report.killed:
            self.check_stored()
        return report

    def check_stored(self) -> None:
        """Check A, B and F on what a killed process has left."""
        stored, tally = asyncio.run(self.read_back())
        asyncio.run(self.check_revisions(stored))
        acknowledged = self.folder / "acknowledged"
        saves = acknowledged.stat().st_size if acknowledged.exists() else 0
        assert (0 if stored is None else stored.sequence) in (saves, saves + 1)
        if stored is None:
            assert tally == journey.Tally()
            return
        if stored.sequence > saves:  # stored, and killed before it could say so
            with acknowledged.open("ab") as file:
                file.write(b".")
        snapshot = read_document(stored.data)
        assert (snapshot.sequence, snapshot.status) == (stored.sequence, stored.status)
        assert snapshot.state is not msgspec.UNSET
        state = msgspec.json.decode(snapshot.state, type=journey.Marks)
        assert {*state.trail} == {*state.seen}
        left = Counter(key for key, _ in journey.read_marks(self.folder))
        assert set(tally.by_key) <= set(left)
        assert all(count == 1 for count in tally.by_key.values())
        assert tally.steps == len(tally.by_key)

    async def check_revisions(self, stored: StoredSnapshot | None) -> None:
        """Read every revision that a killed process has left."""
        if self.order.store not in DATABASES or stored is None:
            return
        store: Any
        async with open_store(self.order.store, self.folder) as store:
            kept = await store.history(journey.ID)
            assert [each.sequence for each in kept] == list(range(max(1, stored.sequence - 2), stored.sequence + 1))
            for each in kept:
                revision = await store.get(journey.ID, at=each.sequence)
                assert revision is not None
                snapshot = read_document(revision.data)
                assert (snapshot.sequence, snapshot.status) == (each.sequence, each.status)

    async def read_back(self) -> tuple[StoredSnapshot | None, journey.Tally]:
        async with open_store(self.order.store, self.folder) as store:
            stored = await store.get(journey.ID)
            data = await store.get_flow_state("journey")
            tally: Any = journey.Tally() if data is None else decode_flow_state(data, spec_of(journey.Journey))
            return stored, tally

    def check_end(self, report: Report, expected: Expected) -> None:
        """Check what the last process has reached: the result, C, E and F."""
        assert (report.status, report.result) == ("completed", expected.result)
        assert report.seen == expected.seen
        assert dict(journey.read_marks(self.folder)) == expected.marks
        stored, tally = asyncio.run(self.read_back())
        assert stored is not None
        assert stored.status == "completed"
        if self.order.store in DATABASES:
            assert tally.by_key == dict.fromkeys(expected.counted, 1)
            self.check_history()

    def check_history(self) -> None:
        order = "rowid" if self.order.store == "sqlite" else "number"
        history = execute(self.order.store, self.folder, f"SELECT sequence, status FROM history ORDER BY {order}")
        sequences, statuses = [sequence for sequence, _ in history], [Status(status) for _, status in history]
        assert sequences == list(range(1, len(history) + 1))
        assert [status in FINAL for status in statuses] == [False] * (len(statuses) - 1) + [True]
        assert all(new is old or new in TRANSITIONS[old] for old, new in itertools.pairwise(statuses))


class Expected:
    """What an undisturbed journey comes to."""

    def __init__(self, size: int) -> None:
        journey.Where.folder = None
        journey.Where.marks.clear()
        flow = journey.build()
        execution = flow.create_execution(execution_id=journey.ID)

        async def run() -> None:
            await execution.async_start(size)
            assert await journey.go_on(execution) is Status.COMPLETED

        asyncio.run(run())
        self.result = execution.result
        self.seen = dict(execution.state.seen)
        self.marks = dict(journey.Where.marks)
        self.counted = list(flow.flow_state.by_key)


@pytest.mark.long
@pytest.mark.parametrize(
    "store, checkpoint",
    [
        ("sqlite", "step"),
        pytest.param("sqlite", "pause", marks=pytest.mark.full),
        ("file", "pause"),
        ("postgres", "step"),
    ],
)
def test_a_kill_at_any_point_is_made_good_by_a_new_process(
    store: str, checkpoint: str, processes: Processes, folder: Path
) -> None:
    expected = Expected(journey.SMALL)
    undisturbed = Case(processes, folder / "undisturbed", store, checkpoint, journey.SMALL)
    report = undisturbed.run()
    undisturbed.check_end(report, expected)
    times_reached, tried, killed = report.reached, 0, 0
    assert set(times_reached) == set(FAILPOINTS)
    for point, times in times_reached.items():
        # A folder costs more where its tables are a server's, and what differs between stores is few of the points.
        few = store == "postgres" and not is_full()
        if few and point not in OF_THE_STORE:
            continue
        for nth in range(1, times + 1, EVERY * 4 if few else EVERY):
            tried += 1
            case = Case(processes, folder / f"{point}-{nth}", store, checkpoint, journey.SMALL)
            report = case.run(point, nth)
            killed += report.killed
            case.check_end(case.run() if report.killed else report, expected)
    # Steps that end together share a save or not, as it comes: a point near the end may be missed.
    assert killed >= 0.9 * tried


@pytest.mark.long
@pytest.mark.parametrize(
    "store, checkpoint",
    [
        pytest.param(*row, marks=[] if row in KILLED_OFTEN else [pytest.mark.full])
        for row in itertools.product(("sqlite", "file", "postgres"), ("step", "pause"))
    ],
)
def test_any_number_of_kills_is_made_good(store: str, checkpoint: str, processes: Processes, folder: Path) -> None:
    expected = Expected(journey.LARGE)
    deadline = time.monotonic() + budget()
    number = 0
    while time.monotonic() < deadline or number < (3 if is_full() else 2):
        chance = random.Random(f"{store} {checkpoint} {number}")
        case = Case(processes, folder / str(number), store, checkpoint, journey.LARGE)
        for _ in range(chance.randint(1, 6)):
            report = case.run(chance.choice(FAILPOINTS), chance.randint(1, 25))
            if not report.killed:
                break
        case.check_end(case.run(), expected)
        number += 1
