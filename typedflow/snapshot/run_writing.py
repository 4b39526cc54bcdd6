"""A run as records: tokens, block instances, pools and interrupts, with their values coded by the types of the plan.

Only what can still be reached is written: of a for_each the items that were not started yet, of a block that started
everything not even its source.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from msgspec import UNSET as ABSENT
from msgspec import Raw, UnsetType

from typedflow.engine.causes import MAIN
from typedflow.engine.plan import Kind, PlanNode
from typedflow.engine.run import Run
from typedflow.engine.tokens import UNSET, BlockInstance, Scope, Token
from typedflow.schema.annotations import UNKNOWN
from typedflow.snapshot.codecs import compile_codec
from typedflow.snapshot.documents import ENCODE, Format
from typedflow.snapshot.envelope import InterruptRecord, JoinRecord, PoolRecord, ScopeRecord, TokenRecord
from typedflow.snapshot.parts import (
    branch_of,
    code_of_edge,
    encode_value,
    gathered_codes,
    normalised,
    slot_code,
    trigger_types,
)
from typedflow.snapshot.plans import describe_value, has_own_description

NO_PARTS: Final[Mapping[BlockInstance, int]] = {}


class RunWriter:
    """Turn one run into records."""

    def __init__(self, run: Run, format: Format, parts: Mapping[BlockInstance, int] = NO_PARTS) -> None:
        self.run = run
        self._parts = parts
        """The block instances whose slots and source are parts, with their numbers there."""
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
            since = ABSENT if asked.since is None else asked.since
            records.append(
                InterruptRecord(
                    id=asked.id,
                    type=asked.type,
                    payload=payload,
                    token=token,
                    resume_event=asked.resume_event,
                    since=since,
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
        part = (self._parts[join], len(join.slots)) if join in self._parts else ABSENT
        slots = [] if part is not ABSENT else self._slots(join, place)
        outer = None if join.scope is None else join.scope
        scope = None if outer is None else ScopeRecord(join=self._join_ids[id(outer.block)], item=outer.item)
        starts_more = join.launched < len(join.slots) and node.kind != Kind.EACH
        return JoinRecord(
            id=number,
            node=node.name,
            producer=self._nodes[join.producer].name,
            source=self._source(join, node, place) if part is ABSENT else NULL[self.format],
            slots=slots,
            launched=join.launched,
            cause=written_cause(join.cause),
            key=ABSENT if join.key == f"{node.name}@{join.cause}" else join.key,
            coded=coded(self._nodes[join.producer], node) if starts_more else ABSENT,
            scope=scope,
            hits=join.hits,
            part=part,
        )

    def _slots(self, join: BlockInstance, place: str) -> list[list[Raw]]:
        if not join.remaining:  # it was closed: what came back went on, and only its side branches are still inside
            return [[NULL[self.format]] for _ in join.slots]
        return [
            []
            if value is UNSET
            else [encode_value(self._slot_code(join, slot), value, f"{place}.slots[{slot}]", self.format)]
            for slot, value in enumerate(join.slots)
        ]

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


def written_cause(cause: str) -> str | UnsetType:
    """Return a cause as a record holds it: that of the main chain is left out."""
    return ABSENT if cause == MAIN else cause


NULL: Final[Mapping[Format, Raw]] = {"json": Raw(b"null"), "msgpack": Raw(b"\xc0")}
