"""Copies of the example under other names, each with one mistake or none.

A copy holds the modules that know of flows; what they share, records and licences, is the example's own. Beside them
stands `VARIANT`, which uses what the example has no need of: events, a stream, a binding.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final, NamedTuple

from tests.mypy.programs import ROOT

EXAMPLE: Final = ROOT / "examples" / "license_audit"
PACKAGE: Final = "examples.license_audit"
RIGHT: Final = "right"

VARIANT: Final = '''\
"""An audit that somebody watches, and can stop."""

from __future__ import annotations

from typing import NoReturn

from examples.license_audit import handlers
from examples.license_audit.classification import Classification, build_classification
from examples.license_audit.contracts import Audit, AuditResources, AuditState, Tally
from examples.license_audit.flow import build_flow
from examples.license_audit.metadata import InstalledCatalog
from examples.license_audit.records import Assessment, AuditRequest, Counts, Report, Ruling, Verdict
from typedflow import Contract, Data, Events, Flow, State, binding


class Answers(State):
    given: list[Verdict] = []


class Asked(Contract, version=2):
    input: Assessment
    result: Verdict
    state: Answers


class WatchedEvents(Events):
    ruled: Ruling
    stopped: None


class Watched(Contract):
    input: AuditRequest
    result: Report
    state: AuditState
    flow_state: Tally
    resources: AuditResources
    events: WatchedEvents
    stream: str


def announce(data: Data[Watched, AuditRequest]) -> list[str]:
    data.put(data.value.policy)
    data.emit("ruled", Ruling(Verdict.REVIEW, "nobody looked at it yet"))
    return list(data.value.names)


def first(data: Data[Watched, list[str]]) -> str:
    return data.value[0]


def ask(data: Data[Watched, Assessment]) -> Ruling:
    data.pause_for(data.value.ruling.reason)


def watch(data: Data[Watched, Assessment]) -> NoReturn:
    data.pause_for(data.value.ruling.reason, resume_event="ruled")


def keep(data: Data[Watched, Ruling]) -> Report:
    data.set_result(Report("", Counts(), ()))
    return Report(data.value.reason, Counts(), ())


def noted(data: Data[Watched, Ruling]) -> None:
    data.state.get("policy.allowed")


CAPTURE = binding(
    {"input": "value", "state": {"policy": "state.policy"}, "resources": {"catalog": "resources.catalog"}}
)


def build_watched(child: Flow[Classification]) -> Flow[Watched]:
    flow = Flow(Watched, name="watched")
    named = flow.to(announce).to(first)
    named.to_sub_flow(child, capture=CAPTURE).to(ask).to(keep).end()
    flow.when("ruled").to(noted)
    flow.when({"state": "policy"})
    Flow(Audit).to(handlers.prepare)
    return flow


def audit(request: AuditRequest) -> Report:
    flow = build_flow()
    flow.update_runtime_resources(catalog=InstalledCatalog())
    watched = build_watched(build_classification())
    execution = watched.create_execution(runtime_resources={"catalog": InstalledCatalog()})
    execution.emit("stopped")
    return flow.start(request, runtime_resources={"catalog": InstalledCatalog()})
'''


class Mistake(NamedTuple):
    """One change of one module, and the error that it has to be."""

    name: str
    module: str
    old: str
    new: str
    at: str
    """A text of the changed module; `|` stands before the column that the error is at."""
    number: str
    """The rule's number; empty where mypy finds the mistake by itself."""
    code: str
    says: str = ""
    """A part of the message."""

    def place(self, source: str) -> tuple[int, int]:
        """Return the line, from 1, and the column, from 0, in the changed module."""
        before, bar, after = self.at.partition("|")
        assert bar, self.name
        start = source.index(only(source, before + after)) + len(before)
        return source.count("\n", 0, start) + 1, start - (source.rfind("\n", 0, start) + 1)


def only(source: str, text: str) -> str:
    """Return a text that a module holds exactly once."""
    assert source.count(text) == 1, f"{source.count(text)} times, not once: {text!r}"
    return text


def plant(mistake: Mistake, sources: dict[str, str]) -> dict[str, str]:
    """Return the modules with one mistake in them."""
    source = sources[mistake.module]
    return {**sources, mistake.module: source.replace(only(source, mistake.old), mistake.new)}


def copied_modules() -> dict[str, str]:
    """Return the example's modules that know of flows, by name, and the variant."""
    sources = {path.stem: path.read_text(encoding="utf-8") for path in EXAMPLE.glob("*.py")}
    names = {name for name, source in sources.items() if "from typedflow import" in source}
    while more := {name for name in sources.keys() - names if _imports(sources[name], names)}:
        names |= more
    return {"__init__": "", "variant": VARIANT, **{name: sources[name] for name in sorted(names)}}


def _imports(source: str, names: set[str]) -> bool:
    imported = re.findall(rf"from {PACKAGE}(?:\.(\w+))? import (.*)", source)
    return any({module, *what.split(", ")} & names for module, what in imported)


def in_package(sources: dict[str, str], package: str) -> dict[str, str]:
    """Return the files of a package that holds the modules, each of which imports the others of them."""
    own = "|".join(sorted(sources.keys() - {"__init__"}))
    module = re.compile(rf"\b{re.escape(PACKAGE)}\.(?={own}\b)")
    whole = re.compile(rf"from {re.escape(PACKAGE)} import (?=(?:{own})\b)")
    files = {}
    for name, source in sources.items():
        moved = whole.sub(f"from {package} import ", module.sub(f"{package}.", source))
        files[str(Path(package, f"{name}.py"))] = moved
    return files
