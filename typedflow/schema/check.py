"""Check that a value is valid for a declared type, and normalise it to the form that is stored.

The check agrees with mypy where both apply, and is stricter where a save would lose information: classes are exact
(a subclass of a Struct, a dataclass or a list is refused), TypedDicts have no undeclared keys, and Structs are
checked *inside*, which msgspec does not do on `__init__`. bool where int, int where float and plain subclasses of
scalars are normalised (`scalars`). Mutable containers are normalised in place and keep their identity; immutable ones,
and what is declared as read-only (`Sequence`, `Mapping`), are rebuilt, only when a part changed. Values equal their
normal form throughout.

Compiled to closures, once per kind; large containers are proven first (`proofs`), in a fifth of the time. Not checked:
the signature of a Callable, a protocol that is not runtime-checkable, the items of an iterator, the attributes of a
class that is no record.
"""

from __future__ import annotations

import collections.abc as abc
from typing import Any, Final, assert_never

from typedflow.rules.saving import TOO_DEEP
from typedflow.schema import proofs
from typedflow.schema.containers import collection_check, mapping_check, tuple_check
from typedflow.schema.mismatch import Mismatch as Mismatch
from typedflow.schema.mismatch import render_path as render_path
from typedflow.schema.parsing import parse
from typedflow.schema.proofs import exact_classes as exact_classes
from typedflow.schema.record_checks import Part, record_check, typeddict_check
from typedflow.schema.records import fields_of
from typedflow.schema.recursion import Recursion
from typedflow.schema.render import render
from typedflow.schema.scalars import Check as Check
from typedflow.schema.scalars import literal_check, scalar_check
from typedflow.schema.types import (
    AliasOf,
    Anything,
    CollectionOf,
    EnumOf,
    FunctionOf,
    Kind,
    LiteralOf,
    MappingOf,
    NewTypeOf,
    Nothing,
    Opaque,
    RecordOf,
    Scalar,
    TupleOf,
    UnionOf,
    see_through,
)

_compiled: dict[Kind, Check] = {}


def compile_check(tp: Any) -> Check:
    """Compile the check of a type: it returns the normalised value, or raises the first `Mismatch`.

    Raises `parsing.Unresolved` if an annotation at any depth has an undefined name. Cached for the life of the process.
    A value nested deeper than the interpreter's stack, or one that contains itself, is a `Mismatch`.
    """
    kind = parse(tp)
    try:
        found = _compiled.get(kind)
    except TypeError:  # an unhashable part: a Literal of a list
        return _compile(kind)
    if found is None:
        found = _compiled[kind] = _compile(kind)
    return found


def exact_class(tp: Any) -> type | None:
    """Return the class for which `type(v) is cls` proves that `v` is valid; None if the type needs more checks."""
    return proofs.exact_class(parse(tp))


def proving_classes(kind: Kind) -> frozenset[type]:
    """Return the classes for which `type(v)` proves that `v` is valid: for a union, those of its members."""
    seen = see_through(kind)
    members = seen.members if isinstance(seen, UnionOf) else (seen,)
    return frozenset(cls for member in members if (cls := exact_class(member)) is not None)


def _compile(kind: Kind) -> Check:
    compiler = _Compiler(in_place=True)
    check = compiler.check(kind)
    if not compiler.recursive:
        return check
    expected = render(kind)

    def guarded(value: Any) -> Any:
        try:
            return check(value)
        except RecursionError:
            raise Mismatch((), expected, value, f"it {TOO_DEEP}") from None

    return guarded


class _Compiler:
    """One compilation.

    With `in_place` False, a container with a changed part is rebuilt, and the original is not modified.
    """

    def __init__(self, *, in_place: bool) -> None:
        self.in_place = in_place
        self._recursion = Recursion()

    @property
    def recursive(self) -> bool:
        return self._recursion.met

    def check(self, kind: Kind) -> Check:
        match kind:
            case Anything():
                return _pass
            case Nothing():
                return _never
            case Scalar():
                return scalar_check(kind)
            case EnumOf(cls=cls):
                return _instance_check(cls, cls.__name__)
            case LiteralOf():
                return literal_check(kind)
            case CollectionOf(item=item):
                return collection_check(kind, self.check(item), exact_class(item), self.in_place)
            case TupleOf(items=items):
                return tuple_check(kind, [self.check(item) for item in items])
            case MappingOf(key=key, value=value):
                return mapping_check(
                    kind, self.check(key), exact_class(key), self.check(value), exact_class(value), self.in_place
                )
            case UnionOf():
                return self._union(kind)
            case NewTypeOf(base=base):
                return self.check(base)
            case AliasOf():
                return self._recursion.once(kind, lambda: self.check(kind.target))
            case RecordOf():
                return self._recursion.once(kind, lambda: self._record(kind))
            case FunctionOf():
                return _function_check(kind)
            case Opaque(stored=stored) if stored is not None and stored.exact:
                return _exact_check(kind.cls, render(kind))
            case Opaque():
                return _instance_check(kind.cls, render(kind)) if kind.is_checkable else _pass
            case _:
                assert_never(kind)

    def _record(self, kind: RecordOf) -> Check:
        parts = [Part(f.name, proving_classes(f.kind), self.check(f.kind), f.required) for f in fields_of(kind)]
        if kind.flavour == "typeddict":
            return typeddict_check(kind, parts, self.in_place)
        return record_check(kind, parts, self.in_place)

    def _union(self, kind: UnionOf) -> Check:
        expected = render(kind)
        checks = [self.check(member) for member in kind.members]
        by_class: dict[type, list[Check]] = {}
        for member, check in zip(kind.members, checks, strict=True):
            for cls in exact_classes(member):
                by_class.setdefault(cls, []).append(check)
        if self.in_place and any(cls in _CHANGEABLE and len(found) > 1 for cls, found in by_class.items()):
            return self._tried_first(kind, checks, expected)
        proven = proving_classes(kind)
        order = {cls: [*found, *(c for c in checks if c not in found)] for cls, found in by_class.items()}

        def check_union(value: Any) -> Any:
            cls = type(value)
            if cls in proven:
                return value
            fault: Mismatch | None = None
            for check in order.get(cls, checks):
                try:
                    return check(value)
                except Mismatch as mismatch:
                    fault = fault or mismatch
            raise _unfit(expected, value, fault, clear=len(by_class.get(cls, ())) == 1)

        return check_union

    def _tried_first(self, kind: UnionOf, checks: list[Check], expected: str) -> Check:
        """Find the matching member without changing the value, which a member that fails late would have modified."""
        dry = _Compiler(in_place=False)
        trials = [dry.check(member) for member in kind.members]

        def check(value: Any) -> Any:
            fits = None
            for trial, member in zip(trials, checks, strict=True):
                try:
                    if trial(value) is value:
                        return member(value)
                except Mismatch:
                    continue
                fits = fits or member
            if fits is None:
                raise Mismatch((), expected, value)
            return fits(value)

        return check


_CHANGEABLE: Final = frozenset({list, set, dict})


def _unfit(expected: str, value: Any, fault: Mismatch | None, *, clear: bool) -> Mismatch:
    """Return the mismatch to report: that of the part if the intended member is clear, else that of the union."""
    if fault is not None and clear and fault.path:
        return fault
    return Mismatch((), expected, value, fault.hint if fault is not None and clear else "")


def _pass(value: Any) -> Any:
    return value


def _never(value: Any) -> Any:
    raise Mismatch((), "Never", value)


def _instance_check(cls: type, expected: str) -> Check:
    def check(value: Any) -> Any:
        if isinstance(value, cls):
            return value
        raise Mismatch((), expected, value)

    return check


def _exact_check(cls: type, expected: str) -> Check:
    def check(value: Any) -> Any:
        if type(value) is cls:
            return value
        hint = f"a save would cut this subclass of {cls.__name__} short" if isinstance(value, cls) else ""
        raise Mismatch((), expected, value, hint)

    return check


def _function_check(kind: FunctionOf) -> Check:
    expected = render(kind)

    def check(value: Any) -> Any:
        if isinstance(value, abc.Callable):  # type: ignore[arg-type]  # mypy knows the form, not the class
            return value
        raise Mismatch((), expected, value)

    return check
