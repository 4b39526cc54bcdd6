"""Keys as they stand in the source: which texts an expression can be.

A literal, a `Final` name of any module, a `Literal[…]`-typed variable, a member of a StrEnum or of an Enum with str,
unions of these, and what is put together of them: by `+`, in an f-string or by `join`. Everything else is dynamic.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product
from typing import Any, Final, TypeAlias

from mypy.constant_fold import constant_fold_expr
from mypy.nodes import (
    AssignmentExpr,
    AssignmentStmt,
    CallExpr,
    ConditionalExpr,
    Expression,
    FuncDef,
    ListExpr,
    MemberExpr,
    NameExpr,
    OpExpr,
    RefExpr,
    StarExpr,
    StrExpr,
    SymbolNode,
    TupleExpr,
    TypeInfo,
    Var,
)
from mypy.types import AnyType, CallableType, Instance, LiteralType, ProperType, Type, UninhabitedType, get_proper_type

from typedflow_mypy.reading.shape import flat
from typedflow_mypy.reading.trace import Trace

Texts: TypeAlias = tuple[str, ...]

_MANY: Final = 100
"""Texts of one expression at most: of more the choice is taken for dynamic."""
_FIELD: Final = "{:{}}"
"""What mypy makes of `{x}` in an f-string: "{:{}}".format(x, ""), and "".join([…]) of all parts."""
_SHOWN: Final = ("__str__", "__format__")
_STR: Final = "builtins.str"
_PLAIN: Final = frozenset({_STR, "builtins.int", "builtins.bool"})


def texts_of(expr: Expression, api: Any, trace: Trace | None = None) -> Texts | None:
    """Return the texts that an expression can be; None where that cannot be told.

    `trace` is told of names and enums that the answer depends on, and that the expression itself does not show.
    """
    return _Reading(api, trace).texts(expr)


def texts_of_type(tp: Type, trace: Trace | None = None) -> Texts | None:
    """Return the texts that a value of a type can be; None where that cannot be told."""
    return _all(_text(get_proper_type(item), trace) for item in flat(tp))


def says_nothing(tp: Type) -> bool:
    """Return whether a type comes of an error elsewhere, or of code that is never run: not to be reported again."""
    proper = get_proper_type(tp)
    return isinstance(proper, (AnyType, UninhabitedType))


def is_constant(node: Var) -> bool:
    """Return whether a name is Final; mypy takes the members of an enum for Final too, whose values may be others."""
    return node.is_final and not (node.info and node.info.is_enum)


def value_of(node: SymbolNode | None) -> object:
    """Return the value of a Final name of any module, where its type tells it; None where it does not.

    Of `NAME: Final[str] = "x"` mypy keeps the value, but its daemon does not notice when that changes.
    """
    if not isinstance(node, Var) or not is_constant(node):
        return None
    declared = get_proper_type(node.type) if node.type is not None else None
    known = declared.last_known_value if isinstance(declared, Instance) else declared
    return known.value if isinstance(known, LiteralType) and known.fallback.type.fullname in _PLAIN else None


class _Reading:
    """One expression, and the constants that it leads to."""

    def __init__(self, api: Any, trace: Trace | None) -> None:
        self._api = api
        self._trace = trace
        self._open: set[Var] = set()
        """The constants that are being read."""

    def texts(self, expr: Expression) -> Texts | None:
        """Return the texts that an expression can be."""
        if isinstance(expr, StrExpr):
            return (expr.value,)
        folded = constant_fold_expr(expr, self._api.tree.fullname)
        if folded is not None:
            return (folded,) if isinstance(folded, str) else None
        match expr:
            case OpExpr(op="+"):
                return self._joined("", (expr.left, expr.right))
            case ConditionalExpr():  # a name may be narrowed by the condition
                module = self._api.tree.fullname
                choices = [constant_fold_expr(choice, module) for choice in (expr.if_expr, expr.else_expr)]
                return _all(choice if isinstance(choice, str) else None for choice in choices)
            case AssignmentExpr():
                return self.texts(expr.value)
            case CallExpr():
                return self._of_call(expr)
            case StarExpr():
                return None
        found = texts_of_type(self._api.get_expression_type(expr), self._trace)
        return found if found is not None or not isinstance(expr, RefExpr) else self._of_name(expr)

    def _of_call(self, call: CallExpr) -> Texts | None:
        """Read an f-string, which is a call for mypy, and `"…".join([…])`, and `str(…)`."""
        match call:
            case CallExpr(callee=MemberExpr(name="join", expr=StrExpr(value=between)), args=[ListExpr() | TupleExpr()]):
                display = call.args[0]
                assert isinstance(display, (ListExpr, TupleExpr))
                return self._joined(between, display.items)
            case CallExpr(callee=MemberExpr(name="format", expr=StrExpr(value=form)), args=[shown, StrExpr(value="")]):
                return self._shown(shown) if form == _FIELD else None
            case CallExpr(callee=NameExpr(fullname="builtins.str"), args=[shown]):
                return self._shown(shown)
        return texts_of_type(self._api.get_expression_type(call), self._trace)

    def _joined(self, between: str, parts: Iterable[Expression]) -> Texts | None:
        choices = []
        count = 1
        for part in parts:
            texts = self.texts(part)
            if texts is None:
                return None
            choices.append(texts)
            count *= len(texts)
            if count > _MANY:
                return None
        return tuple(dict.fromkeys(between.join(choice) for choice in product(*choices)))

    def _shown(self, expr: Expression) -> Texts | None:
        """Return how a value can be shown in an f-string: of an enum with str that is not what it is as a text."""
        tp = self._api.get_expression_type(expr)
        shown = _all(_as_shown(get_proper_type(item), self._trace) for item in flat(tp))
        return shown if shown is not None or says_nothing(tp) or not _is_str(tp) else self.texts(expr)

    def _of_name(self, name: RefExpr) -> Texts | None:
        """Read a constant by what it is assigned, in this module: what mypy does not know of itself."""
        node = name.node
        if node is None and isinstance(name, MemberExpr):
            owner = self._api.get_expression_type(name.expr)
            if name.name in ("value", "_value_"):
                return texts_of_type(owner, self._trace)
            node = _member(get_proper_type(owner), name.name)
        if not isinstance(node, Var) or not is_constant(node) or node in self._open:
            return None
        if self._trace is not None:
            self._trace.visit_constant(node.fullname)
        value = value_of(node)
        if value is not None:
            return (value,) if isinstance(value, str) else None
        assigned = _assigned(node, self._api)
        self._open.add(node)
        return self.texts(assigned) if assigned is not None else None


def _assigned(constant: Var, api: Any) -> Expression | None:
    """Find what a constant is assigned, in the functions and classes at hand, its own class, or the module."""
    bodies = [scope.body.body for scope in api.scope.stack if isinstance(scope, FuncDef)]
    owner = constant.info
    if owner and owner.module_name == api.tree.fullname:
        bodies.append(owner.defn.defs.body)
    for body in (*bodies, api.tree.defs):
        for statement in body:
            if isinstance(statement, AssignmentStmt):
                for lvalue in statement.lvalues:
                    if isinstance(lvalue, NameExpr) and lvalue.node is constant:
                        return statement.rvalue
    return None


def _member(owner: ProperType, name: str) -> SymbolNode | None:
    """Find what a name stands for in a class, or in that of an instance."""
    if isinstance(owner, CallableType) and owner.is_type_obj():
        owner = get_proper_type(owner.ret_type)
    sym = owner.type.get(name) if isinstance(owner, Instance) else None
    return sym.node if sym is not None else None


def _all(texts: Iterable[str | None]) -> Texts | None:
    found: dict[str, None] = {}
    for text in texts:
        if text is None:
            return None
        found[text] = None
    return tuple(found) or None


def _text(tp: ProperType, trace: Trace | None) -> str | None:
    if isinstance(tp, Instance):
        return _text(tp.last_known_value, trace) if tp.last_known_value is not None else None
    if not isinstance(tp, LiteralType) or not isinstance(tp.value, str):
        return None
    if tp.fallback.type.fullname == _STR:
        return tp.value
    return _member_text(tp, trace) if tp.fallback.type.is_enum else None


def _as_shown(tp: ProperType, trace: Trace | None) -> str | None:
    if isinstance(tp, Instance):
        return _as_shown(tp.last_known_value, trace) if tp.last_known_value is not None else None
    if not isinstance(tp, LiteralType):
        return None
    info = tp.fallback.type
    if not info.is_enum:
        return str(tp.value) if info.fullname in _PLAIN else None
    is_plain = _is_of(info, "enum.StrEnum") and all(_is_own(info, name, trace) for name in _SHOWN)
    return _member_text(tp, trace) if is_plain else None


def _is_str(tp: Type) -> bool:
    """Return whether all that a value may be is str itself, of which a constant may be read by what it is assigned."""
    return all(
        isinstance(proper := get_proper_type(item), Instance) and proper.type.fullname == _STR for item in flat(tp)
    )


def _member_text(tp: LiteralType, trace: Trace | None) -> str | None:
    """Return the text of an enum's member, where the enum is one of texts and makes nothing else of them."""
    info = tp.fallback.type
    if not _is_of(info, _STR) or not _is_own(info, "__new__", trace):
        return None
    sym = info.names.get(str(tp.value))
    node = sym.node if sym is not None else None
    declared = get_proper_type(node.type) if isinstance(node, Var) and node.type is not None else None
    if not isinstance(declared, Instance):
        return None
    if declared.last_known_value is not None:
        value = declared.last_known_value.value
        return value if isinstance(value, str) else None
    if declared.type.fullname != "enum.auto" or not _is_of(info, "enum.StrEnum"):
        return None  # what auto() makes of a str beside an Enum is a number, which mypy's cache does not keep
    return str(tp.value).lower() if _is_own(info, "_generate_next_value_", trace) else None


def _is_of(info: TypeInfo, base: str) -> bool:
    return any(found.fullname == base for found in info.mro)


def _is_own(info: TypeInfo, method: str, trace: Trace | None) -> bool:
    """Return whether a method of an enum is that of the standard library."""
    if trace is not None:
        trace.visit(info, method)
    owner = info.get_containing_type_info(method)
    return owner is None or owner.module_name in ("enum", "builtins")
