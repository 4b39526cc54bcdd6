"""typedflow.lock: what the flows of a project save, written down, so that a change can be compared before a deploy.

A locked flow holds what a snapshot holds of its contract and its plan: the shape of the saved layers, and each node
with the types of what can be in flight there. Child flows are locked with their parent.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, Literal

import msgspec
from msgspec import UNSET, UnsetType

from typedflow.api.blueprint import runtime_of
from typedflow.api.flow import Flow
from typedflow.cli.code import names_used
from typedflow.cli.exits import Mistake
from typedflow.cli.output import to_json
from typedflow.definition.nodes import Step
from typedflow.engine.plan import LAST_TASK, Kind
from typedflow.execution.flow_runtime import FlowRuntime
from typedflow.rules.wording import quoted, text_of
from typedflow.snapshot.envelope import NodeRecord
from typedflow.snapshot.migrations import saved_shape
from typedflow.snapshot.parts import gathers
from typedflow.snapshot.plans import mark_plan
from typedflow.snapshot.run_writing import coded
from typedflow.snapshot.shapes import Json, describe_code

FORMAT: Final = "typedflow.lock/1"


class _Record(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, frozen=True):
    """Share the options of all records."""


class Edge(_Record, kw_only=True, frozen=True, omit_defaults=True):
    """A value that can be in flight: at a node, produced by another one."""

    node: str
    producer: str
    coded: Json | UnsetType = UNSET


class LockedFlow(_Record, kw_only=True, frozen=True):
    """What the executions of one flow save."""

    contract: str
    version: int
    fingerprint: str
    shape: Json
    result: Json
    events: dict[str, Json]
    plan: str
    """The fingerprint of the plan."""
    nodes: dict[str, NodeRecord]
    edges: list[Edge]
    pauses: list[str]
    """The steps that pause, as far as their own code shows it."""
    answers_emit: bool
    """Some of them have a `resume_event`."""
    gathering: list[str] | UnsetType = UNSET
    """The listeners that wait for several triggers; the others save nothing that they have heard."""


class Locked(_Record, kw_only=True, frozen=True):
    """One flow of the command line, with its child flows; `flows` is by the names of the flows."""

    flow: str
    flows: dict[str, LockedFlow]


class LockFile(_Record, kw_only=True, frozen=True):
    """The whole file; `flows` is by `module:flow`."""

    format: Literal["typedflow.lock/1"]
    flows: dict[str, Locked]


def lock_flow(flow: Flow[Any]) -> Locked:
    """Return what a flow and its child flows save; raises what `validate` raises."""
    runtime = runtime_of(flow)
    found = {each.name: _locked(each) for each in family(runtime)}
    return Locked(flow=runtime.name, flows=found)


def family(runtime: FlowRuntime) -> Iterator[FlowRuntime]:
    """Yield a flow and all child flows below it, each name once."""
    waiting, seen = [runtime], {runtime.name}
    for each in waiting:
        yield each
        for node in each.plan().nodes:
            if node.kind == Kind.CHILD and node.child.name not in seen:
                seen.add(node.child.name)
                waiting.append(node.child)


def _locked(runtime: FlowRuntime) -> LockedFlow:
    plan, spec = runtime.plan(), runtime.spec
    mark, saved = mark_plan(plan), saved_shape(spec)
    tasks = [node for node in plan.nodes if node.kind <= LAST_TASK]
    sources = [(node, plan.nodes[index]) for node in tasks for index in mark.producers.get(node.index, ())]
    gathering = [node.name for node in plan.nodes if node.triggers and gathers(node)]
    pausing = [node for node in runtime.builder.draft().nodes if isinstance(node, Step) and _pauses(node.handler)]
    return LockedFlow(
        contract=spec.name,
        version=spec.version,
        fingerprint=saved.fingerprint,
        shape=saved.shape,
        result=describe_code(spec.result),
        events={name: describe_code(payload) for name, payload in (spec.events or {}).items()},
        plan=mark.fingerprint,
        nodes={node.name: mark.record(node.name) for node in plan.nodes},
        edges=[Edge(node=node.name, producer=source.name, coded=coded(source, node)) for node, source in sources],
        pauses=[node.name for node in pausing],
        answers_emit=any("resume_event" in (names_used(node.handler) or ()) for node in pausing),
        gathering=gathering or UNSET,
    )


def _pauses(handler: object) -> bool:
    """Return whether a handler may pause: its code names `pause_for`, or it has no code to look at."""
    names = names_used(handler)
    return names is None or "pause_for" in names


def write_lock(flows: dict[str, Locked]) -> str:
    """Return the text of a lock file; equal flows have equal texts."""
    return to_json(msgspec.to_builtins(LockFile(format=FORMAT, flows=dict(sorted(flows.items())))))


def read_lock(path: Path) -> LockFile:
    """Read a lock file; raises `Mistake` if there is none, or if it cannot be read."""
    if not path.is_file():
        raise Mistake(f"there is no lock file {quoted(str(path))}", "`typedflow lock MODULE:FLOW` writes it")
    try:
        return msgspec.json.decode(path.read_bytes(), type=LockFile)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        hint = "write it once more with `typedflow lock`"
        raise Mistake(f"the lock file {quoted(str(path))} cannot be read: {text_of(error)}", hint) from None


def targets_of(given: Sequence[str], listed: Sequence[str]) -> Sequence[str]:
    """Return the flows to lock: those that were named, else those of the settings."""
    if not given and not listed:
        raise Mistake("which flows?", "name them as MODULE:FLOW, or list them in [tool.typedflow] flows")
    return given or listed
