"""What `run`, `answer` and `runs retry` show on stderr while an execution runs: a table that changes, or plain lines.

A view is an observer. It gets the items of the stream as well, which no record has.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Final, Protocol, Self

import msgspec
from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from typedflow.execution.observing import (
    ChildEntered,
    ItemEnded,
    Record,
    StepEnded,
    StepFailed,
    StepPaused,
    StepRetried,
    StepStarted,
)

SHOWN_ONE_BY_ONE: Final = 3
"""The first calls of a step have a line each; after them the 10th, the 100th and so on."""
LONGEST_SILENCE: Final = 1.0
"""Seconds between two lines about the items of one for_each."""
WORTH_SHOWING: Final = 1.0
"""Seconds that a step takes before its time is shown."""


class View(Protocol):
    """Shows what runs, while it is entered."""

    def __enter__(self) -> Self:
        """Begin to show."""
        ...

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None, /
    ) -> None:
        """End the display; what was shown last stays on the screen."""
        ...

    def observe(self, record: Record) -> None:
        """Take a record of the execution."""
        ...

    def enter(self, execution: str, step: str, child: str) -> None:
        """Take note of a child execution that works for a step: of one that was open already, no record says it."""
        ...

    def item(self, value: Any) -> None:
        """Take an item of the stream, as plain data."""
        ...


def make_view(*, quiet: bool, as_json: bool) -> View:
    """Return the view of a command: nothing with `--json`, items with `--quiet`, a table on a terminal, else lines."""
    if as_json:
        return Lines(lambda line: None)
    if quiet:
        return _Items(_to_stderr)
    is_drawable = sys.stderr.encoding.lower().startswith("utf") and os.environ.get("TERM") != "dumb"
    if sys.stderr.isatty() and is_drawable:
        return LiveTable(Console(file=sys.stderr, highlight=False, markup=False))
    return Lines(_to_stderr)


def _to_stderr(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def _item_text(item: Any) -> str:
    return item if isinstance(item, str) else msgspec.json.encode(item).decode()


class _Names:
    """The steps of children under the name of the node that runs them: "review/ask"."""

    def __init__(self) -> None:
        self._within: dict[str, str] = {}

    def enter(self, execution: str, step: str, child: str) -> None:
        self._within[child] = f"{self._prefix(execution)}{step}/"

    def of(self, execution: str, step: str) -> str:
        return f"{self._prefix(execution)}{step}"

    def _prefix(self, execution: str) -> str:
        return self._within.get(execution, "")


class Lines:
    """One line for each step that ends, pauses or fails; fewer where a step runs many times."""

    def __init__(self, put: Callable[[str], None]) -> None:
        self._put = put
        self._names = _Names()
        self._ended: dict[str, int] = {}
        self._said: dict[str, float] = {}

    def __enter__(self) -> Self:
        """Do nothing: a line is written when something happens."""
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None, /
    ) -> None:
        """Do nothing: what is written stays."""

    def item(self, value: Any) -> None:
        """Write an item of the stream on a line."""
        self._put(_item_text(value))

    def enter(self, execution: str, step: str, child: str) -> None:
        """Name the steps of a child under the step that it works for."""
        self._names.enter(execution, step, child)

    def observe(self, record: Record) -> None:
        """Write a line, if the record is worth one."""
        match record:
            case ChildEntered():
                self._names.enter(record.execution, record.step, record.child)
            case StepEnded():
                self._end(self._names.of(record.execution, record.step), record.seconds)
            case StepPaused():
                self._put(f"{self._names.of(record.execution, record.step)}: waits for an answer")
            case StepFailed():
                handled = ", handled" if record.caught else ""
                self._put(f"{self._names.of(record.execution, record.step)}: failed{handled} ({record.error})")
            case StepRetried():
                name = self._names.of(record.execution, record.step)
                self._put(f"{name}: failed ({record.error}), attempt {record.attempt} in {record.wait:.1f} s")
            case ItemEnded():
                self._count(self._names.of(record.execution, record.step), record)

    def _end(self, name: str, seconds: float) -> None:
        number = self._ended[name] = self._ended.get(name, 0) + 1
        if number <= SHOWN_ONE_BY_ONE:
            self._put(f"{name}: done{f' in {seconds:.1f} s' if seconds >= WORTH_SHOWING else ''}")
        elif str(number).strip("0") == "1":
            self._put(f"{name}: done {number} times")

    def _count(self, name: str, record: ItemEnded) -> None:
        said = self._said.setdefault(name, record.time)
        if record.done == record.total or record.time - said >= LONGEST_SILENCE:
            self._said[name] = record.time
            self._put(f"{name}: {record.done} of {record.total} items")


class _Items(Lines):
    """The items of the stream, and nothing else."""

    def observe(self, record: Record) -> None:
        """Write nothing."""


class _Row:
    """A step, or a for_each, in the table."""

    __slots__ = ("done", "ended", "failed", "note", "running", "seconds", "started", "total")

    def __init__(self) -> None:
        self.running = 0
        self.ended = 0
        self.failed = False
        self.note = ""
        self.seconds = 0.0
        self.started = 0.0
        self.done = 0
        self.total = 0


class LiveTable:
    """A table of the steps that changes while they run; what handlers print and the stream go above it."""

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._clock = clock
        self._names = _Names()
        self._rows: dict[str, _Row] = {}
        self._spinners: dict[str, Spinner] = {}
        self._lock = threading.Lock()
        self._live = Live(console=console, get_renderable=self.render, refresh_per_second=8)

    def __enter__(self) -> Self:
        """Begin to draw."""
        self._live.start()
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None, /
    ) -> None:
        """End the display; the last table stays on the screen."""
        self._live.stop()

    def item(self, value: Any) -> None:
        """Print an item of the stream above the table."""
        self._console.print(_item_text(value), soft_wrap=True)

    def enter(self, execution: str, step: str, child: str) -> None:
        """Name the steps of a child under the step that it works for."""
        self._names.enter(execution, step, child)

    def observe(self, record: Record) -> None:
        """Change the row of the record."""
        with self._lock:
            self._take(record)

    def _take(self, record: Record) -> None:
        match record:
            case ChildEntered():
                self._names.enter(record.execution, record.step, record.child)
            case StepStarted():
                row = self._row(record.execution, record.step)
                row.running, row.started, row.note = row.running + 1, self._clock(), ""
            case StepEnded():
                row = self._end(record.execution, record.step)
                row.ended, row.seconds = row.ended + 1, row.seconds + record.seconds
            case StepPaused():
                self._end(record.execution, record.step).note = "waits for an answer"
            case StepFailed():
                row = self._end(record.execution, record.step)
                row.failed = row.failed or not record.caught
                row.note = f"failed ({record.error}){', handled' if record.caught else ''}"
            case StepRetried():
                row = self._row(record.execution, record.step)
                row.note = f"{record.error}; attempt {record.attempt} in {record.wait:.1f} s"
            case ItemEnded():
                row = self._row(record.execution, record.step)
                row.done, row.total = record.done, record.total

    def _row(self, execution: str, step: str) -> _Row:
        return self._rows.setdefault(self._names.of(execution, step), _Row())

    def _end(self, execution: str, step: str) -> _Row:
        row = self._row(execution, step)
        row.running = max(0, row.running - 1)
        return row

    def render(self) -> Table:
        """Return the table as it is now; the newest rows, if not all of them fit on the screen."""
        table = Table.grid(padding=(0, 2, 0, 0))
        with self._lock:
            for name, row in list(self._rows.items())[-max(4, self._console.height - 4) :]:
                table.add_row(self._sign(name, row), Text(name), self._progress(row), Text(self._text(row), "dim"))
        return table

    def _sign(self, name: str, row: _Row) -> Text | Spinner:
        if row.failed:
            return Text("✗", "red")
        if row.running or (row.total and row.done < row.total):
            return self._spinners.setdefault(name, Spinner("dots", style="blue"))
        if row.note.startswith("waits"):
            return Text("?", "yellow")
        return Text("✓", "green")

    def _progress(self, row: _Row) -> Text | ProgressBar:
        if row.total:
            return ProgressBar(total=row.total, completed=row.done, width=20, complete_style="blue")
        return Text(f"{row.ended} times" if row.ended > 1 else "", "dim")

    def _text(self, row: _Row) -> str:
        if row.total:
            return f"{row.done} of {row.total}"
        if row.note:
            return row.note
        seconds = self._clock() - row.started if row.running else row.seconds
        return f"{seconds:.1f} s" if seconds >= WORTH_SHOWING else ""
