"""The text of a moment: which moments have one, and which texts are read."""

from __future__ import annotations

import zoneinfo
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from tests.zones import Local
from typedflow import SnapshotError
from typedflow.snapshot.codecs import compile_codec
from typedflow.snapshot.documents import FORMATS, Format
from typedflow.snapshot.moments import Moment, MomentReader, MomentWriter, is_same_moment

BERLIN = ZoneInfo("Europe/Berlin")
IN_INDIA = timezone(timedelta(hours=5, minutes=30))
BOTH_FORMATS = pytest.mark.parametrize("format", FORMATS)

WRITTEN: list[tuple[Moment, str]] = [
    (datetime(2026, 3, 7, 9, tzinfo=BERLIN), "2026-03-07T09:00:00[Europe/Berlin]"),
    (datetime(2026, 3, 7, 9, 0, 0, 50, tzinfo=BERLIN), "2026-03-07T09:00:00.000050[Europe/Berlin]"),
    (datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=BERLIN), "2026-10-25T02:30:00[Europe/Berlin][_fold=1]"),
    (datetime(2026, 3, 29, 2, 30, tzinfo=BERLIN), "2026-03-29T02:30:00[Europe/Berlin]"),  # no clock ever shows it
    (datetime(2026, 1, 1, fold=1), "2026-01-01T00:00:00[_fold=1]"),
    (datetime(2026, 1, 1, fold=1, tzinfo=UTC), "2026-01-01T00:00:00+00:00[_fold=1]"),
    (datetime(2026, 1, 1, tzinfo=ZoneInfo("UTC")), "2026-01-01T00:00:00[UTC]"),
    (datetime(2026, 1, 1, tzinfo=IN_INDIA), "2026-01-01T00:00:00+05:30"),
    (datetime(2026, 1, 1, tzinfo=timezone(timedelta(seconds=-1))), "2026-01-01T00:00:00-00:00:01"),
    (datetime(2026, 1, 1, tzinfo=timezone(timedelta(microseconds=1))), "2026-01-01T00:00:00+00:00:00.000001"),
    (time(1, tzinfo=timezone(timedelta(microseconds=-7))), "01:00:00-00:00:00.000007"),
    (time(1, tzinfo=timezone(timedelta(seconds=7), "x")), "01:00:00+00:00:07[_name=x]"),
    (datetime(2026, 1, 1, tzinfo=timezone(timedelta(0), "GMT")), "2026-01-01T00:00:00+00:00[_name=GMT]"),
    (datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=1), "")), "2026-01-01T00:00:00+01:00[_name=]"),
    (datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=1), "a]é")), "2026-01-01T00:00:00+01:00[_name=a%5D%C3%A9]"),
    (datetime(1, 1, 1, tzinfo=ZoneInfo("Asia/Tokyo")), "0001-01-01T00:00:00[Asia/Tokyo]"),
    (time(9, tzinfo=BERLIN), "09:00:00[Europe/Berlin]"),
    (time(9, 0, 0, 7, fold=1), "09:00:00.000007[_fold=1]"),
    (time(9, tzinfo=timezone(timedelta(hours=1), "MEZ")), "09:00:00+01:00[_name=MEZ]"),
]


@pytest.mark.parametrize("moment, text", WRITTEN, ids=[text for _, text in WRITTEN])
def test_a_moment_and_its_text(moment: Moment, text: str) -> None:
    assert MomentWriter().write(moment) == text
    back = MomentReader().read(text, type(moment))
    assert (back, back.fold, repr(back.tzinfo)) == (moment, moment.fold, repr(moment.tzinfo))
    assert is_same_moment(back, moment)


@BOTH_FORMATS
@pytest.mark.parametrize("moment, text", WRITTEN, ids=[text for _, text in WRITTEN])
def test_a_document_has_the_text(moment: Moment, text: str, format: Format) -> None:
    codec = compile_codec(list[datetime] if isinstance(moment, datetime) else list[time])
    raw = codec.encode([moment], "it", format)
    decode = msgspec.json.decode if format == "json" else msgspec.msgpack.decode
    assert decode(raw) == [text]
    assert (
        repr(codec.decode(raw, "it", format)) == repr(codec.decode(raw, "it", format, verified=True)) == f"[{moment!r}]"
    )


SAME_BYTES: list[Any] = [
    datetime(2026, 1, 1),
    datetime(2026, 1, 1, 0, 0, 0, 500_000, tzinfo=UTC),
    time(9, 0, 0, 120_000),
    time(9, tzinfo=IN_INDIA),
]


@BOTH_FORMATS
@pytest.mark.parametrize("moment", SAME_BYTES, ids=str)
def test_what_msgspec_keeps_is_written_as_msgspec_has_it(moment: Moment, format: Format) -> None:
    encode = msgspec.json.encode if format == "json" else msgspec.msgpack.encode
    codec = compile_codec(type(moment))
    assert bytes(codec.encode(moment, "it", format)) == encode(moment)
    other = datetime(2026, 1, 1, tzinfo=BERLIN)  # beside one that msgspec does not keep
    both = compile_codec(dict[str, time | datetime]) if isinstance(moment, time) else compile_codec(list[datetime])
    if isinstance(moment, datetime):
        assert encode(moment) in bytes(both.encode([other, moment], "it", format))


def test_an_offset_of_minutes_is_written_in_json_as_ever() -> None:
    moment = datetime(2026, 1, 1, 0, 0, 0, 500_000, tzinfo=IN_INDIA)
    assert bytes(compile_codec(datetime).encode(moment, "it")) == msgspec.json.encode(moment)


@BOTH_FORMATS
def test_documents_from_before_zones_were_kept_are_read(format: Format) -> None:
    encode = msgspec.json.encode if format == "json" else msgspec.msgpack.encode
    moment = datetime(2026, 3, 7, 9, tzinfo=BERLIN)
    back = compile_codec(list[datetime]).decode(msgspec.Raw(encode([moment])), "it", format)
    assert back == [moment]
    assert back[0].tzinfo == (timezone(timedelta(hours=1)) if format == "json" else UTC)


class MyZone(ZoneInfo):
    pass


def nameless() -> ZoneInfo:
    with open_zone("Europe/Berlin") as file:
        return ZoneInfo.from_file(file)


def named(key: str, of: str = "Asia/Tokyo") -> ZoneInfo:
    with open_zone(of) as file:
        return ZoneInfo.from_file(file, key)


def open_zone(key: str) -> Any:
    return next(path for folder in zoneinfo.TZPATH if (path := Path(folder) / key).is_file()).open("rb")


UNSAVABLE = [
    (Local(), "its tzinfo is of class tests.zones.Local: only ZoneInfo('Area/City') and"),
    (MyZone("Europe/Berlin"), "its tzinfo is of class tests.snapshot.test_moments.MyZone: only ZoneInfo"),
    (nameless(), "its ZoneInfo has no key of the IANA database: only ZoneInfo('Area/City')"),
    (named("a]b"), "its ZoneInfo has no key of the IANA database"),
    (named("No/Where"), "the time zone 'No/Where' is not known here (install the package tzdata, or update it)"),
    (named("Europe/Berlin"), "the rules of its ZoneInfo are not those of the zone 'Europe/Berlin' here"),
    (timezone(timedelta(0), "\ud800"), "the name of its offset holds a lone surrogate, which no UTF-8 can"),
]


@BOTH_FORMATS
@pytest.mark.parametrize("zone, reason", UNSAVABLE, ids=[reason for _, reason in UNSAVABLE])
def test_a_zone_that_no_document_keeps_is_refused(zone: tzinfo, reason: str, format: Format) -> None:
    good = datetime(2026, 1, 1, tzinfo=BERLIN)
    with pytest.raises(SnapshotError) as caught:
        compile_codec(list[datetime]).encode([good, datetime(2026, 7, 1, tzinfo=zone)], "it", format)
    assert (caught.value.code, caught.value.path) == ("TF901", "it[1]")
    assert reason in str(caught.value)


@BOTH_FORMATS
def test_a_zone_object_of_its_own_comes_back_as_that_of_its_key(format: Format) -> None:
    codec, moment = compile_codec(datetime), datetime(2026, 1, 1, tzinfo=ZoneInfo.no_cache("Europe/Berlin"))
    back = codec.decode(codec.encode(moment, "it", format), "it", format)
    assert back.tzinfo is BERLIN
    with pytest.raises(SnapshotError, match="its ZoneInfo is not the object that ZoneInfo"):
        codec.encode(moment.replace(month=10, day=25, hour=2), "it", format)


MISSPELT = [
    "2026-03-07T09:00[Europe/Berlin]",
    "2026-03-07T09:00:00+01:00[Europe/Berlin]",
    "2026-W10-6T09:00:00[Europe/Berlin]",
    "2026-02-30T09:00:00[Europe/Berlin]",
    "2026-03-07T09:00:00[Europe/Berlin][x=1]",
    "2026-03-07T09:00:00[Europe/Berlin][_fold=0]",
    "2026-03-07T09:00:00[_name=MEZ]",
    "2026-03-07T09:00:00+01:00[_name=%4d]",
    "2026-03-07T09:00:00+01:00[_name=%FF]",
    "2026-03-07T09:00:00+05:30:15.5",
    "]",
]


@BOTH_FORMATS
@pytest.mark.parametrize("text", MISSPELT)
def test_other_spellings_are_not_read(text: str, format: Format) -> None:
    encode = msgspec.json.encode if format == "json" else msgspec.msgpack.encode
    with pytest.raises(SnapshotError) as caught:
        compile_codec(dict[str, datetime]).decode(msgspec.Raw(encode({"a": text})), "it", format)
    assert caught.value.path.startswith("it")


@pytest.fixture
def zones(tmp_path: Path) -> Iterator[Path]:
    """A database of zones of its own, as of another machine."""
    with open_zone("Europe/Berlin") as file:
        (tmp_path / "Berlin").write_bytes(file.read())
    try:
        zoneinfo.reset_tzpath([str(tmp_path)])
        yield tmp_path
    finally:
        zoneinfo.reset_tzpath()
        ZoneInfo.clear_cache(only_keys=["Berlin"])


@BOTH_FORMATS
@pytest.mark.parametrize("verified", [True, False])
def test_a_zone_that_is_not_known_where_it_is_loaded_is_a_snapshot_error(
    zones: Path, format: Format, verified: bool
) -> None:
    codec = compile_codec(dict[str, tuple[int, list[datetime]]])
    raw = codec.encode({"a": (1, [datetime(2026, 1, 1, tzinfo=ZoneInfo("Berlin"))])}, "it", format)
    (zones / "Berlin").unlink()
    ZoneInfo.clear_cache(only_keys=["Berlin"])
    with pytest.raises(SnapshotError) as caught:
        codec.decode(raw, "it", format, verified=verified)
    assert caught.value.path == "it.a[1][0]"
    assert "the time zone 'Berlin' is not known here (install the package tzdata, or update it)" in str(caught.value)


@BOTH_FORMATS
@pytest.mark.parametrize("key", ["../../etc/passwd", "/etc/passwd", "Europe", "", "\x00"])
def test_a_key_is_no_path(key: str, format: Format) -> None:
    encode = msgspec.json.encode if format == "json" else msgspec.msgpack.encode
    raw = msgspec.Raw(encode(f"2026-01-01T00:00:00[{key}]"))
    with pytest.raises(SnapshotError):
        compile_codec(datetime).decode(raw, "it", format)


class Renamed(msgspec.Struct, rename="camel", tag="r", omit_defaults=True):
    start_at: datetime = datetime(2026, 1, 1, tzinfo=BERLIN)
    raw: bytes = b"[Europe/Berlin]"
    text: str = "2026-01-01T00:00:00[Europe/Berlin]"
    price: Decimal = Decimal("1.10")


class Row(msgspec.Struct, array_like=True, frozen=True, tag=True):
    text: str
    at: datetime | None


class OwnEquality(msgspec.Struct):
    """What equals whatever has as many entries."""

    seen: dict[datetime, int]
    days: set[tuple[datetime, int]]
    at: datetime

    def __eq__(self, other: object) -> bool:
        return type(other) is OwnEquality and len(other.seen) == len(self.seen)


class Linked(msgspec.Struct):
    at: time | None
    following: list[Linked] = []


AT = datetime(2026, 7, 1, tzinfo=BERLIN)
RECORDS: list[tuple[Any, Any]] = [
    (Renamed | Row, Renamed(AT)),
    (Renamed | Row, Renamed(datetime(2025, 12, 31, 23, tzinfo=UTC), b"\xff", text="]")),  # equals the default
    (Renamed | Row | datetime, Row("[UTC]", AT)),
    (Renamed | Row | datetime, AT),
    (dict[Row, int] | int, {Row("x", AT): 1}),
    (OwnEquality, OwnEquality({AT: 1}, {(AT.replace(tzinfo=UTC), 2)}, AT.replace(tzinfo=UTC))),
    (OwnEquality, OwnEquality({AT.replace(tzinfo=UTC): 1}, {(AT, 2)}, AT.replace(tzinfo=UTC))),
    (OwnEquality, OwnEquality({}, set(), AT)),
    (Linked, Linked(None, [Linked(time(1)), Linked(time(1, tzinfo=BERLIN), [Linked(None)])])),
    (dict[int, list[datetime | None]], {-1: [None, AT, AT.replace(tzinfo=UTC)]}),
    (dict[float, datetime], {1.5: AT, -0.0: AT}),
    (Annotated[datetime, msgspec.Meta(tz=True)], AT),
    (list[Any | datetime], ["2026-01-01T00:00:00[Europe/Berlin]"]),
    (frozenset[time | None], frozenset({time(1, tzinfo=BERLIN)})),
    (dict[Annotated[datetime, msgspec.Meta(tz=True)], str | bytes], {AT: "x", AT.replace(tzinfo=UTC): b"y"}),
]


@BOTH_FORMATS
@pytest.mark.parametrize("verified", [True, False])
@pytest.mark.parametrize("tp, value", RECORDS)
@pytest.mark.thin(5)
def test_a_zone_is_kept_wherever_it_is(tp: Any, value: Any, format: Format, verified: bool) -> None:
    codec = compile_codec(tp)
    back = codec.decode(codec.encode(value, "it", format), "it", format, verified=verified)
    assert repr(back) == repr(value)


def test_two_keys_that_are_the_same_time_are_refused_at_load() -> None:
    raw = msgspec.Raw(b'{"2026-01-01T01:00:00[Europe/Berlin]":1,"2026-01-01T00:00:00Z":2}')
    with pytest.raises(SnapshotError, match="one and the same when decoded"):
        compile_codec(dict[datetime, int]).decode(raw, "it")
    with pytest.raises(SnapshotError, match="one and the same when decoded"):
        compile_codec(dict[datetime, str | bytes]).decode(
            msgspec.Raw(b'{"2026-01-01T01:00:00[Europe/Berlin]":[0,""],"2026-01-01T00:00:00Z":[0,""]}'), "it"
        )


@BOTH_FORMATS
def test_limits_hold_for_moments_with_zones(format: Format) -> None:
    encode = msgspec.json.encode if format == "json" else msgspec.msgpack.encode
    raw = msgspec.Raw(encode(["2026-01-01T00:00:00[_fold=1]"]))
    with pytest.raises(SnapshotError, match="timezone") as caught:
        compile_codec(list[Annotated[datetime, msgspec.Meta(tz=True)]]).decode(raw, "it", format)
    assert caught.value.path == "it[0]"
