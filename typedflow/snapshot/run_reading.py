"""Records as a run: everything is checked against the plan of today before it is trusted, as a graph.

A value waits at a node that its producer leads to, in the block that the node stands in, and is of the type of that
edge; `typedflow.snapshot.matching` has found the nodes and judged the types where the plan has changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from msgspec import UNSET as ABSENT
from msgspec import Raw

from typedflow.engine.causes import MAIN, derive
from typedflow.engine.plan import Kind, Plan, PlanNode
from typedflow.engine.pools import Key, pool_key
from typedflow.engine.tokens import UNSET, BlockInstance, Contribution, Interrupt, Paused, Scope, Token, scope_in
from typedflow.errors import SnapshotError
from typedflow.rules import snapshots
from typedflow.schema.annotations import UNKNOWN
from typedflow.snapshot.codecs import compile_codec
from typedflow.snapshot.documents import ENCODE, Format, compile_decoder, reading
from typedflow.snapshot.envelope import InterruptRecord, JoinRecord, PoolRecord, ScopeRecord, Snapshot, TokenRecord
from typedflow.snapshot.matching import PlanMatch, branch_names
from typedflow.snapshot.migrations import converted
from typedflow.snapshot.nesting import ending_nodes, nesting_of, opens_blocks
from typedflow.snapshot.parts import (
    FIRED_BY_ALL,
    FIRED_BY_ONE,
    answer_code,
    branch_of,
    code_of_edge,
    decode_value,
    gathered_codes,
    gathers,
    require_parts,
    slot_code,
    trigger_types,
)
from typedflow.snapshot.values import NULLS

_ITEMS: Final = compile_decoder(list[Raw])


class RunReader:
    """Turn the records of a run back into what it holds."""

    def __init__(self, plan: Plan, snapshot: Snapshot, match: PlanMatch) -> None:
        self._plan = plan
        self._snapshot = snapshot
        self._match = match
        self._format: Format = snapshot.encoding
        self._nesting = nesting_of(plan)
        self._ending = ending_nodes(plan)
        self._joins: dict[int, BlockInstance] = {}

    def joins(self, records: list[JoinRecord], place: str) -> None:
        """Read the block instances, outer ones first."""
        for index, record in enumerate(records):
            self._joins[record.id] = self._join(record, f"{place}joins[{index}]")

    def open_joins(self) -> Iterator[BlockInstance]:
        """Return the block instances that were read and are still open; side branches may be left of others."""
        return (join for join in self._joins.values() if join.remaining)

    def token(self, record: TokenRecord, place: str) -> Token:
        """Read one token."""
        node = self._node(record.node, place)
        if node.kind not in _STANDING:
            raise SnapshotError(snapshots.dangling_problem(place, f"no value can wait at '{node.name}'"), path=place)
        producer = self._producer(record.producer, node, f"{place}.value")
        value = self._value(producer, node, record.value, f"{place}.value")
        scope = self._scope(record.scope, node, place)
        return Token(node.index, scope, value, producer.index, *self._cause(record, node, scope))

    def paused(self, record: InterruptRecord, place: str) -> Paused:
        """Read one interrupt."""
        payload = compile_codec(UNKNOWN).decode(record.payload, f"{place}.payload", self._format)
        node = self._node(record.token.node, place)
        if node.kind != Kind.STEP:
            raise SnapshotError(
                snapshots.dangling_problem(place, f"'{node.name}' is no step, and cannot pause"), path=place
            )
        producer = self._producer(record.token.producer, node, place)
        scope = self._scope(record.token.scope, node, f"{place}.token")
        if record.resume_event is not None and scope is not None:
            raise SnapshotError(
                snapshots.dangling_problem(place, "a step inside a block pauses without resume_event"), path=place
            )
        self._require_deadline(record, node, place)
        asleep = record.asleep is True
        at = f"{place}.token.value"
        value = self._value(producer, node, record.token.value, at) if record.needs_value else None
        token = Token(node.index, scope, value, producer.index, *self._cause(record.token, node, scope))
        deadline = None if record.deadline is ABSENT else record.deadline
        since = self._snapshot.saved if record.since is ABSENT else record.since
        asked = Interrupt(
            record.id, record.type, payload, record.resume_event, node.name, since=since, deadline=deadline
        )
        return Paused(asked, token, self._default(record, node, f"{place}.default"), asleep)

    def _require_deadline(self, record: InterruptRecord, node: PlanNode, place: str) -> None:
        fault = None
        if record.deadline is ABSENT and (record.default is not ABSENT or record.asleep is True):
            fault = "there is no deadline"
        elif (record.asleep is True) != node.sleeps:
            fault = f"'{node.name}' {'only sleeps' if node.sleeps else 'does not sleep'}"
        if fault is not None:
            raise SnapshotError(snapshots.dangling_problem(place, fault), path=place)

    def _default(self, record: InterruptRecord, node: PlanNode, place: str) -> Any:
        if record.default is ABSENT:
            return UNSET
        return self.value(answer_code(self._plan, node, record.resume_event), record.default, place)

    def pool(self, record: PoolRecord, place: str) -> tuple[Key, dict[int, Contribution]]:
        """Read one pool, with its key."""
        node = self._node(record.node, place)
        if not gathers(node):
            raise SnapshotError(snapshots.dangling_problem(place, f"'{node.name}' gathers nothing"), path=place)
        causes = {} if record.causes is ABSENT else record.causes
        gathered: dict[int, Contribution] = {}
        for name, raw in record.values.items():
            here = f"{place}.values.{name}"
            slot = self._match.slot(node, name)
            if slot is None:
                raise SnapshotError(snapshots.dangling_problem(here, f"'{node.name}' has no such branch"), path=here)
            gathered[slot] = Contribution(self.value(gathered_codes(node)[slot], raw, here), causes.get(name, ""))
        if len(gathered) == len(node.slots) and not node.keeps:
            raise SnapshotError(
                snapshots.dangling_problem(place, f"'{node.name}' has a value of every branch, and was not started"),
                path=place,
            )
        return pool_key(node, self._scope(record.scope, node, place)), gathered

    def value(self, code: Any, raw: Raw, place: str) -> Any:
        """Read one value: as a migration left it, or as it was saved, with what has changed of its type."""
        if place in self._match.migrated:
            with reading(place):
                raw = Raw(ENCODE["json"](self._match.migrated[place]))
            return decode_value(code, raw, place, "json", None)
        verdict = self._match.verdict(place)
        return decode_value(code, converted(raw, verdict, self._format, place), place, self._format, verdict.added)

    def _node(self, name: str, place: str) -> PlanNode:
        node = self._match.find(name)
        if node is None:
            raise SnapshotError(snapshots.dangling_problem(place, f"the flow has no node '{name}'"), path=place)
        return node

    def _producer(self, name: str, node: PlanNode, place: str) -> PlanNode:
        """Return the node whose output something at `node` is; raises `SnapshotError` where it does not lead there."""
        found = self._match.producer(name, node, place)
        if found is None:
            self._node(name, place)
            raise SnapshotError(
                snapshots.dangling_problem(place, f"'{name}' does not lead to '{node.name}'"), path=place
            )
        return found

    def _scope(self, record: ScopeRecord | None, node: PlanNode, place: str) -> Scope | None:
        """Read where something stands, which has to be in an instance of the block that its node is in."""
        scope = None if record is None else scope_in(self._joins[record.join], record.item)
        block, branch = self._nesting.get(node.index, (None, 0))
        if (None if scope is None else scope.block.node) != block:
            raise self._misplaced(node, "is not in that block", "is not in that block any more", f"{place}.scope")
        if scope is not None:
            opener = self._plan.nodes[scope.block.node]
            saved = branch_of(opener, scope.block.hits, scope.item)
            if scope.block.slots[scope.item] is not UNSET and node.index in self._ending:
                reason = f"'{node.name}' is in an item that has ended"
                raise SnapshotError(snapshots.dangling_problem(f"{place}.scope", reason), path=f"{place}.scope")
            if saved != branch:
                was = f"branch '{opener.slots[saved]}' of '{opener.name}'"
                now = f"was in {was} and is in '{opener.slots[branch]}'"
                raise self._misplaced(node, f"is not in {was}", now, f"{place}.scope")
        return scope

    def _misplaced(self, node: PlanNode, damaged: str, changed: str, place: str) -> SnapshotError:
        """Return the error of something that stands where its node does not: of a document, or of a changed flow."""
        if self._match.unchanged:
            problem = snapshots.dangling_problem(place, f"'{node.name}' {damaged}")
        else:
            problem = snapshots.orphaned_problem("something in flight", node.name, changed)
        return SnapshotError(problem, path=place)

    def _cause(self, record: TokenRecord | JoinRecord, node: PlanNode, scope: Scope | None) -> tuple[str, str | None]:
        """Read the cause and the key of a token or of a block; None for the key of its node and cause."""
        if record.visit is not ABSENT:
            return cause_by_visit(record.node, record.visit, scope)
        cause = MAIN if record.cause is ABSENT else record.cause
        if record.key is not ABSENT:
            return cause, record.key
        return cause, None if record.node == node.name else f"{record.node}@{cause}"  # a renamed node keeps its keys

    def _value(self, producer: PlanNode, consumer: PlanNode, raw: Raw, place: str) -> Any:
        if producer.triggers and producer.mode != "simple_or":
            return self._fired(producer, raw, place)
        return self.value(code_of_edge(producer, consumer), raw, place)

    def _fired(self, listener: PlanNode, raw: Raw, place: str) -> Any:
        verdict = self._match.verdict(place)
        types, format, added = trigger_types(listener), self._format, verdict.added
        if place in self._match.migrated:
            format, added = "json", None  # type: ignore[assignment]  # None allows all fields with defaults
            with reading(place):
                raw = Raw(ENCODE["json"](self._match.migrated[place]))
        else:
            raw = converted(raw, verdict, format, place)
        with reading(place):
            if listener.mode == "or":
                kind, name, inner = FIRED_BY_ONE[format](raw)
                named = {kind: {name: inner}}
            else:
                named = FIRED_BY_ALL[format](raw)
        given = [f"{kind} {name}" for kind, values in named.items() for name in values]
        known = listener.slots
        require_parts(
            given, known if listener.mode == "and" else [name for name in known if name in given], "trigger", place
        )
        if listener.mode == "or":
            return (kind, name, compile_codec(types[kind, name]).decode(inner, place, format, added=added))
        return {
            kind: {
                name: compile_codec(types[kind, name]).decode(inner, f"{place}.{kind}.{name}", format, added=added)
                for name, inner in values.items()
            }
            for kind, values in named.items()
        }

    def _join(self, record: JoinRecord, place: str) -> BlockInstance:
        node = self._node(record.node, place)
        if not opens_blocks(node):
            raise SnapshotError(snapshots.dangling_problem(place, f"'{node.name}' opens no block"), path=place)
        if node.kind == Kind.BATCH and len(node.ports) != len(record.slots):
            raise SnapshotError(
                snapshots.dangling_problem(place, f"'{node.name}' has {len(node.ports)} branches"), path=place
            )
        self._require_hits(record, node, place)
        hits = self._hits(record, node, place)
        scope = self._scope(record.scope, node, place)
        cause, key = self._cause(record, node, scope)
        producer = self._producer(record.producer, node, f"{place}.source")
        slots = self._slots(record, node, hits, place)
        source = self._source(record, node, producer, f"{place}.source")
        join = BlockInstance(
            node.index,
            scope,
            cause,
            key or f"{record.node}@{cause}",
            producer.index,
            source,
            slots,
            sum(value is UNSET for value in slots),
            record.launched,
            hits,
        )
        if record.launched < len(slots) or 0 < node.limit < len(slots):
            join.set_limit(node.limit or len(slots))
        return join

    def _slots(self, record: JoinRecord, node: PlanNode, hits: Sequence[int] | None, place: str) -> list[Any]:
        """Read the results that a block has; one that is closed keeps none of them."""
        if all(record.slots):
            return [None] * len(record.slots)
        slots: list[Any] = []
        for index, slot in enumerate(record.slots):
            code = slot_code(self._plan, node, branch_of(node, hits, index))
            slots.append(self.value(code, slot[0], f"{place}.slots[{index}]") if slot else UNSET)
        return slots

    def _hits(self, record: JoinRecord, node: PlanNode, place: str) -> tuple[int, ...] | None:
        """Return the branch of each slot in the plan of today; None where they are in its order."""
        old = self._snapshot.nodes.get(record.node)
        if self._match.unchanged or node.kind == Kind.EACH or old is None:
            return record.hits
        found = [self._match.slot(node, name) for name in branch_names(record, old)]
        hits = tuple(index for index in found if index is not None)
        if len(hits) != len(record.slots):
            raise SnapshotError(snapshots.dangling_problem(place, f"'{node.name}' has other branches"), path=place)
        return hits if record.hits is not None or hits != tuple(range(len(hits))) else None

    def _require_hits(self, record: JoinRecord, node: PlanNode, place: str) -> None:
        if (record.hits is None and node.hit_all) or (record.hits is not None and node.kind == Kind.EACH):
            raise SnapshotError(snapshots.dangling_problem(place, f"hits do not go with '{node.name}'"), path=place)
        if record.hits is None:
            return
        if len(record.hits) != len(record.slots) or len(set(record.hits)) != len(record.hits):
            raise SnapshotError(snapshots.dangling_problem(place, f"{len(record.slots)} hits expected"), path=place)
        if any(not 0 <= hit < len(node.ports) for hit in record.hits) and self._match.unchanged:
            raise SnapshotError(
                snapshots.dangling_problem(place, f"'{node.name}' has {len(node.ports)} cases"), path=place
            )

    def _source(self, record: JoinRecord, node: PlanNode, producer: PlanNode, place: str) -> Any:
        size = len(record.slots)
        if node.kind != Kind.EACH:
            return () if record.launched == size else self._value(producer, node, record.source, place)
        if record.launched == size and bytes(record.source) in NULLS:
            return ()
        with reading(place):
            rest = _ITEMS[self._format](record.source)
        unfilled = [item for item, slot in enumerate(record.slots) if not slot]
        places = range(record.launched, size) if len(rest) == size - record.launched else unfilled
        if len(rest) != len(places):
            raise SnapshotError(
                snapshots.dangling_problem(place, f"{size - record.launched} items expected"), path=place
            )
        verdict = self._match.verdict(place)
        for index in range(len(rest)):
            self._match.verdicts.setdefault(f"{place}[{index}]", verdict)
        items: list[Any] = [UNSET] * size
        for index, (item, raw) in enumerate(zip(places, rest, strict=True)):
            items[item] = self.value(node.code, raw, f"{place}[{index}]")
        return tuple(items)


_STANDING: Final = frozenset({Kind.STEP, Kind.MATCH, Kind.CHILD, Kind.EACH, Kind.END})
"""The nodes that a value can wait at: tasks, and those that may have refused it, to which a retry brings it again."""


def cause_by_visit(name: str, visit: int, scope: Scope | None) -> tuple[str, str]:
    """Return the cause and the key of what an older document knows by the number of its firing.

    The key is the one that it had then, so that a step which runs again after an upgrade has the same one.
    """
    around = "" if scope is None else f"{scope.block.key}[{scope.item}]/"
    key = f"{around}{name}@{visit}"
    return (str(visit) if scope is None else derive(around, visit)), key
