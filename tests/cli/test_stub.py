"""`typedflow stub`: the contract of a flow as a `.pyi`, which describes what the flow's own module declares."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import pytest

from examples.license_audit.classification import Classification
from tests.cli.asking import ASKING
from tests.cli.project import Project
from tests.mypy.test_stubs import described, options, own_classes, required, runtime_class
from typedflow.schema.contracts import spec_of

TYPES = """\
import enum
from collections.abc import Callable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal, NamedTuple, NewType, NotRequired, Protocol, TypedDict

import msgspec
from typedflow import Contract, Data, Events, Flow, FlowState, Resources, State

Key = NewType("Key", str)

class Access(enum.IntFlag):
    READ = 1
    WRITE = 2

class Colour(str, enum.Enum):
    RED = "r"

class Size(enum.Enum):
    SMALL = 1

class Place(NamedTuple):
    x: int
    y: int = 0

class Extra(TypedDict):
    note: str
    more: NotRequired[int]

class Person(msgspec.Struct, kw_only=True, rename="camel", tag="p"):
    first_name: str
    born: date | None = None
    age: Annotated[int, msgspec.Meta(ge=0)] = 0

class Robot(msgspec.Struct, array_like=True, tag="r", frozen=True):
    made: datetime

class Notes(State):
    people: dict[str, Person] = {}
    place: Place = Place(0)
    extra: Extra | None = None
    access: Access = Access.READ

class Counters(FlowState):
    total: Decimal = Decimal(0)

class Search(Protocol):
    limit: int
    @property
    def name(self) -> str: ...
    def find(self, topic: str, limit: int = 3) -> list[Robot]: ...

class Tools(Resources):
    search: Search
    call: Callable[[int], str]
    any: object = None

class Votes(Events):
    approved: Person
    closed: None

class Wide(Contract, version=3):
    input: Person | Robot
    result: tuple[Key, Sequence[int], Literal["a", "b"], Size]
    state: Notes
    flow_state: Counters
    resources: Tools
    events: Votes
    stream: Colour

def take(data: Data[Wide, Any]) -> Any:
    return data.value

flow = Flow(Wide)
flow.to(take).end()
"""


def executed(name: str, text: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Run a stub as if it were a module."""
    module = ModuleType(name)
    monkeypatch.setitem(sys.modules, name, module)
    exec(compile(text, f"{name}.pyi", "exec"), vars(module))
    return module


def test_the_stub_of_the_example_describes_it(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    target = "examples.license_audit.classification:build_classification"
    done = project.spawn("stub", target)
    assert (done.code, done.stderr) == (0, "")
    stub = executed("classified", done.stdout, monkeypatch)
    assert described(spec_of(stub.Classification)) == described(spec_of(Classification))
    records = [cls for cls in own_classes(stub) if hasattr(cls, "__struct_config__")]
    assert len(records) > 5
    for record in records:
        theirs: Any = runtime_class(record.__name__)
        assert (options(record), required(record)) == (options(theirs), required(theirs))
    assert done.stdout.endswith("def build_classification() -> Flow[Classification]: ...\n")
    assert "examples" not in done.stdout.partition("\n")[2]


def test_every_kind_of_type_is_described(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.write("wide.py", TYPES)
    text = project.run("stub", "wide:flow").stdout
    stub, module = executed("stubbed", text, monkeypatch), executed("wide", TYPES, monkeypatch)
    assert described(spec_of(stub.Wide)) == described(spec_of(module.Wide))
    for name in ("Person", "Robot", "Notes", "Counters"):
        mine, theirs = vars(stub)[name], vars(module)[name]
        assert mine.__struct_encode_fields__ == theirs.__struct_encode_fields__
        assert (options(mine), required(mine)) == (options(theirs), required(theirs))
    head = "class Search(Protocol):\n    limit: int\n    @property\n    def name(self) -> str: ...\n"
    assert f"{head}    def find(self, topic: str, limit: int = ...) -> list[Robot]: ...\n" in text
    assert "class WideEvents(Events):\n    approved: Person\n    closed: None\n" in text
    assert text.endswith("flow: Flow[Wide]\n")


def test_a_stub_is_written_and_checked(project: Project) -> None:
    project.write("review.py", ASKING)
    written = project.run("stub", "review:flow", "-o", "made.pyi")
    assert (written.code, written.stdout) == (0, "")
    assert project.run("stub", "review:flow", "-o", "made.pyi", "--check").stdout == "made.pyi is up to date\n"
    project.write("review.py", ASKING.replace("found: list[str]", "found: list[int]"))
    stale = project.run("stub", "review:flow", "-o", "made.pyi", "--check")
    assert (stale.code, stale.stdout) == (1, "made.pyi is not up to date\n")
    document = project.run("stub", "review:flow", "--json").document
    assert (document["output"], "found: list[int] = ..." in document["text"]) == (None, True)


WRONG = [
    (("review:flow", "--check"), "--check compares a file (add --output FILE)"),
    (("review:flow", "-o", "no/x.pyi"), "cannot write 'no/x.pyi'"),
    (("boxed:flow",), "'Box[int]' is generic, which a stub does not describe"),
]


def test_what_cannot_be_written_is_a_mistake(project: Project) -> None:
    project.write("review.py", ASKING)
    generic = "import msgspec\nfrom typing import Generic, TypeVar\nT = TypeVar('T')\n"
    generic += "class Box(msgspec.Struct, Generic[T]):\n    item: T\n"
    project.write("boxed.py", generic + ASKING.replace("found: list[str] = []", "found: list[Box[int]] = []"))
    for arguments, text in WRONG:
        done = project.run("stub", *arguments)
        assert (done.code, done.stdout, done.stderr.startswith(f"error: {text}")) == (2, "", True), done
