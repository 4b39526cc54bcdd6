"""Datetimes and times as text that keeps the zone or offset and the fold, which msgspec's own text and timestamps lose.

The suffixes are those of RFC 9557: `2026-03-07T09:00:00[America/New_York]`, `2026-01-01T00:00:00+05:30:15[_name=X]`,
`2026-10-25T02:30:00[Europe/Berlin][_fold=1]`. A zone is written without an offset: the value is its wall clock, and the
rules of the zone may have changed when it is read.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta, timezone, tzinfo
from typing import Any, Final, NamedTuple, TypeAlias
from urllib.parse import quote, unquote
from zoneinfo import ZoneInfo

from typedflow.snapshot.documents import Format

Moment: TypeAlias = datetime | time


class UnsavableMoment(ValueError):
    """Raised for a moment whose zone no document keeps."""


class UnreadableMoment(ValueError):
    """Raised for text that is no moment, or one of a zone that is not known here."""


def has_native_zone(zone: tzinfo, format: Format, cls: type[Moment]) -> bool:
    """Return True if msgspec's encoding keeps the zone: UTC, and as text an unnamed offset of whole minutes."""
    if zone is UTC:
        return True
    if type(zone) is not timezone or (format == "msgpack" and cls is datetime):
        return False
    offset, *name = _arguments(zone)
    return not (name or offset.microseconds or offset.seconds % 60)


def _arguments(zone: timezone) -> tuple[Any, ...]:
    """Return the offset, and the name if one was given: what a pickle keeps."""
    return zone.__getinitargs__()  # type: ignore[attr-defined,no-any-return]  # not in typeshed


class _Written(NamedTuple):
    zone: tzinfo
    suffix: str
    here: ZoneInfo | None
    """The zone of the same key, if it is another object: its rules may be others."""


class MomentWriter:
    """Write the moments of one value."""

    def __init__(self) -> None:
        self._zones: dict[int, _Written] = {}
        self.has_written = False
        """Whether a moment was written as text."""

    def write(self, moment: Moment) -> Moment | str:
        """Return text, or the moment itself if it is naive or in UTC, and has no fold. Raises `UnsavableMoment`.

        Different moments have different texts, and each is read as the moment that it was made of.
        """
        zone, fold = moment.tzinfo, "[_fold=1]" if moment.fold else ""
        if zone is None or zone is UTC:
            if not fold:
                return moment
            self.has_written = True
            return moment.isoformat() + fold
        self.has_written = True
        written = self._zones.get(id(zone))
        if written is None:
            written = self._zones[id(zone)] = _written(zone)
        if type(zone) is timezone:
            return moment.isoformat() + written.suffix + fold
        if written.here is not None:
            _require_same_rules(moment, written.here)
        text = moment.isoformat()  # with the offset, where the zone has one
        return text[: text.index(":") + (13 if moment.microsecond else 6)] + written.suffix + fold


def _require_same_rules(moment: Moment, here: ZoneInfo) -> None:
    other = moment.replace(tzinfo=here)
    if moment.utcoffset() != other.utcoffset():
        raise UnsavableMoment(f"the rules of its ZoneInfo are not those of the zone '{here.key}' here")
    if moment != other:  # PEP 495: so it is of any two zones at such a time
        raise UnsavableMoment(
            f"its ZoneInfo is not the object that ZoneInfo('{here.key}') returns, and a time that a clock skips or "
            "shows twice is not equal in two of them"
        )


def _written(zone: tzinfo) -> _Written:
    if type(zone) is timezone:
        name = _arguments(zone)[1:]
        try:
            return _Written(zone, f"[_name={quote(name[0], safe='')}]" if name else "", None)
        except UnicodeEncodeError:
            raise UnsavableMoment("the name of its offset holds a lone surrogate, which no UTF-8 can") from None
    if type(zone) is not ZoneInfo:
        cls = f"{type(zone).__module__}.{type(zone).__qualname__}"
        raise UnsavableMoment(f"its tzinfo is of class {cls}: {_WAY_OUT}")
    if zone.key is None or not _KEY.fullmatch(zone.key):
        raise UnsavableMoment(f"its ZoneInfo has no key of the IANA database: {_WAY_OUT}")
    try:
        here = _zone(zone.key)
    except UnreadableMoment as error:
        raise UnsavableMoment(str(error)) from None
    return _Written(zone, f"[{zone.key}]", None if here is zone else here)


_WAY_OUT: Final = "only ZoneInfo('Area/City') and datetime.timezone are saved (value.astimezone(ZoneInfo('Area/City')))"
_KEY: Final = re.compile(r"[A-Za-z0-9_+./-]+")


def find_zone_fault(moment: Moment) -> str:
    """Return why a moment cannot be restored from a document; empty if it can."""
    try:
        MomentWriter().write(moment)
    except UnsavableMoment as error:
        return str(error)
    return ""


_ODD_OFFSET: Final = re.compile(r"([+-])(\d\d):(\d\d):(\d\d)(?:\.(\d{6}))?$", re.ASCII)
_SUFFIX: Final = re.compile(r"(?:\[(_name=)?([^][=]*)\])?(\[_fold=1\])?", re.ASCII)


def is_extended(text: str) -> bool:
    """Return True for text of a moment that msgspec does not read."""
    return text.endswith("]") or _ODD_OFFSET.search(text) is not None


class _Read(NamedTuple):
    zone: ZoneInfo | None
    name: str | None
    fold: bool


class MomentReader:
    """Read the moments of one document."""

    def __init__(self) -> None:
        self._suffixes: dict[str, _Read] = {}

    def read(self, text: str, cls: type[Moment]) -> Moment:
        """Read what `MomentWriter` wrote, in that very spelling. Raises `UnreadableMoment`."""
        end = text.find("[")
        clock, suffix = (text, "") if end < 0 else (text[:end], text[end:])
        found = self._suffixes.get(suffix)
        if found is None:
            found = self._suffixes[suffix] = _read_suffix(suffix, text, cls)
        try:
            moment = _read_clock(clock, cls)
        except ValueError as error:
            raise UnreadableMoment(f"invalid {cls.__name__} '{text}': {error}") from None
        if moment.isoformat() != clock or (found.zone is not None and moment.tzinfo is not None):
            raise UnreadableMoment(f"invalid {cls.__name__} '{text}'")
        if found.zone is not None:
            moment = moment.replace(tzinfo=found.zone)
        elif found.name is not None:
            moment = moment.replace(tzinfo=_named(moment, found.name, text))
        return moment.replace(fold=1) if found.fold else moment


def _read_clock(clock: str, cls: type[Moment]) -> Moment:
    """Read a moment with an offset or none; CPython's own reading takes an offset of some microseconds for UTC."""
    odd = _ODD_OFFSET.search(clock)
    if odd is None:
        return cls.fromisoformat(clock)
    sign, hours, minutes, seconds, micros = odd.groups()
    offset = timedelta(hours=int(hours), minutes=int(minutes), seconds=int(seconds), microseconds=int(micros or 0))
    moment = cls.fromisoformat(clock[: odd.start()])
    return moment.replace(tzinfo=timezone(offset if sign == "+" else -offset))


def _named(moment: Moment, name: str, text: str) -> timezone:
    offset = moment.utcoffset()
    if offset is None:
        raise UnreadableMoment(f"invalid {type(moment).__name__} '{text}': a name without an offset")
    return timezone(offset, name)


def _read_suffix(suffix: str, text: str, cls: type[Moment]) -> _Read:
    found = _SUFFIX.fullmatch(suffix)
    if found is None:
        raise UnreadableMoment(f"invalid {cls.__name__} '{text}'")
    named, inner, fold = found.groups()
    if inner is None:
        return _Read(None, None, bool(fold))
    if not named:
        return _Read(_zone(inner), None, bool(fold))
    try:
        name = unquote(inner, errors="strict")
    except UnicodeDecodeError:
        name = ""
    if quote(name, safe="") != inner:
        raise UnreadableMoment(f"invalid {cls.__name__} '{text}': the name of its offset is misspelt")
    return _Read(None, name, bool(fold))


def _zone(key: str) -> ZoneInfo:
    try:
        return ZoneInfo(key)
    except (KeyError, ValueError, OSError):  # a key may also name a folder, or climb out of one
        reason = f"the time zone '{key}' is not known here (install the package tzdata, or update it)"
        raise UnreadableMoment(reason) from None


def is_same_moment(one: object, other: object) -> bool:
    """Return True if both are of one class and have the same clock, fold and zone; equal in UTC is not enough."""
    if type(one) is not type(other) or not isinstance(one, (datetime, time)) or not isinstance(other, (datetime, time)):
        return False
    if one.fold != other.fold or one.replace(tzinfo=None) != other.replace(tzinfo=None):
        return False
    mine, its = one.tzinfo, other.tzinfo
    if mine is its:
        return True
    if type(mine) is ZoneInfo and type(its) is ZoneInfo:
        return mine.key == its.key
    return type(mine) is timezone and type(its) is timezone and _arguments(mine) == _arguments(its)
