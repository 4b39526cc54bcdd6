"""A run as records, and back: tokens, joins and pools, with their values coded by the types that the plan declares.

Only what can still be reached is written: of a for_each the items that were not let in yet, of a round that let in
everything not even its source.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from weakref import WeakKeyDictionary

from msgspec import UNSET as ABSENT
from msgspec import Raw, UnsetType

from typedflow.contract import snapshots
from typedflow.engine.causes import MAIN, derive
from typedflow.engine.plan import Kind, Plan, PlanNode
from typedflow.engine.pools import Key, pool_key
from typedflow.engine.run import Run
from typedflow.engine.tokens import UNSET, BlockInstance, Contribution, Interrupt, Paused, Scope, Token, scope_in
from typedflow.errors import SnapshotError
from typedflow.schema.annotations import UNKNOWN
from typedflow.snapshot.codecs import compile_codec
from typedflow.snapshot.documents import ENCODE, Format, compile_decoder, reading
from typedflow.snapshot.envelope import InterruptRecord, JoinRecord, PoolRecord, ScopeRecord, Snapshot, TokenRecord
from typedflow.snapshot.matching import PlanMatch, branch_names
from typedflow.snapshot.migrations import converted
from typedflow.snapshot.parts import (
    code_of_edge,
    decode_value,
    encode_value,
    gathered_codes,
    normalised,
    require_parts,
    slot_code,
    trigger_types,
)
from typedflow.snapshot.plans import describe_value, has_own_description

_BY_KIND: Final = compile_decoder(dict[str, dict[str, Raw]])
_NAMED: Final = compile_decoder(tuple[str, str, Raw])
_ITEMS: Final = compile_decoder(list[Raw])


class RunWriter:
    """Turn one run into records."""

    def __init__(self, run: Run, format: Format) -> None:
        self.run = run
        self.format: Format = format
        self._nodes = run.plan.nodes
        self._join_ids: dict[int, int] = {}
        self._joins: list[JoinRecord] = []

    def tokens(self) -> list[TokenRecord]:
        """Give what is in flight, in order."""
        return [self._token(token, f"tokens[{index}]") for index, token in enumerate(self.run.in_flight())]

    def interrupts(self) -> list[InterruptRecord]:
        """Give what waits for an answer."""
        records = []
        for index, paused in enumerate((self.run.interrupts or {}).values()):
            place, asked = f"interrupts[{index}]", paused.interrupt
            payload = compile_codec(UNKNOWN).encode(asked.payload, f"{place}.payload", self.format)
            token = self._token(paused.token, f"{place}.token", value=None)
            records.append(
                InterruptRecord(
                    id=asked.id, type=asked.type, payload=payload, token=token, resume_event=asked.resume_event
                )
            )
        return records

    def pools(self) -> list[PoolRecord]:
        """Give what collects and listeners have gathered."""
        records: list[PoolRecord] = []
        for (index, join, item), pool in (self.run.pools or {}).items():
            node = self._nodes[index]
            names = node.slots
            place = f"pools[{len(records)}]"
            codes = gathered_codes(node)
            values = {
                names[slot]: encode_value(codes[slot], each.value, f"{place}.values.{names[slot]}", self.format)
                for slot, each in pool.items()
            }
            scope = None if join is None else ScopeRecord(join=self._join(join), item=item)
            causes = {names[slot]: each.cause for slot, each in pool.items()}
            records.append(PoolRecord(node=node.name, values=values, causes=causes, scope=scope))
        return records

    def joins(self) -> list[JoinRecord]:
        """Give the open rounds, each behind the one it is inside of; call it last, when all others are written."""
        for join in self.run.blocks or ():
            self._join(join)
        return self._joins

    def _token(self, token: Token, place: str, **fixed: Any) -> TokenRecord:
        nodes = self._nodes
        value = fixed["value"] if fixed else token.value
        raw = NULL[self.format] if fixed else self._value(nodes[token.producer], nodes[token.node], value, place)
        scope = None if token.scope is None else self._scope(token.scope)
        return TokenRecord(
            node=nodes[token.node].name,
            value=raw,
            producer=nodes[token.producer].name,
            cause=written_cause(token.cause),
            key=ABSENT if token.key is None else token.key,
            coded=ABSENT if fixed else coded(nodes[token.producer], nodes[token.node]),
            scope=scope,
        )

    def _value(self, producer: PlanNode, consumer: PlanNode, value: Any, place: str) -> Raw:
        place = f"{place}.value"
        if producer.triggers and producer.mode != "simple_or":
            return Raw(ENCODE[self.format](self._fired(producer, value, place)))
        if producer.code is UNKNOWN and consumer.check_in is not None:
            value = normalised(consumer.check_in, value)
        return encode_value(code_of_edge(producer, consumer), value, place, self.format)

    def _fired(self, listener: PlanNode, value: Any, place: str) -> Any:
        """Code what a listener of several triggers gives: `(kind, name, value)`, or the values by kind and name."""
        types = trigger_types(listener)
        if listener.mode == "or":
            kind, name, inner = value
            return (kind, name, compile_codec(types[kind, name]).encode(inner, place, self.format))
        return {
            kind: {
                name: compile_codec(types[kind, name]).encode(inner, f"{place}.{kind}.{name}", self.format)
                for name, inner in named.items()
            }
            for kind, named in value.items()
        }

    def _scope(self, scope: Scope) -> ScopeRecord:
        return ScopeRecord(join=self._join(scope.block), item=scope.item)

    def _join(self, join: BlockInstance) -> int:
        """Write a round, and those around it first; gives its id. A loop, because blocks may nest deeply."""
        chain = [join]
        while (outer := chain[-1].scope) is not None and id(outer.block) not in self._join_ids:
            chain.append(outer.block)
        for each in reversed(chain):
            if id(each) not in self._join_ids:
                number = self._join_ids[id(each)] = len(self._join_ids)
                self._joins.append(self._join_record(each, number))
        return self._join_ids[id(join)]

    def _join_record(self, join: BlockInstance, number: int) -> JoinRecord:
        node, place = self._nodes[join.node], f"joins[{number}]"
        slots = [
            []
            if value is UNSET
            else [encode_value(self._slot_code(join, slot), value, f"{place}.slots[{slot}]", self.format)]
            for slot, value in enumerate(join.slots)
            if join.remaining
        ]
        if not join.remaining:  # it was closed: what came back went on, and only its side branches are still inside
            slots = [[NULL[self.format]] for _ in join.slots]
        outer = None if join.scope is None else join.scope
        scope = None if outer is None else ScopeRecord(join=self._join_ids[id(outer.block)], item=outer.item)
        starts_more = join.launched < len(join.slots) and node.kind != Kind.EACH
        return JoinRecord(
            id=number,
            node=node.name,
            producer=self._nodes[join.producer].name,
            source=self._source(join, node, place),
            slots=slots,
            launched=join.launched,
            cause=written_cause(join.cause),
            key=ABSENT if join.key == f"{node.name}@{join.cause}" else join.key,
            coded=coded(self._nodes[join.producer], node) if starts_more else ABSENT,
            scope=scope,
            hits=join.hits,
        )

    def _slot_code(self, join: BlockInstance, slot: int) -> Any:
        node = self._nodes[join.node]
        return slot_code(self.run.plan, node, branch_of(node, join.hits, slot))

    def _source(self, join: BlockInstance, node: PlanNode, place: str) -> Raw:
        if join.launched == len(join.slots):
            return NULL[self.format]
        if node.kind != Kind.EACH:
            return self._value(self._nodes[join.producer], node, join.source, place)
        rest = enumerate(join.source[join.launched :], join.launched)
        items = [encode_value(node.code, item, f"{place}.source[{index}]", self.format) for index, item in rest]
        return Raw(ENCODE[self.format](items))


def coded(producer: PlanNode, consumer: PlanNode) -> Any:
    """Return the description of what a value is saved by, where the output type of its producer does not say it."""
    return describe_value(producer, consumer) if has_own_description(producer) else ABSENT


def branch_of(node: PlanNode, hits: Sequence[int] | None, slot: int) -> int:
    """Return the branch whose result is in a slot; all items of a for_each are of one."""
    if node.kind == Kind.EACH:
        return 0
    return slot if hits is None else hits[slot]


def written_cause(cause: str) -> str | UnsetType:
    """Return a cause as a record holds it: that of the main chain is left out."""
    return ABSENT if cause == MAIN else cause


def cause_by_visit(name: str, visit: int, scope: Scope | None) -> tuple[str, str]:
    """Return the cause and the key of what an older document knows by the number of its firing.

    The key is the one that it had then, so that a step which runs again after an upgrade has the same one.
    """
    around = "" if scope is None else f"{scope.block.key}[{scope.item}]/"
    key = f"{around}{name}@{visit}"
    return (str(visit) if scope is None else derive(around, visit)), key


NULL: Final[Mapping[Format, Raw]] = {"json": Raw(b"null"), "msgpack": Raw(b"\xc0")}


_blocks: Final[WeakKeyDictionary[Plan, Mapping[int, int]]] = WeakKeyDictionary()


def blocks_of(plan: Plan) -> Mapping[int, int]:
    """Give for each node, by index, the node that opens the innermost block round it; those outside have none."""
    found = _blocks.get(plan)
    if found is None:
        inside: dict[int, int] = {}
        openers = {node.join: node.index for node in plan.nodes if node.join >= 0}
        waiting = [node for node in plan.nodes if node.kind == Kind.ROOT]
        seen = {node.index for node in waiting}
        for node in waiting:
            at = node.index if _opens_blocks(node) else inside.get(node.index)
            for target in {target for arm in node.ports for target, _ in arm} - seen:
                around = inside.get(openers[target]) if target in openers else at
                if around is not None:
                    inside[target] = around
                waiting.append(plan.nodes[target])
                seen.add(target)
        found = _blocks[plan] = inside
    return found


def _opens_blocks(node: PlanNode) -> bool:
    return node.kind in (Kind.EACH, Kind.BATCH) or (node.kind == Kind.MATCH and node.hit_all)


class RunReader:
    """Turn the records of a run back into what it holds."""

    def __init__(self, plan: Plan, snapshot: Snapshot, match: PlanMatch) -> None:
        self._plan = plan
        self._snapshot = snapshot
        self._match = match
        self._format: Format = snapshot.encoding
        self._blocks = blocks_of(plan)
        self._joins: dict[int, BlockInstance] = {}

    def joins(self, records: list[JoinRecord], place: str) -> None:
        """Read the rounds, outer ones first."""
        for index, record in enumerate(records):
            self._joins[record.id] = self._join(record, f"{place}joins[{index}]")

    def open_joins(self) -> Iterator[BlockInstance]:
        """Give the rounds that were read and are still open; side branches may be left of others."""
        return (join for join in self._joins.values() if join.remaining)

    def token(self, record: TokenRecord, place: str) -> Token:
        """Read one token."""
        node = self._node(record.node, place)
        if node.kind not in _STANDING:
            raise SnapshotError(snapshots.dangling(place, f"no value can wait at '{node.name}'"), path=place)
        producer = self._producer(record.producer, node, f"{place}.value")
        value = self._value(producer, node, record.value, f"{place}.value")
        scope = self._scope(record.scope, node, place)
        return Token(node.index, scope, value, producer.index, *self._cause(record, node, scope))

    def paused(self, record: InterruptRecord, place: str) -> Paused:
        """Read one interrupt."""
        payload = compile_codec(UNKNOWN).decode(record.payload, f"{place}.payload", self._format)
        node = self._node(record.token.node, place)
        if node.kind != Kind.STEP:
            raise SnapshotError(snapshots.dangling(place, f"'{node.name}' is no step, and cannot pause"), path=place)
        producer = self._producer(record.token.producer, node, place)
        scope = self._scope(record.token.scope, node, f"{place}.token")
        if record.resume_event is not None and scope is not None:
            raise SnapshotError(
                snapshots.dangling(place, "a step inside a block pauses without resume_event"), path=place
            )
        token = Token(node.index, scope, None, producer.index, *self._cause(record.token, node, scope))
        return Paused(Interrupt(record.id, record.type, payload, record.resume_event, node.name), token)

    def pool(self, record: PoolRecord, place: str) -> tuple[Key, dict[int, Contribution]]:
        """Read one pool, with its key."""
        node = self._node(record.node, place)
        if node.kind != Kind.COLLECT and node.mode != "and":
            raise SnapshotError(snapshots.dangling(place, f"'{node.name}' gathers nothing"), path=place)
        causes = {} if record.causes is ABSENT else record.causes
        gathered: dict[int, Contribution] = {}
        for name, raw in record.values.items():
            here = f"{place}.values.{name}"
            slot = self._match.slot(node, name)
            if slot is None:
                raise SnapshotError(snapshots.dangling(here, f"'{node.name}' has no such branch"), path=here)
            gathered[slot] = Contribution(self.value(gathered_codes(node)[slot], raw, here), causes.get(name, ""))
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
            raise SnapshotError(snapshots.dangling(place, f"the flow has no node '{name}'"), path=place)
        return node

    def _producer(self, name: str, node: PlanNode, place: str) -> PlanNode:
        """Return the node whose output something at `node` is; raises `SnapshotError` where it does not lead there."""
        found = self._match.producer(name, node, place)
        if found is None:
            self._node(name, place)
            raise SnapshotError(snapshots.dangling(place, f"'{name}' does not lead to '{node.name}'"), path=place)
        return found

    def _scope(self, record: ScopeRecord | None, node: PlanNode, place: str) -> Scope | None:
        """Read where something stands, which has to be in a round of the block that its node is in."""
        scope = None if record is None else scope_in(self._joins[record.join], record.item)
        if (None if scope is None else scope.block.node) != self._blocks.get(node.index):
            place = f"{place}.scope"
            raise SnapshotError(snapshots.dangling(place, f"'{node.name}' is not in that block"), path=place)
        return scope

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
        types, format, added = trigger_types(listener), self._format, self._match.verdict(place).added
        if place in self._match.migrated:
            format, added = "json", None  # type: ignore[assignment]  # None allows all fields with defaults
            with reading(place):
                raw = Raw(ENCODE["json"](self._match.migrated[place]))
        with reading(place):
            if listener.mode == "or":
                kind, name, inner = _NAMED[format](raw)
                named = {kind: {name: inner}}
            else:
                named = _BY_KIND[format](raw)
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
        if not _opens_blocks(node):
            raise SnapshotError(snapshots.dangling(place, f"'{node.name}' opens no block"), path=place)
        if node.kind == Kind.BATCH and len(node.ports) != len(record.slots):
            raise SnapshotError(snapshots.dangling(place, f"'{node.name}' has {len(node.ports)} branches"), path=place)
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
            raise SnapshotError(snapshots.dangling(place, f"'{node.name}' has other branches"), path=place)
        return hits if record.hits is not None or hits != tuple(range(len(hits))) else None

    def _require_hits(self, record: JoinRecord, node: PlanNode, place: str) -> None:
        if (record.hits is None and node.hit_all) or (record.hits is not None and node.kind == Kind.EACH):
            raise SnapshotError(snapshots.dangling(place, f"hits do not go with '{node.name}'"), path=place)
        if record.hits is None:
            return
        if len(record.hits) != len(record.slots) or len(set(record.hits)) != len(record.hits):
            raise SnapshotError(snapshots.dangling(place, f"{len(record.slots)} hits expected"), path=place)
        if any(not 0 <= hit < len(node.ports) for hit in record.hits) and self._match.unchanged:
            raise SnapshotError(snapshots.dangling(place, f"'{node.name}' has {len(node.ports)} cases"), path=place)

    def _source(self, record: JoinRecord, node: PlanNode, producer: PlanNode, place: str) -> Any:
        size = len(record.slots)
        if record.launched == size:
            return ()
        if node.kind != Kind.EACH:
            return self._value(producer, node, record.source, place)
        with reading(place):
            rest = _ITEMS[self._format](record.source)
        if len(rest) != size - record.launched:
            raise SnapshotError(snapshots.dangling(place, f"{size - record.launched} items expected"), path=place)
        verdict = self._match.verdict(place)
        for index in range(len(rest)):
            self._match.verdicts.setdefault(f"{place}[{index}]", verdict)
        items = [self.value(node.code, raw, f"{place}[{index}]") for index, raw in enumerate(rest)]
        return (*[UNSET] * record.launched, *items)


_STANDING: Final = frozenset({Kind.STEP, Kind.MATCH, Kind.CHILD, Kind.EACH, Kind.END})
"""The nodes that a value can wait at: tasks, and those that may have refused it, to which a retry brings it again."""
