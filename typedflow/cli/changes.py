"""What a change of a flow means for the executions that wait: by the rules that a load applies, never by others.

Each locked value that can be in flight is put into a snapshot of its own, which `typedflow.snapshot.matching` is then
asked to match with the plan of today, as it does at a load. The layers go through `compare_layers`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

import msgspec
from msgspec import Raw

from typedflow.cli.locks import Locked, LockedFlow, family
from typedflow.engine.plan import Plan
from typedflow.engine.status import Status
from typedflow.errors import SnapshotError
from typedflow.execution.flow_runtime import FlowRuntime
from typedflow.rules import snapshots
from typedflow.rules.problems import Problem
from typedflow.schema.contracts import ContractSpec
from typedflow.snapshot.comparison import compare_layers
from typedflow.snapshot.envelope import InterruptRecord, JoinRecord, NodeRecord, PoolRecord, Snapshot, TokenRecord
from typedflow.snapshot.matching import match_plan
from typedflow.snapshot.migrations import saved_shape, settle_layers
from typedflow.snapshot.plans import mark_plan

NULL: Final = Raw(b"null")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Verdict(StrEnum):
    """What a change means for the executions that wait."""

    SAFE = "safe"
    MIGRATION = "migration"
    """They can be opened once a migration converts what has changed."""
    STRANDS = "strands"
    """Those that are there cannot be opened, whatever a migration does."""


class Change(msgspec.Struct, frozen=True):
    """One change; the fields of `diff --json`."""

    verdict: Verdict
    flow: str
    place: str
    """A layer, a node, or the contract."""
    text: str
    hint: str = ""


def changes_between(old: Locked, today: FlowRuntime) -> list[Change]:
    """Return what has changed between a locked flow, with its child flows, and the flow of today."""
    flows = {each.name: each for each in family(today)}
    found: list[Change] = []
    for name, locked in old.flows.items():
        now = today if name == old.flow else flows.get(name)
        if now is None:
            text = "the child flow is gone, and what it had begun with it"
            found.append(Change(Verdict.STRANDS, name, "flow", text))
        else:
            found += _flow_changes(locked, now)
    found += [Change(Verdict.SAFE, name, "flow", "is new") for name in flows if name not in old.flows]
    if old.flow != today.name:
        problem = snapshots.other_flow_problem("flow", old.flow, today.name)
        found.append(_stranded(today.name, "flow", problem))
    return list(dict.fromkeys(found))


def _flow_changes(old: LockedFlow, today: FlowRuntime) -> Iterator[Change]:
    plan = today.plan()
    yield from _contract_changes(old, today.name, plan.spec)
    if old.plan != mark_plan(plan).fingerprint:
        yield from _plan_changes(old, today.name, plan)


# -- the contract


def _contract_changes(old: LockedFlow, flow: str, spec: ContractSpec) -> Iterator[Change]:
    if old.contract != spec.name or old.version > spec.version:
        try:
            settle_layers(_snapshot(old, flow), spec)
        except SnapshotError as error:
            yield from (_stranded(flow, "contract", problem) for problem in error.problems)
        return
    known = spec.cls.__typedflow_migrations__
    gaps = [version for version in range(old.version, spec.version) if version not in known]
    for version in gaps:
        problem = snapshots.missing_migration_problem(spec.name, version, spec.version)
        yield Change(Verdict.MIGRATION, flow, "contract", problem.text, problem.hint)
    migrated = old.version < spec.version
    if migrated and not gaps:
        yield Change(Verdict.SAFE, flow, "contract", f"version {old.version} is migrated to {spec.version}")
    if old.fingerprint == saved_shape(spec).fingerprint:
        return
    hint = f"class {spec.name}(Contract, version={spec.version + 1}) and @{spec.name}.migrate({spec.version})"
    for layer, verdict in compare_layers(old.shape, saved_shape(spec).shape).items():
        changed = len(verdict.differences) - len(verdict.added)  # what is new stands behind what is different
        for text in verdict.differences[: max(changed, 0)]:
            if migrated and not gaps:
                yield Change(Verdict.SAFE, flow, layer, f"{text}, which the migration converts")
            else:
                yield Change(Verdict.MIGRATION, flow, layer, text, "" if migrated else hint)
        yield from (Change(Verdict.SAFE, flow, layer, f"{name} is new") for name in sorted(verdict.added))


# -- the plan


def _plan_changes(old: LockedFlow, flow: str, plan: Plan) -> Iterator[Change]:
    now = {node.name for node in plan.nodes}
    for name in sorted(now - old.nodes.keys()):
        if not mark_plan(plan).nodes[name].formerly:
            yield Change(Verdict.SAFE, flow, name, "is new")
    lost: set[str] = set()
    for name, records in _in_flight(old):
        if name not in lost or "tokens" in records:
            for change in _check(old, flow, name, plan, records):
                if change.verdict is Verdict.STRANDS:
                    lost.add(name)
                yield change


def _in_flight(old: LockedFlow) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield everything that can be in flight, each as the records of a snapshot that holds nothing else."""
    first: dict[str, TokenRecord] = {}
    for edge in old.edges:
        token = TokenRecord(node=edge.node, value=NULL, producer=edge.producer, coded=edge.coded)
        first.setdefault(edge.node, token)
        yield edge.node, {"tokens": [token]}
    for name in old.pauses:
        if name in first:
            yield name, {"interrupts": [_interrupt(name, first[name])]}
            if old.answers_emit:
                asked = [_interrupt(name, first[name], event) for event in old.events]
                yield from ((name, {"interrupts": [each], "events": old.events}) for each in asked)
    for name, record in old.nodes.items():
        yield from ((name, records) for records in _gathered(name, record, name in (old.gathering or ())))
    if "end" in old.nodes:
        yield "end", {"result": NULL, "result_type": old.result}


def _interrupt(step: str, token: TokenRecord, event: str | None = None) -> InterruptRecord:
    return InterruptRecord(id=step, type="", payload=NULL, token=token, resume_event=event)


def _gathered(name: str, record: NodeRecord, listens: bool) -> Iterator[Mapping[str, Any]]:
    """Yield what a block, a collect or a listener has gathered, slot by slot."""
    types = record.types if isinstance(record.types, dict) else {}
    slots = [key.removeprefix("slot ") for key in types if key.startswith("slot ")]
    if record.kind == "each" and slots:
        yield {"joins": [_join(name, [[NULL], []], launched=1)]}
    elif record.kind in ("batch", "match"):
        for filled in range(len(slots)):
            values = [[NULL] if slot == filled else [] for slot in range(len(slots))]
            hits = tuple(range(len(slots))) if record.kind == "match" else None
            yield {"joins": [_join(name, values, launched=len(slots), hits=hits)]}
    elif slots and (listens or record.kind == "collect"):
        yield from ({"pools": [PoolRecord(node=name, values={slot: NULL})]} for slot in slots)


def _join(name: str, slots: list[list[Raw]], *, launched: int, hits: tuple[int, ...] | None = None) -> JoinRecord:
    return JoinRecord(id=0, node=name, producer=name, source=NULL, slots=slots, launched=launched, hits=hits)


def _check(old: LockedFlow, flow: str, name: str, plan: Plan, records: Mapping[str, Any]) -> Iterator[Change]:
    """Match one thing in flight with the plan of today; what only its type keeps out is for a migration."""
    snapshot = _snapshot(old, flow, **records)
    problems = _problems(plan, snapshot, {})
    if not problems:
        return
    places = ("tokens[0].value", "result", "joins[0].source", "joins[0].source[1]")
    slots = [f"joins[0].slots[{index}]" for join in snapshot.joins for index in range(len(join.slots))]
    values = [f"pools[0].values.{slot}" for pool in snapshot.pools for slot in pool.values]
    if _problems(plan, snapshot, dict.fromkeys([*places, *slots, *values])):
        yield from (_stranded(flow, name, problem) for problem in problems)
        return
    version = plan.spec.version
    done = old.version < version
    hint = f"@{old.contract}.migrate({old.version}) converts values['{name}']" + ("" if done else ", in a new version")
    yield from (Change(Verdict.MIGRATION, flow, name, problem.text, hint) for problem in problems)


def _problems(plan: Plan, snapshot: Snapshot, migrated: Mapping[str, Any]) -> Sequence[Problem]:
    try:
        match_plan(plan, snapshot, migrated)
    except SnapshotError as error:
        return error.problems
    return ()


def _stranded(flow: str, place: str, problem: Problem) -> Change:
    return Change(Verdict.STRANDS, flow, place, problem.text, problem.hint)


def _snapshot(old: LockedFlow, flow: str, **records: Any) -> Snapshot:
    """Return a snapshot of the locked flow that holds these records."""
    return Snapshot(
        flow=flow,
        contract=old.contract,
        version=old.version,
        fingerprint=old.fingerprint,
        plan=old.plan,
        execution_id="locked",
        sequence=0,
        status=Status.WAITING,
        created=_EPOCH,
        saved=_EPOCH,
        shape=Raw(msgspec.json.encode(old.shape)),
        nodes=old.nodes,
        **records,
    )
