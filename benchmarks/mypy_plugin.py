"""P1 and P2: what the mypy plugin costs, on 300 modules of 20 handlers.

    python benchmarks/mypy_plugin.py [--modules 300] [--rounds 3]

The corpora are checked in fresh processes, two at once, each on a core of its own: what slows the machine down slows
both. Every pair runs twice in a round, with the cores exchanged; a ratio is the median over the rounds of the geometric
mean of the two:

- `plugin`: the handlers use paths, resource keys and event names, checked by the plugin;
- `control`: the same lines, the same number of calls, each to a function with written-out types; no plugin;
- `plain`: the first corpus without the plugin, where every such call gives Any: for orientation only;
- `timed`: the first corpus with a clock around every hook.

P1 is a cold run: the hooks' own time (measured in the process, arguments that a hook has inferred included) over the
whole run, and `plugin` over `control`. P2 is one edited file under the daemon, `plugin` over `control`: once both have
checked all, the two daemons are asked by turns, and the median of each counts. All times are of the CPU.
"""

from __future__ import annotations

import argparse
import math
import os
import statistics
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path
from subprocess import PIPE
from typing import Any

ROOT = Path(__file__).parents[1]
HANDLERS = 20
EDITS = 40

CONTRACTS = """\
from __future__ import annotations

import logging

import msgspec

from typedflow import Contract, Events, Flow, FlowState, Resources, State


class Author(msgspec.Struct):
    name: str
    email: str | None = None


class Request(msgspec.Struct):
    topic: str
    author: Author
    limit: int = 10


class Report(msgspec.Struct):
    text: str
    score: float = 0.0


class Search:
    def find(self, topic: str) -> list[str]:
        return [topic]


class ShopState(State):
    request: Request
    maybe: Request | None = None
    drafts: list[str] = []
    table: dict[str, Author] = {}
    count: int = 0


class Counters(FlowState):
    reviewed: int = 0


class Tools(Resources):
    logger: logging.Logger
    search: Search
    spare: Search | None = None


class Happened(Events):
    ticked: int
    done: Report


class Shop(Contract):
    input: Request
    result: Report
    state: ShopState
    flow_state: Counters
    resources: Tools
    events: Happened


class Child(Contract):
    input: Request
    result: Report


child = Flow(Child)
"""

# What the control calls in the place of the methods: as many arguments, types written out.
TYPED = """\
from __future__ import annotations

from typedflow import Data, Process
from {contracts} import Report, Request, Search, Shop, ShopState, Counters

D = Data[Shop, Request]


def get_topic(state: ShopState, path: str) -> str: ...
def get_email(state: ShopState, path: str, default: str) -> str | None: ...
def get_count(state: ShopState, path: str) -> int: ...
def set_count(state: ShopState, path: str, value: int) -> None: ...
def append_draft(state: ShopState, path: str, value: str) -> None: ...
def require_search(data: D, key: str) -> Search: ...
def emit_ticked(data: D, event: str, payload: int) -> None: ...
"""

HANDLER = '''\

async def handler_{n}(data: Data[Shop, Request]) -> Request:
    """Count, and find."""
    topic = {get_topic}
    email = {get_email}
    count = {get_count}
    {set_count}
    {append_draft}
    search = {require_search}
    found = search.find(topic)
    total = 0
    for index, item in enumerate(found):
        total += index * len(item) + len(email)
    if total > {n}:
        {emit_ticked}
    return Request(topic=topic.upper(), author=data.value.author, limit=total)
'''

CALLS = {
    "plugin": {
        "get_topic": 'data.state.get("request.topic")',
        "get_email": 'data.state.get("maybe.author.email", "") or ""',
        "get_count": 'data.state.get("count")',
        "set_count": 'data.state.set("count", count + 1)',
        "append_draft": 'data.state.append("drafts", topic)',
        "require_search": 'data.require_resource("search")',
        "emit_ticked": 'data.emit("ticked", total)',
    },
    "control": {
        "get_topic": 'get_topic(data.state, "request.topic")',
        "get_email": 'get_email(data.state, "maybe.author.email", "") or ""',
        "get_count": 'get_count(data.state, "count")',
        "set_count": 'set_count(data.state, "count", count + 1)',
        "append_draft": 'append_draft(data.state, "drafts", topic)',
        "require_search": 'require_search(data, "search")',
        "emit_ticked": 'emit_ticked(data, "ticked", total)',
    },
}

FLOW = '''\

async def finish(data: Data[Shop, Report]) -> Report:
    """Give the report on."""
    return data.value


flow = Flow(Shop)
flow.to(handler_0).to(handler_1).to(handler_2){sub_flow}.to(finish).end()
'''
SUB_FLOWS = {
    "plugin": '.to_sub_flow(child, capture={"input": "value"}, write_back={"value": "result"})',
    "control": ".to_sub_flow(child)",
}

TIMED = """\
import atexit
import os
import sys
import time

import typedflow_mypy
from typedflow_mypy import hooks, plugin as _

dispatcher = sys.modules["typedflow_mypy.plugin"]
spent, depth, clock = [0.0, 0], [0], time.perf_counter


def timed(function):
    def call(*args):
        if depth[0]:
            return function(*args)
        depth[0] = 1
        start = clock()  # no system call, which would cost as much as a hook that knows its answer
        try:
            return function(*args)
        finally:
            spent[0] += clock() - start
            spent[1] += 1
            depth[0] = 0
    return call


make_guard = dispatcher.guarded
dispatcher.guarded = lambda hook, default: timed(make_guard(hook, default))
for name in ("of_method", "of_making", "of_layer"):
    make = getattr(hooks.Hooks, name)
    setattr(hooks.Hooks, name, lambda self, check, make=make: timed(make(self, check)))


@atexit.register
def tell():
    with open(os.environ["HOOK_TIMES"], "w") as file:
        file.write(f"{spent[0]} {spent[1]}")


plugin = typedflow_mypy.plugin
"""

DAEMON = """\
import os, sys, time
from pathlib import Path
from mypy.dmypy_server import Server
from mypy.main import process_options

flags = ["--config-file", "mypy.ini", "--cache-dir", sys.argv[1], "."]
sources, options = process_options(flags, require_targets=False, server_options=True)
server = Server(options, "no status file")
answer = server.check(sources, export_types=False, is_tty=False, terminal_width=80)
assert answer["status"] == 0, answer["out"][:2000]
edited = Path("module_007.py")
text = edited.read_text()
print("ready", flush=True)
for number in range(int(sys.argv[2])):
    sys.stdin.readline()
    edited.write_text(text.replace("    total = 0", f"    total = 1{number}"))
    os.utime(edited, (1_900_000_000 + 10 * number, 1_900_000_000 + 10 * number))
    start = time.process_time()
    sources, options = process_options(flags, require_targets=False, server_options=True)
    answer = server.check(sources, export_types=False, is_tty=False, terminal_width=80)
    print(time.process_time() - start, flush=True)
    assert answer["status"] == 0, answer["out"][:2000]
edited.write_text(text)
sys.stdin.readline()
"""


def write_corpus(folder: Path, kind: str, modules: int) -> int:
    """Write one corpus; gives its number of lines."""
    folder.mkdir()
    calls = "control" if kind == "control" else "plugin"
    plugins = {"plugin": "plugins = typedflow_mypy\n", "timed": "plugins = timed.py\n"}.get(kind, "")
    (folder / "mypy.ini").write_text(f"[mypy]\nstrict = true\nfollow_imports = silent\n{plugins}")
    (folder / "timed.py").write_text(TIMED)
    lines = 0
    for number in range(0, modules, 30):
        (folder / f"contracts_{number // 30}.py").write_text(CONTRACTS)
        typed = TYPED.format(contracts=f"contracts_{number // 30}")
        (folder / f"typed_{number // 30}.pyi").write_text(typed)
    for number in range(modules):
        names = ", ".join(CALLS["control"]) if kind == "control" else ""
        parts = [
            '"""Handlers."""\n\nfrom __future__ import annotations\n\nfrom typedflow import Data, Flow\n\n',
            f"from contracts_{number // 30} import Report, Request, Shop, child\n",
            f"from typed_{number // 30} import {names}\n" if names else "\n",
            *(HANDLER.format(n=n, **CALLS[calls]) for n in range(HANDLERS)),
            FLOW.format(sub_flow=SUB_FLOWS[calls]),
        ]
        source = "".join(parts)
        lines += source.count("\n")
        (folder / f"module_{number:03}.py").write_text(source)
    return lines


def environment(scratch: Path) -> dict[str, str]:
    """Return the environment of a mypy that finds its plugin's bytecode, as it does where both are installed."""
    path = os.pathsep.join([str(ROOT), str(ROOT / "mypy_plugin")])
    own = {"PYTHONPATH": path, "MYPYPATH": str(ROOT), "PYTHONPYCACHEPREFIX": str(scratch / "bytecode")}
    found = {**os.environ, **own, "HOOK_TIMES": str(scratch / "times")}
    found.pop("PYTHONDONTWRITEBYTECODE", None)
    return found


def pin(process: subprocess.Popen[Any], core: int) -> None:
    """Keep a process on a core, where the system lets us choose."""
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_setaffinity") else []
    if len(cores) > 1:
        os.sched_setaffinity(process.pid, {cores[core % len(cores)]})


class Run:
    """One process in a corpus."""

    def __init__(self, command: list[str], folder: Path, scratch: Path, core: int) -> None:
        self._folder = folder
        self._out = scratch / f"out-{folder.name}"
        with self._out.open("w") as out:
            self._process = subprocess.Popen(
                command, cwd=folder, env=environment(scratch), stdout=out, stderr=subprocess.STDOUT
            )
        pin(self._process, core)

    def seconds(self) -> float:
        """Wait for the end, and give the CPU time."""
        _, status, usage = os.wait4(self._process.pid, 0)
        self._process.returncode = os.waitstatus_to_exitcode(status)
        assert self._process.returncode == 0 or self._folder.name == "plain", self.said()[:4000]
        return usage.ru_utime + usage.ru_stime

    def said(self) -> str:
        """Return what it has printed."""
        return self._out.read_text()


def cold(folder: Path, scratch: Path, core: int) -> Run:
    """Begin to run mypy anew."""
    # the timing plugin is no module of the corpus
    command = [sys.executable, "-m", "mypy", "--cache-dir", os.devnull, "--exclude", "timed", "--no-fast-exit", "."]
    return Run(command, folder, scratch, core)


class Edits:
    """A daemon in a corpus, which checks one edited file each time that it is asked to."""

    def __init__(self, folder: Path, scratch: Path, core: int, number: int) -> None:
        command = [sys.executable, "-c", DAEMON, str(scratch / f"cache-{folder.name}"), str(number)]
        self._process = subprocess.Popen(
            command, cwd=folder, env=environment(scratch), text=True, stdin=PIPE, stdout=PIPE
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._asked, self._answers = self._process.stdin, self._process.stdout
        pin(self._process, core)

    def said(self) -> str:
        """Wait for a line: that all is checked, or the CPU seconds of an edit."""
        line = self._answers.readline()
        assert line, f"the daemon ended with {self._process.wait()}"
        return line

    def go_on(self) -> None:
        """Check the next edit; behind the last one, end."""
        self._asked.write("\n")
        self._asked.flush()

    def end(self) -> None:
        """End it."""
        self.go_on()
        self._process.wait()


def cold_rounds(scratch: Path, sides: tuple[str, str], rounds: int) -> dict[str, list[float]]:
    """Return the CPU seconds of two corpora, checked at the same time: two runs of each in a round."""
    found: dict[str, list[float]] = {kind: [] for kind in sides}
    for number in range(2 * rounds):
        runs = {kind: cold(scratch / kind, scratch, (side + number) % 2) for side, kind in enumerate(sides)}
        for kind, run in runs.items():
            found[kind].append(run.seconds())
    return found


def edit_rounds(scratch: Path, sides: tuple[str, str], rounds: int) -> dict[str, list[float]]:
    """Return the CPU seconds of one edited file under two daemons, asked by turns: a median of each per run."""
    found: dict[str, list[float]] = {kind: [] for kind in sides}
    for kind in sides:
        ini = scratch / kind / "mypy.ini"
        ini.write_text(ini.read_text() + "exclude = timed\n")
    for number in range(2 * rounds):
        daemons = {kind: Edits(scratch / kind, scratch, (side + number) % 2, EDITS) for side, kind in enumerate(sides)}
        for daemon in daemons.values():
            daemon.said()
        times: dict[str, list[float]] = {kind: [] for kind in sides}
        for _ in range(EDITS):
            for kind, daemon in daemons.items():
                daemon.go_on()
                times[kind].append(float(daemon.said()))
        for kind, daemon in daemons.items():
            daemon.end()
            found[kind].append(statistics.median(times[kind][1:]))
    return found


def ratio(found: dict[str, list[float]], one: str, other: str) -> tuple[float, str]:
    """Return the median ratio over the rounds, and all of them as text."""
    each = [mine / theirs for mine, theirs in zip(found[one], found[other], strict=True)]
    rounds = [math.sqrt(first * second) for first, second in zip(each[::2], each[1::2], strict=True)]
    return statistics.median(rounds), ", ".join(f"{found:.3f}" for found in rounds)


def shown(found: dict[str, list[float]]) -> str:
    """Return the medians as text."""
    return ", ".join(f"{kind} {statistics.median(times):.3f} s" for kind, times in found.items())


def main() -> None:
    parser = argparse.ArgumentParser(description=textwrap.dedent(__doc__ or ""))
    parser.add_argument("--modules", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        kinds = ("plugin", "control", "plain", "timed")
        lines = {kind: write_corpus(scratch / kind, kind, options.modules) for kind in kinds}
        write_corpus(scratch / "first", "plugin", 1)
        cold(scratch / "first", scratch, 0).seconds()  # writes the bytecode
        timed, hooks = cold_rounds(scratch, ("timed", "plain"), 1), (scratch / "times").read_text().split()
        print(f"{options.modules} modules, {lines['plugin']} lines, {hooks[1]} calls of the plugin")
        share = float(hooks[0]) / timed["timed"][-1]
        print(f"P1 hooks' own time {float(hooks[0]):.2f} s = {share:.1%} of the run (target 5%); {shown(timed)}")
        found = cold_rounds(scratch, ("plugin", "control"), options.rounds)
        value, each = ratio(found, "plugin", "control")
        print(f"P1 plugin / control {value:.3f} (target 1.10; rounds {each}); {shown(found)}")
        found = edit_rounds(scratch, ("plugin", "control"), options.rounds)
        value, each = ratio(found, "plugin", "control")
        print(f"P2 one edited file, daemon: plugin / control {value:.3f} (target 1.10; rounds {each}); {shown(found)}")


if __name__ == "__main__":
    main()
