"""Programs made up at random: Structs, contracts, and a child in its parent with a capture and a write_back.

Types are nested, generic, optional, aliased and recursive; mappings are mostly sound, with wrong names, scopes and
types are mixed in. Equal seeds give equal programs.
"""

from __future__ import annotations

import random
from typing import Final

PROGRAMS: Final = 20
"""In one module, over one set of types."""

_SCALARS: Final = ("int", "str", "float", "bool", "bytes", "Literal['a', 'b']", "Colour", "UserId")
_DEFAULTS: Final = {
    "int": "0",
    "str": "''",
    "float": "0.0",
    "bool": "False",
    "bytes": "b''",
    "Literal['a', 'b']": "'a'",
    "Colour": "Colour.RED",
    "UserId": "UserId('')",
    "Short": "''",
    "Names": "[]",
}
_HEAD: Final = """\
from __future__ import annotations

from enum import Enum
from typing import Generic, Literal, NamedTuple, NewType, NotRequired, TypedDict, TypeVar

import msgspec

from typedflow import Contract, Data, Flow, FlowState, Resources, State

T = TypeVar("T")
UserId = NewType("UserId", str)
Short = str
Names = list[str]


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Box(msgspec.Struct, Generic[T]):
    item: T


class Point(NamedTuple):
    x: int
    y: float = 0.0


class Options(TypedDict):
    depth: int
    name: NotRequired[str]


class Tree(msgspec.Struct):
    name: str = ""
    parent: Tree | None = None
    children: list[Tree] = []


class Tool:
    pass


class Hammer(Tool):
    pass
"""
_TAIL: Final = """

class ParentTools(Resources):
    tool: Tool
    hammer: Hammer | None = None


class ChildTools(Resources):
    tool: Tool | None = None
    hammer: Hammer | None = None


class Parent(Contract):
    input: {parent_input}
    result: int
    state: ParentState
    flow_state: ParentCounters
    resources: ParentTools


class Child(Contract):
    input: {child_input}
    result: {child_result}
    state: ChildState
    flow_state: ChildCounters
    resources: ChildTools


child = Flow(Child)
"""

Fields = dict[str, str]


class Module:
    """One generated module: its types, and the programs over them."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._records: dict[str, Fields] = {
            "Point": {"x": "int", "y": "float"},
            "Options": {"depth": "int", "name": "str"},
            "Tree": {"name": "str", "parent": "Tree | None", "children": "list[Tree]"},
        }
        parts = [_HEAD]
        count = self._random.randint(2, 5)
        parts += [self._struct(f"Record{number}", "msgspec.Struct, kw_only=True") for number in range(count)]
        parts += [self._struct(name, "State") for name in ("ParentState", "ChildState")]
        parts += [self._struct(name, "FlowState", defaults=True) for name in ("ParentCounters", "ChildCounters")]
        records = [name for name in self._records if name.startswith("Record")]
        inputs = [self._random.choice(records) for _ in range(3)]
        parts.append(_TAIL.format(parent_input=inputs[0], child_input=inputs[1], child_result=inputs[2]))
        self._parent = {"value": inputs[0], "state": "ParentState", "flow_state": "ParentCounters"}
        self._child = {"input": inputs[1], "state": "ChildState", "flow_state": "ChildCounters"}
        self._result = {"result": inputs[2]}
        parts += [self._program(number) for number in range(PROGRAMS)]
        self.source = "".join(parts)

    def _struct(self, name: str, bases: str, *, defaults: bool = False) -> str:
        fields: Fields = {}
        lines = [f"\n\nclass {name}({bases}):\n"]
        for number in range(self._random.randint(1, 5)):
            tp = self._type(2)
            while defaults and not self._default(tp):
                tp = self._type(2)
            fields[f"f{number}"] = tp
            default = self._default(tp) if defaults or self._random.random() < 0.5 else ""
            lines.append(f"    f{number}: {tp}{default}\n")
        if name.startswith("Record"):
            self._records[name] = fields
        else:
            self._layers = getattr(self, "_layers", {}) | {name: fields}
        return "".join(lines)

    def _type(self, depth: int) -> str:
        kind = self._random.random()
        if depth and kind < 0.12:
            return f"list[{self._type(depth - 1)}]"
        if depth and kind < 0.22:
            return f"dict[str, {self._type(depth - 1)}]"
        if depth and kind < 0.28:
            return f"Box[{self._random.choice(('int', 'str', 'bool', 'int | None'))}]"
        if depth and kind < 0.42:
            inner = self._type(0)
            return inner if inner.endswith("None") else f"{inner} | None"
        if kind < 0.75:
            return self._random.choice((*_SCALARS, "Short", "Names"))
        return self._random.choice(list(self._records))

    def _default(self, tp: str) -> str:
        if tp.endswith("| None"):
            return " = None"
        if tp in _DEFAULTS:
            return f" = {_DEFAULTS[tp]}"
        for start, text in (("list[", "[]"), ("dict[", "{}")):
            if tp.startswith(start):
                return f" = {text}"
        made = {"Point": "Point(0)", "Options": '{"depth": 1}', "Tree": "Tree()"}.get(tp)
        return f" = msgspec.field(default_factory=lambda: {made})" if made is not None else ""

    def _program(self, number: int) -> str:
        arguments = ""
        if self._random.random() < 0.9:
            arguments += f", capture={self._capture()}"
        if self._random.random() < 0.7:
            arguments += f", write_back={self._write_back()}"
        return (
            f"\n\ndef program{number}() -> Flow[Parent]:\n    flow = Flow(Parent)\n"
            f"    flow.to_sub_flow(child{arguments})\n    return flow\n"
        )

    def _capture(self) -> str:
        entries = []
        if self._random.random() < 0.8:
            whole = self._random.random() < 0.3
            entries.append(
                f'"input": {self._source(self._parent, "") if whole else self._fields("input", self._child)}'
            )
        for scope in ("state", "flow_state"):
            if self._random.random() < 0.6:
                key = (
                    {"state": "runtime_data", "flow_state": "flow_data"}[scope]
                    if self._random.random() < 0.1
                    else scope
                )
                entries.append(f'"{key}": {self._fields(scope, self._child)}')
        if self._random.random() < 0.3:
            key = self._random.choice(("tool", "hammer", "hamer"))
            entries.append(f'"resources": {{"{key}": "resources.{self._random.choice(("tool", "hammer", "saw"))}"}}')
        if self._random.random() < 0.05:
            entries.append('"inputs": "value"')
        return "{" + ", ".join(entries) + "}"

    def _write_back(self) -> str:
        entries = []
        if self._random.random() < 0.5:
            entries.append(f'"value": {self._source(self._result, "")}')
        scopes = [scope for scope in ("state", "flow_state") if self._random.random() < 0.6]
        entries += [f'"{scope}": {self._fields(scope, self._parent, self._result)}' for scope in scopes]
        if self._random.random() < 0.05:
            entries.append('"resources": {}')
        return "{" + ", ".join(entries) + "}"

    def _fields(self, scope: str, targets: Fields, sources: Fields | None = None) -> str:
        rows: dict[str, str] = {}
        required = list(self._fields_of(targets[scope])) if self._random.random() < 0.5 else []
        for path, tp in [(name, self._fields_of(targets[scope])[name]) for name in required] or [
            self._walk(targets[scope]) for _ in range(self._random.randint(1, 3))
        ]:
            if path:
                rows[path] = self._source(sources or self._parent, tp)
        return "{" + ", ".join(f'"{path}": {source}' for path, source in rows.items()) + "}"

    def _source(self, scopes: Fields, wanted: str) -> str:
        """Return a source, one of the wanted type where one is met."""
        found = ""
        for _ in range(12):
            scope = self._random.choice(list(scopes))
            path, tp = self._walk(scopes[scope])
            found = f'"{scope}.{path}"' if path and self._random.random() < 0.97 else f'"{scope}"'
            if not wanted or tp == wanted:
                break
        return found

    def _walk(self, tp: str) -> tuple[str, str]:
        """Walk into a type, a wrong name now and then; gives the path and the type behind it."""
        path: list[str] = []
        here = tp
        for _ in range(self._random.randint(1, 4)):
            inner = here.removesuffix(" | None")
            fields = self._fields_of(inner)
            if self._random.random() < 0.04:
                path.append(self._random.choice(("nowhere", "F0", "nam", "0")))
                return ".".join(path), ""
            if inner.startswith("dict[str, "):
                path.append("key")
                here = inner.removeprefix("dict[str, ").removesuffix("]")
            elif fields:
                name = self._random.choice(list(fields))
                path.append(name)
                here = fields[name]
            else:
                break
        return ".".join(path), here

    def _fields_of(self, tp: str) -> Fields:
        if tp.startswith("Box["):
            return {"item": tp.removeprefix("Box[").removesuffix("]")}
        layers: dict[str, Fields] = getattr(self, "_layers", {})
        return self._records.get(tp) or layers.get(tp) or {}
