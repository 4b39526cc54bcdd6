"""What a handler does with the data of its step, read from its source: which paths it reads and writes.

The source is parsed, never run. A path begins with the layer: "state.request.topic", "resources.search",
"events.approved". Local names for parts of the data are followed, and functions of the module that get the data.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import FunctionType
from typing import Final, Literal, TypeAlias

from typedflow.cli.code import function_of

How: TypeAlias = Literal["reads", "writes", "emits"]
Path: TypeAlias = tuple[str, ...]

LAYERS: Final = ("state", "flow_state")
_LAYER_CALLS: Final[Mapping[str, How]] = {"get": "reads", "set": "writes", "append": "writes", "delete": "writes"}
_DATA_CALLS: Final[Mapping[str, tuple[How, str]]] = {
    "get_resource": ("reads", "resources"),
    "require_resource": ("reads", "resources"),
    "set_resource": ("writes", "resources"),
    "del_resource": ("writes", "resources"),
    "emit": ("emits", "events"),
    "get_runtime_data": ("reads", "state"),
    "set_runtime_data": ("writes", "state"),
    "append_runtime_data": ("writes", "state"),
    "del_runtime_data": ("writes", "state"),
    "get_flow_data": ("reads", "flow_state"),
    "set_flow_data": ("writes", "flow_state"),
    "append_flow_data": ("writes", "flow_state"),
    "del_flow_data": ("writes", "flow_state"),
}
_CHANGING: Final = frozenset(
    {"add", "append", "clear", "discard", "extend", "insert", "pop", "popitem", "remove", "reverse", "setdefault"}
    | {"sort", "update"}
)
"""Methods of the builtin containers that change them."""


@dataclass(frozen=True, slots=True)
class Use:
    """One place in the source of a handler that uses a path."""

    how: How
    path: Path
    file: str
    line: int


def uses_of(handler: object) -> list[Use] | None:
    """Return what a handler uses of its data, in the order of its source; None if it has no source to read."""
    behind = function_of(handler)
    reader = _Reader(set())
    if behind is None or not reader.read(*behind, ()):
        return None
    return sorted(dict.fromkeys(reader.found), key=lambda use: (use.file, use.line))


@dataclass(slots=True)
class _Reader:
    """Read functions, each once for each part of the data that it gets."""

    seen: set[tuple[FunctionType, int, Path]]
    found: list[Use] = field(default_factory=list)

    def read(self, function: FunctionType, parameter: int, given: Path) -> bool:
        """Read a function whose parameter of this index is a part of the data; returns whether it has a source."""
        if (function, parameter, given) in self.seen:
            return True
        self.seen.add((function, parameter, given))
        try:
            lines, first = inspect.getsourcelines(function)
            tree = ast.parse(textwrap.dedent("".join(lines)))
        except (OSError, TypeError, SyntaxError):  # a lambda may stand inside of what is no statement
            return False
        name = function.__name__
        nodes = [each for each in ast.walk(tree) if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)]
        node = next((each for each in nodes if each.name == name), None)
        arguments = [] if node is None else [*node.args.posonlyargs, *node.args.args]
        if node is None or parameter >= len(arguments):
            return False
        visitor = _Visitor(self, function, first - 1, {arguments[parameter].arg: given})
        for statement in node.body:
            visitor.visit(statement)
        return True


class _Visitor(ast.NodeVisitor):
    """Walk the body of one function; `names` are its local names for parts of the data."""

    def __init__(self, reader: _Reader, function: FunctionType, offset: int, names: dict[str, Path]) -> None:
        self._reader = reader
        self._function = function
        self._offset = offset
        self._names = names

    def _note(self, how: How, path: Path, node: ast.AST) -> None:
        if path and path[0] in (*LAYERS, "resources", "events"):
            line = self._offset + getattr(node, "lineno", 1)
            self._reader.found.append(Use(how, path, self._function.__code__.co_filename, line))

    def _path(self, node: ast.AST) -> Path | None:
        """Return the part of the data that an expression is, None for everything else."""
        match node:
            case ast.Name(id=name):
                return self._names.get(name)
            case ast.Attribute(value=value, attr=name):
                inner = self._path(value)
                return None if inner is None else (*inner, name)
            case ast.Subscript(value=value, slice=ast.Constant(value=str(text))):
                inner = self._path(value)
                return None if inner is None else (*inner, *text.split("."))
            case ast.Subscript(value=value):
                return self._path(value)
            case ast.Call(func=ast.Attribute(value=value, attr="get"), args=[ast.Constant(value=str(text)), *_]):
                inner = self._path(value)
                return (*inner, *text.split(".")) if inner in [(layer,) for layer in LAYERS] and inner else None
            case ast.Await(value=value) | ast.NamedExpr(value=value):
                return self._path(value)
            case _:
                return None

    # -- statements

    def visit_Assign(self, node: ast.Assign) -> None:
        self._assign(node.targets, node.value)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        self._assign([node.target], node.value)

    def _assign(self, targets: list[ast.expr], value: ast.expr | None) -> None:
        path = None if value is None else self._path(value)
        if value is not None:
            self.visit(value)
        for target in targets:
            if isinstance(target, ast.Name):
                if path is not None:
                    self._names[target.id] = path
                else:
                    self._names.pop(target.id, None)
            else:
                self._write(target)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self._write(node.target)
        self.visit(node.value)

    def visit_Delete(self, node: ast.Delete) -> None:
        for target in node.targets:
            self._write(target)

    def _write(self, target: ast.expr) -> None:
        path = self._path(target)
        if path is not None and not isinstance(target, ast.Name):
            self._note("writes", path, target)
        elif isinstance(target, ast.Tuple | ast.List):
            for element in target.elts:
                self._write(element)

    def visit_For(self, node: ast.For) -> None:
        path = self._path(node.iter)
        if path is not None and isinstance(node.target, ast.Name):
            self._names[node.target.id] = path  # an item is a part of the list
        self.generic_visit(node)

    # -- expressions

    def visit_Attribute(self, node: ast.Attribute) -> None:
        self._read(node)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        self._read(node)
        self.visit(node.slice)

    def visit_Name(self, node: ast.Name) -> None:
        self._read(node)

    def _read(self, node: ast.expr) -> None:
        path = self._path(node)
        if path is None:
            self.generic_visit(node)
        elif path:
            self._note("reads", path, node)

    def visit_Compare(self, node: ast.Compare) -> None:
        layer = self._path(node.comparators[0])
        text = node.left.value if isinstance(node.left, ast.Constant) else None
        asks = isinstance(node.ops[0], ast.In | ast.NotIn) and layer in [(name,) for name in LAYERS]
        if asks and layer is not None and isinstance(text, str):
            self._note("reads", (*layer, *text.split(".")), node)
        else:
            self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        if isinstance(node.func, ast.Attribute):
            self._method(node, node.func)
        else:
            self.visit(node.func)
        for index, argument in enumerate(node.args):
            self._pass_on(node, index, argument)
        for keyword in node.keywords:
            event = keyword.value.value if isinstance(keyword.value, ast.Constant) else None
            if keyword.arg == "resume_event" and isinstance(event, str):
                self._note("emits", ("events", event), node)
            self.visit(keyword.value)

    def _method(self, node: ast.Call, function: ast.Attribute) -> None:
        """Note a call of a method: of a layer, of the data, or of a value in them."""
        inner, name = self._path(function.value), function.attr
        first = node.args[0] if node.args else None
        text = first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else None
        if inner is None:
            self.visit(function.value)
        elif inner == ():
            if name in _DATA_CALLS:
                how, layer = _DATA_CALLS[name]
                self._note(how, (layer, *(text.split(".") if text else ())), node)
            elif name == "update_flow_state" and isinstance(first, ast.Lambda) and first.args.args:
                self._names[first.args.args[0].arg] = ("flow_state",)
        elif inner == ("resources",):
            self._note("reads", (*inner, name), node)  # a resource that is called
        elif len(inner) == 1 and inner[0] in LAYERS and name in _LAYER_CALLS:
            self._note(_LAYER_CALLS[name], (*inner, *(text.split(".") if text else ())), node)
        else:
            self._note("writes" if name in _CHANGING else "reads", inner, node)

    def _pass_on(self, node: ast.Call, index: int, argument: ast.expr) -> None:
        """Follow a part of the data into a function of the module that gets it; else it is read as a whole."""
        path = self._path(argument)
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        target = self._function.__globals__.get(name)
        is_followed = path is not None and isinstance(target, FunctionType) and self._reader.read(target, index, path)
        if not is_followed:
            self.visit(argument)


def related(used: Path, asked: Path) -> Literal["", "same", "inside", "around"]:
    """Return how a used path relates to the one that was asked for: the same, inside of it, or around it."""
    if used == asked:
        return "same"
    shorter = min(len(used), len(asked))
    if used[:shorter] != asked[:shorter]:
        return ""
    return "inside" if len(used) > len(asked) else "around"


def paths_in(mapping: object) -> Iterator[str]:
    """Yield the paths that a mapping of a child flow names as its sources, at any depth."""
    if isinstance(mapping, str):
        yield mapping
    elif isinstance(mapping, Mapping):
        for value in mapping.values():
            yield from paths_in(value)
