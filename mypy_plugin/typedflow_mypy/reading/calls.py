"""One call, as a check sees it: its receiver, its arguments as they stand in the source, and where to report."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from functools import partial
from typing import Any, Final, Protocol, TypeAlias, TypeVar

from mypy.erasetype import remove_instance_last_known_values
from mypy.expandtype import expand_type
from mypy.nodes import (
    ARG_NAMED,
    ARG_POS,
    ARG_STAR2,
    AssignmentStmt,
    CallExpr,
    Context,
    DictExpr,
    Expression,
    FuncDef,
    IntExpr,
    NameExpr,
    OpExpr,
    StrExpr,
    Var,
)
from mypy.plugin import FunctionSigContext, MethodSigContext
from mypy.subtypes import is_subtype
from mypy.types import (
    AnyType,
    CallableType,
    FunctionLike,
    Instance,
    NoneType,
    ProperType,
    Type,
    TypedDictType,
    TypeOfAny,
    get_proper_type,
)

from typedflow.rules.dynamic import not_literal_problem
from typedflow.rules.problems import Problem
from typedflow_mypy.reading.literals import says_nothing, texts_of
from typedflow_mypy.reading.surface import Part, contract_of, parts
from typedflow_mypy.reading.trace import Trace
from typedflow_mypy.reporting import report
from typedflow_mypy.settings import Settings

F = TypeVar("F")

SignatureCheck: TypeAlias = Callable[["Call"], FunctionLike]
"""Checks a call before mypy checks its arguments; returns the signature that mypy is to check against."""

_UNNAMED: Final = {"path": 0, "value": 1, "given": 0}
"""The parameters whose names mypy drops, those of dunder methods and positional-only ones, by their place."""
_OF_INTS: Final = frozenset({"+", "-", "*", "//", "%"})
_ALONE: Final = [ARG_POS]
_POSITIONAL: Final = [ARG_POS, ARG_POS]
ANY: Final = AnyType(TypeOfAny.special_form)


class Answers(Protocol):
    """What was found for earlier calls, as a call asks for it."""

    overloads: tuple[object, Hashable, Any, Any] | None
    """Of the call at hand: its place, its receiver, and what was found for the first of its overloads."""
    fitting: tuple[object, Hashable] | None
    """Of the step at hand: its place and its receiver, where the first overload fits, and there are no options."""

    def ask(self, key: tuple[Hashable, ...], trace: Trace, find: Callable[[Trace], F]) -> F:
        """Return the answer to a question; `find` is asked where it is not known, and gets a trace of its own."""
        ...


class Spread:
    """Placeholder for an argument that may be in what is spread into the call: unknown, and not left out."""


SPREAD: Final = Spread()


class Call:
    """One call of a method, or of a class, which is its own receiver, before its arguments are checked."""

    def __init__(self, ctx: MethodSigContext | FunctionSigContext, settings: Settings, answers: Answers) -> None:
        self.api: Any = ctx.api
        self.context = ctx.context
        receiver = ctx.type if isinstance(ctx, MethodSigContext) else ctx.default_signature.ret_type
        self.receiver: ProperType = get_proper_type(receiver)
        self.signature: CallableType = ctx.default_signature
        self.settings = settings
        self.trace = Trace()
        self.answers = answers
        self.expected: Type | None = None
        """What the value of a call has to be, where the answer to it depends on nothing else but the key."""
        self.is_sound = True
        """Nothing was reported, so that the answer is the same for every such call."""
        self._args = ctx.args

    @property
    def module(self) -> str:
        """Return the name of the module that the call stands in."""
        name: str = self.api.tree.fullname
        return name

    def argument(self, name: str) -> Expression | None:
        """Return the expression of an argument; None where it is left out, or may be in what is spread."""
        found = self.given(name)
        return None if isinstance(found, Spread) else found

    def given(self, name: str) -> Expression | Spread | None:
        """Return the expression of an argument, `SPREAD` where `*args` or `**kwargs` may hold it, None if left out."""
        position = self._position(name)
        given = self._args[position] if position is not None else []
        if given:
            return SPREAD if self._is_spread(given[0]) else given[0]
        context = self.context
        if position is not None or not isinstance(context, CallExpr):
            return None
        # an overload that does not have it
        return keyword_given(context, name, self.type_of)

    def _is_spread(self, given: Expression) -> bool:
        if not isinstance(self.context, CallExpr):
            return False
        pairs = zip(self.context.args, self.context.arg_kinds, strict=True)
        return any(kind.is_star() and arg is given for arg, kind in pairs)

    def formal(self, name: str) -> Type | None:
        """Return the type that mypy asks of an argument; None where the signature has none of this name."""
        position = self._position(name)
        return self.signature.arg_types[position] if position is not None else None

    def _position(self, name: str) -> int | None:
        names = self.signature.arg_names
        if name in names:
            return names.index(name)
        position = _UNNAMED.get(name, len(names))
        return position if position < len(names) and names[position] is None else None

    def keywords(self) -> list[tuple[str, Expression]]:
        """Return the arguments that are given by name, in order."""
        if not isinstance(self.context, CallExpr):
            return []
        pairs = zip(self.context.arg_names, self.context.arg_kinds, self.context.args, strict=True)
        return [(name, expr) for name, kind, expr in pairs if name is not None and kind == ARG_NAMED]

    def type_of(self, expr: Expression, context: Type | None = None) -> Type:
        """Infer an expression's type, with the type that is expected of it."""
        found: Type = self.api.get_expression_type(expr, context)
        return found

    def texts(self, expr: Expression | None, dynamic: str) -> tuple[str, ...]:
        """Return the texts that a key can be; none where it is dynamic, which is reported where that is asked for."""
        if expr is None:
            return ()
        found = texts_of(expr, self.api, self.trace)
        if found is None:
            if self.settings.strict_dynamic_keys and not says_nothing(self.type_of(expr)):
                self.report(not_literal_problem(dynamic), expr)
            return ()
        return found

    def fits(self, expr: Expression, expected: Type) -> tuple[bool, Type]:
        """Return whether an expression is of the expected type, and of which it is.

        What says nothing fits, and so does what mypy itself finds a fault in: it will say so, at the very part.
        """
        given, sound = self.infer(expr, expected)
        return not sound or says_nothing(given) or is_subtype(given, expected), given

    def infer(self, expr: Expression, expected: Type | None) -> tuple[Type, bool]:
        """Infer an expression where a type is expected; False where mypy reports something inside of it."""
        with self.api.msg.filter_errors() as watcher:
            given = self.type_of(expr, expected)
        return given, not watcher.has_new_errors()

    def default_type(self, expected: Type) -> Type:
        """Return the type of `default` as it goes into a union: None for one that is left out, Any if it is unknown."""
        found = self.given("default")
        if isinstance(found, Spread):
            return ANY
        return NoneType() if found is None else remove_instance_last_known_values(self.type_of(found, expected))

    def ask(self, key: tuple[Hashable, ...], find: Callable[[Trace], F]) -> F:
        """Return the answer to a question of which `key` is all that it depends on, beside the classes of the trace."""
        return self.answers.ask(key, self.trace, find)

    def parts(self, contract: Type | None, name: str) -> list[Part]:
        """Return a part of every contract that a type stands for."""
        return self.ask(("part", contract, name), partial(parts, contract, name))

    def declared(
        self, kind: str, name: str, where: Context, find: Callable[[Type | None, str, Trace], list[F | Problem]]
    ) -> Iterator[F | None]:
        """Return what `find` finds under a name in each contract of the receiver; reports its problems, and is None."""
        contract = contract_of(self.receiver)
        for found in self.ask((kind, contract, name), partial(find, contract, name)):
            if isinstance(found, Problem):
                self.report(found, where)
                yield None
            else:
                yield found

    def report(self, problem: Problem, where: Context | None = None) -> None:
        """Report a problem at an expression of the call."""
        self.is_sound = False
        report(self.api, problem, where or self.context)

    def assigned(self, name: Var) -> Expression | None:
        """Find what a name is assigned, in the function at hand or at the top of the module."""
        function = self.api.scope.current_function()
        for body in (function.body.body if isinstance(function, FuncDef) else (), self.api.tree.defs):
            for statement in body:
                if isinstance(statement, AssignmentStmt) and len(statement.lvalues) == 1:
                    lvalue = statement.lvalues[0]
                    if isinstance(lvalue, NameExpr) and lvalue.node is name:
                        return statement.rvalue
        return None

    def with_types(self, ret_type: Type | None = None, /, **formals: Type) -> CallableType:
        """Return the signature with another return type, and other types of the named formals."""
        types = list(self.signature.arg_types)
        for name, tp in formals.items():
            position = self._position(name)
            if position is not None:
                types[position] = tp
        return self.signature.copy_modified(
            arg_types=types, ret_type=self.signature.ret_type if ret_type is None else ret_type
        )


def keyword_given(call: CallExpr, name: str, type_of: Callable[[Expression], Type]) -> Expression | Spread | None:
    """Return what a call passes by a keyword, `SPREAD` where `**kwargs` may hold it, None if it is left out."""
    found: Spread | None = None
    for key, kind, value in zip(call.arg_names, call.arg_kinds, call.args, strict=True):
        if key == name:
            return value
        if kind == ARG_STAR2:
            mapping = get_proper_type(type_of(value))
            if not isinstance(mapping, TypedDictType) or name in mapping.items:
                found = SPREAD
    return found


def first_given(call: CallExpr, name: str) -> Expression | None:
    """Return the first argument of a call, or the one of this name; None where it is left out, or spread."""
    for key, value in zip(call.arg_names, call.args, strict=True):
        if key == name:
            return value
    return call.args[0] if call.args and call.arg_kinds[0] == ARG_POS else None


def taking_anything(signature: CallableType, value: Type) -> CallableType:
    """Return the signature that takes anything, with a type in the place of its type variables."""
    values: dict[object, Type] = {variable.id: value for variable in signature.variables}
    return signature.copy_modified(
        arg_types=[ANY] * len(signature.arg_types),
        ret_type=expand_type(signature.ret_type, values),  # type: ignore[arg-type]  # its keys are ids of variables
        variables=[],
    )


def only_literals(call: Context) -> Hashable:
    """Return the arguments of a call where they are a text, and a default, as they stand; None for any others."""
    if not isinstance(call, CallExpr):
        return None
    args = call.args
    if not args or not isinstance(args[0], StrExpr):
        return None
    if len(args) == 1:
        return args[0].value if call.arg_kinds == _ALONE else None
    if len(args) > 2 or not isinstance(args[1], (StrExpr, IntExpr)) or call.arg_kinds != _POSITIONAL:
        return None
    return args[0].value, type(args[1]), args[1].value


def text_and_value(call: Context) -> tuple[str, Expression] | tuple[None, None]:
    """Return the arguments of a call where they are a text as it stands, and a value that is no display of a dict."""
    if not isinstance(call, CallExpr) or call.arg_kinds != _POSITIONAL:
        return None, None
    key, value = call.args
    return (key.value, value) if isinstance(key, StrExpr) and not isinstance(value, DictExpr) else (None, None)


def without_constants(value: Expression) -> NameExpr | None:
    """Return the name in `name + 1`; None for a value that is no such thing. An int and an int make an int."""
    inner = value
    while isinstance(inner, OpExpr) and inner.op in _OF_INTS and isinstance(inner.right, IntExpr):
        inner = inner.left
    return inner if inner is not value and isinstance(inner, NameExpr) else None


def is_plain_int(tp: Type) -> bool:
    """Return whether a type is int, or one int, and not a subclass."""
    proper = get_proper_type(tp)
    return isinstance(proper, Instance) and proper.type.fullname == "builtins.int"


def is_plainly(given: Type, expected: Type) -> bool:
    """Return whether a type is the expected one without a closer look; a literal is of its class."""
    if given == expected:
        return True
    here, there = get_proper_type(given), get_proper_type(expected)
    if not isinstance(here, Instance) or not isinstance(there, Instance):
        return False
    return here.type is there.type and not here.args and there.last_known_value is None


def entries(display: DictExpr) -> list[tuple[Expression, Expression]] | None:
    """Return the items of a dict display; None where something is spread into it."""
    found = [(key, value) for key, value in display.items if key is not None]
    return found if len(found) == len(display.items) else None


def keyword_place(name: str, value: Expression) -> Context:
    """Return the place of the name in `name=value`, which mypy does not keep, as it is commonly laid out."""
    if value.column <= len(name):
        return value
    place = Context(value.line, value.column - len(name) - 1)
    place.end_line, place.end_column = value.line, value.column - 1
    return place
