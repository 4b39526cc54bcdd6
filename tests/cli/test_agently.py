"""`typedflow import-agently`: a TriggerFlow of Agently as a config and a module.

data/audit.json is what Agently 4.0.8.3 exports (without the places of the handlers in their files) of this flow:

    begin = flow.to(a)
    begin.side_branch(b)
    begin.batch(b, c).to(a).for_each(concurrency=2).to(b).end_for_each().to(c).end()
    begin.match(mode="hit_all").case(is_big).to(b).case("x").to(c).case_else().to(a).end_match().to(c)
    begin.if_condition(is_big).to(b).else_condition().to(c).end_condition().to(a)
    flow.when("Ev").to(c).collect("all", "one")
    begin.collect("all", "two").to(a)
    flow.when({"event": ["Ev", "Ew"], "runtime_data": "x"}, mode="and").to(b)
    flow.when({"flow_data": "y"}).to(b)
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from tests.cli.project import Project
from typedflow import Contract, Data, Events, Flow, FlowState, State
from typedflow.cli.agently import convert, read_trigger_flow
from typedflow.cli.skeletons import contract_name, identifier, write_skeleton
from typedflow.config.documents import BatchRecord, CollectRecord, EachRecord, JoinRecord, MatchRecord, WhenRecord

FILE: Final = Path(__file__).parent / "data" / "audit.json"


class Kept(State):
    x: str | None = None


class Shared(FlowState):
    y: str | None = None


class Calls(Events):
    Ev: str
    Ew: str


class Audit(Contract):
    input: int
    result: list[int]
    state: Kept
    flow_state: Shared
    events: Calls


@pytest.mark.full
def test_a_module_and_a_config_are_written_that_check(project: Project) -> None:
    done = project.spawn("import-agently", str(FILE))
    assert (done.code, done.stdout, done.stderr) == (0, "audit.py is written\naudit.json is written\n", "")
    assert project.run("check", "audit").stdout == "1 flow, 1 contract checked: no problems\n"
    config = project.run("config", "audit:flow").stdout
    assert (project.folder / "audit.json").read_text(encoding="utf-8") == config
    module = (project.folder / "audit.py").read_text(encoding="utf-8")
    assert "def a(data: Data[Audit, Any]) -> Any:\n    raise NotImplementedError\n" in module
    assert "def is_big(data: Data[Audit, Any]) -> bool:\n" in module
    again = project.run("import-agently", str(FILE))
    assert (again.code, again.stderr) == (
        2,
        "error: there is a file 'audit.py' already (--name or --output names others)\n",
    )
    other = project.run("import-agently", str(FILE), "--name", "new-audit", "--json")
    assert other.document == {"module": "new_audit", "files": ["new_audit.py", "new_audit.json"]}


def test_every_operator_has_its_node() -> None:
    imported = convert(read_trigger_flow(FILE))
    nodes = {node.name: node for node in imported.nodes}
    batch, each, all_hits, first_hit = (nodes[name] for name in ("batch", "for_each", "match", "match#2"))
    assert isinstance(batch, BatchRecord)
    assert batch.branches == ["b", "c"]
    assert isinstance(each, EachRecord)
    assert each.concurrency == 2
    assert isinstance(all_hits, MatchRecord)
    assert isinstance(first_hit, MatchRecord)
    assert [(match.mode, match.has_else) for match in (all_hits, first_hit)] == [("hit_all", True), ("hit_first", True)]
    assert [(case.name, case.value) for case in all_hits.cases if not case.condition] == [("'x'", "x")]
    collect, gate = nodes["all"], nodes["when"]
    assert isinstance(collect, CollectRecord)
    assert (sorted(collect.branches), collect.mode) == (["one", "two"], "filled_and_update")
    assert isinstance(gate, WhenRecord)
    assert (gate.mode, [(trigger.kind, trigger.name) for trigger in gate.triggers]) == (
        "and",
        [("event", "Ev"), ("event", "Ew"), ("state", "x")],
    )
    ends = [node for node in imported.nodes if isinstance(node, JoinRecord)]
    assert sorted(end.closes for end in ends) == ["batch", "for_each", "match", "match#2"]
    assert (imported.events, imported.state, imported.flow_state) == (["Ev", "Ew"], ["x"], ["y"])


def test_the_converted_flow_runs_as_it_was_built(project: Project) -> None:
    calls: list[str] = []

    def handler(name: str, change: Callable[[Any], Any]) -> Callable[[Data[Any, Any]], Any]:
        def step(data: Data[Any, Any]) -> Any:
            calls.append(name)
            return change(data.value)

        return step

    project.run("import-agently", str(FILE))
    flow: Flow[Any] = Flow.from_config(
        project.folder / "audit.json",
        contract=Audit,
        handlers={
            "a": handler("a", lambda value: [*value] if isinstance(value, tuple) else value),
            "b": handler("b", lambda value: value + 1),
            "c": handler("c", lambda value: value if isinstance(value, list) else 10),
        },
        conditions={"is_big": lambda data: data.value > 5},
    )
    assert flow.start(1) == [3, 11]  # batch: (2, 10); for_each adds 1
    assert sorted(calls) == sorted("a b bc a bb c a c c a".replace(" ", ""))


def broken(**changes: Any) -> Any:
    """Return the config with its first operators changed."""
    config = json.loads(FILE.read_text(encoding="utf-8"))
    config["operators"][0].update(changes)
    return config


ANONYMOUS = {"kind": "anonymous", "name": "<lambda>"}
WRONG: list[tuple[Any, str]] = [
    ({"version": "trigger_flow/v9", "operators": []}, "is of version 'trigger_flow/v9' ('trigger_flow/v1' is read)"),
    ({"operators": []}, "is no config of a TriggerFlow"),
    (broken(handler_ref=ANONYMOUS), "operator 'a' calls a lambda, which has no name"),
    (broken(kind="sub_flow"), "operator 'a' runs a child flow, which is not converted"),
    (broken(kind="magic"), "operator 'a' is of an unknown kind, 'magic'"),
    (broken(listen_signals=broken()["operators"][1]["emit_signals"]), "these operators wait for signals that nothing"),
    (broken(kind="batch_fanout"), "the block of operator 'a' is never closed"),
]


@pytest.mark.parametrize("config, text", WRONG)
def test_what_cannot_be_converted_is_named_and_nothing_is_written(project: Project, config: Any, text: str) -> None:
    project.write("given.json", json.dumps(config))
    done = project.run("import-agently", "given.json", "--name", "made")
    assert (done.code, done.stdout, text in done.stderr) == (2, "", True), done.stderr
    assert not list(project.folder.glob("made.*"))


def test_a_chunk_that_listens_twice_is_named(project: Project) -> None:
    config = broken()
    first, second = config["operators"][:2]
    second["listen_signals"] = [*second["listen_signals"], {**first["listen_signals"][0], "id": "event:X"}]
    project.write("given.json", json.dumps(config))
    done = project.run("import-agently", "given.json", "--name", "made")
    assert (done.code, "operator 'b' listens to several signals" in done.stderr) == (2, True)


def test_each_function_of_the_module_has_a_name_of_its_own() -> None:
    names: dict[str, Any] = {"constants": {"[1]": [1]}, "events": [], "state": ["a.b", "c"], "flow_state": []}
    text = write_skeleton("m", "m.json", handlers=["a b", "a_b", "flow", "class"], conditions=["a_b"], **names)
    functions = [line.partition("(")[0] for line in text.splitlines() if line.startswith("def ")]
    assert functions == ["def a_b", "def a_b_2", "def flow_2", "def class_2", "def a_b_3"]
    assert '        "[1]": [1],\n' in text
    assert "    a: dict[str, str] = {}\n    c: str | None = None\n" in text
    compile(text, "m.py", "exec")


@pytest.mark.parametrize("text, name", [("Plan.Read", "Plan_Read"), ("3 a", "_3_a"), ("", "_"), ("a-b", "a_b")])
def test_names_become_names_of_python(text: str, name: str) -> None:
    assert identifier(text) == name


def test_a_contract_is_called_after_its_module() -> None:
    assert [contract_name(name) for name in ("new_audit", "_", "myFlow")] == ["NewAudit", "Imported", "MyFlow"]
