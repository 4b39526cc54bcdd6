"""`typedflow answer ID INTERRUPT` without a value: on a terminal it asks field by field."""

from __future__ import annotations

import enum
import io
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated, Any, Literal, TypedDict

import msgspec
import pytest

from tests.cli.asking import ASKING, BIRDS, SETTINGS
from tests.cli.project import Project
from tests.cli.terminal import talk
from typedflow.cli.asking import Refused, ask
from typedflow.cli.exits import Mistake


class Level(enum.Enum):
    LOW = 1
    HIGH = 2


class Person(msgspec.Struct):
    name: str
    age: Annotated[int, msgspec.Meta(ge=0, le=150)] = 18


class Card(msgspec.Struct, tag="card"):
    number: str


class Cash(msgspec.Struct, tag="cash"):
    amount: float


class Even(msgspec.Struct):
    number: int

    def __post_init__(self) -> None:
        if self.number % 2:
            raise ValueError("it is odd")


class Options(TypedDict, total=False):
    loud: bool


@dataclass
class Point:
    x: int
    y: int = 0


class Order(msgspec.Struct):
    buyer: Person
    gift_to: Person | None = None
    tags: list[str] = []
    paid: Card | Cash = msgspec.field(default_factory=lambda: Cash(0.0))


def answer(tp: Any, *lines: str, check: Callable[[Any], Any] = lambda value: None) -> Any:
    """Return what is made of the lines; every line has to be read."""
    stdin = io.StringIO("".join(f"{line}\n" for line in lines))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdin", stdin)
        patch.setattr(sys, "stdout", sys.stderr)  # as a command does
        value = ask(tp, check)
    assert stdin.read() == ""
    return value


TYPED: list[tuple[Any, tuple[str, ...], Any]] = [
    (str, ("two words",), "two words"),
    (str, ("", '""'), ""),
    (str, ("5",), "5"),
    (int, ("x", "5.5", "5"), 5),
    (float, ("5",), 5.0),
    (bool, ("maybe", "YES"), True),
    (bool, ("n",), False),
    (Literal["yes", "no"], ("yse", "yes"), "yes"),
    (Literal[1, "a"], ("2", "1"), 1),
    (Literal["", "a"], ('""',), ""),
    (Literal["a", None], ("",), None),
    (Level, ("3", "2"), Level.HIGH),
    (Level | None, ("",), None),
    (date, ("tomorrow", "2026-02-30", "2026-02-03"), date(2026, 2, 3)),
    (timedelta, ("PT90S",), timedelta(seconds=90)),
    (int | None, ("",), None),
    (int | str, ("5",), 5),
    (int | str, ("five",), "five"),
    (str | None, ('""',), ""),
    (str | None, ("",), None),
    (None, (), None),
    (Any, ('{"a": [1]}',), {"a": [1]}),
    (Any, ("text",), "text"),
    (list[int], ("1", "x", "2", ""), [1, 2]),
    (list[str], ("a", '""', ""), ["a", ""]),
    (set[str], ("a", "a", ""), {"a"}),
    (tuple[int, ...], ("1", "2", ""), (1, 2)),
    (tuple[int, str], ("1", "a"), (1, "a")),
    (Sequence[int], ("1", ""), [1]),
    (list[list[int]], ("y", "1", "", "y", "", "n"), [[1], []]),
    (list[Person], ("y", "Ann", "", "n"), [Person("Ann", 18)]),
    (list[int] | None, ("n",), None),
    (list[int] | None, ("y", "4", ""), [4]),
    (dict[str, int], ("a", "1", "b", "x", "2", ""), {"a": 1, "b": 2}),
    (Person, ("Ann", "200", "20"), Person("Ann", 20)),
    (Card | Cash, ("cheque", "cash", "1.5"), Cash(1.5)),
    (Card | Cash | None, ("n",), None),
    (Even, ("3", "4"), Even(4)),
    (Point, ("1", ""), Point(1, 0)),
    (Options, ("",), {}),
    (Options, ("y",), {"loud": True}),
    (Order, ("Ann", "30", "n", "n", "n"), Order(Person("Ann", 30))),
    (
        Order,
        ("Ann", "", "y", "Bob", "40", "y", "red", "", "y", "card", "0815"),
        Order(Person("Ann"), Person("Bob", 40), ["red"], Card("0815")),
    ),
]


@pytest.mark.parametrize("tp, lines, value", TYPED, ids=str)
def test_a_value_is_asked_as_its_type_says(tp: Any, lines: tuple[str, ...], value: Any) -> None:
    given = answer(tp, *lines)
    assert (given, type(given)) == (value, type(value))


def test_what_is_asked_reads_well(capsys: pytest.CaptureFixture[str]) -> None:
    answer(Order, "Ann", "200", "", "y", "Bob", "", "y", "red", "", "n")
    assert capsys.readouterr().err.splitlines() == [
        "buyer.name (text): buyer.age (int, at least 0, at most 150) [18]:  "
        " expected int, at least 0, at most 150, given 200 (int)",
        "buyer.age (int, at least 0, at most 150) [18]: gift_to (Person): is there one? [y/N]: "
        "gift_to.name (text): gift_to.age (int, at least 0, at most 150) [18]: "
        "tags (list[str]) is []: change it? [y/N]: tags (list[str]): one on each line; an empty line ends it",
        'tags[0] (text): tags[1] (text): paid (Card | Cash) is {"type":"cash","amount":0.0}: change it? [y/N]: ',
    ]


@pytest.mark.parametrize(
    "tp, line, reason",
    [
        (Literal["yes", "no"], "yse", "'yse' is none of them; did you mean 'yes'?"),
        (Literal["yes", "no"], "later", "'later' is none of them; type one of yes, no"),
        (bool, "perhaps", "type yes or no"),
        (int, "", 'an answer is needed; "" is an empty text'),
        (int, "five", "expected int, given 'five' (str)"),
        (date, "soon", "expected date, as 2026-01-31, given 'soon' (str)"),
    ],
)
def test_a_wrong_line_is_refused_with_the_reason(
    tp: Any, line: str, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(Mistake, match="nothing was answered"):
        answer(tp, line)
    assert f"  {reason}\n" in capsys.readouterr().err


def test_a_whole_answer_that_is_refused_is_asked_again(capsys: pytest.CaptureFixture[str]) -> None:
    def check(value: Person) -> None:
        if value.name == "Ann":
            raise Refused("Ann is on leave")

    value = answer(Person, "Ann", "", "Bob", "", check=check)
    assert value == Person("Bob")
    assert "not taken: Ann is on leave\n" in capsys.readouterr().err


DECISION = """\
class Decision(msgspec.Struct):
    ok: bool
    level: Literal['low', 'high']
    notes: list[str]
"""
FORM = (
    ASKING.replace('-> Literal["yes", "no"]', "-> Decision")
    .replace('if data.value == "no"', "if not data.value.ok")
    .replace("Data[Review, str]", "Data[Review, Decision]")
    .replace(
        "class Notes",
        f"{DECISION}\nclass Notes",
    )
)


@pytest.fixture
def asked(project: Project) -> Project:
    """Return a project whose execution 'first' waits for a record."""
    project.write("pyproject.toml", SETTINGS)
    project.write("review.py", FORM)
    assert project.run("run", "review:flow", "--input", BIRDS, "--id", "first").code == 3
    return project


def test_an_answer_is_asked_field_by_field_on_a_terminal(asked: Project) -> None:
    code, shown = talk(asked, "answer", "first", "approve", lines=["maybe", "yes", "hihg", "high", "fine", ""])
    assert (code, shown.splitlines()) == (
        0,
        [
            """approval (human), asked by step 'approve': {"found":["Sibley","Svensson"]}""",
            "ok (yes/no): maybe",
            "  type yes or no",
            "ok (yes/no): yes",
            "level (low/high): hihg",
            "  'hihg' is none of them; did you mean 'high'?",
            "level (low/high): high",
            "notes (list[str]): one on each line; an empty line ends it",
            "notes[0] (text): fine",
            "notes[1] (text): ",
            "write: done",
            "Sibley, Svensson",
        ],
    )


@pytest.mark.full
def test_the_end_of_the_input_leaves_the_question_pending(asked: Project) -> None:
    code, shown = talk(asked, "answer", "first", "approval", lines=["yes", "^D"])
    assert (code, shown.splitlines()[-1]) == (2, "error: nothing was answered (the question is still pending)")
    assert asked.run("runs", "list").stdout.split()[:2] == ["first", "waiting"]


def test_without_a_terminal_the_schema_of_the_answer_is_printed(asked: Project) -> None:
    done = asked.run("answer", "first", "approval")
    text, _, schema = done.stderr.partition("\n")
    assert (done.code, done.stdout, text) == (
        2,
        "",
        "error: interrupt 'approval' needs a VALUE: it cannot be asked for, as stdin is no terminal "
        "(give it as JSON; its JSON Schema is below)",
    )
    document = msgspec.json.decode(schema)
    assert document["$defs"]["Decision"]["required"] == ["ok", "level", "notes"]
    assert asked.run("answer", "first", "approval", "--json").document["error"]["schema"] == document
    assert asked.run("answer", "first", "aproval").stderr.startswith("error: TF")
