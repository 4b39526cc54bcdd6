"""capture and write_back: read as they stand in the call, judged by the rules, reported on the key or value at fault.

A mapping is read from a dict display, from a `binding({…})` under any name, in whatever module, and from a `Final` dict
of the module at hand; one of these may be spread into a display. What is computed is left to the runtime.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from functools import partial
from typing import Any, Final, TypeAlias

from mypy.nodes import (
    AssignmentStmt,
    CallExpr,
    Context,
    DictExpr,
    Expression,
    IntExpr,
    ListExpr,
    MemberExpr,
    NameExpr,
    StrExpr,
    Var,
)
from mypy.subtypes import is_subtype
from mypy.types import (
    CallableType,
    Instance,
    LiteralType,
    ProperType,
    Type,
    TypedDictType,
    TypeVarType,
    get_proper_type,
)

from typedflow.rules.bindings import Verdict
from typedflow.rules.capture import check_capture
from typedflow.rules.dynamic import not_literal_problem
from typedflow.rules.flows import wrong_stream_problem
from typedflow.rules.problems import Problem
from typedflow.rules.scopes import CAPTURE, WRITE_BACK
from typedflow.rules.wording import describe
from typedflow.rules.write_back import check_write_back
from typedflow_mypy.checks.bindings import closed
from typedflow_mypy.checks.chains import child_before, value_at
from typedflow_mypy.reading.calls import ANY, Call, Spread, first_given, keyword_given
from typedflow_mypy.reading.handlers import is_data
from typedflow_mypy.reading.literals import says_nothing, texts_of
from typedflow_mypy.reading.rendering import render
from typedflow_mypy.reading.shape import MypyShape, through_classes
from typedflow_mypy.reading.surface import contract_of, contracts, is_typedflow, member_of
from typedflow_mypy.reading.trace import Trace

BREAKS_NEXT: Final = "TF411"
_PARENT: Final = ("state", "flow_state", "resources")
_CHILD: Final = ("input", "state", "flow_state", "resources", "result")


Row: TypeAlias = tuple[object, object, Context, Context]
"""One entry: its key, its value, and the place of both."""


class Written(Mapping[object, object]):
    """A mapping as it is written: its entries in order, repeated ones too, each with its place in the source."""

    def __init__(self, rows: list[Row]) -> None:
        self.rows = rows

    def __getitem__(self, key: object) -> object:
        return next(value for name, value, _, _ in reversed(self.rows) if name == key)

    def __iter__(self) -> Iterator[object]:
        return (key for key, _, _, _ in self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def items(self) -> Any:
        """Return every entry, a repeated key as often as it is written."""
        return [(key, value) for key, value, _, _ in self.rows]

    def place(self, problem: Problem, whole: Context) -> Context:
        """Return the place of what a problem is about: the last entry of its keys, or the mapping as a whole."""
        found, here = whole, self
        for name in problem.entry:
            row = next((row for row in reversed(here.rows) if _shown(row[0]) == name), None)
            if row is None:
                return found
            found = row[3] if problem.side == "value" and name == problem.entry[-1] else row[2]
            if not isinstance(row[1], Written):
                return row[3] if problem.side == "value" else row[2]
            here = row[1]
        return found


class SubFlow:
    """One child in its parent: the scopes of both, as the rules want them."""

    def __init__(self, call: Call, value: Type, contract: Type, child: Expression, *, is_remote: bool = False) -> None:
        self.call = call
        self.child = child
        self.is_remote = is_remote
        self._value = value
        mine, theirs = contracts(contract), contracts(child_contract(call, child))
        self.is_known = len(mine) == 1 and len(theirs) == 1
        if self.is_known:
            self._contracts = mine[0], theirs[0]

    def check_next(self, write_back: Expression | Spread | None, takes: Type) -> bool:
        """Report a value that the step behind the child does not take; return whether there is anything to report."""
        taken = self._read(write_back, "TF499")
        if taken is _DYNAMIC:
            return False
        verdict = self._judge(_judge_write_back, taken, takes)
        found = [problem for problem in verdict.problems if problem.number == BREAKS_NEXT]
        self._report(Verdict((), tuple(found)), taken, write_back)
        return bool(found)

    def check(
        self, capture: Expression | Spread | None, write_back: Expression | Spread | None
    ) -> tuple[Type, list[str]]:
        """Report all that is wrong with both mappings.

        Gives the type of the value that goes on, and which of the two mypy need not look at: those that were read in
        full, and those that something is spread into, of which mypy takes none for a mapping of this kind.
        """
        given = self._read(capture, "TF399")
        if given is not _DYNAMIC:
            judge = _judge_remote_capture if self.is_remote else _judge_capture
            self._report(self._judge(judge, given), given, capture)
        taken = self._read(write_back, "TF499")
        found = ((CAPTURE, capture, given), (WRITE_BACK, write_back, taken))
        read = [rules.name for rules, expr, known in found if known is not _DYNAMIC or _has_spread(expr)]
        if taken is _DYNAMIC:
            return ANY, read
        verdict = self._judge(_judge_write_back, taken)
        self._report(verdict, taken, write_back)
        return verdict.value.type if verdict.value is not None else ANY, read

    def _judge(self, judge: Judge, mapping: object, takes: Type | None = None) -> Verdict[MypyShape]:
        """Return the verdict of the rules, which is cached by the mapping and the types."""
        types = (self._value, *self._contracts, takes)
        key = (judge, *types, _content(mapping))
        return self.call.ask(key, partial(judge, mapping, types))

    def check_stream(self) -> None:
        """Report a child whose items the stream of its parent does not take."""
        mine, theirs = self._contracts
        declared, items = (self.call.parts(contract, "stream")[0].type for contract in self._contracts)
        if declared is None or items is None:
            return
        through_classes(items, self.call.trace)
        through_classes(declared, self.call.trace)
        if is_subtype(items, declared):
            return
        name = flow_name(self.call, self.child) or theirs.type.name
        self.call.report(wrong_stream_problem(name, render(items), mine.type.name, render(declared)), self.child)

    def _read(self, expr: Expression | Spread | None, dynamic: str) -> object:
        if expr is None:
            return None
        if isinstance(expr, Spread):
            return _DYNAMIC
        found = read_mapping(self.call, expr)
        if found is _DYNAMIC and self.call.settings.strict_dynamic_keys and not says_nothing(self.call.type_of(expr)):
            self.call.report(not_literal_problem(dynamic), expr)
        return found

    def _report(self, verdict: Verdict[MypyShape], mapping: object, expr: Expression | Spread | None) -> None:
        whole = expr if isinstance(expr, Expression) else self.child
        for problem in verdict.problems:
            place = mapping.place(problem, whole) if isinstance(mapping, Written) else whole
            self.call.report(problem, place)


Between: TypeAlias = tuple[Type, Instance, Instance, Type | None]
"""The value where a child is added, the contracts of parent and child, and what the step behind it takes."""
Judge: TypeAlias = Callable[[object, Between, Trace], Verdict[MypyShape]]


def _judge_capture(mapping: object, between: Between, trace: Trace) -> Verdict[MypyShape]:
    # the resources that the child's flow has by itself may be set in any module
    return check_capture(mapping, *_scopes(between, trace), child_defaults=None)


def _judge_remote_capture(mapping: object, between: Between, trace: Trace) -> Verdict[MypyShape]:
    return check_capture(mapping, *_scopes(between, trace), child_defaults=None, remote=True)


def _judge_write_back(mapping: object, between: Between, trace: Trace) -> Verdict[MypyShape]:
    takes = between[3]
    next_value = None if takes is None else MypyShape(takes, trace)
    return check_write_back(mapping, *_scopes(between, trace), next_value=next_value)


def _scopes(between: Between, trace: Trace) -> tuple[dict[str, MypyShape], dict[str, MypyShape]]:
    """Return what the parent and the child have, by scope."""
    value, mine, theirs, _ = between
    parent = {"value": MypyShape(value, trace), **_parts(mine, _PARENT, trace)}
    return parent, _parts(theirs, _CHILD, trace)


def _parts(contract: Instance, names: tuple[str, ...], trace: Trace) -> dict[str, MypyShape]:
    found = {name: member_of(contract, name, trace) for name in names}
    return {name: MypyShape(tp, trace) for name, tp in found.items() if tp is not None}


def _content(mapping: object) -> Hashable:
    """Return all that a mapping says, wherever it stands."""
    if isinstance(mapping, Written):
        return tuple((_content(key), _content(value)) for key, value, _, _ in mapping.rows)
    return type(mapping), str(mapping)


class _Dynamic:
    """A mapping, or a part of one, that is only known when the program runs."""


_DYNAMIC: Final = _Dynamic()


def breaks_write_back(call: Call, function: CallableType) -> bool:
    """Report a step or a condition behind a child whose write_back leaves a value that it does not take."""
    takes = get_proper_type(function.arg_types[0]) if function.arg_types else None
    found = child_before(call)
    if found is None or not is_data(takes) or not _is_settled(takes.args[1]):
        return False
    before, loops = found
    child = first_given(before, "child")
    if child is None:
        return False
    receiver = _receiver(call, before.callee)
    contract, value = contract_of(receiver) if receiver is not None else None, value_at(call, receiver)
    if contract is None or value is None:
        return False
    wanted: Type = takes.args[1]
    for _ in range(loops):
        wanted = call.api.named_generic_type("typing.Sequence", [wanted])
    sub_flow = SubFlow(call, value, contract, child)
    if not sub_flow.is_known:
        return False
    write_back = keyword_given(before, "write_back", lambda expr: call.infer(expr, None)[0])
    return sub_flow.check_next(write_back, wanted)


def _receiver(call: Call, callee: Expression) -> Type | None:
    """Return the type of what a method is called on; it is not at hand where mypy checks only this function again."""
    if not isinstance(callee, MemberExpr):
        return None
    known: Type | None = call.api.lookup_type_or_none(callee.expr)
    return known if known is not None else call.infer(callee.expr, None)[0]


def _is_settled(tp: Type) -> bool:
    """Return whether a type is free of type variables, and says something."""
    return not says_nothing(tp) and not isinstance(get_proper_type(tp), TypeVarType)


def flow_name(call: Call, flow: Expression) -> str:
    """Return the name that a flow is made with, where that stands in this module; it has its contract's else."""
    node = flow.node if isinstance(flow, NameExpr) else None
    made = call.assigned(node) if isinstance(node, Var) else flow
    if not isinstance(made, CallExpr):
        return ""
    given = dict(zip(made.arg_names, made.args, strict=True)).get("name")
    return given.value if isinstance(given, StrExpr) else ""


def child_contract(call: Call, child: Expression) -> Type | None:
    """Return the contract of a child flow; None where the expression is no flow."""
    proper = get_proper_type(call.type_of(child))
    if not isinstance(proper, Instance) or not is_typedflow(proper.type, "Flow", "Blueprint") or not proper.args:
        return None
    return proper.args[0]


def read_mapping(call: Call, expr: Expression) -> object:
    """Read a mapping from the source, or from the type of a name that a `binding` stands behind."""
    if (
        isinstance(expr, CallExpr)
        and isinstance(expr.callee, (MemberExpr, NameExpr))
        and expr.callee.name == "binding"
        and expr.args
    ):
        expr = expr.args[0]
    if isinstance(expr, DictExpr):
        return _read_display(call, expr)
    if isinstance(expr, (IntExpr, StrExpr)):
        return expr.value
    if isinstance(expr, ListExpr) and not expr.items:
        return []
    display = final_display(call, expr)
    if display is not None:
        return _placed(_read_display(call, display), expr)
    proper = get_proper_type(call.type_of(expr))
    return _read_type(proper, expr) if isinstance(proper, TypedDictType) else _DYNAMIC


def _has_spread(expr: Expression | Spread | None) -> bool:
    return isinstance(expr, DictExpr) and any(key is None for key, _ in expr.items)


def _placed(mapping: object, where: Context) -> object:
    """Return a mapping that is used under a name: the name stands for all of its entries."""
    if not isinstance(mapping, Written):
        return mapping
    return Written([(key, _placed(value, where), where, where) for key, value, _, _ in mapping.rows])


def _shown(key: object) -> str:
    return key if isinstance(key, str) else describe(key)


def _read_display(call: Call, display: DictExpr, *, is_inner: bool = False) -> object:
    rows: list[Row] = []
    spread: set[object] = set()
    for key, value in display.items:
        added = _read_entry(call, key, value)
        if added is None:
            return _DYNAMIC
        if is_inner:
            added = [(name, _as_value(source), here, there) for name, source, here, there in added]
        names = {row[0] for row in added}
        if key is None:
            spread |= names
        # what is spread takes the place of what stands before it, and gives way to what follows: it is not given twice
        rows = [row for row in rows if row[0] not in spread & names] + added
        if key is not None:
            spread -= names
    return Written(rows)


def _read_entry(call: Call, key: Expression | None, value: Expression) -> list[Row] | None:
    """Return one entry of a display, or all of what is spread into it; None if they are not known."""
    if key is None:
        inside = read_mapping(call, value)
        return inside.rows if isinstance(inside, Written) else None
    name, source = _constant(call, key), _read_value(call, value)
    return None if name is _DYNAMIC or source is _DYNAMIC else [(name, source, key, value)]


def _read_value(call: Call, value: Expression) -> object:
    if isinstance(value, DictExpr):
        return _read_display(call, value, is_inner=True)
    found = _constant(call, value)
    if found is not _DYNAMIC:
        return found
    proper = get_proper_type(call.type_of(value))
    return _read_type(proper, value, is_inner=True) if isinstance(proper, TypedDictType) else _DYNAMIC


def _as_value(source: object) -> object:
    """Return what stands in a mapping's mapping, which the rules read no deeper, as the dict that the runtime finds."""
    return dict(source.items()) if isinstance(source, Written) else source


def _constant(call: Call, expr: Expression) -> object:
    if isinstance(expr, IntExpr):
        return expr.value
    if isinstance(expr, NameExpr) and expr.fullname == "builtins.None":
        return None
    texts = texts_of(expr, call.api, call.trace)
    return texts[0] if texts is not None and len(texts) == 1 else _DYNAMIC


def _read_type(tp: TypedDictType, where: Expression, *, is_inner: bool = False) -> object:
    if not tp.is_closed or tp.required_keys != set(tp.items):
        return _DYNAMIC  # which keys are there is only known when the program runs
    rows: list[Row] = []
    for name, item in tp.items.items():
        source = _baked(get_proper_type(item), where)
        if source is _DYNAMIC:
            return _DYNAMIC
        rows.append((name, _as_value(source) if is_inner else source, where, where))
    return Written(rows)


def _baked(tp: ProperType, where: Expression) -> object:
    if isinstance(tp, TypedDictType):
        return _read_type(tp, where, is_inner=True)
    if isinstance(tp, Instance) and tp.extra_attrs is not None:
        return _read_type(closed(tp.extra_attrs.attrs, tp), where, is_inner=True)
    if isinstance(tp, Instance) and tp.last_known_value is not None:
        tp = tp.last_known_value
    return tp.value if isinstance(tp, LiteralType) and isinstance(tp.value, str) else _DYNAMIC


def final_display(call: Call, expr: Expression) -> DictExpr | None:
    """Find the display that a Final name of this module stands for."""
    node = expr.node if isinstance(expr, NameExpr) else None
    if not isinstance(node, Var) or not node.is_final:
        return None
    for statement in call.api.tree.defs:
        if not isinstance(statement, AssignmentStmt) or not isinstance(statement.rvalue, DictExpr):
            continue
        if any(isinstance(name, NameExpr) and name.node is node for name in statement.lvalues):
            return statement.rvalue
    return None
