"""What of a saved run still has its place in a plan that has changed, and how its values are read there.

Nodes, branches, cases and triggers are found by name: the name of today, or a former name that the definition declares.
A name that several nodes share identifies none of them. Each saved value is then compared with the type that reads it
today, by the rules of `typedflow.snapshot.comparison`. Everything that cannot be placed is reported at once.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from msgspec import UNSET, Raw

from typedflow.engine.plan import Kind, Plan, PlanNode
from typedflow.errors import SnapshotError
from typedflow.rules import snapshots
from typedflow.rules.problems import Problem
from typedflow.snapshot.comparison import Verdict, compare
from typedflow.snapshot.conversion import entry
from typedflow.snapshot.documents import compile_decoder, reading
from typedflow.snapshot.envelope import JoinRecord, NodeRecord, PoolRecord, Snapshot, TokenRecord
from typedflow.snapshot.first_format import AMBIGUOUS, shown
from typedflow.snapshot.nesting import opens_blocks
from typedflow.snapshot.parts import gathered_codes, gathers, slot_code
from typedflow.snapshot.plans import PlanMark, describe_value, kind_name, mark_plan
from typedflow.snapshot.shapes import Json, Shape, describe_code
from typedflow.snapshot.values import NULLS

_ITEMS: Final = compile_decoder(list[Raw])

AS_SAVED: Final = Verdict(())
"""The verdict on a value whose type is the same."""


class _Lost(Exception):
    """Something in flight has no place; the problem says why."""

    def __init__(
        self, what: str, node: str, reason: str, known: Collection[str] = (), way: snapshots.Way = "rewired"
    ) -> None:
        self.problem = snapshots.orphaned_problem(what, node, reason, known, way=way)
        super().__init__(self.problem.text)


@dataclass(slots=True)
class PlanMatch:
    """The nodes of a saved plan, found in the plan of today."""

    plan: Plan
    mark: PlanMark
    unchanged: bool
    migrated: Mapping[str, Any]
    """The values that a migration has changed, in builtins of JSON, by their places in the document."""
    verdicts: dict[str, Verdict]
    """How values are read whose type has changed, by their places."""
    producers: dict[str, PlanNode]
    """The node whose output each value in flight is today, by the place of the value, where the plan has changed."""

    def find(self, name: str) -> PlanNode | None:
        """Return the node of today that a saved name stands for, None where there is none."""
        former = None if self.unchanged else self.mark.former.get(name)
        return former or self.mark.nodes.get(name)

    def sources(self, name: str, node: PlanNode) -> list[PlanNode]:
        """Return the nodes whose output a value at `node` may be: the saved one, else all that lead there today."""
        sources = self.mark.producers.get(node.index, ())
        found = self.find(name)
        if found is not None and found.index in sources:
            return [found]
        return [] if self.unchanged else [self.plan.nodes[index] for index in sources]

    def producer(self, name: str, node: PlanNode, place: str) -> PlanNode | None:
        """Return the node whose output the value at a place is; None where nothing of that name leads to its node."""
        return self.producers.get(place) or next(iter(self.sources(name, node)), None)

    def slot(self, node: PlanNode, name: str) -> int | None:
        """Return the index of a saved branch, case or trigger, None where there is none of that name."""
        today = name if name in node.slots else node.former_slots.get(name)
        return None if today is None else node.slots.index(today)

    def verdict(self, place: str) -> Verdict:
        """Return how the value at a place is read."""
        return self.verdicts.get(place, AS_SAVED)


def match_plan(plan: Plan, snapshot: Snapshot, migrated: Mapping[str, Any], place: str = "") -> PlanMatch:
    """Find everything in flight in the plan of today; children are for their own flows to find.

    `place` is that of a child in its parent's document. Raises one `SnapshotError` that names all that has no place.
    """
    mark = mark_plan(plan)
    match = PlanMatch(plan, mark, mark.is_unchanged(snapshot), migrated, {}, {})
    check = _Check(match, snapshot, place)
    found = mark.first.problems(snapshot) if snapshot.format == 1 and not match.unchanged else check.problems()
    problems = dict.fromkeys((*found, *check.declared()))
    if problems:
        raise SnapshotError(list(problems), path=f"{place}plan")
    return match


class _Check:
    """One comparison of what is in flight with the plan of today."""

    def __init__(self, match: PlanMatch, snapshot: Snapshot, place: str) -> None:
        self._match = match
        self._plan = match.plan
        self._snapshot = snapshot
        self._place = place
        self._compared: dict[tuple[str, ...], Verdict] = {}

    def declared(self) -> Iterator[Problem]:
        """Yield what is wrong with what the contract declares: the result that is set, the events of the interrupts."""
        snapshot, spec = self._snapshot, self._plan.spec
        if snapshot.result is not UNSET and snapshot.result_type is not UNSET:
            verdict = compare(snapshot.result_type, describe_code(spec.result))
            place = f"{self._place}result"
            if place not in self._match.migrated:
                self._match.verdicts[place] = verdict
                if not verdict.accepted:
                    yield snapshots.changed_result_problem(verdict.differences)
        for index, interrupt in enumerate(snapshot.interrupts):
            event = interrupt.resume_event
            if event is None:
                continue
            what = f"interrupt '{interrupt.id}'"
            declared = spec.events or {}
            if event not in declared:
                yield snapshots.lost_event_problem(what, event, spec.name, declared)
            elif snapshot.events is not UNSET and event in snapshot.events:
                verdict = compare(snapshot.events[event], describe_code(declared[event]), widening=True)
                if not verdict.accepted:
                    yield snapshots.other_answer_problem(what, f"event '{event}'", verdict.differences)
                self._match.verdicts[f"{self._place}interrupts[{index}].default"] = verdict

    def problems(self) -> Iterator[Problem]:
        """Yield one problem for each thing in flight that has no place in a plan that has changed."""
        if self._match.unchanged:
            return
        snapshot = self._snapshot
        checks: tuple[tuple[Callable[[Any, str], None], Sequence[Any], str], ...] = (
            (self._token, snapshot.tokens, "tokens"),
            (self._block, snapshot.joins, "joins"),
            (self._pool, snapshot.pools, "pools"),
            (self._interrupt, snapshot.interrupts, "interrupts"),
        )
        for check, records, name in checks:
            for index, record in enumerate(records):
                try:
                    check(record, f"{name}[{index}]")
                except _Lost as lost:
                    yield lost.problem

    def _node(self, what: str, name: str) -> tuple[PlanNode, NodeRecord]:
        """Find the node that something is at; raises `_Lost` where the name leads to none, or to another kind."""
        old, node = self._snapshot.nodes.get(name), self._match.find(name)
        if old is None:
            raise _Lost(what, name, "the snapshot does not describe")
        if node is None:
            raise _Lost(what, name, "the flow does not have any more", self._match.mark.nodes, "renamed")
        if name not in node.formerly and (old.ambiguous is True or node.ambiguous):
            raise _Lost(what, name, AMBIGUOUS, way="named")
        if old.kind != kind_name(node):
            raise _Lost(what, name, f"was {shown(old)} and is {kind_name(node)}")
        return node, old

    def _token(self, token: TokenRecord, at: str) -> None:
        node, _ = self._node("a value", token.node)
        self._value("a value", token, node, f"{at}.value")

    def _value(self, what: str, token: TokenRecord | JoinRecord, node: PlanNode, at: str) -> None:
        """Compare a value at a node with what the node gets today."""
        sources = self._match.sources(token.producer, node)
        if not sources:
            raise _Lost(what, token.node, "nothing leads to any more")
        old = self._snapshot.nodes.get(token.producer)
        saved = token.coded if token.coded is not UNSET else _part(old, "carries")
        first: _Lost | None = None
        for producer in sources:
            try:
                today = describe_value(producer, node)
                key = (token.producer, token.node, producer.name, str(token.coded))
                self._compare(what, token.node, at, saved, today, key)
            except _Lost as lost:
                first = first or lost
            else:
                self._match.producers[f"{self._place}{at}"] = producer
                return
        assert first is not None
        raise first

    def _block(self, join: JoinRecord, at: str) -> None:
        what = "an open block"
        node, old = self._node(what, join.node)
        if not opens_blocks(node):
            raise _Lost(what, join.node, "takes the first hit now, and keeps no results of its branches")
        is_each = node.kind == Kind.EACH
        names = [""] * len(join.slots) if is_each else self._branches(join, node, old)
        for slot, name in enumerate(() if all(join.slots) else names):  # one that is closed keeps no results
            if join.slots[slot]:
                index = 0 if is_each else self._match.slot(node, name)
                assert index is not None
                today = describe_code(slot_code(self._plan, node, index))
                key = ("slot", join.node, name)
                self._compare(what, join.node, f"{at}.slots[{slot}]", _part(old, f"slot {name}"), today, key)
        if is_each:
            if bytes(join.source) in NULLS:
                return
            place = f"{self._place}{at}.source"
            with reading(place):
                items = range(len(_ITEMS[self._snapshot.encoding](join.source)))
            if not all(f"{place}[{item}]" in self._match.migrated for item in items):
                self._compare(what, join.node, f"{at}.source", _part(old, "items"), describe_code(node.code))
        elif join.launched < len(join.slots):
            self._value(what, join, node, f"{at}.source")

    def _branches(self, join: JoinRecord, node: PlanNode, old: NodeRecord) -> list[str]:
        """Return the saved names of the branches of an open block; raises `_Lost` where they are others today."""
        names = branch_names(join, old)
        unclear = _numbered(old.slots) | _numbered(node.slots)
        for name in names:
            if name in unclear and name not in node.former_slots:
                raise _Lost(
                    "an open block", join.node, f"has case '{name}', which is a name that several of its cases share"
                )
        gone = [name for name in names if self._match.slot(node, name) is None]
        new = len(node.slots) > len(old.slots) if node.kind == Kind.BATCH else False
        if gone or new:
            was, is_now = ", ".join(old.slots), ", ".join(node.slots)
            raise _Lost("an open block", join.node, f"had the branches {was} and has {is_now}")
        return names

    def _pool(self, pool: PoolRecord, at: str) -> None:
        what = "what was gathered"
        node, old = self._node(what, pool.node)
        if not gathers(node):
            raise _Lost(what, pool.node, f"fires for each of its triggers now: its mode is '{node.mode}'")
        for name in pool.values:
            index = self._match.slot(node, name)
            if index is None:
                raise _Lost(what, pool.node, f"has no branch '{name}' any more", node.slots)
            today = describe_code(gathered_codes(node)[index])
            self._compare(what, pool.node, f"{at}.values.{name}", _part(old, f"slot {name}"), today)
        if len(pool.values) == len(node.slots) and not node.keeps:
            raise _Lost(what, pool.node, "has no other branch any more, so that nothing would start it")

    def _interrupt(self, interrupt: Any, at: str) -> None:
        what = f"interrupt '{interrupt.id}'"
        node, old = self._node(what, interrupt.token.node)
        if interrupt.needs_value:
            waiting = "a sleeping value" if interrupt.asleep is True else f"the value of {what}"
            self._value(waiting, interrupt.token, node, f"{at}.token.value")
        if interrupt.asleep is not True and interrupt.resume_event is None:
            verdict = compare(_part(old, "answer"), describe_code(node.result_type), widening=True)
            if not verdict.accepted:
                reason = f"takes another answer now: {'; '.join(verdict.differences)}"
                raise _Lost(what, interrupt.token.node, reason, way="answered")
            self._match.verdicts[f"{self._place}{at}.default"] = verdict

    def _compare(
        self, what: str, node: str, at: str, old: Json, today: Shape, key: tuple[str, ...] | None = None
    ) -> None:
        """Compare the saved type of a value with the one that reads it today, and keep how it is read."""
        place = f"{self._place}{at}"
        if place in self._match.migrated:
            return
        verdict = None if key is None else self._compared.get(key)
        if verdict is None:
            verdict = compare(old, today)
            if key is not None:
                self._compared[key] = verdict
        if not verdict.accepted:
            raise _Lost(what, node, f"holds another type now: {'; '.join(verdict.differences)}", way="retyped")
        self._match.verdicts[place] = verdict


def _part(record: NodeRecord | None, name: str) -> Json:
    """Return one type that a snapshot describes of a node, with the table that its names lead into."""
    types = None if record is None else record.types  # from a document: it may be anything
    return {"type": entry(types, name), "types": entry(types, "types")}


def _numbered(names: Sequence[str]) -> set[str]:
    """Return the names of cases that were made unique by a number, and those that they were made from."""
    origins = {name: name.rpartition("#")[0] for name in names if name.rpartition("#")[2].isdigit()}
    return {part for name, origin in origins.items() if origin in names for part in (name, origin)}


def branch_names(join: JoinRecord, old: NodeRecord) -> list[str]:
    """Return the names of the branches of an open block, by slot; those of a match that were hit."""
    if join.hits is None:
        return old.slots
    return [old.slots[hit] for hit in join.hits if hit < len(old.slots)]
