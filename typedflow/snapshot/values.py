"""The values in flight of a snapshot as a migration sees them: builtins of JSON, by node.

    values[node] = {"inputs": […], "outputs": […], "slots": {branch: […]}}

`inputs` are the values at the node, with those that sleep there and those of questions that may go unanswered behind
them; `outputs` the items of a for_each that were not started yet, behind those that run if it collects their failures;
`slots` the results of branches that a block, collect or listener still keeps, one for each open instance (of a for_each
by "0", "1", …). A value that is saved part by part, or as `[member, payload]`, is shown as it is saved. Nodes have
their saved names.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from msgspec import UNSET, Raw

from typedflow.snapshot.documents import ENCODE, PLAIN, Format, reading, strict_tree
from typedflow.snapshot.envelope import Snapshot
from typedflow.snapshot.shapes import Json

PARTS: Final = ("inputs", "outputs", "slots")
NULLS: Final = frozenset({b"null", b"\xc0"})
"""The source of a block that keeps none, in each format."""


class InFlight(NamedTuple):
    """One value in flight: its place in the document, and where a migration finds it."""

    place: str
    node: str
    part: str
    slot: str
    """Of a result that is kept: its branch. Empty for the others."""
    value: Raw


def plain_tree(payload: Raw, format: Format) -> Json:
    """Return a payload in builtins, the way that JSON has them; raises what decoding raises."""
    tree = strict_tree(payload, format)
    return tree if format == "json" else PLAIN["json"](ENCODE["json"](tree))


def values_in_flight(snapshot: Snapshot) -> Iterator[InFlight]:
    """Yield every value in flight of one execution, its children excluded."""
    for index, token in enumerate(snapshot.tokens):
        yield InFlight(f"tokens[{index}].value", token.node, "inputs", "", token.value)
    for index, each in enumerate(snapshot.interrupts):
        if each.needs_value:
            yield InFlight(f"interrupts[{index}].token.value", each.token.node, "inputs", "", each.token.value)
    for index, join in enumerate(snapshot.joins):
        record, place = snapshot.nodes.get(join.node), f"joins[{index}]"
        is_each = record is not None and record.kind == "each"
        if not all(join.slots):
            for at, slot in enumerate(join.slots):
                branch = join.hits[at] if join.hits is not None else at
                is_named = record is not None and not is_each and branch < len(record.slots)
                name = record.slots[branch] if is_named and record is not None else str(at)
                for value in slot:
                    yield InFlight(f"{place}.slots[{at}]", join.node, "slots", name, value)
        if is_each and bytes(join.source) not in NULLS:
            with reading(f"{place}.source"):
                items = [Raw(ENCODE[snapshot.encoding](item)) for item in strict_tree(join.source, snapshot.encoding)]
            for at, item in enumerate(items):
                yield InFlight(f"{place}.source[{at}]", join.node, "outputs", "", item)
        elif not is_each and join.launched < len(join.slots):
            yield InFlight(f"{place}.source", join.node, "inputs", "", join.source)
    for index, pool in enumerate(snapshot.pools):
        for name, value in pool.values.items():
            yield InFlight(f"pools[{index}].values.{name}", pool.node, "slots", name, value)


def gather_values(snapshot: Snapshot, place: str) -> tuple[Json, list[InFlight]]:
    """Return the `values` of a document for migrations, and what is in them, in order. `place` is that of a child."""
    found = list(values_in_flight(snapshot))
    values: dict[str, Any] = {}
    for each in found:
        with reading(f"{place}{each.place}"):
            tree = plain_tree(each.value, snapshot.encoding)
        node = values.setdefault(each.node, {"inputs": [], "outputs": [], "slots": {}})
        part = node["slots"].setdefault(each.slot, []) if each.part == "slots" else node[each.part]
        part.append(tree)
    return values, found


def changed_values(before: Json, after: Json, found: list[InFlight], place: str) -> dict[str, Any]:
    """Return what a chain of migrations has changed, by the places in the document.

    Raises LookupError, with the reason, where a value is missing or one too many.
    """
    changed: dict[str, Any] = {}
    taken: dict[tuple[str, str, str], int] = {}
    for each in found:
        key = (each.node, each.part, each.slot)
        index = taken[key] = taken.get(key, -1) + 1
        old, new = _part(before, key), _part(after, key)
        if new is None:
            continue
        if len(new) != len(old or ()):
            where = f"values[{each.node!r}][{each.part!r}]" + (f"[{each.slot!r}]" if each.slot else "")
            raise LookupError(f"gave {len(new)} values in {where}, where {len(old or ())} were")
        if new[index] != (old or ())[index] or type(new[index]) is not type((old or ())[index]):
            changed[f"{place}{each.place}"] = new[index]
    return changed


def _part(values: Json, key: tuple[str, str, str]) -> list[Any] | None:
    """Return the list that a value is in; None where a migration left it out, which leaves it as it is."""
    node, part, slot = key
    found: Any = values.get(node, {}).get(part)
    if part == "slots":
        found = (found or {}).get(slot)
    return None if found is None else list(found)


def odd_values(values: object) -> str:
    """Return what is wrong with the `values` that a migration returned; empty where nothing is."""
    if type(values) is not dict:
        return "gave values that are no dict of nodes"
    for node, parts in values.items():
        if type(parts) is not dict or any(part not in PARTS for part in parts):
            return f"gave values of {node!r} that are no dict of {', '.join(PARTS)}"
        slots = parts.get("slots", {})
        if type(slots) is not dict:
            return f"gave slots of {node!r} that are no dict of branches"
        if any(type(part) is not list for part in (*(parts.get(name, []) for name in PARTS[:2]), *slots.values())):
            return f"gave values of {node!r} that are no lists"
    return ""


def result_of(snapshot: Snapshot, place: str) -> Json:
    """Return the result that is set, in builtins; UNSET where there is none."""
    if snapshot.result is UNSET:
        return UNSET
    with reading(f"{place}result"):
        return plain_tree(snapshot.result, snapshot.encoding)
