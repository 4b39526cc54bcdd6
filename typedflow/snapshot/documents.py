"""Bytes in and out: the two encodings, and the plain trees that a document is made of.

Nothing in here knows a contract. Decoding of bytes that no save is known to have written may raise more than msgspec's
own errors: `reading` turns all of them into a `SnapshotError` that names the place.
"""

from __future__ import annotations

import gc
import json
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from typing import Any, Final, Literal, ParamSpec, TypeAlias, TypeVar

import msgspec

from typedflow.errors import SnapshotError
from typedflow.rules import snapshots
from typedflow.rules.wording import text_of
from typedflow.schema.mismatch import Segment

Format: TypeAlias = Literal["json", "msgpack"]
P = ParamSpec("P")
T = TypeVar("T")
Encode: TypeAlias = Callable[[Any], bytes]
Decode: TypeAlias = Callable[[Any], Any]

ENCODE: Final[Mapping[Format, Encode]] = {
    "json": msgspec.json.Encoder().encode,
    "msgpack": msgspec.msgpack.Encoder().encode,
}
_DECODERS: Final[Mapping[Format, Any]] = {"json": msgspec.json.Decoder, "msgpack": msgspec.msgpack.Decoder}
FORMATS: Final[tuple[Format, ...]] = ("json", "msgpack")


def compile_decoder(form: Any) -> Mapping[Format, Decode]:
    """Make msgspec's strict decoders of a typing form; raises what msgspec raises for a form it does not take."""
    return {format: _DECODERS[format](form).decode for format in FORMATS}


PLAIN: Final = compile_decoder(Any)


class Doubled(Exception):
    """An object has a key twice."""

    def __init__(self, key: str) -> None:
        super().__init__(f"the key {key!r} twice")
        self.key = key


def strict_tree(data: Any, format: Format) -> Any:
    """Decode to plain builtins, with every doubled key refused (`Doubled`); slower than msgspec, which takes the last.

    MessagePack offers no hook for keys: there the tree has to give back the bytes that it was read from, so that
    numbers and lengths which are spelt longer than need be are refused with the doubled keys.
    """
    if format == "json":
        return json.loads(bytes(data), object_pairs_hook=_single_keys)
    tree = PLAIN[format](data)
    if ENCODE[format](tree) != bytes(data):
        raise Doubled("?")
    return tree


def _single_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        raise Doubled(next(key for key, _ in pairs if key in seen or seen.add(key)))  # type: ignore[func-returns-value]
    return found


def find_unplain(value: Any, format: Format) -> tuple[tuple[Segment, ...], object, str] | None:
    """Return the first part that is no exact JSON: its place, itself, and the reason where its class is no reason.

    Raises RecursionError for what is nested too deep, or holds itself.
    """
    cls = type(value)
    if cls is list:
        parts: Any = enumerate(value)
    elif cls is dict:
        parts = value.items()
    else:
        reason = scalar_fault(value, format) if cls in _PLAIN else ""
        return None if reason is None else ((), value, reason)
    for segment, part in parts:
        if cls is dict and (type(segment) is not str or scalar_fault(segment, format)):
            return (), segment, "" if type(segment) is not str else "a key that is no valid text"
        if type(part) in _SAFE:
            continue
        fault = find_unplain(part, format)
        if fault is not None:
            return (segment, *fault[0]), fault[1], fault[2]
    return None


_PLAIN: Final = frozenset({type(None), bool, int, float, str})
_SAFE: Final = frozenset({type(None), bool})
_LEAST, _GREATEST = -(2**63), 2**64 - 1


def scalar_fault(value: Any, format: Format) -> str | None:
    """Return why a number or text of the right class cannot be saved; None where it can."""
    if isinstance(value, float):
        if math.isfinite(value) or (format == "msgpack" and math.isinf(value)):
            return None
        return _NAN if math.isnan(value) else _NO_NUMBER
    if isinstance(value, Decimal) and value.is_nan():
        return _SIGNALING if value.is_snan() else _DECIMAL_NAN
    if isinstance(value, str):
        return None if value.isascii() or _is_text(value) else "it holds a lone surrogate, which no UTF-8 can"
    if type(value) is int and not _LEAST <= value <= _GREATEST:
        if format == "msgpack":
            return "MessagePack has integers of 64 bits at the most"
        if value.bit_length() > _LONGEST_INT:
            return "it has more digits than are read back"
    return None


_NO_NUMBER: Final = "JSON has no number for it"
_NAN: Final = "NaN is not equal to itself, and JSON has no number for it"
_DECIMAL_NAN: Final = "NaN is not equal to itself: nothing can tell that it would come back as it was"
_SIGNALING: Final = "a signaling NaN cannot be compared: nothing can tell that it would come back as it was"
_LONGEST_INT: Final = 14_000
"""Bits: a little less than the 4300 digits that Python reads by default (`sys.get_int_max_str_digits`)."""


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


_LARGE: Final = 16 * 1024
"""Bytes from which a payload is decoded with the garbage collector paused."""


def at_ease(data: Any, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call `work`, which decodes data, with the garbage collector paused for large data.

    The collector would walk what is made again and again, which for a few megabytes of empty lists takes seconds.
    Decoding leaves no garbage behind.
    """
    if memoryview(data).nbytes < _LARGE or not gc.isenabled():
        return work(*args, **kwargs)
    try:
        gc.disable()  # in here, as an interrupt may come right behind it
        return work(*args, **kwargs)
    finally:
        gc.enable()


@contextmanager
def reading(place: str) -> Iterator[None]:
    """Turn whatever decoding raises into a `SnapshotError` that names the place in the document.

    Decoding calls the `__post_init__` of users' classes, which may raise anything: so everything is taken.
    """
    try:
        yield
    except SnapshotError:
        raise
    except Exception as error:
        raise unreadable(error, place) from error


def unreadable(error: Exception, place: str) -> SnapshotError:
    """Make the error for a document that could not be decoded."""
    match error:
        case RecursionError():
            return SnapshotError(snapshots.too_deep_problem(place), path=place)
        case Doubled(key=key):
            return SnapshotError(snapshots.doubled_key_problem(place, key), path=place)
        case MemoryError():
            return SnapshotError(
                snapshots.malformed_problem("it asks for more memory than there is", place), path=place
            )
        case msgspec.ValidationError():
            reason, inner = split_place(str(error))
            at = join_place(place, inner)
            if reason.startswith(_UNKNOWN):
                return SnapshotError(snapshots.unknown_field_problem(at, reason[len(_UNKNOWN) :].rstrip("`")), path=at)
            return SnapshotError(snapshots.unfit_problem(at or "the document", reason), path=at)
        case _:
            return SnapshotError(snapshots.malformed_problem(text_of(error) or type(error).__name__, place), path=place)


_UNKNOWN: Final = "Object contains unknown field `"


def split_place(text: str) -> tuple[str, str]:
    """Take msgspec's message apart: the reason, and the place as a path below the root: `items[...].name`."""
    reason, _, place = text.rpartition(" - at `")
    if not reason:
        return text, ""
    return reason, place.rstrip("`").removeprefix("key` in `").removeprefix("$").removeprefix(".")


def join_place(place: str, inner: str) -> str:
    """Put a path behind another one."""
    return place + inner if not place or not inner or inner.startswith("[") else f"{place}.{inner}"
