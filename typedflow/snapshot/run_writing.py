"""A run as records: tokens, block instances, pools and interrupts, with their values coded by the types of the plan.

Only what can still be reached is written: of a for_each the items that were not started yet, of a block that started
everything not even its source.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from msgspec import UNSET as ABSENT
from msgspec import Raw, UnsetType

from typedflow.engine.causes import MAIN, derive
from typedflow.engine.dropping import source_of
from typedflow.engine.plan import Kind, PlanNode
from typedflow.engine.run import Run
from typedflow.engine.tokens import UNSET, BlockInstance, Paused, Scope, Token
from typedflow.schema.annotations import UNKNOWN
from typedflow.snapshot.codecs import compile_codec
from typedflow.snapshot.documents import ENCODE, Format
from typedflow.snapshot.envelope import InterruptRecord, JoinRecord, PoolRecord, RemoteRecord, ScopeRecord, TokenRecord
from typedflow.snapshot.flow_states import encode_kept
from typedflow.snapshot.kept_values import Kept, KeptValues, Place
from typedflow.snapshot.parts import (
    answer_code,
    branch_of,
    code_of_output,
    decode_fired,
    decode_value,
    encode_fired,
    encode_value,
    gathered_codes,
    normalised,
    slot_code,
)
from typedflow.snapshot.plans import describe_value, has_own_description


class RunParts(NamedTuple):
    """What of a run is saved in parts, and not in its records."""

    blocks: Mapping[BlockInstance, int]
    """The block instances whose slots and source are parts, with their numbers there."""
    interrupts: Sequence[tuple[int, Paused]] | None
    """The interrupts that are in no part, with their places among all; None where none is in a part."""
    nodes: Sequence[str]
    """The nodes that the interrupts in parts wait at or came from."""
    events: Sequence[str]
    """The events that the interrupts in parts are to emit."""
    waiting: Collection[Token] = ()
    """The tokens that wait for children which are in parts; if there are any, no others wait for children."""
    resource_keys: Collection[str] = ()
    """The keys of the resources that these children have at hand."""


NO_PARTS: Final = RunParts({}, None, (), ())


def tokens_in_head(run: Run, parts: RunParts) -> Sequence[Token]:
    """Return what is in flight and in no part, in order."""
    return [*run.live, *run.queued] if parts.waiting else run.in_flight()


class RunWriter:
    """Turn one run into records."""

    def __init__(self, run: Run, format: Format, kept: KeptValues, parts: RunParts = NO_PARTS) -> None:
        self.run = run
        self._parts = parts
        self.format: Format = format
        self._kept = kept
        self._nodes = run.plan.nodes
        self._join_ids: dict[int, int] = {}
        self._joins: list[JoinRecord] = []

    @classmethod
    def of_parts(cls, run: Run) -> RunWriter:
        """Return a writer for single interrupts that become parts."""
        return cls(run, "json", KeptValues())

    def tokens(self) -> list[TokenRecord]:
        """Return what is in flight, in order."""
        return [
            self._token(token, f"tokens[{index}]") for index, token in enumerate(tokens_in_head(self.run, self._parts))
        ]

    def token_in_part(self, token: Token, place: str) -> TokenRecord:
        """Return the record of a token without its scope."""
        return self._token(token, place, with_scope=False)

    def interrupts(self) -> list[InterruptRecord]:
        """Return what waits for an answer."""
        waiting: Iterable[tuple[int | UnsetType, Paused]] = (
            ((ABSENT, paused) for paused in (self.run.interrupts or {}).values())
            if self._parts.interrupts is None
            else self._parts.interrupts
        )
        return [self.interrupt(paused, f"interrupts[{index}]", order) for index, (order, paused) in enumerate(waiting)]

    def interrupt(
        self, paused: Paused, place: str, order: int | UnsetType = ABSENT, *, with_scope: bool = True
    ) -> InterruptRecord:
        """Return the record of one; `order` is its place among all where others are parts."""
        asked = paused.interrupt
        fixed = {} if paused.needs_value else {"value": None}
        return InterruptRecord(
            id=asked.id,
            type=asked.type,
            payload=compile_codec(UNKNOWN).encode(asked.payload, f"{place}.payload", self.format),
            token=self._token(paused.token, f"{place}.token", with_scope=with_scope, **fixed),
            resume_event=asked.resume_event,
            since=ABSENT if asked.since is None else asked.since,
            deadline=ABSENT if asked.deadline is None else asked.deadline,
            default=self._default(paused, f"{place}.default"),
            asleep=True if paused.asleep else ABSENT,
            order=order,
        )

    def _default(self, paused: Paused, place: str) -> Raw | UnsetType:
        if paused.default is UNSET:
            return ABSENT
        code = answer_code(self.run.plan, self._nodes[paused.token.node], paused.interrupt.resume_event)
        return encode_value(code, paused.default, place, self.format)

    def pools(self) -> list[PoolRecord]:
        """Return what collects and listeners have gathered."""
        records: list[PoolRecord] = []
        for (index, join, item), pool in (self.run.pools or {}).items():
            node = self._nodes[index]
            names = node.slots
            place = f"pools[{len(records)}]"
            codes = gathered_codes(node)
            values = {
                names[slot]: self._part(
                    ("pool", id(each)), codes[slot], each.value, f"{place}.values.{names[slot]}", each
                )
                for slot, each in pool.items()
            }
            scope = None if join is None else ScopeRecord(join=self._join(join), item=item)
            causes = {names[slot]: each.cause for slot, each in pool.items()}
            records.append(PoolRecord(node=node.name, values=values, causes=causes, scope=scope))
        return records

    def joins(self) -> list[JoinRecord]:
        """Return the open block instances, each behind the one it is inside of; called when all others are written."""
        for join in self.run.blocks or ():
            self._join(join)
        return self._joins

    def _token(self, token: Token, place: str, *, with_scope: bool = True, **fixed: Any) -> TokenRecord:
        nodes = self._nodes
        value = fixed["value"] if fixed else token.value
        raw = (
            NULL[self.format]
            if fixed
            else self._value(nodes[token.producer], nodes[token.node], token.cause, value, place)
        )
        scope = None if token.scope is None or not with_scope else self._scope(token.scope)
        return TokenRecord(
            node=nodes[token.node].name,
            value=raw,
            producer=nodes[token.producer].name,
            cause=written_cause(token.cause),
            key=ABSENT if token.key is None else token.key,
            coded=ABSENT if fixed else coded(nodes[token.producer], nodes[token.node]),
            attempts=ABSENT if self.run.attempts is None else self.run.attempts.get(token, ABSENT),
            updates=ABSENT if self.run.updates is None else self._updates(token),
            remote=ABSENT if self.run.remotes is None else self._remote(token),
            scope=scope,
        )

    def _remote(self, token: Token) -> RemoteRecord | UnsetType:
        """Return what is known of a remote child; of one that is completed nothing: its token asks for it again."""
        assert self.run.remotes is not None
        outcome = self.run.remotes.get(token)
        if outcome is None:
            return RemoteRecord() if token in self.run.remotes else ABSENT
        if not outcome.error:
            return ABSENT
        return RemoteRecord(error=outcome.error, text=outcome.text, fault=True if outcome.is_fault else ABSENT)

    def result(self, tp: Any) -> Raw:
        """Return the result that is set."""
        return self._part(("result",), tp, self.run.result, "result")

    def _updates(self, token: Token) -> dict[str, str] | UnsetType:
        assert self.run.updates is not None
        made = self.run.updates.get(token)
        if not made:
            return ABSENT
        return {call: encode_kept(kept, self.run.plan.spec) for call, kept in tuple(made.items())}

    def _value(self, producer: PlanNode, consumer: PlanNode, cause: str, value: Any, place: str) -> Raw:
        """Encode the output of a producer; a block has it as its source, and hands it on to its branches."""
        code, kept_as = code_of_output(producer, consumer), (producer.index, cause, id(value))
        found = self._kept.find(kept_as)
        if found is not None:
            if _is_written_by(found, code, self.format):
                return found[4]
            produced = _read(found, place)
        else:
            produced = value
        place = f"{place}.value"
        if isinstance(code, PlanNode):
            raw = encode_fired(code, produced, place, self.format)
        else:
            if producer.code is UNKNOWN and consumer.check_in is not None:
                produced = normalised(consumer.check_in, produced)
            raw = encode_value(code, produced, place, self.format)
        return self._kept.keep(kept_as, (value, None, code, self.format, raw))

    def _part(self, kept_as: Place, code: Any, value: Any, place: str, owner: object = None) -> Raw:
        """Encode a value by a code that does not depend on where it goes."""
        kept_as = (*kept_as, id(value))
        found = self._kept.find(kept_as)
        if found is not None and _is_written_by(found, code, self.format):
            return found[4]
        produced = value if found is None else _read(found, place)
        raw = encode_value(code, produced, place, self.format)
        return self._kept.keep(kept_as, (value, owner, code, self.format, raw))

    def _scope(self, scope: Scope) -> ScopeRecord:
        return ScopeRecord(join=self._join(scope.block), item=scope.item)

    def _join(self, join: BlockInstance) -> int:
        """Write a block instance, and those around it first; return its id. A loop, because blocks may nest deeply."""
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
        part = (self._parts.blocks[join], len(join.slots)) if join in self._parts.blocks else ABSENT
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
            [] if value is UNSET else [self._slot(join, slot, value, f"{place}.slots[{slot}]")]
            for slot, value in enumerate(join.slots)
        ]

    def _item(self, join: BlockInstance, node: PlanNode, index: int, item: Any, place: str) -> Raw:
        """Encode an item of a for_each that waits; its token has the same producer and cause."""
        return self._part((node.index, derive(join.key, index)), node.code, item, place)

    def _slot(self, join: BlockInstance, slot: int, value: Any, place: str) -> Raw:
        return self._part(("slot", id(join), slot), self._slot_code(join, slot), value, place, join)

    def _slot_code(self, join: BlockInstance, slot: int) -> Any:
        node = self._nodes[join.node]
        return slot_code(self.run.plan, node, branch_of(node, join.hits, slot))

    def _source(self, join: BlockInstance, node: PlanNode, place: str) -> Raw:
        if node.kind == Kind.EACH:
            items = _kept_items(join, node)
            if not items:
                return NULL[self.format]
            return Raw(
                ENCODE[self.format](
                    [
                        self._item(join, node, item, join.source[item], f"{place}.source[{number}]")
                        for number, item in enumerate(items)
                    ]
                )
            )
        if join.launched == len(join.slots):
            return NULL[self.format]
        return self._value(self._nodes[join.producer], node, join.cause, join.source, place)


def _kept_items(join: BlockInstance, node: PlanNode) -> list[int]:
    """Return the items of a for_each that are still needed: those to start, and with `collects` those that run too.

    An item that runs is the value of its `Failed`. All of them are kept or none: which they are is known by the number.
    """
    waiting = list(range(join.launched, len(join.slots)))
    running = [item for item in range(join.launched) if join.slots[item] is UNSET]
    if not node.collects or any(source_of(join, item) is UNSET for item in running):
        running = []
    return [*running, *waiting]


def _is_written_by(kept: Kept, code: Any, format: Format) -> bool:
    return kept[3] == format and (kept[2] is code or kept[2] == code)


def _read(kept: Kept, place: str) -> Any:
    """Read what an earlier save has written."""
    _, _, code, format, raw = kept
    if isinstance(code, PlanNode):
        return decode_fired(code, raw, place, format)
    return decode_value(code, raw, place, format)


def coded(producer: PlanNode, consumer: PlanNode) -> Any:
    """Return the description of what a value is saved by, where the output type of its producer does not say it."""
    return describe_value(producer, consumer) if has_own_description(producer) else ABSENT


def written_cause(cause: str) -> str | UnsetType:
    """Return a cause as a record holds it: that of the main chain is left out."""
    return ABSENT if cause == MAIN else cause


NULL: Final[Mapping[Format, Raw]] = {"json": Raw(b"null"), "msgpack": Raw(b"\xc0")}
