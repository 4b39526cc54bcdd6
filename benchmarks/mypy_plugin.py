"""P1 and P2: what the mypy plugin costs, on 300 modules of 20 handlers.

    python benchmarks/mypy_plugin.py [--modules 300] [--rounds 3]

Three corpora are checked side by side, each in fresh processes, rounds interleaved, medians reported:

- `plugin`: the handlers use paths, resource keys and event names, checked by the plugin;
- `control`: the same lines, the same number of calls, each to a function with written-out types; no plugin;
- `plain`: the first corpus without the plugin, where every such call gives Any: for orientation only;
- `timed`: the first corpus with a clock around every hook.

P1 is a cold run: the hooks' own time (measured in the process, arguments that a hook has inferred included) over the
whole run, and `plugin` over `control`. P2 is one edited file under the daemon, `plugin` over `control`.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

ROOT = Path(__file__).parents[1]
HANDLERS = 20

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
def get_email(state: ShopState, path: str, default: str) -> str: ...
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
from typedflow_mypy import plugin as _

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


@atexit.register
def tell():
    with open(os.environ["HOOK_TIMES"], "w") as file:
        file.write(f"{spent[0]} {spent[1]}")


plugin = typedflow_mypy.plugin
"""

DAEMON = """\
import json, os, sys, time
from pathlib import Path
from mypy.dmypy_server import Server
from mypy.main import process_options

flags = ["--config-file", "mypy.ini", "--cache-dir", sys.argv[1], "."]
sources, options = process_options(flags, require_targets=False, server_options=True)
server = Server(options, "no status file")
answer = server.check(sources, export_types=False, is_tty=False, terminal_width=80)
assert answer["status"] == 0, answer["out"][:2000]
edited, times = Path("module_007.py"), []
text = edited.read_text()
for number in range(int(sys.argv[2])):
    edited.write_text(text.replace("    total = 0", f"    total = 1{number}"))
    os.utime(edited, (1_900_000_000 + 10 * number, 1_900_000_000 + 10 * number))
    start = time.process_time()
    sources, options = process_options(flags, require_targets=False, server_options=True)
    answer = server.check(sources, export_types=False, is_tty=False, terminal_width=80)
    times.append(time.process_time() - start)
    assert answer["status"] == 0, answer["out"][:2000]
edited.write_text(text)
print(json.dumps(times[1:]))
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
    """Give the environment of a mypy that finds its plugin's bytecode, as it does where both are installed."""
    path = os.pathsep.join([str(ROOT), str(ROOT / "mypy_plugin")])
    own = {"PYTHONPATH": path, "MYPYPATH": str(ROOT), "PYTHONPYCACHEPREFIX": str(scratch / "bytecode")}
    found = {**os.environ, **own, "HOOK_TIMES": str(scratch / "times")}
    found.pop("PYTHONDONTWRITEBYTECODE", None)
    return found


def cold(folder: Path, scratch: Path) -> tuple[float, float, int]:
    """Run mypy anew; gives its seconds of CPU time, those of the hooks, and how often they were called."""
    before = os.times()
    # the timing plugin is no module of the corpus
    command = [sys.executable, "-m", "mypy", "--cache-dir", os.devnull, "--exclude", "timed", "--no-fast-exit", "."]
    done = subprocess.run(command, cwd=folder, env=environment(scratch), capture_output=True, text=True, check=False)
    after = os.times()
    assert done.returncode == 0 or folder.name == "plain", done.stdout[:2000] + done.stderr[:2000]
    spent = (scratch / "times").read_text().split() if folder.name == "timed" else ("0", "0")
    seconds = after.children_user + after.children_system - before.children_user - before.children_system
    return seconds, float(spent[0]), int(spent[1])


def one_edit(folder: Path, scratch: Path, rounds: int) -> float:
    """Check one edited file under the daemon, several times; gives the median of seconds."""
    script = scratch / "daemon.py"
    script.write_text(DAEMON)
    (folder / "mypy.ini").write_text((folder / "mypy.ini").read_text() + "exclude = timed\n")
    cache = str(scratch / f"cache-{folder.name}")
    command = [sys.executable, str(script), cache, str(rounds + 1)]
    done = subprocess.run(command, cwd=folder, env=environment(scratch), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[:2000] + done.stderr[:4000]
    return statistics.median(json.loads(done.stdout.splitlines()[-1]))


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
        cold(scratch / "first", scratch)  # writes the bytecode
        runs: dict[str, list[tuple[float, float, int]]] = {kind: [] for kind in kinds}
        for _ in range(options.rounds):
            for kind in kinds:
                runs[kind].append(cold(scratch / kind, scratch))
        median = {kind: statistics.median(run[0] for run in runs[kind]) for kind in kinds}
        hooks = statistics.median(run[1] for run in runs["timed"])
        calls = runs["timed"][0][2]
        print(
            f"{options.modules} modules, {lines['plugin']} lines, {calls} calls of the plugin, {options.rounds} rounds"
        )
        for kind in kinds:
            spread = ", ".join(f"{run[0]:.2f}" for run in runs[kind])
            print(f"  cold {kind:8} {median[kind]:6.2f} s CPU  ({spread})")
        print(f"P1 hooks' own time {hooks:.2f} s = {hooks / median['timed']:.1%} of the run (target 5%)")
        print(f"P1 plugin / control {median['plugin'] / median['control']:.3f} (target 1.10)")
        edits = {kind: one_edit(scratch / kind, scratch, 7) for kind in ("plugin", "control")}
        print(
            f"P2 one edited file, daemon: plugin {edits['plugin']:.3f} s, control {edits['control']:.3f} s,"
            f" ratio {edits['plugin'] / edits['control']:.3f} (target 1.10)"
        )


if __name__ == "__main__":
    main()
