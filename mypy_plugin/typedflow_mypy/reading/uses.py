"""Which names a module uses, and which layers it hands on to code that stands elsewhere, as its text tells.

Nothing is resolved: a field counts as used where its name is that of an attribute or a keyword, or is a word of a text,
whatever it belongs to there. What is handed on may be used in any way.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from typedflow_mypy.reading.sources import FUNCTIONS, Function, Program

LAYERS: Final = frozenset({"state", "flow_state", "resources", "events"})
TAKES_HANDLERS: Final = frozenset({"to", "side_branch", "branch", "case", "if_condition", "elif_condition"})
STEPS: Final = TAKES_HANDLERS | {
    *("to_sub_flow", "batch", "end_batch", "for_each", "end_for_each", "match", "case_else", "end_match", "end"),
    *("else_condition", "end_condition", "when", "when_event", "collect", "case_type", "case_value", "sleep"),
}
_TAKES_FUNCTIONS: Final = TAKES_HANDLERS | {"chunk", "require", "update_flow_state", "async_update_flow_state"}
_IS_FUNCTION: Final = frozenset({"handler", "condition", "on_error", "fn"})
_OPENS: Final = frozenset({"create_execution", "async_open", "open", "async_fork"})
_BY_PATH: Final = frozenset({"get", "set", "append", "delete"})
_BY_TEXT: Final[Mapping[str, tuple[str, ...]]] = {
    **{f"{verb}_resource": ("resources",) for verb in ("require", "get", "set", "del")},
    **{f"{verb}_runtime_resource": ("resources",) for verb in ("get", "set", "del")},
    **{f"{verb}_runtime_data": ("state",) for verb in ("get", "set", "append", "del")},
    **{f"{verb}_flow_data": ("flow_state",) for verb in ("get", "set", "append", "del")},
    "emit": ("events",),
    "when": ("events", "state", "flow_state"),
}
"""Methods that take a name or a path, with the layers that it belongs to."""
_WORDS: Final[Mapping[str, str]] = {
    **{name: name for name in ("state", "flow_state", "resources")},
    "runtime_data": "state",
    "flow_data": "flow_state",
}
"""The scopes of a mapping that stand for a layer."""
_REFLECTS: Final = frozenset({"getattr", "setattr", "delattr", "hasattr", "attrgetter"})
_SEES_ALL: Final = frozenset({"vars", "eval", "exec", "locals", "globals"})
_CARRIERS: Final = frozenset({"Data", "Execution", "Flow", "Process"})
_WORD: Final = re.compile(r"\w+")


class Uses:
    """What one module uses; `classes` are the contract and its layers, each with the name of its layer."""

    def __init__(self, program: Program, classes: Mapping[str, str]) -> None:
        self.names: set[str] = set()
        """Names that are used in another way than by emitting an event."""
        self.emitted: set[str] = set()
        """Names of events that are emitted, as they stand."""
        self.handed_on: set[str] = set()
        """Layers that code elsewhere may use in any way."""
        self._program = program
        self._parents = program.parents
        self._classes = classes
        nodes = list(program.parents)
        self._of_typedflow = dict(_imported(nodes))
        self._local = _defined(program.parents)
        self._texts = {name for name, value in _assigned(program.tree.body) if isinstance(value, ast.Constant)}
        self._mappings = {name for name, value in _assigned(program.tree.body) if _is_mapping(value)}
        self._carriers = {name for name, real in self._of_typedflow.items() if real in _CARRIERS}
        for name, value in _assigned(program.tree.body):  # aliases: `Step = Data[Review, str]`
            if not isinstance(value, ast.Call) and self._mentions(value, self._carriers):
                self._carriers.add(name)
        self._tracked: set[str] = set()
        for node in nodes:
            self._track(node)
        for node in nodes:
            self._look_at(node)

    def _lose(self, *layers: str) -> None:
        self.handed_on.update(layers or LAYERS)

    def _track(self, node: ast.AST) -> None:
        """Note the names of flows, chains and executions."""
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and isinstance(_made(node.value), ast.Call):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            self._tracked |= {target.id for target in targets if isinstance(target, ast.Name)}

    def _look_at(self, node: ast.AST) -> None:
        match node:
            case ast.Attribute():
                self._look_at_attribute(node)
            case ast.Name(ctx=ast.Load()):
                self._look_at_name(node)
            case ast.Call():
                self._look_at_call(node)
            case ast.Constant(value=str(text)):
                self._look_at_text(node, text)
            case ast.keyword(arg=str(name)):
                self.names.add(name)
            case ast.MatchClass():
                self.names.update(node.kwd_attrs)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                self._look_at_function(node)
            case ast.Lambda() if self._is_handler(node):
                self._look_at_parameters(node, node.args)
            case ast.ImportFrom() if any(alias.name == "*" for alias in node.names):
                self._lose()

    def _look_at_attribute(self, node: ast.Attribute) -> None:
        self.names.add(node.attr)
        if node.attr == "from_config":
            self._lose()
        if node.attr in _WORDS and isinstance(node.ctx, ast.Load) and not self._is_seen(node):
            self._lose(node.attr)

    def _is_seen(self, layer: ast.expr) -> bool:
        """Return True if it is seen what a layer is used for: its attributes, or literal paths."""
        parent = self._parents[layer]
        match parent:
            case ast.Attribute():
                if parent.attr not in _BY_PATH:
                    return parent.attr != "to_dict" and not parent.attr.startswith("_")
                call = self._parents[parent]
                is_call = isinstance(call, ast.Call) and call.func is parent and len(call.args) > 0
                return isinstance(call, ast.Call) and is_call and self._is_literal(call.args[0])
            case ast.Subscript():
                return parent.value is layer and self._is_literal(parent.slice)
            case ast.Compare():
                return parent.comparators == [layer] and self._is_literal(parent.left)
            case ast.Assign(targets=[ast.Name(id=name)]):
                return all(map(self._is_seen, self._program.reads.get(name, ())))
        return False

    def _is_literal(self, text: ast.expr) -> bool:
        match text:
            case ast.Constant():
                return True
            case ast.Name():
                return text.id in self._texts
            case ast.IfExp():
                return self._is_literal(text.body) and self._is_literal(text.orelse)
            case ast.List() | ast.Tuple() | ast.Set():
                return all(map(self._is_literal, text.elts))
            case ast.Dict():
                keys = [key for key in text.keys if key is not None]
                return len(keys) == len(text.keys) and all(map(self._is_literal, [*keys, *text.values]))
        return False

    def _look_at_name(self, node: ast.Name) -> None:
        call = self._call_given(node)
        hands_on_class = node.id in self._classes and call is not None and not self._keeps(call.func)
        hands_on_flow = node.id in self._tracked and not self._is_used_here(node, call)
        reflects = node.id in _REFLECTS and not self._is_literal_reflection(node)
        if node.id in _SEES_ALL or hands_on_class or hands_on_flow or reflects:
            self._lose()

    def _is_literal_reflection(self, name: ast.Name) -> bool:
        call = self._parents[name]
        return (
            isinstance(call, ast.Call) and call.func is name and len(call.args) > 1 and self._is_literal(call.args[1])
        )

    def _is_used_here(self, name: ast.Name, call: ast.Call | None) -> bool:
        """Return True if a flow, a chain or an execution is used, and not handed on; a flow may be returned."""
        if call is not None:
            func = call.func
            return self._keeps(func) or (isinstance(func, ast.Attribute) and func.attr in {"to_sub_flow", "branch"})
        return isinstance(self._parents[name], (ast.Attribute, ast.Return))

    def _keeps(self, func: ast.expr) -> bool:
        """Return True if a function is one of this module, which can be read, or of typedflow, which uses no field."""
        return isinstance(func, ast.Name) and (func.id in self._local or func.id in self._of_typedflow)

    def _call_given(self, node: ast.AST) -> ast.Call | None:
        """Return the call that gets a value as an argument."""
        parent = self._parents[node]
        parent = self._parents[parent] if isinstance(parent, (ast.keyword, ast.Starred)) else parent
        return parent if isinstance(parent, ast.Call) and parent.func is not node else None

    def _look_at_call(self, node: ast.Call) -> None:
        func = node.func
        if isinstance(func, ast.Name) and func.id in self._classes and any(it.arg is None for it in node.keywords):
            self._lose(self._classes[func.id])
        for keyword in node.keywords:
            if keyword.arg in {"capture", "write_back"} and not self._is_known_mapping(keyword.value):
                self._lose()
            if keyword.arg == "resume_event" and not self._is_literal(keyword.value):
                self._lose("events")
        if not isinstance(func, ast.Attribute):
            return
        given = self._call_given(node)
        if func.attr in STEPS and given is not None and not self._keeps(given.func):
            self._lose()
        texts = [*node.args[:1], *(it.value for it in node.keywords if it.arg in {"event", "key"})]
        if func.attr in _BY_TEXT and not all(map(self._is_literal, texts)):
            self._lose(*_BY_TEXT[func.attr])
        if func.attr in _TAKES_FUNCTIONS and not all(map(self._is_here, _functions(node))):
            self._lose()

    def _is_known_mapping(self, value: ast.expr) -> bool:
        return _is_mapping(value) or (isinstance(value, ast.Name) and value.id in self._mappings)

    def _is_here(self, handler: ast.expr) -> bool:
        """Return True if a handler stands in this module, or sees no Data."""
        match handler:
            case ast.Lambda() | ast.Constant():
                return True
            case ast.Name():
                return handler.id in self._local or handler.id in self._tracked
            case ast.Call(func=ast.Name(id=name)):
                return self._of_typedflow.get(name) == "offload"
        return False

    def _look_at_text(self, node: ast.Constant, text: str) -> None:
        parent = self._parents[node]
        if isinstance(parent, ast.Expr):
            return  # a docstring
        call = self._call_given(node)
        method = call.func.attr if call is not None and isinstance(call.func, ast.Attribute) else ""
        if (method == "emit" and parent is call) or (isinstance(parent, ast.keyword) and parent.arg == "resume_event"):
            self.emitted.add(text)
        else:
            self.names.update(_WORD.findall(text))
        if text in _WORDS and not self._is_key(node, parent):
            self._lose(_WORDS[text])

    def _is_key(self, node: ast.Constant, parent: ast.AST) -> bool:
        """Return True if the name of a layer is a key, of the entries of a mapping or of what `when` waits for."""
        if not isinstance(parent, ast.Dict) or node not in parent.keys:
            return False
        call = self._call_given(parent)
        is_awaited = call is not None and isinstance(call.func, ast.Attribute) and call.func.attr == "when"
        return is_awaited or isinstance(parent.values[parent.keys.index(node)], ast.Dict)

    def _is_handler(self, node: ast.Lambda) -> bool:
        call = self._call_given(node)
        return call is not None and isinstance(call.func, ast.Attribute) and call.func.attr in _TAKES_FUNCTIONS

    def _look_at_function(self, node: Function) -> None:
        self._look_at_parameters(node, node.args)

    def _look_at_parameters(self, scope: Function | ast.Lambda, arguments: ast.arguments) -> None:
        parameters = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        if isinstance(self._parents[scope], ast.ClassDef):
            parameters = parameters[1:]
        for parameter in parameters:
            is_layer = parameter.annotation is not None and self._mentions(parameter.annotation, self._classes)
            is_carrier = parameter.annotation is None or self._mentions(parameter.annotation, self._carriers)
            if (is_layer or is_carrier) and isinstance(scope, FUNCTIONS) and _is_wrapped(scope):
                self._lose()
            is_seen = self._is_seen_as_carrier if is_carrier else self._is_seen
            if (is_layer or is_carrier) and not all(map(is_seen, self._program.reads_in(scope, parameter.arg))):
                self._lose()

    def _is_seen_as_carrier(self, read: ast.expr) -> bool:
        """Return True if Data, a flow or an execution is used by its attributes, or by functions of this module."""
        call = self._call_given(read)
        return isinstance(self._parents[read], ast.Attribute) or (call is not None and self._keeps(call.func))

    def _mentions(self, annotation: ast.expr, names: Iterable[str]) -> bool:
        """Return True if a type is made of one of these, or of a class of ours that carries a contract."""
        for node in ast.walk(annotation):
            if isinstance(node, ast.Name) and node.id in names:
                return True
            if isinstance(node, ast.Attribute) and node.attr in _CARRIERS:
                return True
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                words = set(_WORD.findall(node.value))
                if not words.isdisjoint(names):
                    return True
        return False


def exported(tree: ast.Module) -> set[str] | None:
    """Return the names in `__all__`; None if it is computed."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id == "__all__" and not isinstance(node.ctx, ast.Store):
            return None
    for name, value in _assigned(tree.body):
        if name == "__all__":
            if not isinstance(value, (ast.List, ast.Tuple)):
                return None
            for item in value.elts:
                if not isinstance(item, ast.Constant):
                    return None
                names.add(str(item.value))
    return names


def _imported(nodes: Iterable[ast.AST]) -> Iterator[tuple[str, str]]:
    """Return the names that typedflow's own have in a module."""
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "typedflow":
            yield from ((alias.asname or alias.name, alias.name) for alias in node.names)


def _defined(parents: Mapping[ast.AST, ast.AST]) -> set[str]:
    """Return the names of functions and classes that stand for nothing else in a module, but for fields."""
    found: set[str] = set()
    others: set[str] = set()
    for node, parent in parents.items():
        if isinstance(node, (*FUNCTIONS, ast.ClassDef)):
            found.add(node.name)
        elif isinstance(node, ast.alias):
            others.add(node.asname or node.name)
        elif isinstance(node, ast.arg):
            others.add(node.arg)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and not _is_field(parent, parents):
            others.add(node.id)
    return found - others


def _is_field(statement: ast.AST, parents: Mapping[ast.AST, ast.AST]) -> bool:
    return isinstance(statement, (ast.Assign, ast.AnnAssign)) and isinstance(parents[statement], ast.ClassDef)


def _assigned(body: Iterable[ast.stmt]) -> Iterator[tuple[str, ast.expr]]:
    for statement in body:
        targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
        value = getattr(statement, "value", None)
        if value is not None:
            yield from ((target.id, value) for target in targets if isinstance(target, ast.Name))


def _made(value: ast.expr | None) -> ast.Call | None:
    """Return the call that makes a flow, a chain or an execution."""
    made = value.value if isinstance(value, ast.Await) else value
    if not isinstance(made, ast.Call):
        return None
    func = made.func
    if isinstance(func, ast.Name):
        return made if func.id == "Flow" else None
    return made if isinstance(func, ast.Attribute) and func.attr in STEPS | _OPENS | {"Flow"} else None


def _is_mapping(value: ast.expr) -> bool:
    """Return True for a dict display, alone or in `binding(…)`."""
    if isinstance(value, ast.Call) and len(value.args) == 1:
        value = value.args[0]
    return isinstance(value, ast.Dict) and None not in value.keys


def _functions(call: ast.Call) -> list[ast.expr]:
    """Return the arguments of a call that are functions, or may be."""
    return [*call.args, *(it.value for it in call.keywords if it.arg in _IS_FUNCTION or it.arg is None)]


def _is_wrapped(function: Function) -> bool:
    """Return True if a decorator stands between a function and who calls it, other than that of a chunk."""
    made = (it.func if isinstance(it, ast.Call) else it for it in function.decorator_list)
    return any(not (isinstance(it, ast.Attribute) and it.attr in {"chunk", "migrate"}) for it in made)
