"""Whether a payload would make a crowded dict or set: asked before it is decoded, at next to no cost where it cannot.

Integers of a JSON document meet in one hash only where they have 20 digits and more. A scan of a few windows tells that
there are none: 0.2 ms of a document that takes 25 ms to decode.
"""

from __future__ import annotations

import random
from typing import Any, Final

from typedflow.schema.crowding import Watch, find_crowd
from typedflow.schema.mismatch import Segment
from typedflow.schema.types import Kind
from typedflow.snapshot.documents import PLAIN, Format

SMALL: Final = 4 * 1024
"""Bytes: what a smaller payload holds is built in a millisecond, whatever its hashes are."""
WHOLE: Final = 32 * 1024
"""Bytes up to which a payload is scanned as a whole."""
WINDOW: Final = 64
WINDOWS: Final = 512
"""Of a larger payload this many windows of so many bytes, anywhere.

3,000 keys that take 0.2 s are missed once in 5,000 times, more of them never.
"""
_DIGITS: Final = bytes(ord("0") if byte in b"0123456789" else ord(" ") for byte in range(256))
_LONG: Final = b"0" * 20
_random: Final = random.Random()
"""Of its own: a user's seeded sequence is left alone."""


def find_crowd_in(kind: Kind, watch: Watch, raw: Any, format: Format) -> tuple[Segment, ...] | None:
    """Return the path of a dict or set that would be crowded, None where there is none; raises what decoding raises."""
    size = memoryview(raw).nbytes
    if size < SMALL or (watch == "integers" and _LONG not in _sample(raw, size).translate(_DIGITS)):
        return None
    return find_crowd(kind, PLAIN[format](raw))


def _sample(raw: Any, size: int) -> bytes:
    view = memoryview(raw)
    if size <= WHOLE:
        return bytes(view)
    return b" ".join([view[start : start + WINDOW] for start in _random.choices(range(size - WINDOW), k=WINDOWS)])
