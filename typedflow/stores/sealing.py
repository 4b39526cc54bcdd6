"""What is sealed: bytes in an envelope that names the key, and is bound to the place where the bytes are kept.

The envelope is `MAGIC`, one byte for the mode, the key's id behind its length, 8 bytes that depend on the key, and the
body. The body, encrypted or signed together with all that stands before it, is the place behind its length, and the
data. So a byte that changes anywhere is noticed, and so are bytes that were moved to another place.

A seal does not say that its bytes are the newest ones: who can write to a store can put a whole row of it back as it
was, with its sequence. Only a process that remembers the newer one can notice.
"""

from __future__ import annotations

import hmac
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple, final

import msgspec

from typedflow.errors import SnapshotError
from typedflow.rules import sealing as texts
from typedflow.rules.problems import Problem
from typedflow.rules.sealing import Mode
from typedflow.rules.wording import quoted
from typedflow.stores.flow_state_sharing import UpdateKey
from typedflow.stores.keys import CHECK_BYTES, BrokenSeal, Keys
from typedflow.stores.records import Family, Letter, NewChild, PendingInterrupt, StoredSnapshot
from typedflow.stores.work import LOOK, Message

MAGIC: Final = b"typedflow sealed 1\n"
_MARKS: Final[Mapping[Mode, bytes]] = {"encrypt": b"e", "sign": b"s"}
_LENGTH: Final = 4
_TEXT: Final = "sealed:"
"""What a sealed text begins with, before its envelope in base64."""
_ENCODE: Final = msgspec.json.Encoder().encode


class Place(NamedTuple):
    """Where bytes are kept."""

    what: str
    """For messages: "the snapshot of execution 'a'"."""
    columns: Mapping[str, str | None]
    """What the bytes are bound to, by the names that a message uses."""


class _Envelope(NamedTuple):
    head: bytes
    mode: bytes
    key_id: str
    check: bytes
    body: bytes


@final
class Sealing:
    """Seal and open bytes for their place."""

    def __init__(self, keys: Keys) -> None:
        self.keys: Final = keys

    def seal(self, place: Place, data: bytes) -> bytes:
        """Return data sealed with the current key."""
        key = self.keys.key(self.keys.current)
        assert key is not None
        id_ = self.keys.current.encode()
        head = MAGIC + _MARKS[self.keys.mode] + len(id_).to_bytes(1, "big") + id_ + key.check
        bound = msgspec.json.encode(place.columns)
        inner = len(bound).to_bytes(_LENGTH, "big") + bound + data
        return head + (key.encrypt(head, inner) if self.keys.mode == "encrypt" else key.sign(head, inner))

    def open(self, place: Place, data: bytes) -> bytes:
        """Return what `seal` was given; raises `SnapshotError` for anything that it has not returned for the place."""
        envelope = _parse(place, data)
        key = self.keys.key(envelope.key_id)
        if key is None:
            raise SnapshotError(texts.unknown_key_problem(place.what, envelope.key_id, self.keys.ids))
        if not hmac.compare_digest(key.check, envelope.check):
            raise SnapshotError(texts.wrong_key_problem(place.what, envelope.key_id))
        try:
            opening = key.decrypted if envelope.mode == _MARKS["encrypt"] else key.verified
            inner = opening(envelope.head, envelope.body)
        except BrokenSeal:
            raise SnapshotError(texts.altered_problem(place.what)) from None
        begin = _LENGTH + int.from_bytes(inner[:_LENGTH], "big")
        bound = inner[_LENGTH:begin]
        if bound != msgspec.json.encode(place.columns):
            raise SnapshotError(_other_place(place, bound))
        return inner[begin:]

    def is_newest(self, data: bytes) -> bool:
        """Return whether bytes that can be opened are sealed with the current key, in the current mode."""
        envelope = _parse(Place("", {}), data)
        return (envelope.key_id, envelope.mode) == (self.keys.current, _MARKS[self.keys.mode])

    # -- what a store keeps

    def seal_text(self, place: Place, text: str) -> str:
        """Return a text sealed, for a column of text."""
        return _TEXT + b64encode(self.seal(place, text.encode())).decode()

    def open_text(self, place: Place, text: str) -> str:
        """Return what `seal_text` was given."""
        return self.open(place, enveloped(place, text)).decode()

    def seal_record(self, record: StoredSnapshot) -> StoredSnapshot:
        """Return a record, with its notes, as it is to be kept."""
        notes = record.notes
        if notes is not None and notes.asked:
            notes = replace(notes, asked=tuple(map(self.seal_question, notes.asked)))
        family = None if record.family is None else self._seal_family(record.family)
        return replace(record, data=self.seal(place_of_record(record), record.data), notes=notes, family=family)

    def _seal_family(self, family: Family) -> Family:
        children = tuple(
            NewChild(self.seal_record(child), self._seal_letter(retry), self._seal_letter(over))
            for child, retry, over in family.children
        )
        return Family(children, tuple(map(self._seal_letter, family.letters)))

    def _seal_letter(self, letter: Letter) -> Letter:
        message = self.seal_message(letter.execution_id, Message(letter.kind, letter.name, letter.data))
        return letter._replace(data=message.data)

    def open_record(self, record: StoredSnapshot) -> StoredSnapshot:
        """Return a record as it was saved."""
        return replace(record, data=self.open(place_of_record(record), record.data), head=None, parts=None)

    def seal_question(self, asked: PendingInterrupt) -> PendingInterrupt:
        """Return a pending interrupt with its payload sealed."""
        return replace(asked, payload=self.seal_text(place_of_question(asked), _ENCODE(asked.payload).decode()))

    def open_question(self, asked: PendingInterrupt) -> PendingInterrupt:
        """Return a pending interrupt with its payload."""
        payload = self.open_text(place_of_question(asked), asked.payload)
        return replace(asked, payload=msgspec.json.decode(payload))

    def seal_message(self, execution_id: str, message: Message) -> Message:
        """Return a message with its data sealed."""
        return replace(message, data=self.seal(place_of_message(execution_id, message), message.data))

    def open_message(self, execution_id: str, message: Message) -> Message:
        """Return a message with its data."""
        if says_nothing(message):
            return message
        return replace(message, data=self.open(place_of_message(execution_id, message), message.data))


def is_sealed(data: bytes) -> bool:
    """Return whether bytes look as if they were sealed; whether they were, only `Sealing.open` finds out."""
    return data.startswith(MAGIC)


def is_sealed_text(text: object) -> bool:
    """Return whether a text looks as if it was sealed."""
    return isinstance(text, str) and text.startswith(_TEXT)


def enveloped(place: Place, text: Any) -> bytes:
    """Return the envelope in a sealed text; raises `SnapshotError` for one that is not sealed."""
    if not is_sealed_text(text):
        raise SnapshotError(texts.plain_problem(place.what))
    try:
        data = b64decode(text.removeprefix(_TEXT), validate=True)
        if b64encode(data).decode() == text.removeprefix(_TEXT):  # base64 has bits that no byte is made of
            return data
    except ValueError:
        pass
    raise SnapshotError(texts.altered_problem(place.what))


def _parse(place: Place, data: bytes) -> _Envelope:
    if not is_sealed(data):
        raise SnapshotError(texts.plain_problem(place.what))
    begin = len(MAGIC)
    mode, length = data[begin : begin + 1], int.from_bytes(data[begin + 1 : begin + 2], "big")
    id_ = data[begin + 2 : begin + 2 + length]
    end = begin + 2 + length + CHECK_BYTES
    if mode not in _MARKS.values() or len(data) < end:
        raise SnapshotError(texts.altered_problem(place.what))
    return _Envelope(
        data[:end], mode, id_.decode("utf-8", "backslashreplace"), data[end - CHECK_BYTES : end], data[end:]
    )


def _other_place(place: Place, bound: bytes) -> Problem:
    """Report what was sealed by these keys for another place: what is in its seal can be trusted."""
    sealed: Mapping[str, str | None] = msgspec.json.decode(bound)
    names = [*place.columns, *(name for name in sealed if name not in place.columns)]
    differing = [name for name in names if sealed.get(name) != place.columns.get(name)]
    return texts.other_place_problem(
        place.what, [(name, sealed.get(name), place.columns.get(name)) for name in differing]
    )


# -- the places


def place_of_record(record: StoredSnapshot) -> Place:
    """Return the place of a snapshot, or of a revision: all columns by which it is listed are bound."""
    return Place(
        f"the snapshot of execution {quoted(record.execution_id)}",
        {
            "kind": "snapshot",
            "execution": record.execution_id,
            "flow": record.flow,
            "save": str(record.sequence),
            "status": record.status,
            "saved_at": _written(record.saved_at),
        },
    )


def place_of_question(asked: PendingInterrupt) -> Place:
    """Return the place of a pending interrupt's payload."""
    return Place(
        f"interrupt {quoted(asked.interrupt_id)} of execution {quoted(asked.execution_id)}",
        {
            "kind": "interrupt",
            "execution": asked.execution_id,
            "flow": asked.flow,
            "interrupt": asked.interrupt_id,
            "type": asked.type,
            "since": _written(asked.since),
            "deadline": None if asked.deadline is None else _written(asked.deadline),
            "step": asked.step,
            "within": _ENCODE(asked.within).decode(),
            "resume_event": asked.resume_event,
            "key": asked.key,
        },
    )


def says_nothing(message: Message) -> bool:
    """Return whether a message is one of a store, which has no keys, that a child was deleted: it is not sealed."""
    return message.kind == "child" and message.data == LOOK


def place_of_message(execution_id: str, message: Message) -> Place:
    """Return the place of a message; its number is not known when it is sealed."""
    named = f" {quoted(message.name)}" if message.name else ""
    return Place(
        f"the {message.kind}{named} for execution {quoted(execution_id)}",
        {"kind": "message", "execution": execution_id, "message": message.kind, "name": message.name},
    )


def place_of_flow_state(flow: str) -> Place:
    """Return the place of a flow_state."""
    return Place(f"the flow_state of flow {quoted(flow)}", {"kind": "flow_state", "flow": flow})


def place_of_value(flow: str, key: UpdateKey | None) -> Place:
    """Return the place of what an update has returned; without a key it is not stored."""
    if key is None:
        return Place(f"the value of an update of flow {quoted(flow)}", {"kind": "value"})
    return Place(
        f"the value of an update in step {quoted(key.step)} of execution {quoted(key.execution_id)}",
        {"kind": "value", "execution": key.execution_id, "step": key.step, "call": key.call},
    )


def place_of_reason(execution_id: str) -> Place:
    """Return the place of the text that says why an execution does not run."""
    what = f"the reason why execution {quoted(execution_id)} does not run"
    return Place(what, {"kind": "reason", "execution": execution_id})


def _written(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds")
