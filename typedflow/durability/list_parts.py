"""A long list in the state as parts: a save writes the slices of it that changed.

As one part, a list of 100,000 Structs (4.7 MB) took 54 ms of CPU at each save after an append. In slices the
whole step takes 0.4 ms where the append was by path; where the list was read by attribute, one msgspec encode of it and
a look at all classes in it. benchmarks/g02_long_lists.py measures both.

What was read by attribute may have changed anywhere. Each slice is packed with MessagePack and compared with the bytes
that it was packed to when it was stored (`typedflow.snapshot.slicing` says for which types that proves it unchanged);
only a slice that differs is encoded and verified. If the list became longer or shorter, the slices that match from its
beginning and from its end stay; if many lie between, they are looked for by the identity of their first items.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple, final

import msgspec
from msgspec import Raw

from typedflow.durability.ledger import Changes
from typedflow.schema.proofs import is_proven
from typedflow.schema.types import Kind
from typedflow.snapshot.documents import at_ease
from typedflow.snapshot.envelope import SliceRun
from typedflow.snapshot.joining import slice_key
from typedflow.snapshot.slicing import SlicedType, pack, sliced_type

SLICED_FROM: Final = 32 * 1024
"""Bytes of a list from which it is in slices. Below half of that it is one part again."""
SLICE: Final = 8 * 1024
"""Bytes that a slice is cut to."""
MOVED_FROM: Final = 8
"""Slices that differ from which they are looked for at other places of the list."""

_DECODE_ITEMS: Final = msgspec.json.Decoder(list[Raw]).decode


class _Slice(NamedTuple):
    """What is known of one slice."""

    number: int
    """The name of its part."""
    length: int
    size: int
    """Of its part, in bytes."""
    packed: bytes | None = None
    """What its items were packed to before they were encoded; None: the next save encodes them."""
    first: Any = None
    """Its first item, kept so that its identity is that of no other."""


class _Written(NamedTuple):
    """A slice that a save writes, unless it is stored like that."""

    slice: _Slice
    data: bytes


@final
class ListParts:
    """The stored slices of one list."""

    __slots__ = ("_name", "_next", "_per", "_runs", "_slices", "_total", "_type")

    def __init__(self, name: str, sliced: SlicedType, runs: Iterable[SliceRun] = ()) -> None:
        self._name = name
        """The name of the field in the document."""
        self._type = sliced
        self._runs = [*runs]
        self._slices = [_Slice(first + index, count, 0) for first, slices, count in runs for index in range(slices)]
        self._next = max((each.number for each in self._slices), default=-1) + 1
        self._total = sum(each.length for each in self._slices)
        self._per = max((each.length for each in self._slices), default=0)
        """How many items a new slice gets."""

    def is_short(self, items: Sequence[Any]) -> bool:
        """Return True if the list has become so short that it should be one part again."""
        size = sum(each.size for each in self._slices)
        return size * len(items) < SLICED_FROM // 2 * self._total

    def part_keys(self) -> list[str]:
        """Return the keys of the parts."""
        return [slice_key(self._name, each.number) for each in self._slices]

    def runs(self) -> list[SliceRun]:
        """Return the numbers of the slices, in order, as the head names them."""
        return self._runs

    def drop(self, changes: Changes) -> None:
        """Delete all slices."""
        for key in self.part_keys():
            changes.drop(key)

    def put_all(self, data: bytes, changes: Changes, live: Sequence[Any]) -> None:
        """Write all slices, from the verified bytes of the whole list; each keeps the number of its items.

        `live` are the items that these are the bytes of; a thread may have changed them since.
        """
        items = at_ease(data, _DECODE_ITEMS, data)
        live = live if len(live) == len(items) else ()
        self._per = self._per or max(1, SLICE * len(items) // len(data))
        at, written, numbers = 0, [], self._numbers()
        for number, count in self._lengths(len(items)):
            part = b"[%s]" % b",".join(items[at : at + count])
            first = live[at] if live else None
            number = next(numbers) if number is None else number
            written.append(_Written(_Slice(number, count, len(part), None, first), part))
            at += count
        self._commit([each.slice for each in written], written, changes)

    def _lengths(self, size: int) -> Iterator[tuple[int | None, int]]:
        """Return the number and the length of each slice of a list of so many items."""
        for each in self._slices:
            if each.length > size:
                break
            yield each.number, each.length
            size -= each.length
        while size > 0:
            yield None, min(size, self._per)
            size -= self._per

    def put_end(self, items: Sequence[Any], changes: Changes) -> bool:
        """Write what was appended to the list; return False if that cannot be all that changed.

        An alias that has moved the items shows in the last slice, which begins with another one then: slices of before
        and after that would make a list that there never was. Raises `SnapshotError` as `put_changed` does.
        """
        if not self._slices or len(items) < self._total:
            return False
        last = self._slices[-1]
        start = self._total - last.length
        end = items[start:]  # a copy: a thread may be changing the list
        if len(end) < last.length or (last.first is not None and end[0] is not last.first):
            return False
        total = start + len(end)
        if self._is_full(last):
            written = self._cut(end, last.length, len(end), [])
        else:
            written = self._cut(end, 0, len(end), [last])
            self._slices.pop()
            first, slices, count = self._runs.pop()
            self._runs += [(first, slices - 1, count)] if slices > 1 else []
        for part in written:
            changes.put(slice_key(self._name, part.slice.number), part.data)
            self._slices.append(part.slice)
            _add_run(self._runs, part.slice)
        self._total = total
        self._adapt(written)
        return True

    def put_changed(self, items: list[Any], changes: Changes, *, checked: bool) -> None:
        """Write the slices that differ from what is stored.

        `checked` says that all classes in the list are known to be the declared ones; else they are looked at here.
        Raises `SnapshotError`, whose path is inside of a slice; nothing was written then.
        """
        items = items[:]  # a thread with an alias of the list may move them meanwhile
        if not checked and not is_proven(self._type.kind, items):
            self._slices = [each._replace(packed=None) for each in self._slices]  # every one is verified
        if len(items) == self._total and self._put_in_place(items, changes):
            return
        old = self._slices
        front = at = 0
        while front < len(old) and self._is_at(old[front], items, at):
            at += old[front].length
            front += 1
        back, end = len(old), len(items)
        while (
            back > front
            and end - old[back - 1].length >= at
            and self._is_at(old[back - 1], items, end - old[back - 1].length)
        ):
            back -= 1
            end -= old[back].length
        if front and at < end and old[front - 1].length + end - at <= self._per and not self._is_full(old[front - 1]):
            front -= 1
            at -= old[front].length
        if back < len(old) and at < end and old[back].length + end - at <= self._per and not self._is_full(old[back]):
            end += old[back].length
            back += 1
        middle, written = self._between(items, at, end, old[front:back])
        self._commit([*old[:front], *middle, *old[back:]], written, changes)

    def _put_in_place(self, items: list[Any], changes: Changes) -> bool:
        """Write the slices that differ, each for itself; return False if they seem to have moved."""
        at, moved, differ = 0, 0, []
        for index, each in enumerate(self._slices):
            if not self._is_at(each, items, at):
                differ.append((index, at))
                moved += each.packed is not None and items[at] is not each.first
            at += each.length
        if moved > MOVED_FROM:
            return False
        slices, written = [*self._slices], []
        for index, at in reversed(differ):  # one may become several
            each = slices[index]
            cut = self._cut(items, at, at + each.length, [each], each.length)
            slices[index : index + 1] = [part.slice for part in cut]
            written += cut
        self._commit(slices, written, changes)
        return True

    def _between(
        self, items: list[Any], at: int, end: int, old: Sequence[_Slice]
    ) -> tuple[list[_Slice], list[_Written]]:
        """Return the slices of the items between those that stay, and what is written of them."""
        kept = self._moved(items, at, end, old) if len(old) > MOVED_FROM else []
        stay = {each.number for each, _ in kept}
        spare = [each for each in reversed(old) if each.number not in stay]
        slices, written = [], []
        for each, start in [*kept, (None, end)]:
            cut = self._cut(items, at, start, spare)
            slices += [part.slice for part in cut]
            written += cut
            if each is not None:
                slices.append(each)
                at = start + each.length
        return slices, written

    def _moved(self, items: list[Any], at: int, end: int, old: Sequence[_Slice]) -> list[tuple[_Slice, int]]:
        """Return the slices that are at another place of the list now, in order, with their places."""
        places = {id(item): index for index, item in enumerate(items[at:end], at)}
        kept = []
        for each in old:
            place = places.get(id(each.first), -1)
            if at <= place <= end - each.length and self._is_at(each, items, place):
                kept.append((each, place))
                at = place + each.length
        return kept

    def _is_at(self, each: _Slice, items: Sequence[Any], at: int, least: int = 0) -> bool:
        """Return whether the items at a place, which is not before `least`, are those of a slice."""
        return at >= least and each.packed is not None and pack(items[at : at + each.length]) == each.packed

    def _is_full(self, each: _Slice) -> bool:
        return each.length >= self._per or each.size >= 2 * SLICE

    def _cut(
        self, items: Sequence[Any], at: int, end: int, spare: list[_Slice], length: int | None = None
    ) -> list[_Written]:
        """Encode and verify items in slices, which take the numbers of those in `spare` first."""
        written: list[_Written] = []
        numbers, length = self._numbers(spare), length or self._per
        waiting = [(start, min(end, start + length)) for start in range(at, end, length)]
        waiting.reverse()
        while waiting:
            start, stop = waiting.pop()
            part = items[start:stop]
            packed = pack(part)  # before it is encoded: what a thread changes meanwhile differs next time
            data = bytes(self._type.codec.encode(part, self._name))
            if len(data) > 4 * SLICE and len(part) > 1:
                middle = (start + stop) // 2
                waiting += [(middle, stop), (start, middle)]
                continue
            written.append(_Written(_Slice(next(numbers), len(part), len(data), packed, part[0]), data))
        return written

    def _numbers(self, spare: list[_Slice] | None = None) -> Iterator[int]:
        """Yield numbers for new slices: those of `spare`, which it empties, then new ones."""
        while spare:
            yield spare.pop().number
        while True:
            self._next += 1
            yield self._next - 1

    def _commit(self, slices: list[_Slice], written: Iterable[_Written], changes: Changes) -> None:
        """Write the parts, and delete those of slices that are gone."""
        stay = {each.number for each in slices}
        for each in self._slices:
            if each.number not in stay:
                changes.drop(slice_key(self._name, each.number))
        for part in written:
            changes.put(slice_key(self._name, part.slice.number), part.data)
        self._slices, self._total, self._runs = slices, sum(each.length for each in slices), []
        for each in slices:
            _add_run(self._runs, each)
        self._adapt(written)

    def _adapt(self, written: Iterable[_Written]) -> None:
        """Change how many items a new slice gets, if items are not as long as they were."""
        for each, _ in written:
            if each.size > 2 * SLICE or (each.length >= self._per and each.size < SLICE // 4):
                self._per = max(1, SLICE * each.length // each.size)


def sliced_if_long(kind: Kind, size: int) -> SlicedType | None:
    """Return how a list of so many bytes is sliced, None if it is to be one part."""
    return sliced_type(kind) if size >= SLICED_FROM else None


def _add_run(runs: list[SliceRun], added: _Slice) -> None:
    """Add a slice to the runs of those before it."""
    first, slices, count = runs[-1] if runs else (0, 0, 0)
    if slices and (added.number, added.length) == (first + slices, count):
        runs[-1] = first, slices + 1, count
    else:
        runs.append((added.number, 1, added.length))
