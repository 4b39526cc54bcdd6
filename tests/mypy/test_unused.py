"""What nothing in a module uses is reported where that is asked for, and only where no other module may use it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.budget import is_full, rows
from tests.mypy.daemon import Daemon, inside
from tests.mypy.programs import CONFIG, Finding, copy_library_cache, run_mypy, write_project

ASKED = CONFIG + "[typedflow-mypy]\nreport_unused = true\n"


def asked_of(*modules: str) -> str:
    """Return a configuration that asks of some modules only, so that the library need not be checked again."""
    return f"{CONFIG}[mypy-{','.join(modules)}]\nenable_error_code = typedflow-unused\n"


PROGRAM = """\
from elsewhere import foreign, register
import elsewhere
from typing import Any
import msgspec
from typedflow import Contract, Data, Events, Execution, Flow, FlowState, Process, Resources, State, binding


class Kept(State):
    used: int = 0
    field: int = 0


class Counters(FlowState):
    counter: int = 0


class Tools(Resources):
    used_tool: int = 0
    tool: int = 0


class Said(Events):
    event: None


class C(Contract):
    input: int
    result: int
    state: Kept
    flow_state: Counters
    resources: Tools
    events: Said


Step = Data[C, int]


class Child(Contract):
    input: int
    result: int


def inner(data: Data[Child, int]) -> int:
    return data.value


child = Flow(Child)
child.to(inner).end()


def begin(data: Data[C, int]) -> int:
    data.state.used += 1
    return data.require_resource("used_tool")


flow = Flow(C)
chain = flow.to(begin)
chain.end()


"""
ELSEWHERE = """\
from typing import Any

def foreign(*given: Any, **named: Any) -> Any: ...
def register(given: Any) -> Any: ...
def decorated(given: Any) -> Any: ...
handler: Any = None
NAME: str = ""
CAPTURE: Any = {}
"""
ALL = {"field", "counter", "tool", "event"}
HANDED_ON: dict[str, tuple[str, set[str]]] = {
    # the program, and what is still reported
    "nothing more": ("", ALL),
    "an attribute": ("def f(data: Data[C, int]) -> None:\n    data.state.field = 1\n", ALL - {"field"}),
    "an attribute of anything": ("print(elsewhere.field)\n", ALL - {"field"}),
    "a path": ("def f(data: Data[C, int]) -> None:\n    data.flow_state.get('counter')\n", ALL - {"counter"}),
    "an item": ("def f(data: Data[C, int]) -> None:\n    data.state['field'] = 1\n", ALL - {"field"}),
    "a key": ("def f(data: Data[C, int]) -> None:\n    data.get_resource('tool')\n", ALL - {"tool"}),
    "a resource that is supplied": ("flow.update_runtime_resources(tool=3)\n", ALL - {"tool"}),
    "an event that is heard": ("flow.when('event')\n", ALL - {"event"}),
    "events by their class": ("flow.when_event(Said.event)\n", ALL - {"event"}),
    "a pattern": ("def f(x: object) -> None:\n    match x:\n        case Kept(field=1): pass\n", ALL - {"field"}),
    "a text of a migration": ("@C.migrate(1)\ndef up(doc: Any) -> Any:\n    return doc['field']\n", ALL - {"field"}),
    "a captured value": ("flow.to_sub_flow(child, capture={'input': 'state.field'}).end()\n", ALL - {"field"}),
    "a value that is written back": (
        "flow.to_sub_flow(child, write_back={'flow_state': {'counter': 'result'}}).end()\n",
        ALL - {"counter"},
    ),
    "a name of a constant": (
        "NAME = 'field'\ndef f(data: Data[C, int]) -> None:\n    data.state.get(NAME)\n",
        ALL - {"field"},
    ),
    "another name of a layer": (
        "def f(data: Data[C, int]) -> None:\n    state = data.state\n    print(state.used)\n",
        ALL,
    ),
    "a child": ("flow.to_sub_flow(child, capture={'input': 'value'}).end()\n", ALL),
    "a function of this module": ("def f(data: Data[C, int]) -> int:\n    return begin(data)\n", ALL),
    "an update": ("flow.update_flow_state(lambda counters: print(counters.counter))\n", ALL - {"counter"}),
    "a flow that is returned": ("def f() -> Flow[C]:\n    return flow\n", ALL),
    # whole layers
    "a state that is handed on": ("def f(data: Data[C, int]) -> None:\n    foreign(data.state)\n", ALL - {"field"}),
    "a state that is returned": ("def f(data: Data[C, int]) -> Kept:\n    return data.state\n", ALL - {"field"}),
    "another name of a state that is handed on": (
        "def f(data: Data[C, int]) -> None:\n    state = data.state\n    foreign(state)\n",
        ALL - {"field"},
    ),
    "a state as a dict": ("def f(data: Data[C, int]) -> None:\n    data.state.to_dict()\n", ALL - {"field"}),
    "a computed path": ("def f(data: Data[C, int], p: str) -> None:\n    data.state.get(p)\n", ALL - {"field"}),
    "a bound method": ("def f(data: Data[C, int]) -> None:\n    foreign(data.state.get)\n", ALL - {"field"}),
    "a computed key": ("def f(data: Data[C, int], k: str) -> None:\n    data.get_resource(k)\n", ALL - {"tool"}),
    "a computed event": ("def f(data: Data[C, int]) -> None:\n    data.emit(elsewhere.NAME)\n", ALL - {"event"}),
    "a state of unknown fields": ("def f(**k: Any) -> None:\n    Kept(**k)\n", ALL - {"field"}),
    "a state that is captured": ("flow.to_sub_flow(child, capture={'input': 'state'}).end()\n", ALL - {"field"}),
    "an update by another module": ("flow.update_flow_state(foreign)\n", set()),
    "a function that gets a state": ("def f(state: Kept) -> None:\n    foreign(state)\n", set()),
    # everything
    "Data that is handed on": ("def f(data: Data[C, int]) -> None:\n    foreign(data)\n", set()),
    "Data by another name": ("def f(data: Step) -> None:\n    foreign(data)\n", set()),
    "Data in quotes": ("def f(data: 'Data[C, int]') -> None:\n    foreign(data)\n", set()),
    "Data of a lambda": ("chain.to(lambda data: foreign(data))\n", set()),
    "a handler of another module": ("chain.to(foreign)\n", set()),
    "a handler of another module, by its module": ("chain.to(elsewhere.handler)\n", set()),
    "a handler for errors of another module": ("chain.to(begin, on_error=foreign)\n", set()),
    "a decorated handler": ("@elsewhere.decorated\ndef f(data: Data[C, int]) -> None: ...\n", set()),
    "a flow that is handed on": ("register(flow)\n", set()),
    "a chain that is handed on": ("register(chain)\n", set()),
    "a chain without a name that is handed on": ("register(flow.to(begin))\n", set()),
    "an execution that is handed on": ("execution = flow.create_execution()\nregister(execution)\n", set()),
    "a contract that is handed on": ("register(C)\n", set()),
    "a class that is handed on": ("msgspec.convert({}, type=Kept)\n", set()),
    "a capture of another module": ("chain.to_sub_flow(child, capture=elsewhere.CAPTURE)\n", set()),
    "a computed attribute": ("def f(x: object, name: str) -> None:\n    getattr(x, name)\n", set()),
    "all attributes": ("def f(x: object) -> None:\n    vars(x)\n", set()),
    "a star": ("from elsewhere import *\n", set()),
    "a flow of a config": ("Flow.from_config({}, contract=C)\n", set()),
    "a computed list of exports": ("__all__ = sorted(elsewhere.NAME)\n", set()),
    "a contract that is exported": ("__all__ = ['C']\n", set()),
    "a class that is exported": ("__all__ = ['Kept', 'begin']\n", ALL - {"field"}),
}


def unused_in(findings: list[Finding], file: str) -> set[str]:
    found = [it.text for it in findings if it.file == file and it.text.endswith("[typedflow-unused]")]
    return {text.split("'")[1] for text in found}


@pytest.fixture(scope="module")
def findings(tmp_path_factory: pytest.TempPathFactory) -> list[Finding]:
    sources = {f"m{number}.py": PROGRAM + more for number, (more, _) in enumerate(HANDED_ON.values())}
    config = asked_of(*(name.removesuffix(".py") for name in sources))
    project = write_project(tmp_path_factory.mktemp("unused"), {**sources, "elsewhere.py": ELSEWHERE}, config)
    return run_mypy(project)


@pytest.mark.parametrize("number, name", list(enumerate(HANDED_ON)), ids=list(HANDED_ON))
def test_only_what_nobody_else_may_use_is_reported(findings: list[Finding], number: int, name: str) -> None:
    assert unused_in(findings, f"m{number}.py") == HANDED_ON[name][1]


@pytest.mark.parametrize(
    "config, flags, first_line",
    [
        (ASKED, (), ""),
        pytest.param(CONFIG + "enable_error_code = typedflow-unused\n", (), "", marks=pytest.mark.full),
        (asked_of("program"), (), ""),
        pytest.param(CONFIG, ("--enable-error-code", "typedflow-unused"), "", marks=pytest.mark.full),
        (CONFIG, (), "# mypy: enable-error-code=typedflow-unused\n"),
    ],
    ids=["option", "ini", "module", "command line", "inline"],
)
def test_every_way_of_asking_works_and_drops_the_cache(
    tmp_path: Path, config: str, flags: tuple[str, ...], first_line: str
) -> None:
    library = copy_library_cache(tmp_path / "library")
    write_project(tmp_path, {"program.py": PROGRAM, "elsewhere.py": ELSEWHERE}, CONFIG)
    assert run_mypy(tmp_path, cache=library) == []
    write_project(tmp_path, {"program.py": first_line + PROGRAM}, config)
    assert unused_in(run_mypy(tmp_path, *flags, cache=library), "program.py") == ALL


def test_a_line_that_is_ignored_is_not_reported(tmp_path: Path) -> None:
    source = PROGRAM.replace("    field: int = 0", "    field: int = 0  # type: ignore[typedflow-unused]")
    write_project(tmp_path, {"program.py": source, "elsewhere.py": ELSEWHERE}, asked_of("program"))
    assert unused_in(run_mypy(tmp_path), "program.py") == ALL - {"field"}


EDITS: list[tuple[str, str, str, set[str]]] = [
    # in turn: the file, what is replaced, by what, and what is reported then
    ("program.py", "data.state.used += 1", "data.state.field += 1", {"counter", "tool", "event", "used"}),
    ("base.py", "class Base(State)", "class Base", {"counter", "tool", "event"}),
    ("base.py", "class Base", "class Base(State)", {"counter", "tool", "event", "used"}),
    ("program.py", "chain.end()\n", "chain.end()\nregister(flow)\n", set()),
    ("program.py", "register(flow)\n", "", {"counter", "tool", "event", "used"}),
]


@pytest.mark.parametrize("mode", rows(["daemon", "incremental"], ["incremental"]))
def test_after_an_edit_it_is_what_a_cold_run_reports(tmp_path: Path, mode: str) -> None:
    program = PROGRAM.replace("class Kept(State)", "class Kept(Base)").replace(
        "import msgspec\n", "from base import Base\n"
    )
    base = "from typedflow import State\n\n\nclass Base(State):\n    pass\n"
    sources = {"program.py": program, "elsewhere.py": ELSEWHERE, "base.py": base}
    project = write_project(tmp_path / "project", sources, ASKED)
    cache = copy_library_cache(tmp_path / "library")
    with inside(project):
        daemon = Daemon(cache) if mode == "daemon" else None

        def check() -> list[Finding]:
            return daemon.check() if daemon is not None else run_mypy(project, cache=cache)

        assert unused_in(check(), "program.py") == ALL
        for step, (name, old, new, expected) in enumerate(EDITS if is_full() else EDITS[:2], 1):
            assert sources[name].count(old) == 1
            sources[name] = sources[name].replace(old, new)
            write_project(project, sources, ASKED)
            os.utime(project / name, (1_900_000_000 + 10 * step, 1_900_000_000 + 10 * step))
            found = check()
            assert unused_in(found, "program.py") == expected, new
        write_project(project, {}, asked_of("program", "elsewhere", "base"))
        assert sorted(set(found)) == sorted(set(run_mypy(project)))
