"""Contracts, layers and handlers whose annotations refer forward, to each other, to names that are not there.

Each program runs with `from __future__ import annotations`, where annotations are texts. Without it they are evaluated
where they stand below Python 3.14, which refuses a name that is not there yet itself, and when they are read from 3.14.
"""

from __future__ import annotations

import itertools
import sys
from types import ModuleType
from typing import Final

import pytest

FUTURE: Final = "from __future__ import annotations\n"
HEAD: Final = """
import dataclasses, functools, sys, typing
import msgspec
from typing import *
from typedflow import Contract, ContractError, Data, Events, Flow, FlowState, Resources, State
from typedflow.schema.annotations import UNKNOWN, handler_types
from typedflow.schema.contracts import spec_of
from typedflow.schema.starting import fresh

def refused(define):
    try:
        define()
    except ContractError as error:
        return [problem.render() for problem in error.problems]
    raise AssertionError("nothing was refused")

def back(value, cls):
    assert msgspec.json.decode(msgspec.json.encode(value), type=cls) == value
"""
PROGRAMS: Final[dict[str, str]] = {}

PROGRAMS["classes of a module refer to each other"] = """
class Node(State):
    name: str = ""
    next: Node | None = None
    leaves: list[Leaf] = []
class Leaf(msgspec.Struct):
    up: Node | None = None
    n: int = 0
class C(Contract):
    input: Leaf
    result: Node
    state: Node
made = fresh(Node, {"next": {"name": "b", "leaves": [{"n": 3}]}})
assert made.next.leaves == [Leaf(n=3)]
back(made, Node)
assert spec_of(C).state is Node
"""
PROGRAMS["classes of a function refer to each other"] = """
def build():
    class Node(State):
        name: str = ""
        next: Node | None = None
        leaves: list[Leaf] = []
    class Leaf(msgspec.Struct):
        up: Node | None = None
        n: int = 0
    class C(Contract):
        input: Leaf
        result: Node
        state: Node
    def step(data: Data[C, Leaf]) -> Node:
        return fresh(Node, {"leaves": [data.value]})
    flow = Flow(C)
    flow.to(step).end()
    return Node, Leaf, flow
Node, Leaf, flow = build()
made = fresh(Node, {"next": {"name": "b", "leaves": [{"n": 3}]}})
assert made.next.leaves == [Leaf(n=3)]
back(made, Node)
assert flow.start(Leaf(n=4)).leaves == [Leaf(n=4)]
"""
PROGRAMS["a name of the function that is bound later is no global"] = """
class Item(msgspec.Struct):
    of_module: int
def build():
    class Holder(State):
        item: Item | None = None
    class Item(msgspec.Struct):
        of_function: str
    class C(Contract):
        input: None
        result: None
        state: Holder
    def step(data: Data[C, None]) -> Later:
        return Later()
    def take(data: Data[C, Later]) -> None: ...
    flow = Flow(C)
    flow.to(step).to(take).end()
    class Later: ...
    return Holder, Item, flow
class Later: ...
Holder, Inner, flow = build()
assert fresh(Holder, {"item": {"of_function": "x"}}).item == Inner("x")
flow.start(None)
"""
PROGRAMS["a contract above the classes that it names"] = """
class Item(msgspec.Struct):
    of_module: int
def build():
    class C(Contract):
        input: Item
        result: None
    class Item(msgspec.Struct):
        of_function: str
[problem] = refused(build)
assert problem.startswith("TF610: 'input' of C is annotated 'Item', which cannot be resolved: NameError: "), problem
"""
PROGRAMS["classes nested in a contract"] = """
class C(Contract):
    class S(State):
        class In(msgspec.Struct):
            n: int = 0
        a: In | None = None
        me: C.S | None = None
    class I(msgspec.Struct):
        n: int
    input: I
    result: I
    state: S
assert spec_of(C).state is C.S and spec_of(C).input is C.I
assert fresh(C.S, {"a": {"n": 3}, "me": {}}).a.n == 3
def build():
    class D(Contract):
        class S(State):
            class In(msgspec.Struct):
                n: int = 0
            a: In | None = None
        class I(msgspec.Struct):
            n: int
        input: I
        result: I
        state: S
    return D
D = build()
assert fresh(D.S, {"a": {"n": 3}}).a.n == 3
"""
PROGRAMS["an import for type checkers only"] = """
if TYPE_CHECKING:
    from nowhere import Gone
def define():
    class S(State):
        ok: int = 0
        x: Gone | int | None = None
        y: list[Gone] = []
    class C(Contract):
        input: Gone
        result: int | Gone
        state: S
assert [text.partition(", which")[0] for text in refused(define)] == [
    "TF610: 'input' of C is annotated 'Gone'",
    "TF610: 'result' of C is annotated 'int | Gone'",
    "TF610: 'x' of S is annotated 'Gone | int | None'",
    "TF610: 'y' of S is annotated 'list[Gone]'",
]
class Ok(Contract):
    input: int
    result: int
def first(data: Data[Ok, int]) -> Gone: ...
def second(data: Data[Ok, Gone]) -> int: ...
def third(data: Data[Ok, int], other: Gone = None) -> int:
    return data.value + 1
flow = Flow(Ok)
flow.to(third).end()
assert flow.start(1) == 2
flow = Flow(Ok)
flow.to(third).to(first).to(second).end()
assert [text.partition(", which")[0] for text in refused(flow.validate)] == [
    "TF610: flow 'Ok': the return of step 'first' is annotated 'Gone'",
    "TF610: flow 'Ok': parameter 'data' of step 'second' is annotated 'Data[Ok, Gone]'",
]
"""
PROGRAMS["annotations that raise"] = """
def define():
    class C(Contract):
        input: typing.Nope
        result: None
[problem] = refused(define)
assert problem.startswith("TF610: 'input' of C is annotated 'typing.Nope', which cannot be resolved: AttributeError")
def never():
    class S(State):
        x: 1 / 0
        y: int = 0
    class C(Contract):
        input: None
        result: None
        state: S
[problem] = refused(never)
assert problem.startswith("TF610: ") and "ZeroDivisionError: " in problem, problem
def contract():
    class C(Contract):
        input: 1 / 0
        result: None
assert "TF610" in [text[:5] for text in refused(contract)]
def step(data: Data[Any, 1 / 0]) -> int: ...
class Ok(Contract):
    input: int
    result: int
flow = Flow(Ok)
flow.to(step).end()
[problem] = refused(flow.validate)
assert "ZeroDivisionError: " in problem, problem
"""
PROGRAMS["generic classes"] = """
T = TypeVar("T")
class Pair(msgspec.Struct, Generic[T]):
    a: T
    b: Pair[T] | None = None
class Box(Contract, Generic[T]):
    input: T
    result: list[T]
class IntBox(Box[int]): ...
assert spec_of(Box[Pair[int]]).result == list[Pair[int]]
assert spec_of(IntBox).input is int
class S(State):
    p: Pair[int] | None = None
class C(Contract):
    input: Pair[str]
    result: None
    state: S
assert fresh(S, {"p": {"a": 1, "b": {"a": 2}}}).p.b.a == 2
def build():
    class P(msgspec.Struct, Generic[T]):
        a: T
        b: P[T] | None = None
    class S(State):
        p: P[int] | None = None
    class C(Contract):
        input: P[str]
        result: None
        state: S
    return S
assert fresh(build(), {"p": {"a": 1, "b": {"a": 2}}}).p.b.a == 2
"""
PROGRAMS["PEP 695"] = """
class Pair[T](msgspec.Struct):
    a: T
    b: Pair[T] | None = None
class Box[T](Contract):
    input: T
    result: list[T]
class IntBox(Box[int]): ...
type Several = list[Pair[int]]
type Rec[T] = T | list[Pair[T]]
class S(State):
    p: Pair[int] | None = None
    q: Several = []
class C(Contract):
    input: Pair[str]
    result: Several
    state: S
def step[T](data: Data[Box[T], T]) -> list[T]:
    return [data.value]
assert spec_of(Box[int]).result == list[int] and spec_of(IntBox).input is int
made = fresh(S, {"p": {"a": 1, "b": {"a": 2}}, "q": [{"a": 5}]})
assert made.p.b.a == 2 and made.q[0].a == 5
flow = Flow(Box[int])
flow.to(step).end()
assert flow.start(3) == [3]
def build():
    class P[T](msgspec.Struct):
        a: T
        b: P[T] | None = None
    type Sev = list[P[int]]
    class S2(State):
        p: P[int] | None = None
        q: Sev = []
    class C2[T](Contract):
        input: P[T]
        result: Sev
        state: S2
    def step[T](data: Data[C2[T], P[T]]) -> Sev:
        return [P(1)]
    flow = Flow(C2[int])
    flow.to(step).end()
    return S2, C2, P, flow
S2, C2, P, flow = build()
made = fresh(S2, {"p": {"a": 1, "b": {"a": 2}}, "q": [{"a": 5}]})
assert made.p.b.a == 2 and made.q[0].a == 5
assert spec_of(C2[int]).input == P[int]
assert flow.start(P(1)) == [P(1)]
"""
PROGRAMS["dataclass, NamedTuple and TypedDict"] = """
def build():
    @dataclasses.dataclass
    class DC:
        n: int = 0
        me: DC | None = None
        kw: list[TD] = dataclasses.field(default_factory=list)
    class NT(NamedTuple):
        d: DC
        t: TD
    class TD(TypedDict):
        d: NotRequired[DC]
        n: Required[int]
    class S(State):
        d: DC | None = None
        n: NT | None = None
        t: TD | None = None
    class C(Contract):
        input: DC
        result: NT
        state: S
    def step(data: Data[C, DC]) -> NT:
        return NT(data.value, {"n": 1})
    flow = Flow(C)
    flow.to(step).end()
    return S, DC, NT, flow
S, DC, NT, flow = build()
made = fresh(S, {"d": {"n": 1, "me": {"n": 2, "kw": [{"n": 1}]}}, "t": {"n": 3}})
assert made.d.me.kw == [{"n": 1}]
back(made, S)
assert flow.start(DC(2)) == NT(DC(2), {"n": 1})
"""
PROGRAMS["names and defaults in the body of a layer"] = """
def reserved():
    class S(State):
        get: int = 0
        later: Undefined | None = None
assert [text[:5] for text in refused(reserved)] == ["TF608"]
def changeable():
    class S(State):
        items: list[Undefined] = [1]
assert [text[:5] for text in refused(changeable)] == ["TF616"]
class Conditional(State):
    a: int = 0
    if sys.version_info < (3,):
        get: int = 0
    else:
        b: int = 1
assert Conditional.__struct_fields__ == ("a", "b")
class Res(Resources):
    log: Undefined
class Ev(Events):
    ok: int
"""
PROGRAMS["classes that are defined twice, as in a notebook"] = """
CELL = '''
class Node(State):
    VERSION: ClassVar[int] = 0
    next: Node | None = None
    other: Other | None = None
class Other(msgspec.Struct):
    n: Node | None = None
class C(Contract):
    input: Node
    result: None
    state: Node
'''
def run():
    exec(compile(FUTURE + CELL, "<cell>", "exec", dont_inherit=True), globals())
run()
first = Node
run()
assert Node is not first
made = fresh(Node, {"next": {"other": {"n": {}}}})
assert type(made.next) is Node and type(made.next.other) is Other and type(made.next.other.n) is Node
"""
PROGRAMS["the function of the contract knows a name that the class's own does not"] = """
def make():
    class Outside(msgspec.Struct):
        inner: Later
    return Outside
def other():
    Outside = make()
    class Later(msgspec.Struct):
        n: int = 0
    class C(Contract):
        input: Outside
        result: None
    return Outside, Later
Outside, Later = other()
assert msgspec.json.decode(b'{"inner": {"n": 2}}', type=Outside).inner == Later(2)
"""
PROGRAMS["callable objects, partials, wrappers and chunks"] = """
class C(Contract):
    input: int
    result: int
def decorated(f):
    @functools.wraps(f)
    def inner(*a):
        return f(*a)
    return inner
class Call:
    def __call__(self, data: Data[C, int]) -> int:
        return data.value + 1
    def method(self, data: Data[C, int]) -> int:
        return data.value + 1
@decorated
def wrapped(data: Data[C, int]) -> int:
    return data.value + 1
def partial(n: int, data: Data[C, int]) -> int:
    return data.value + n
flow = Flow(C)
@flow.chunk
def chunk(data: Data[C, int]) -> int:
    return data.value + 1
flow.to(Call()).to(Call().method).to(wrapped).to(functools.partial(partial, 2)).to("chunk").end()
assert handler_types(wrapped).value is int
assert flow.start(1) == 7
"""
PROGRAMS["handlers above the classes that they name"] = """
def early(data: Data[Any, Late]) -> int: ...
assert handler_types(early).value is UNKNOWN
class Late: ...
assert handler_types(early).value is Late
def build():
    def handler(data: Data[Any, Hidden]) -> int: ...
    first = handler_types(handler, sys._getframe())
    class Hidden: ...
    return first, handler_types(handler, sys._getframe()), Hidden
class Hidden: ...
first, then, of_function = build()
assert first.value is UNKNOWN
assert then.value is of_function
"""
PROGRAMS["a handler copies the annotations of another"] = """
class C(Contract):
    input: int
    result: int
def named(data: Data[C, int]) -> int:
    return data.value + 1
def copied(*a):
    return named(*a)
functools.update_wrapper(copied, named)
del copied.__wrapped__
assert copied.__annotations__ == named.__annotations__
flow = Flow(C)
flow.to(copied).end()
assert flow.start(1) == 2
"""
PROGRAMS["annotations that are changed by hand"] = """
class C(Contract):
    input: int
    result: int
def step(data: Data[C, Nowhere]) -> Nowhere:
    return data.value
step.__annotations__ = {"data": Data[C, int], "return": int}
flow = Flow(C)
flow.to(step).end()
assert handler_types(step).value is int and handler_types(step).result is int
assert flow.start(1) == 1
def other(data: Data[C, int]) -> str:
    return data.value
other.__annotations__["return"] = int
assert handler_types(other).result is int
class Item(msgspec.Struct):
    n: int
@dataclasses.dataclass
class Holder:
    item: Nowhere
Holder.__annotations__ = {"item": Item}
class D(Contract):
    input: Holder
    result: None
assert spec_of(D).input is Holder
"""
PROGRAMS["unions of every spelling"] = """
class S(State):
    a: Optional[S] = None
    b: Union[int, str, None] = None
    c: "int | None" = None
    d: int | None | list[S] = None
class C(Contract):
    input: Optional[int]
    result: Union[int, None]
    state: S
def step(data: Data[C, int | None]) -> Optional[int]:
    return data.value
flow = Flow(C)
flow.to(step).end()
assert flow.start(1) == 1
assert fresh(S, {"d": [{"b": "x"}]}).d[0].b == "x"
"""

PROGRAMS["an alias that refers to itself"] = """
Json = Union[None, int, str, list["Json"], dict[str, "Json"]]
class S(State):
    body: Json = None
class Ev(Events):
    got: Json
class C(Contract):
    input: Json
    result: Json
    events: Ev
def define():
    class D(C):
        state: S
[problem] = refused(define)
assert problem.startswith("TF603: field 'body' of S cannot be saved"), problem
class Held(msgspec.Struct):
    json: Json
    next: "Held | None" = None
def hold(data: Data[C, Json]) -> Held:
    data.emit("got", data.value)
    return Held(data.value)
def take(data: Data[C, Held]) -> Json:
    return data.value.json
flow = Flow(C)
flow.to(hold).to(take).end()
assert flow.start([1, {"a": ["b"]}]) == [1, {"a": ["b"]}]
"""

PROGRAMS["a name of a lazy import whose module is not there"] = """
lazy from nowhere import Gone
lazy import nowhere
lazy from decimal import Decimal
class Item(msgspec.Struct):
    x: Gone
def define():
    class C(Contract):
        input: Decimal
        result: Gone
        stream: nowhere.Gone
HINT = "install the module that the lazy import names, or correct its name"
TOLD = f"ModuleNotFoundError: No module named 'nowhere' ({HINT})"
assert refused(define) == [
    f"TF610: 'result' of C is annotated 'Gone', which cannot be resolved: {TOLD}",
    f"TF610: 'stream' of C is annotated 'nowhere.Gone', which cannot be resolved: {TOLD}",
]
class D(Contract):
    input: Decimal
    result: int
def first(data: Data[D, Decimal]) -> Item: ...
def second(data: Data[D, Item]) -> Gone: ...
flow = Flow(D)
flow.to(first).to(second).end()
assert len(refused(flow.validate)) == 3
"""
PROGRAMS["a frozendict"] = """
class S(State):
    names: frozendict[str, int] | None = None
class C(Contract):
    input: frozendict[str, int]
    result: frozendict
def define():
    class D(C):
        state: S
[problem] = refused(define)
assert problem.startswith(
    "TF603: field 'names' of S cannot be saved: frozendict[str, int] is not saved: say dict[str, int]"
), problem
def step(data: Data[C, frozendict[str, int]]) -> frozendict:
    return data.value
flow = Flow(C)
flow.to(step).end()
assert flow.start(frozendict(a=1)) == {"a": 1}
"""

# Names that are bound later, or never: below 3.14, Python itself refuses them without the future import.
EVERYWHERE: Final = (
    "callable objects, partials, wrappers and chunks",
    "a handler copies the annotations of another",
    "an alias that refers to itself",
)
SINCE: Final = {
    "PEP 695": (3, 12),
    "a name of a lazy import whose module is not there": (3, 15),
    "a frozendict": (3, 15),
}
COUNT: Final = itertools.count()


def cases() -> list[tuple[str, bool]]:
    """Return the programs that this Python can run, each with whether it starts with the future import."""
    found = []
    for name in PROGRAMS:
        if sys.version_info < SINCE.get(name, (3, 11)):
            continue
        found.append((name, True))
        if sys.version_info >= (3, 14) or name in EVERYWHERE:
            found.append((name, False))
    return found


@pytest.mark.parametrize("name, future", cases())
def test_a_program_runs(name: str, future: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType(f"program_{next(COUNT)}")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    module.__dict__["FUTURE"] = head = FUTURE if future else ""
    exec(compile(head + HEAD + PROGRAMS[name], f"<{name}>", "exec", dont_inherit=True), vars(module))
