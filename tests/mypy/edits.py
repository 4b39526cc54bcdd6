"""One small project, and the edits of it that a checker which remembers has to notice.

Every scenario is a copy of the project in a package of its own, so that all of them are edited and checked at once.
The module that is checked, `use`, imports the contract and the flows only: the types that its paths go through are one,
two and three modules away. mypy's daemon checks again whatever it had something to say of: in most of the others there
is nothing to be said before the edit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

PROJECT: Final[Mapping[str, str]] = {
    "deep": """\
from enum import StrEnum
from typing import Final, NamedTuple, NewType, TypedDict

import msgspec

Amount = int
Word = NewType("Word", str)


class Leaf(msgspec.Struct):
    name: str
    size: int = 0


class Other(msgspec.Struct):
    title: str


class Opts(TypedDict):
    depth: int


class Pair(NamedTuple):
    left: int
    right: str = ""


class Fixed(msgspec.Struct, frozen=True):
    name: str = ""


class Root(msgspec.Struct):
    pass


class Whole(Root):
    pass


class Key(StrEnum):
    COUNT = "count"


KEY: Final = "mid.leaf.name"
""",
    "first": """\
from typing import Final

Number = int
WHERE: Final = "mid.near.size"
""",
    "second": """\
from PACKAGE.first import Number

Number2 = Number
""",
    "third": """\
from PACKAGE.second import Number2

Number3 = Number2
""",
    "far": """\
import msgspec

from PACKAGE.third import Number3


class Near(msgspec.Struct):
    size: int = 0


class Far(msgspec.Struct):
    size: Number3

""",
    "mid": """\
import msgspec

from PACKAGE.deep import Amount, Leaf, Opts, Other, Pair, Whole, Word
from PACKAGE.far import Far, Near


class Base(msgspec.Struct):
    inherited: Leaf


class Mid(Base):
    leaf: Leaf
    other: Other
    opts: Opts
    pair: Pair
    box: dict[str, Leaf] = {}
    amount: Amount | None = None
    words: dict[Word, Leaf] = {}
    whole: Whole = Whole()
    near: Near | None = None
    far: Far | None = None
""",
    "layers": """\
from typing import TypedDict

from typedflow import Events, FlowState, Resources, State

from PACKAGE.mid import Mid


class Tool:
    pass


class MyState(State):
    mid: Mid
    count: int = 0
    drafts: list[str] = []


class YourState(State):
    count: str = ""


class Counters(FlowState):
    done: int = 0


class Tools(Resources):
    tool: Tool
    spare: Tool | None = None


class Given(TypedDict, total=False):
    tool: Tool


class MoreTools(Tools):
    pass


class Happened(Events):
    ready: int
""",
    "contract": """\
from typedflow import Contract

from PACKAGE.deep import Root
from PACKAGE.layers import Counters, Happened, MyState, Tools, YourState


class My(Contract, version=3):
    input: int
    result: str
    state: MyState
    flow_state: Counters
    resources: Tools
    events: Happened
    stream: int


class Part(Contract, abstract=True):
    input: int


class Wide(Contract):
    input: int
    result: None
    stream: Root
""",
    "child": """\
import msgspec

from typedflow import Contract, Flow, State, binding

from PACKAGE.deep import Whole


class Task(msgspec.Struct):
    topic: str
    depth: int = 0


class Answer(msgspec.Struct):
    text: str


class ChildState(State):
    seen: int = 0


class Child(Contract):
    input: Task
    result: Answer
    state: ChildState
    stream: int


class Narrow(Contract):
    input: int
    result: None
    stream: Whole


child = Flow(Child)
narrow = Flow(Narrow)
CAPTURE = binding({"input": {"topic": "state.mid.leaf.name"}})
""",
    "use": """\
from typing import Any, reveal_type

from typedflow import Data, Flow, State

from PACKAGE.child import CAPTURE, child
from PACKAGE.contract import My, Part
from PACKAGE.deep import Fixed, KEY, Key


class Own(State):
    fixed: Fixed = Fixed()


def read(data: Data[My, int]) -> int:
    reveal_type(data.state.get("mid.leaf.name"))
    reveal_type(data.state.get(KEY))
    reveal_type(data.state.get(Key.COUNT))
    reveal_type(data.state.get("mid.inherited.size"))
    reveal_type(data.state.get("mid.opts.depth"))
    reveal_type(data.state.get("mid.pair.left"))
    reveal_type(data.state.get("mid.box.a.size", 0))
    reveal_type(data.state.get("mid.other.title"))
    data.state.get("mid.late")
    reveal_type(data.state.get("mid.amount"))
    reveal_type(data.state.get("mid.words.a.size", 0))
    return 1


def write(data: Data[My, int]) -> None:
    data.state.set("mid.leaf.name", "x")
    data.state.set("count", 1)
    data.state.append("drafts", "x")
    data.state.set("mid.leaf", {"name": "x"})
    data.state.delete("mid.leaf.size")
    data.flow_state.set("done", 1)


def resources(data: Data[My, int]) -> None:
    reveal_type(data.require_resource("tool"))
    data.set_resource("spare", None)
    data.emit("ready", 1)


def is_small(data: Data[My, int]) -> bool:
    return data.value < 9


flow = Flow(My)
flow.to(read).to_sub_flow(child, capture=CAPTURE, write_back={"value": "result.text"}).end()
flow.to(read).to_sub_flow(child, capture={"input": {"topic": "state.mid.leaf.name"}})
reveal_type(flow.when("ready"))
flow.to(read).match().case(is_small).end_match()
flow.create_execution(state={"count": 1, "mid": {"leaf": {"name": "x"}}, "drafts": ["a"]})
Flow(Part).to(lambda data: 1)


@My.migrate(2)
def lift(saved: dict[str, Any]) -> dict[str, Any]:
    return saved
""",
    "top": """\
from typedflow import Flow, State

from PACKAGE.child import child
from PACKAGE.contract import My
from PACKAGE.mid import Mid

flow = Flow(My)
flow.to_sub_flow(child, capture={"input": {"topic": "state.mid.leaf.name"}})


class Kept(State):
    mid: Mid


def inside() -> None:
    class Inner(State):
        mid: Mid
""",
    "given": """\
from typing import Any

from typedflow import Data

from PACKAGE.contract import My


def as_it_is(data: Data[My, int], leaf: Any) -> None:
    data.state.set("mid.leaf", leaf)


def as_a_dict(data: Data[My, int]) -> None:
    data.state.set("mid.leaf", {"name": "x"})
""",
    "lent": """\
from PACKAGE.layers import Given, MoreTools


def given() -> Given:
    return {}


def more() -> MoreTools:
    raise NotImplementedError
""",
    "lending": """\
from typedflow import Flow

from PACKAGE.contract import My
from PACKAGE.lent import given, more

Flow(My).update_runtime_resources(given())
Flow(My).create_execution(runtime_resources=more())
""",
    "piped": """\
from typedflow import Flow

from PACKAGE.child import narrow
from PACKAGE.contract import Wide

Flow(Wide).to_sub_flow(narrow, capture={"input": "value"})
""",
    "needs": """\
from typing import Protocol

from PACKAGE.layers import Counters


class Counting(Protocol):
    flow_state: Counters
""",
    "fitting": """\
from typedflow import Data, Flow

from PACKAGE.contract import My
from PACKAGE.needs import Counting


def count(data: Data[Counting, int]) -> int:
    return data.value


Flow(My).to(count)
""",
    "behind": """\
from typedflow import Data, Flow, binding

from PACKAGE.child import child
from PACKAGE.contract import My

flow = Flow(My)
TOPIC = binding({"input": {"topic": "state.mid.leaf.name"}})
after = flow.to_sub_flow(child, capture=TOPIC, write_back={"value": "result.text"})


def halve(data: Data[My, int]) -> int:
    return data.value


def build() -> None:
    after.to(halve)
""",
    "silent": """\
from typedflow import Data

from PACKAGE.contract import My
from PACKAGE.deep import KEY, Key, Leaf, Root
from PACKAGE.first import WHERE
from PACKAGE.layers import Tool


def read(data: Data[My, int]) -> Root:
    name: str = data.state.get("mid.leaf.name")
    named: str = data.state.get(KEY)
    count: int = data.state.get(Key.COUNT)
    inherited: int = data.state.get("mid.inherited.size")
    depth: int = data.state.get("mid.opts.depth")
    left: int = data.state.get("mid.pair.left")
    boxed: int = data.state.get("mid.box.a.size", 0)
    title: str = data.state.get("mid.other.title")
    amount: int | None = data.state.get("mid.amount")
    word: int = data.state.get("mid.words.a.size", 0)
    return data.state.get("mid.whole")


def read_where(data: Data[My, int]) -> int | None:
    return data.state.get(WHERE)


def set_leaf(data: Data[My, int], leaf: Leaf) -> None:
    data.state.set("mid.leaf", leaf)


def use(data: Data[My, int]) -> Tool:
    return data.require_resource("tool")


def tell(data: Data[My, int], number: int) -> None:
    data.emit("ready", number)
""",
}


ALIASES: Final[Mapping[str, str]] = {
    "kinds": """\
import msgspec

from typedflow import Contract, State

Base = State
Quiet = msgspec.Struct
Terms = Contract
Silent = object
""",
    "kinds2": """\
from PACKAGE import kinds

Base2 = kinds.Base
Quiet2 = kinds.Quiet
Terms2 = kinds.Terms
Silent2 = kinds.Silent
""",
    "based": """\
from typing import TypeAlias

from PACKAGE import kinds2
from PACKAGE.kinds2 import Base2, Quiet2, Silent2, Terms2


class Based(Base2):
    thing: object = None


class Quieted(Quiet2):
    thing: object = None


class Agreed(Terms2):
    input: int


class Silenced(Silent2):
    input: int


def build() -> None:
    Local: TypeAlias = kinds2.Quiet2

    class OfLocal(Local):
        thing: object = None

    class OfTheirs(Based):
        another: object = None

    class Within(Silent2):
        input: int
""",
}
INSIDE: Final[Mapping[str, str]] = {
    "inside": """\
from typing import Any

from typedflow import Contract, Data, Flow, State

from PACKAGE.deep import Other
from PACKAGE.layers import Counters, YourState


def build() -> None:
    class Inner(Contract, version=2):
        input: int
        result: str
        state: YourState
        flow_state: Counters

    class Kept(State):
        other: Other | None = None

    def read(data: Data[Inner, int]) -> str:
        return data.state.get("count")

    Flow(Inner).to(read).end()

    @Inner.migrate(1)
    def lift(saved: dict[str, Any]) -> dict[str, Any]:
        return saved
""",
}
KEYS: Final[Mapping[str, str]] = {
    "names": """\
from enum import StrEnum, auto
from typing import Final

PREFIX: Final = "mid"
VERSION: Final = 2


class Auto(StrEnum):
    COUNT = auto()
""",
    "keyed": """\
from typing import Any, Final

from typedflow import Contract, Data, Flow

from PACKAGE.child import child
from PACKAGE.contract import My
from PACKAGE.names import PREFIX, VERSION, Auto

NEAR: Final = f"{PREFIX}.near"
SIZED: Final = NEAR + ".size"
CAPTURE: Final = {"input": {"topic": f"state.{PREFIX}.leaf.name"}}


class Keyed(Contract, version=VERSION):
    input: int
    result: int


@Keyed.migrate(1)
def lift(saved: dict[str, Any]) -> dict[str, Any]:
    return saved


def read_sized(data: Data[My, int]) -> int | None:
    return data.state.get(SIZED)


def read_name(data: Data[My, int]) -> str:
    return data.state.get(f"{PREFIX}.leaf.name")


def read_count(data: Data[My, int]) -> int:
    return data.state.get(Auto.COUNT)


def read_shown(data: Data[My, int]) -> int:
    return data.state.get(f"{Auto.COUNT}")


def build() -> None:
    Flow(My).to_sub_flow(child, capture=CAPTURE)
""",
}
FROZEN: Final[Mapping[str, str]] = {
    "frost": """\
import msgspec

from typedflow import State

Base = State
""",
    "frozen": """\
from PACKAGE import frost
from PACKAGE.deep import Other


class Frozen(frost.Base, frozen=True):
    other: Other | None = None


class Child(Frozen):
    late: int = 0


def write(frozen: Frozen) -> None:
    frozen.other = None
""",
}
AWAITED: Final[Mapping[str, str]] = {
    "clients": """\
from collections.abc import Generator
from typing import Any


class Client:
    def ready(self) -> Generator[Any, Any, int]:
        raise NotImplementedError
""",
    "waiting": """\
from typedflow import Data, Flow

from PACKAGE.clients import Client
from PACKAGE.contract import My


def connect(data: Data[My, int]) -> Client:
    return Client()


def use(data: Data[My, Client]) -> str:
    return ""


def build() -> None:
    Flow(My).to(connect).to(use).end()
    Flow(My).batch().branch(connect).end_batch()
""",
}


class Edit(NamedTuple):
    """Replace a text in one module."""

    module: str
    old: str
    new: str


class Scenario(NamedTuple):
    """Edits, one step after the other."""

    name: str
    steps: Sequence[Sequence[Edit]]
    beside: Mapping[str, str] = {}
    """Further modules of the project, which only some scenarios are about."""


def _one(name: str, *edits: Edit, beside: Mapping[str, str] | None = None) -> Scenario:
    return Scenario(name, [edits], beside or {})


_RENAMED = Edit("deep", "    name: str", "    label: str")
_OTHER_AUTO = """\
    @staticmethod
    def _generate_next_value_(name: str, start: int, count: int, last_values: list[str]) -> str:
        return name

    COUNT = auto()
"""
_OTHER_TEXT = """\
    COUNT = auto()

    def __str__(self) -> str:
        return "drafts"
"""
_BACK = Edit("deep", _RENAMED.new, _RENAMED.old)
_LONGER = Edit("use", "class Own(", "NUMBER = 1\n\n\nclass Own(")
_OTHER_BASE = "class Base2(msgspec.Struct):\n    inherited: Other\n\n\n"
_ALIKE = "\n\nclass Leaf2(msgspec.Struct):\n    name: str\n    size: int = 0\n"
_SECOND_LEAF = "\n\nclass Leaf2(msgspec.Struct):\n    name: int\n    size: int = 0\n"

SCENARIOS: Final[Sequence[Scenario]] = (
    _one("a field three modules away is renamed", _RENAMED),
    _one("a field three modules away changes its type", Edit("deep", "    name: str", "    name: int")),
    _one("a field of the state changes its type", Edit("layers", "    count: int", "    count: float")),
    _one("a field of the state is renamed", Edit("layers", "    drafts: list", "    papers: list")),
    _one("an inherited field is renamed", Edit("mid", "    inherited: Leaf", "    inherits: Leaf")),
    _one("an inherited field changes its type", Edit("mid", "    inherited: Leaf", "    inherited: Other")),
    _one("a base class is exchanged", Edit("mid", "class Mid(Base):", "class Mid(msgspec.Struct):")),
    _one("a key of a TypedDict is renamed", Edit("deep", "    depth: int", "    deep: int")),
    _one("a key of a TypedDict changes its type", Edit("deep", "    depth: int", "    depth: str")),
    _one("a field of a NamedTuple is renamed", Edit("deep", "    left: int", "    start: int")),
    _one("a field of a NamedTuple changes its type", Edit("deep", "    left: int", "    left: str")),
    _one("a Final constant changes", Edit("deep", '"mid.leaf.name"', '"mid.leaf.size"')),
    _one("a member of an enum changes", Edit("deep", '"count"', '"drafts"')),
    _one("the contract has another state", Edit("contract", "state: MyState", "state: YourState")),
    _one("the contract loses a layer", Edit("contract", "    flow_state: Counters\n", "")),
    _one("the contract loses its events", Edit("contract", "    events: Happened\n", "")),
    _one("a resource is renamed", Edit("layers", "    tool: Tool", "    hammer: Tool")),
    _one("a resource changes its class", Edit("layers", "    tool: Tool", "    tool: type[Tool]")),
    _one("a resource is required now", Edit("layers", "spare: Tool | None = None", "spare: Tool")),
    _one("an event has another payload", Edit("layers", "    ready: int", "    ready: str")),
    _one("the child requires one more field", Edit("child", "    depth: int = 0", "    depth: int")),
    _one("the child requires a state", Edit("child", "    seen: int = 0", "    seen: int")),
    _one("the child gives another type", Edit("child", "    text: str", "    text: int")),
    _one("a binding changes", Edit("child", '"state.mid.leaf.name"', '"state.mid.leaf.nam"')),
    _one("the child puts something else in its stream", Edit("child", "    stream: int", "    stream: str")),
    _one("the parent has another stream", Edit("contract", "    stream: int", "    stream: str")),
    _one("the contract has an older version", Edit("contract", "version=3", "version=2")),
    _one("a contract is whole now", Edit("contract", "abstract=True):", "abstract=True):\n    result: int")),
    _one("a contract is no base any more", Edit("contract", "(Contract, abstract=True)", "(Contract)")),
    _one("a default can change now", Edit("deep", "Fixed(msgspec.Struct, frozen=True)", "Fixed(msgspec.Struct)")),
    _one(
        "a Struct becomes read-only",
        Edit("deep", "class Leaf(msgspec.Struct)", "class Leaf(msgspec.Struct, frozen=True)"),
    ),
    _one("a field loses its default", Edit("deep", "    size: int = 0", "    size: int")),
    _one("a field is one that cannot be saved", Edit("deep", "    title: str", "    title: object")),
    _one(
        "a path leads somewhere now",
        Edit("mid", "    inherited: Leaf", "    inherited: Leaf\n    late: int"),
    ),
    Scenario(
        "a field gets a new type, which is then edited",
        [
            [
                Edit("deep", "\n\nclass Other(", _SECOND_LEAF + "\n\nclass Other("),
                Edit("mid", "    leaf: Leaf", "    leaf: Leaf2"),
                Edit("mid", "Amount, Leaf,", "Amount, Leaf, Leaf2,"),
            ],
            [Edit("deep", "    name: int", "    name: bytes")],
        ],
    ),
    Scenario("broken, then mended", [[_RENAMED], [_BACK]]),
    Scenario(
        "broken by its type, then by its name, then mended",
        [
            [Edit("deep", "    name: str", "    name: int")],
            [Edit("deep", "    name: int", "    nam: int")],
            [Edit("deep", "    nam: int", "    name: str")],
        ],
    ),
    _one(
        "what a path ends at has another base",
        Edit("deep", "class Whole(Root):", "class Whole(msgspec.Struct):"),
    ),
    Scenario(
        "a field gets a new type, which is then edited alone",
        [
            [
                Edit("deep", "\n\nclass Other(", _ALIKE + "\n\nclass Other("),
                Edit("mid", "    leaf: Leaf", "    leaf: Leaf2"),
                Edit("mid", "Amount, Leaf,", "Amount, Leaf, Leaf2,"),
            ],
            [Edit("deep", _ALIKE, _ALIKE.replace("str", "bytes"))],
            [Edit("deep", _ALIKE.replace("str", "bytes"), _ALIKE.replace("str", "object"))],
        ],
    ),
    _one(
        "a constant leads to a field that changes its type in the same go",
        Edit("first", "mid.near.size", "mid.far.size"),
        Edit("first", "Number = int", "Number = str"),
    ),
    _one("a child is no flow any more", Edit("child", "child = Flow(Child)", "child = 1")),
    _one(
        "a protocol asks for something else",
        Edit("needs", "import Counters", "import YourState as Counters"),
    ),
    _one("an alias changes", Edit("deep", "Amount = int", "Amount = str")),
    _one("an alias refers to itself", Edit("deep", "Amount = int", 'Amount = int | list["Amount"]')),
    Scenario(
        "an alias that refers to itself does so no more",
        [
            [Edit("deep", "Amount = int", 'Amount = int | list["Amount"]')],
            [Edit("deep", 'Amount = int | list["Amount"]', 'Amount = int | list["str"]')],
        ],
    ),
    _one("the result of a flow may be None", Edit("contract", "result: str", "result: str | None")),
    _one(
        "a resource that is lent has another name",
        Edit("layers", "    tool: Tool\n\n\nclass More", "    tol: Tool\n\n\nclass More"),
    ),
    _one(
        "a resource that is lent is of another class",
        Edit("layers", "    tool: Tool\n\n\nclass More", "    tool: int\n\n\nclass More"),
    ),
    _one(
        "one more resource is lent",
        Edit("layers", "class MoreTools(Tools):\n    pass", "class MoreTools(Tools):\n    more: int"),
    ),
    _one("a key is no text any more", Edit("deep", '"Word", str', '"Word", int')),
    Scenario(
        "an alias of a base class leads elsewhere, and back",
        [
            [Edit("kinds", "Base = State", "Base = msgspec.Struct")],
            [Edit("kinds", "Base = msgspec.Struct", "Base = State")],
        ],
        ALIASES,
    ),
    _one(
        "an alias of a base class is one of ours now",
        Edit("kinds", "Quiet = msgspec.Struct", "Quiet = State"),
        beside=ALIASES,
    ),
    _one(
        "an alias of a contract is none any more", Edit("kinds", "Terms = Contract", "Terms = object"), beside=ALIASES
    ),
    _one("an alias is a contract now", Edit("kinds", "Silent = object", "Silent = Contract"), beside=ALIASES),
    Scenario(
        "an alias between leads elsewhere, and what it led to too",
        [
            [Edit("kinds2", "Quiet2 = kinds.Quiet", "Quiet2 = kinds.Base")],
            [Edit("kinds", "Base = State", "Base = msgspec.Struct")],
        ],
        ALIASES,
    ),
    Scenario(
        "a constant that keys are made of changes, and changes back",
        [
            [Edit("names", '"mid"', '"mit"')],
            [Edit("names", '"mit"', '"mid"')],
        ],
        KEYS,
    ),
    _one(
        "a constant that is a version changes",
        Edit("names", "VERSION: Final = 2", "VERSION: Final = 1"),
        beside=KEYS,
    ),
    Scenario(
        "an enum makes other values of auto(), and is shown otherwise",
        [
            [Edit("names", "    COUNT = auto()", _OTHER_AUTO)],
            [Edit("names", _OTHER_AUTO, '    COUNT = "drafts"')],
            [Edit("names", '    COUNT = "drafts"', "    COUNT = auto()")],
            [Edit("names", "    COUNT = auto()", _OTHER_TEXT)],
        ],
        KEYS,
    ),
    _one("a contract in a function has another version", Edit("inside", "version=2", "version=1"), beside=INSIDE),
    Scenario(
        "a contract in a function is edited, and moved",
        [
            [Edit("inside", "        result: str\n", "")],
            [Edit("inside", "def build() -> None:\n", "def build() -> None:\n    number = 1\n\n")],
            [Edit("inside", "        state: YourState", "        result: str\n        stat: YourState")],
        ],
        INSIDE,
    ),
    _one(
        "a state of a contract in a function is none",
        Edit("layers", "class YourState(State)", "class YourState"),
        beside=INSIDE,
    ),
    Scenario(
        "a state that may not be frozen is analysed again",
        [
            [Edit("deep", "    title: str", "    title: object")],
            [Edit("frost", "Base = State", "Base = msgspec.Struct")],
            [Edit("frost", "Base = msgspec.Struct", "Base = State")],
        ],
        FROZEN,
    ),
    Scenario(
        "what a handler returns is awaitable, with another result, and is not any more",
        [
            [Edit("clients", "def ready", "def __await__")],
            [Edit("clients", "Any, Any, int]", "Any, Any, 'Client']")],
            [Edit("clients", "def __await__", "def ready")],
        ],
        AWAITED,
    ),
    _one(
        "two modules are edited at once",
        Edit("deep", "    name: str", "    name: int"),
        Edit("layers", "    count: int", "    count: float"),
    ),
    Scenario(
        "the module that asks is edited, then what it asks for too",
        [
            [_LONGER],
            [Edit("use", "    return 1\n", "    return 2\n"), Edit("deep", "    name: str", "    name: int")],
            [Edit("use", "    return 2\n", "    return 3\n"), Edit("deep", "    name: int", "    label: int")],
        ],
    ),
    Scenario(
        "there and back, while the module that asks is edited",
        [
            [_LONGER, _RENAMED],
            [Edit("use", "    return 1\n", "    return 2\n"), _BACK],
            [Edit("use", "    return 2\n", "    return 3\n"), _RENAMED],
        ],
    ),
    Scenario(
        "a field is pointed elsewhere, and back, and what it led to is edited",
        [
            [Edit("mid", "    leaf: Leaf", "    leaf: Other")],
            [Edit("mid", "    leaf: Other", "    leaf: Leaf")],
            [Edit("deep", "    size: int = 0", "    size: str = ''")],
        ],
    ),
    Scenario(
        "a base class is exchanged, then edited, then taken away",
        [
            [Edit("mid", "class Mid(Base):", _OTHER_BASE + "class Mid(Base2):")],
            [Edit("mid", "class Base2(msgspec.Struct):\n    inherited: Other", "class Base2(Base):\n    late: int")],
            [Edit("mid", "class Mid(Base2):", "class Mid(msgspec.Struct):")],
        ],
    ),
    Scenario(
        "an item of a TypedDict and one of a NamedTuple are renamed, and back, and have other types",
        [
            [Edit("deep", "    depth: int", "    deep: int"), Edit("deep", "    left: int", "    start: int")],
            [Edit("deep", "    deep: int", "    depth: int"), Edit("deep", "    start: int", "    left: int")],
            [Edit("deep", "    depth: int", "    depth: str"), Edit("deep", "    left: int", "    left: str")],
        ],
    ),
    Scenario(
        "the contract has another state, and the first again, which was edited",
        [
            [Edit("contract", "state: MyState", "state: YourState")],
            [Edit("layers", "    count: int", "    count: float")],
            [Edit("contract", "state: YourState", "state: MyState")],
        ],
    ),
    Scenario(
        "a class of ours is none any more, and is one again",
        [
            [Edit("layers", "class Counters(FlowState):", "class Counters:")],
            [Edit("layers", "class Counters:", "class Counters(FlowState):")],
        ],
    ),
    Scenario(
        "a part of a contract is of the wrong kind, then has a value, and is as it was again",
        [
            [Edit("contract", "state: MyState", "state: int")],
            [Edit("contract", "state: int", "state = MyState")],
            [Edit("contract", "state = MyState", "state: MyState")],
        ],
    ),
    Scenario(
        "another state, which is then edited",
        [
            [Edit("contract", "state: MyState", "state: YourState")],
            [Edit("layers", 'count: str = ""', "count: bytes = b''")],
        ],
    ),
)
STEPS: Final = max(len(scenario.steps) for scenario in SCENARIOS)


def package_of(number: int) -> str:
    """Name the package of a scenario."""
    return f"case{number:02}"


def sources_at(step: int, numbers: Iterable[int]) -> dict[str, str]:
    """Return the files of some scenarios after so many steps; 0 is the project as it was."""
    files: dict[str, str] = {}
    for number in numbers:
        scenario = SCENARIOS[number]
        modules = {**PROJECT, **scenario.beside}
        for edits in scenario.steps[:step]:
            for edit in edits:
                assert edit.old in modules[edit.module], f"'{edit.old}' is not there, in '{scenario.name}'"
                modules[edit.module] = modules[edit.module].replace(edit.old, edit.new)
        package = package_of(number)
        files[f"{package}/__init__.py"] = ""
        for module, source in modules.items():
            files[f"{package}/{module}.py"] = source.replace("PACKAGE", package)
    return files
