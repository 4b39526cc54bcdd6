"""Every way in which a deploy may change a type, with what has to become of a value that was saved before."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import field, make_dataclass
from datetime import date
from typing import Annotated, Any, Final, Literal, NamedTuple, NotRequired, TypedDict

import msgspec
from msgspec import Meta

REFUSED: Final = object()
"""Of a row: the load has to be refused."""


UNEXPLAINED: Final = object()
"""Of a row: the saved value itself has no meaning today, and the load has to be refused by its place."""


class Change(NamedTuple):
    """One change of a type."""

    old: Any
    value: Any
    new: Any
    expected: Any
    """What the saved value is by the names of today, or REFUSED."""
    answer: bool
    """Whether an answer that is still to come may be of the new type: it accepts all that the old one did."""
    reason: str = ""
    """What the refusal has to name."""


def struct(name: str, *fields: Any, **options: Any) -> Any:
    return msgspec.defstruct(name, fields, **options)


def tuple_of(name: str, *fields: tuple[str, Any], defaults: Sequence[Any] = ()) -> Any:
    made: Any = NamedTuple(name, list(fields))  # type: ignore[misc]  # made at run time
    made.__new__.__defaults__ = tuple(defaults) or None
    names = [each for each, _ in fields]
    made._field_defaults = dict(zip(names[len(names) - len(defaults) :], defaults, strict=True))
    return made


def members(name: str, base: Any = enum.Enum, **values: Any) -> Any:
    return base(name, values)


Old: Any = struct("Point", ("x", int), ("y", int))
OldT: Any = tuple_of("Pair", ("x", int), ("y", int))
OldA: Any = struct("Row", ("x", int), ("y", int), array_like=True)
Color: Any = members("Color", RED="r", BLUE="b")
Level: Any = members("Level", enum.IntEnum, LOW=1, HIGH=2)
NewLevel: Any = members("Level", enum.IntEnum, NONE=1, LOW=2, HIGH=3)
Mode: Any = members("Mode", enum.Flag, READ=1, WRITE=2)
Three: Any = members("Three", enum.Flag, A=1, B=2, C=4)
IntMode: Any = members("IntMode", enum.IntFlag, READ=1, WRITE=2)
Cat: Any = struct("Cat", ("name", str), tag=True)
Dog: Any = struct("Dog", ("name", str), tag=True)
Fox: Any = struct("Fox", ("name", str), tag=True)
LevelCat: Any = struct("Cat", ("level", Level), tag=True)
LevelDog: Any = struct("Dog", ("level", Level), tag=True)
NewLevelCat: Any = struct("Cat", ("level", NewLevel), tag=True)
NewLevelDog: Any = struct("Dog", ("level", NewLevel), tag=True)
LevelA: Any = struct("A", ("level", Level))
LevelT: Any = tuple_of("A", ("level", Level))
LIST: Any = list
DICT: Any = dict
SET: Any = set
TUPLE: Any = tuple
"""The containers, for items that a type checker does not know."""

XY: Final = {"x": 1, "y": 2}


class Node(msgspec.Struct):
    """A recursive record, before the deploy."""

    label: str
    left: Node | None = None
    more: list[Node] = []


class Later:
    """The namespace of the record after the deploy."""

    class Node(msgspec.Struct):
        label: str
        left: Later.Node | None = None
        more: list[Later.Node] = []
        note: str = ""


class Movie(TypedDict):
    """A mapping with known keys."""

    x: int
    y: int


class MovieMore(TypedDict):
    x: int
    y: int
    z: NotRequired[int]


class MovieStrict(TypedDict):
    x: int
    y: int
    z: int


class MovieOpen(TypedDict):
    x: int
    y: NotRequired[int]


CHANGES: Final[dict[str, Change]] = {
    # records
    "same": Change(Old, Old(1, 2), Old, XY, True),
    "same by another name of the class": Change(Old, Old(1, 2), struct("Spot", ("x", int), ("y", int)), XY, True),
    "fields in another order": Change(Old, Old(1, 2), struct("Point", ("y", int), ("x", int)), XY, True),
    "field added with a default": Change(
        Old, Old(1, 2), struct("Point", ("x", int), ("y", int), ("z", int, 3)), XY | {"z": 3}, True
    ),
    "field added in front with a default": Change(
        Old, Old(1, 2), struct("Point", ("z", int, 3), ("x", int, 0), ("y", int, 0)), XY | {"z": 3}, True
    ),
    "field added without a default": Change(
        Old, Old(1, 2), struct("Point", ("x", int), ("y", int), ("z", int)), REFUSED, False, "field 'z'"
    ),
    "field removed": Change(Old, Old(1, 2), struct("Point", ("x", int)), REFUSED, False, "field 'y'"),
    "field renamed": Change(Old, Old(1, 2), struct("Point", ("x", int), ("z", int)), REFUSED, False, "field 'z'"),
    "field renamed, with a default": Change(
        Old, Old(1, 2), struct("Point", ("x", int), ("z", int, 0)), REFUSED, False, "field 'y'"
    ),
    "field renamed in documents": Change(
        Old, Old(1, 2), struct("Point", ("x", int), ("y", int), rename={"y": "why"}), REFUSED, False, "'why'"
    ),
    "python name changed, the same in documents": Change(
        Old, Old(1, 2), struct("Point", ("x", int), ("other", int), rename={"other": "y"}), {"x": 1, "other": 2}, True
    ),
    "type of a field widened": Change(
        Old, Old(1, 2), struct("Point", ("x", int), ("y", float)), REFUSED, True, "was int and is float"
    ),
    "type of a field narrowed": Change(
        struct("Point", ("x", int), ("y", float)),
        None,
        Old,
        REFUSED,
        False,
    ),
    "optional added": Change(Old, Old(1, 2), struct("Point", ("x", int), ("y", int | None)), REFUSED, True),
    "optional removed": Change(
        struct("Point", ("x", int), ("y", int | None)),
        None,
        Old,
        REFUSED,
        False,
    ),
    "default removed": Change(struct("Point", ("x", int), ("y", int, 0)), None, Old, XY, False),
    "default changed, always written": Change(
        struct("Point", ("x", int), ("y", int, 0)), None, struct("Point", ("x", int), ("y", int, 7)), XY, True
    ),
    "left out default changed": Change(
        struct("Point", ("x", int, 1), ("y", int, 0), omit_defaults=True),
        None,
        struct("Point", ("x", int, 9), ("y", int, 0), omit_defaults=True),
        REFUSED,
        False,
        "'x'",
    ),
    "defaults left out from now on": Change(
        struct("Point", ("x", int, 1), ("y", int, 0)),
        None,
        struct("Point", ("x", int, 1), ("y", int, 0), omit_defaults=True),
        XY,
        True,
    ),
    "unknown fields refused from now on": Change(
        Old, Old(1, 2), struct("Point", ("x", int), ("y", int), forbid_unknown_fields=True), XY, True
    ),
    "frozen from now on": Change(Old, Old(1, 2), struct("Point", ("x", int), ("y", int), frozen=True), XY, True),
    "became a dataclass": Change(
        Old,
        Old(1, 2),
        make_dataclass("Point", [("x", int), ("y", int), ("z", int, field(default=3))]),
        XY | {"z": 3},
        True,
    ),
    "became a mapping": Change(Old, Old(1, 2), DICT[str, int], REFUSED, False),
    "became a NamedTuple": Change(Old, Old(1, 2), OldT, REFUSED, False, "order"),
    "limit added": Change(
        Old, Old(1, 2), struct("Point", ("x", int), ("y", Annotated[int, Meta(ge=0)])), REFUSED, False
    ),
    "limit loosened": Change(
        struct("Point", ("x", int), ("y", Annotated[int, Meta(ge=0)])),
        None,
        struct("Point", ("x", int), ("y", Annotated[int, Meta(ge=-5)])),
        REFUSED,
        True,
    ),
    "limit removed": Change(struct("Point", ("x", int), ("y", Annotated[int, Meta(ge=0)])), None, Old, REFUSED, True),
    # by position
    "NamedTuple, same": Change(OldT, OldT(1, 2), tuple_of("Other", ("x", int), ("y", int)), XY, True),
    "NamedTuple in another order": Change(
        OldT, OldT(1, 2), tuple_of("Pair", ("y", int), ("x", int)), REFUSED, False, "order of the fields of Pair"
    ),
    "NamedTuple, a field renamed": Change(
        OldT, OldT(1, 2), tuple_of("Pair", ("x", int), ("z", int)), REFUSED, False, "'y'"
    ),
    "NamedTuple, a default at the end": Change(
        OldT, OldT(1, 2), tuple_of("Pair", ("x", int), ("y", int), ("z", int), defaults=[3]), XY | {"z": 3}, True
    ),
    "NamedTuple, a default in front": Change(
        OldT,
        OldT(1, 2),
        tuple_of("Pair", ("z", int), ("x", int), ("y", int), defaults=[0, 0, 0]),
        REFUSED,
        False,
        "order",
    ),
    "NamedTuple, one field less": Change(OldT, OldT(1, 2), tuple_of("Pair", ("x", int)), REFUSED, False, "'y'"),
    "array_like in another order": Change(
        OldA, OldA(1, 2), struct("Row", ("y", int), ("x", int), array_like=True), REFUSED, False, "order"
    ),
    "array_like, a default at the end": Change(
        OldA, OldA(1, 2), struct("Row", ("x", int), ("y", int), ("z", int, 3), array_like=True), XY | {"z": 3}, True
    ),
    "array_like, a field renamed": Change(
        OldA, OldA(1, 2), struct("Row", ("x", int), ("z", int), array_like=True), REFUSED, False
    ),
    "array_like no more": Change(OldA, OldA(1, 2), Old, REFUSED, False),
    # enums
    "enum, a member in front": Change(Level, Level.HIGH, NewLevel, "HIGH", True),
    "enum, other values": Change(Color, Color.RED, members("Color", RED="b", BLUE="r"), "RED", True),
    "enum, a member renamed": Change(
        Color, Color.RED, members("Color", CRIMSON="r", BLUE="b"), REFUSED, False, "RED is gone"
    ),
    "enum, a member removed": Change(Color, Color.RED, members("Color", RED="r"), REFUSED, False, "BLUE is gone"),
    "enum, another base": Change(Color, Color.RED, members("Color", enum.StrEnum, RED="r", BLUE="b"), "RED", True),
    "enum in a field": Change(
        LevelA,
        LevelA(Level.LOW),
        struct("A", ("level", NewLevel)),
        {"level": "LOW"},
        True,
    ),
    "enum in a NamedTuple": Change(
        LevelT,
        LevelT(Level.LOW),
        tuple_of("A", ("level", NewLevel)),
        {"level": "LOW"},
        True,
    ),
    "enums in a list": Change(LIST[Level], [Level.LOW, Level.HIGH], LIST[NewLevel], ["LOW", "HIGH"], True),
    "enums in a set": Change(SET[Level], {Level.LOW, Level.HIGH}, SET[NewLevel], ["HIGH", "LOW"], True),
    "enums in a tuple": Change(TUPLE[int, Level], (1, Level.LOW), TUPLE[int, NewLevel], [1, "LOW"], True),
    "enum as a key": Change(DICT[Level, int], {Level.LOW: 5}, DICT[NewLevel, int], {"LOW": 5}, True),
    "enum by its text as a key": Change(
        DICT[Color, int],
        {Color.RED: 5},
        DICT[members("Color", RED="b", BLUE="r"), int],
        {"RED": 5},
        True,
    ),
    "enum or None": Change(Level | None, Level.LOW, NewLevel | None, "LOW", True),
    "enum in one of two records": Change(
        LevelCat | LevelDog, LevelDog(Level.LOW), NewLevelCat | NewLevelDog, {"level": "LOW"}, True
    ),
    "enum twice, once in one of two records": Change(
        TUPLE[Level, LevelCat | LevelDog],
        (Level.LOW, LevelDog(Level.LOW)),
        TUPLE[NewLevel, NewLevelCat | NewLevelDog],
        ["LOW", {"level": "LOW"}],
        True,
    ),
    "flag, a member in front": Change(
        Mode, Mode.READ, members("Mode", enum.Flag, LIST=1, READ=2, WRITE=4), ["READ"], True
    ),
    "flags, a member in front": Change(
        Mode, Mode.READ | Mode.WRITE, members("Mode", enum.Flag, LIST=1, READ=2, WRITE=4), ["READ", "WRITE"], True
    ),
    "no flag, a member in front": Change(Mode, Mode(0), members("Mode", enum.Flag, LIST=1, READ=2, WRITE=4), [], True),
    "flags, a member at the end": Change(
        Mode, Mode.READ | Mode.WRITE, members("Mode", enum.Flag, READ=1, WRITE=2, LIST=4), ["READ", "WRITE"], True
    ),
    "flags exchanged": Change(Mode, Mode.READ, members("Mode", enum.Flag, READ=2, WRITE=1), ["READ"], True),
    "flags, a member renamed": Change(
        Mode, Mode.READ, members("Mode", enum.Flag, LIST=1, WRITE=2), REFUSED, False, "READ is gone"
    ),
    "flags, one of three moved": Change(
        Three, Three.A | Three.B, members("Three", enum.Flag, A=1, B=4, C=2), ["A", "B"], True
    ),
    "flags of ints": Change(
        IntMode,
        IntMode.READ | IntMode.WRITE,
        members("IntMode", enum.IntFlag, LIST=1, READ=2, WRITE=4),
        ["READ", "WRITE"],
        True,
    ),
    "flags with a bit of no member": Change(
        IntMode, IntMode(9), members("IntMode", enum.IntFlag, LIST=1, READ=2, WRITE=4), UNEXPLAINED, True
    ),
    "flags as keys": Change(
        DICT[Mode, int],
        {Mode.READ | Mode.WRITE: 5},
        DICT[members("Mode", enum.Flag, LIST=1, READ=2, WRITE=4), int],
        {("READ", "WRITE"): 5},
        True,
    ),
    # unions and literals
    "tagged union extended": Change(Cat | Dog, Cat("a"), Cat | Dog | Fox, REFUSED, True),
    "tagged union reduced": Change(Cat | Dog | Fox, Cat("a"), Cat | Dog, REFUSED, False),
    "tagged union in another order": Change(Cat | Dog, Cat("a"), Dog | Cat, {"name": "a"}, True),
    "tagged class of a union renamed, tag kept": Change(
        Cat | Dog, Cat("a"), struct("Katze", ("name", str), tag="Cat") | Dog, {"name": "a"}, True
    ),
    "tag changed": Change(Cat, Cat("a"), struct("Cat", ("name", str), tag="chat"), REFUSED, False, "tag"),
    "tagged class renamed": Change(Cat, Cat("a"), struct("Katze", ("name", str), tag=True), REFUSED, False, "tag"),
    "tagged class renamed, tag kept": Change(
        Cat, Cat("a"), struct("Katze", ("name", str), tag="Cat"), {"name": "a"}, True
    ),
    "tags exchanged": Change(
        Cat | Dog,
        Cat("a"),
        struct("Cat", ("name", str), tag="Dog") | struct("Dog", ("name", str), tag="Cat"),
        REFUSED,
        True,
    ),
    "union of texts and bytes, same": Change(str | bytes, b"a", str | bytes, b"a", True),
    "union of texts and bytes in another order": Change(str | bytes, b"a", bytes | str, (REFUSED, b"a"), True),
    "union of texts and dates extended": Change(str | date, "2026-01-02", str | date | bytes, REFUSED, True),
    "literal extended": Change(Literal["a", "b"], "a", Literal["a", "b", "c"], REFUSED, True),
    "literal reduced": Change(Literal["a", "b"], "a", Literal["a"], REFUSED, False),
    "literal in another order": Change(Literal["a", "b"], "a", Literal["b", "a"], "a", True),
    "literal became a text": Change(Literal["a", "b"], "a", str, REFUSED, True),
    "became optional": Change(int, 5, int | None, REFUSED, True),
    "became a float": Change(int, 5, float, REFUSED, True),
    "became a text": Change(int, 5, str, REFUSED, False),
    "a date became a text": Change(date, date(2026, 1, 2), str, REFUSED, False),
    # containers
    "list became a tuple": Change(LIST[int], [1], TUPLE[int, ...], REFUSED, False),
    "list of more": Change(LIST[int], [1], LIST[int | None], REFUSED, True),
    "keys of another type": Change(DICT[str, int], {"1": 1}, DICT[int, int], REFUSED, False),
    "records in a list": Change(
        LIST[Old],
        [Old(1, 2)],
        LIST[struct("Point", ("x", int), ("y", int), ("z", int, 3))],
        [XY | {"z": 3}],
        True,
    ),
    "recursive record, a default added": Change(
        Node,
        Node("a", Node("b")),
        Later.Node,
        {"label": "a", "left": {"label": "b", "left": None, "more": [], "note": ""}, "more": [], "note": ""},
        True,
    ),
    "key added that may be absent": Change(Movie, {"x": 1, "y": 2}, MovieMore, XY, True),
    "key added that is required": Change(Movie, {"x": 1, "y": 2}, MovieStrict, REFUSED, False, "'z'"),
    "key that may be absent from now on": Change(Movie, {"x": 1, "y": 2}, MovieOpen, XY, True),
    "key that is required from now on": Change(MovieOpen, {"x": 1}, Movie, REFUSED, False, "'y'"),
}


def value_of(change: Change) -> Any:
    """Return the value of a row, of its old type; that of a record is made here where the row has none."""
    return change.old(1, 2) if change.value is None else change.value
