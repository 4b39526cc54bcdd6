"""Contracts as they are written: their bodies, their migrations, and the flows that are made of them.

A contract is checked when mypy checks its module, with the source at hand. What other modules need of it, and mypy does
not keep, is remembered with the class, in the cache too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from mypy.nodes import (
    MDEF,
    AssignmentStmt,
    Block,
    CallExpr,
    ClassDef,
    Context,
    Decorator,
    Expression,
    ExpressionStmt,
    ForStmt,
    FuncDef,
    IfStmt,
    MatchStmt,
    MemberExpr,
    NameExpr,
    OverloadedFuncDef,
    RefExpr,
    Statement,
    SymbolTableNode,
    TempNode,
    TryStmt,
    TypeInfo,
    Var,
    WhileStmt,
    WithStmt,
    func_scoped_name,
)
from mypy.plugin import ClassDefContext
from mypy.semanal_shared import has_placeholder
from mypy.types import (
    AnyType,
    CallableType,
    FunctionLike,
    Instance,
    LiteralType,
    NoneType,
    Type,
    TypeVarType,
    UnboundType,
    get_proper_type,
)

from typedflow.rules import schema as rules
from typedflow.rules.problems import Problem
from typedflow.rules.snapshots import check_migration
from typedflow.rules.wording import describe
from typedflow_mypy.checks.bases import check_contract_bases
from typedflow_mypy.checks.options import FLOW, with_options
from typedflow_mypy.reading.calls import ANY, Call, taking_anything
from typedflow_mypy.reading.constants import UNKNOWN, constant_of, keyword_of, shown, spreads_keywords
from typedflow_mypy.reading.literals import says_nothing
from typedflow_mypy.reading.rendering import render
from typedflow_mypy.reading.structs import annotated, class_of
from typedflow_mypy.reading.surface import is_typedflow
from typedflow_mypy.reading.trace import Trace
from typedflow_mypy.reporting import report

_OBJECT: Final = "builtins.object"
_KEPT: Final = "__typedflow_mypy_{}__"
_BASES: Final = {"state": "State", "flow_state": "FlowState", "resources": "Resources", "events": "Events"}


def check_contract(call: Call) -> FunctionLike:
    """Check the body of a contract, when mypy looks at its keywords."""
    info = _class_at_hand(call)
    if info is None or not is_typedflow(info, "Contract"):
        return call.signature
    call.trace.visit(info)
    for problem, where in _check_body(info.defn, info, call.trace, call.api.path):
        report(call.api, problem, where)
    return call.signature


def _class_at_hand(call: Call) -> TypeInfo | None:
    """Return the class whose keywords mypy checks, as a call of `__init_subclass__` at the place of the class."""
    callee = call.context.callee if isinstance(call.context, CallExpr) else None
    if not isinstance(callee, MemberExpr) or not isinstance(callee.expr, NameExpr):
        return None
    # mypy keeps a class that stands in a function under a name of its own, at the top of the module
    local = call.api.tree.names.get(func_scoped_name(callee.expr.name, call.context.line))
    if local is not None:
        return local.node if isinstance(local.node, TypeInfo) else None
    classes: list[TypeInfo] = call.api.tscope.classes
    return classes[-1] if classes else None


def record_attributes(ctx: ClassDefContext) -> None:
    """Record the version of a contract and whether it is abstract, as literals, whose change mypy notices."""
    defn = ctx.cls
    version = keyword_of(defn, "version", 1)
    if "version" not in defn.keywords and spreads_keywords(defn, ctx.api.cur_mod_node.path):  # type: ignore[attr-defined]  # it has one
        version = UNKNOWN
    _keep(ctx, "version", version if type(version) is int else 0)
    _keep(ctx, "abstract", int(keyword_of(defn, "abstract", False) is not False))
    for statement in defn.defs.body:
        if isinstance(statement, AssignmentStmt):
            _widen_wrong_parts(defn.info, statement)


def _widen_wrong_parts(info: TypeInfo, statement: AssignmentStmt) -> None:
    """Set the type of a part that is reported where it is declared to Any, so that its uses are not reported too."""
    for name in statement.lvalues:
        if not isinstance(name, NameExpr) or name.name not in rules.PARTS:
            continue
        if not isinstance(statement.rvalue, TempNode):
            var = Var(name.name, ANY)
            var.info = info
            var._fullname = f"{info.fullname}.{name.name}"
            info.names[name.name] = SymbolTableNode(MDEF, var)
        elif (
            statement.type is not None
            and not has_placeholder(statement.type)
            and isinstance(name.node, Var)
            and _check_kind(info.name, name.name, statement.type, statement.type, Trace()) is not None
        ):
            name.node.type = ANY


def _keep(ctx: ClassDefContext, name: str, value: int) -> None:
    literal = LiteralType(value, ctx.api.named_type("builtins.int"))
    var = Var(_KEPT.format(name), literal)
    var.info = ctx.cls.info
    var.is_classvar = var.is_initialized_in_class = True
    var._fullname = f"{ctx.cls.info.fullname}.{var.name}"
    ctx.cls.info.names[var.name] = SymbolTableNode(MDEF, var, plugin_generated=True)


def _remembered(info: TypeInfo, name: str) -> int:
    """Return what was kept; 0 for what was not."""
    sym = info.names.get(_KEPT.format(name))
    tp = get_proper_type(sym.node.type) if sym is not None and isinstance(sym.node, Var) else None
    return tp.value if isinstance(tp, LiteralType) and isinstance(tp.value, int) else 0


def _check_body(defn: ClassDef, info: TypeInfo, trace: Trace, path: str) -> Iterator[tuple[Problem, Context]]:
    contract = defn.name
    yield from check_contract_bases(defn, info)
    own = [name.name for _, name in annotated(defn)]
    for statement in defn.defs.body:
        if isinstance(statement, AssignmentStmt):
            yield from _check_assignment(contract, info, statement, own, trace)
        elif isinstance(statement, (FuncDef, Decorator, OverloadedFuncDef)) and not statement.name.startswith("__"):
            yield rules.unknown_part_problem(contract, statement.name, own), statement
    if keyword_of(defn, "abstract", False) is False:
        for part in rules.REQUIRED_PARTS:
            if info.get(part) is None and not spreads_keywords(defn, path):
                yield rules.missing_part_problem(contract, part), defn
    given = keyword_of(defn, "version", 1)
    if isinstance(given, int) and (isinstance(given, bool) or given < 1):
        yield rules.wrong_version_problem(contract, describe(given)), defn.keywords["version"]


def _check_assignment(
    contract: str, info: TypeInfo, statement: AssignmentStmt, own: list[str], trace: Trace
) -> Iterator[tuple[Problem, Context]]:
    for name in statement.lvalues:
        if not isinstance(name, NameExpr) or name.name.startswith("__"):
            continue
        if name.name not in rules.PARTS:
            yield rules.unknown_part_problem(contract, name.name, own), name
        elif not isinstance(statement.rvalue, TempNode):
            yield rules.part_with_value_problem(contract, name.name), name
        elif statement.type is not None and statement.unanalyzed_type is not None:
            problem = _check_kind(contract, name.name, statement.type, statement.unanalyzed_type, trace)
            if problem is not None:
                yield problem, statement.unanalyzed_type


def _check_kind(contract: str, part: str, tp: Type, written: Type, trace: Trace) -> Problem | None:
    """Check that a part is of its kind, and settled: no generic class, and no type variable that may be anything."""
    proper = get_proper_type(tp)
    if part not in _BASES or isinstance(proper, AnyType):
        return None
    if isinstance(proper, TypeVarType):
        limits = proper.values or [proper.upper_bound]
        if any(isinstance(it := get_proper_type(limit), Instance) and it.type.fullname == _OBJECT for limit in limits):
            return rules.unbound_part_problem(contract, part, proper.name)
        found = (_check_kind(contract, part, limit, proper, trace) for limit in limits)
        return next((problem for problem in found if problem is not None), None)
    if isinstance(proper, Instance):
        trace.visit(proper.type)
        if proper.type.fallback_to_any:
            return None
        if is_typedflow(proper.type, _BASES[part]):
            is_bare = isinstance(written, UnboundType) and not written.args
            given = proper.type.name if is_bare else render(tp)
            return rules.generic_part_problem(contract, part, given) if proper.args else None
    return rules.wrong_part_problem(contract, part, render(tp))


def check_flow(call: Call) -> FunctionLike:
    """Check that a flow is made of a contract, and its options."""
    signature = with_options(call, call.signature, FLOW)
    given = call.argument("contract")
    if given is None:
        return signature
    tp = call.type_of(given)
    proper = get_proper_type(tp)
    made = get_proper_type(proper.ret_type) if isinstance(proper, CallableType) and proper.is_type_obj() else None
    if isinstance(made, Instance) and is_typedflow(made.type, "Contract"):
        return _check_whole(call, made.type, given, signature)
    if isinstance(made, Instance) and made.type.fallback_to_any:
        return signature
    if made is None and (says_nothing(tp) or not isinstance(proper, (Instance, NoneType, LiteralType, CallableType))):
        return signature
    what = render(made) if made is not None else describe(shown(call, given))
    call.report(rules.not_a_contract_problem(what), given)
    return taking_anything(signature, ANY)


def _check_whole(call: Call, contract: TypeInfo, given: Expression, signature: CallableType) -> FunctionLike:
    """Check that a contract has what every flow needs; that of one which lacks it says nothing more."""
    call.trace.visit(contract, _KEPT.format("abstract"), *rules.REQUIRED_PARTS)
    missing = [part for part in rules.REQUIRED_PARTS if contract.get(part) is None]
    if not missing or contract.fallback_to_any:
        return signature
    if _remembered(contract, "abstract"):  # of all others it is said where they are declared
        for part in missing:
            call.report(rules.missing_part_problem(contract.name, part), given)
    return taking_anything(signature, ANY)


# -- migrations


def check_migrate(call: Call) -> FunctionLike:
    """Check that a migration leads from a version below its contract's own, and is the only one that does."""
    given = call.argument("version")
    contract = _named(call.context)
    if given is None or contract is None:
        return call.signature
    call.trace.visit(contract, _KEPT.format("version"))
    version, newest = constant_of(given, call.module), _remembered(contract, "version")
    if not isinstance(version, int) or not newest:
        return call.signature
    problem = check_migration(contract.name, version, newest, set(_earlier(call, contract)))
    if problem is not None:
        call.report(problem, given)
    return call.signature


def _named(context: Context) -> TypeInfo | None:
    """Return the contract whose `migrate` a call names."""
    callee = context.callee if isinstance(context, CallExpr) else None
    owner = callee.expr if isinstance(callee, MemberExpr) and callee.name == "migrate" else None
    return class_of(owner.node) if isinstance(owner, RefExpr) else None


def _earlier(call: Call, contract: TypeInfo) -> Iterator[int]:
    """Yield the versions that migrations above lead on from, in the same module and sure to be declared before."""
    for statement in _above(call.api.tree.defs, call.context.line):
        for made in _calls_of(statement):
            if _named(made) is contract and made.args:
                version = constant_of(made.args[0], call.module)
                if isinstance(version, int):
                    yield version


def _above(body: Iterable[Statement], line: int) -> Iterator[Statement]:
    """Yield the statements that run before a line does: those above it in its own block and in all around that."""
    for statement in body:
        ends = statement.end_line or statement.line
        if ends < line:
            yield statement
            yield from _always_run(statement)
        elif statement.line <= line:
            for block in _blocks_of(statement):
                if block.line <= line <= (block.end_line or block.line):
                    yield from _above(block.body, line)


def _always_run(statement: Statement) -> Iterator[Statement]:
    """Yield the statements in a class, which run with it."""
    for inner in statement.defs.body if isinstance(statement, ClassDef) else ():
        yield inner
        yield from _always_run(inner)


def _blocks_of(statement: Statement) -> list[Block]:
    """Return the blocks of a compound statement."""
    match statement:
        case Decorator(func=FuncDef(body=body)) | FuncDef(body=body) | ClassDef(defs=body) | WithStmt(body=body):
            return [body]
        case ForStmt(body=body, else_body=otherwise) | WhileStmt(body=body, else_body=otherwise):
            found = [body, otherwise]
        case IfStmt(body=bodies, else_body=otherwise):
            found = [*bodies, otherwise]
        case TryStmt(body=body, handlers=handlers, else_body=otherwise, finally_body=finally_body):
            found = [body, *handlers, otherwise, finally_body]
        case MatchStmt(bodies=bodies):
            return bodies
        case _:
            return []
    return [block for block in found if block is not None]


def _calls_of(statement: Statement) -> Iterator[CallExpr]:
    """Yield the calls that a statement makes of a function: as its decorators, and as `contract.migrate(1)(lift)`."""
    if isinstance(statement, Decorator):
        yield from (made for made in statement.original_decorators if isinstance(made, CallExpr))
        return
    made = statement.expr if isinstance(statement, ExpressionStmt) else None
    if isinstance(made, CallExpr) and isinstance(made.callee, CallExpr):
        yield made.callee
