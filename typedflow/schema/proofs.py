"""Prove quickly that a value is valid and normal, so that its check would return it unchanged.

The checks of `check` are closures: they name every fault and normalise, and take 30 ms for 100,000 Structs of three
fields. A proof is source text, compiled once per type, and takes 6 ms for them; one msgspec encode takes 4 to 9 ms. So
what a step read from a container, and may have changed in place, is proven as a whole when the step ends.

A proof returns True only if the check would return the value itself, and looks at every part: it misses no change,
not even one of equal value (2 for 2.0, an Enum member for its text, a Struct of another class with equal fields).
False means nothing: the check then decides, and reports. The value is never changed.

The text consists of class objects and field names of the flow's own types, never of anything in a document.
"""

from __future__ import annotations

import collections.abc as abc
import functools
import keyword
from collections.abc import Callable, Iterable
from typing import Any, Final

from typedflow.schema.generated import GeneratedSource
from typedflow.schema.records import fields_of
from typedflow.schema.scalars import limit_check
from typedflow.schema.types import (
    NO_LIMITS,
    AliasOf,
    Anything,
    CollectionOf,
    EnumOf,
    FunctionOf,
    Kind,
    Limits,
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
from typedflow.schema.undeclared import undeclared_of

Proof = Callable[[Any], bool]

_proofs: dict[Kind, Proof] = {}

LARGE: Final = 50
"""Items from which a container is proven before it is checked: a smaller one costs less than to compile the proof."""

_BUILTINS: Final = frozenset({list, set, frozenset, tuple, dict, str, bytes, bytearray})
_COLLECTIONS: Final = (list, tuple, set, frozenset)


def exact_class(kind: Kind) -> type | None:
    """Return the class for which `type(v) is cls` proves that `v` is valid; None if the type needs more checks."""
    kind = see_through(kind)
    if isinstance(kind, Scalar) and kind.limits == NO_LIMITS:
        return kind.cls
    return kind.cls if isinstance(kind, EnumOf) else None


def exact_classes(kind: Kind) -> frozenset[type]:
    """Return the classes of a kind's values; for an abstract collection, the builtin ones."""
    match see_through(kind):
        case Scalar(cls=cls) | EnumOf(cls=cls):
            return frozenset({cls})
        case LiteralOf(members=members):
            return frozenset(cls for cls, _ in members)
        case CollectionOf(cls=cls) | MappingOf(cls=cls):
            return frozenset({cls} if cls in _BUILTINS else {found for found in _BUILTINS if issubclass(found, cls)})
        case TupleOf():
            return frozenset({tuple})
        case Opaque(cls=cls, stored=stored) if stored is not None and stored.exact:
            return frozenset({cls})
        case RecordOf(cls=cls, flavour=flavour):
            return frozenset({dict if flavour == "typeddict" else cls})
        case _:
            return frozenset()


def proof_of_large(kind: CollectionOf | MappingOf) -> Proof | None:
    """Return the proof of a container, for one of `LARGE` items or more; it is compiled when first called.

    None where the check compares classes only, which is as fast.
    """
    parts = (kind.item,) if isinstance(kind, CollectionOf) else (kind.key, kind.value)
    if all(exact_class(part) is not None for part in parts):
        return None
    return functools.partial(is_proven, kind)


def is_proven(kind: Kind, value: Any) -> bool:
    """Return True if a value is proven; the proof is compiled the first time, and kept for the life of the process."""
    try:
        proof = _proofs.get(kind)
        if proof is None:
            proof = _proofs[kind] = compile_proof(kind) or _prove_nothing
    except TypeError:  # an unhashable part: a Literal of a list
        return False
    return proof(value)


def compile_proof(kind: Kind) -> Proof | None:
    """Compile the proof of a type; None if it has a union whose members only their checks can distinguish."""
    text = _Text()
    try:
        entry = text.function(kind)
    except _Unprovable:
        return None
    prove_all: Callable[[Iterable[Any]], bool] = text.run(entry, f"proof of {type(kind).__name__}")

    def prove(value: Any) -> bool:
        try:
            return prove_all((value,))
        except Exception:  # a limit that is not kept, a missing attribute, a changed size: the check finds it again
            return False

    return prove


def _prove_nothing(value: Any) -> bool:
    return False


class _Unprovable(Exception):
    """Raised for a union of which several members have values of one class."""


class _Text(GeneratedSource):
    """The source of one proof."""

    def function(self, kind: Kind) -> str:
        """Return the name of the function that proves all values of an iterable."""
        name = self.function_of.get(kind)
        if name is None:
            name = self.function_of[kind] = f"prove_{len(self.function_of)}"
            body = self._record(kind, "x") if isinstance(kind, RecordOf) else self._lines(see_through(kind), "x")
            loop = ["    for x in items:", *(f"        {line}" for line in body)] if body else []
            # no defaults for what is global: with them CPython 3.13.0 hangs where others raise RecursionError
            self.functions[name] = [f"def {name}(items):", *loop, "    return True"]
        return name

    def _lines(self, kind: Kind, var: str) -> list[str]:
        """Return the lines that return False where the value in a variable is not proven."""
        match kind:
            case Anything():
                return []
            case Nothing():
                return ["return False"]
            case Scalar(cls=cls, limits=limits):
                return [self._class(var, cls), *self._limits(limits, var)]
            case EnumOf(cls=enum_cls):
                return [self._class(var, enum_cls)]
            case LiteralOf(members=members):
                return [f"if (type({var}), {var}) not in {self.name(members)}: return False"]
            case CollectionOf(cls=cls, item=item, limits=limits):
                return [self._collection(var, cls), *self._limits(limits, var), *self._each(var, item)]
            case TupleOf(items=items):
                return self._tuple(items, var)
            case MappingOf(key=key, value=value, limits=limits):
                return [self._class(var, dict), *self._limits(limits, var), *self._entries(key, value, var)]
            case UnionOf(members=members):
                return self._union(members, var)
            case NewTypeOf(base=base):
                return self._lines(base, var)
            case RecordOf() | AliasOf():
                return [f"if not {self.function(kind)}(({var},)): return False"]
            case FunctionOf():
                return [f"if not isinstance({var}, {self.name(abc.Callable)}): return False"]
            case Opaque(cls=cls, stored=stored) if stored is not None and stored.exact:
                return [self._class(var, cls)]
            case Opaque(cls=cls, is_checkable=checkable):
                return [f"if not isinstance({var}, {self.name(cls)}): return False"] if checkable else []

    def _class(self, var: str, cls: type) -> str:
        if cls is type(None):
            return f"if {var} is not None: return False"
        return f"if type({var}) is not {self.name(cls)}: return False"

    def _collection(self, var: str, cls: type) -> str:
        if cls in _COLLECTIONS:
            return self._class(var, cls)
        possible = frozenset(found for found in _COLLECTIONS if issubclass(found, cls))
        return f"if type({var}) not in {self.name(possible)}: return False"

    def _limits(self, limits: Limits, var: str) -> list[str]:
        """Call the check of the limits, which raises for a value outside of them."""
        return [] if limits == NO_LIMITS else [f"{self.name(limit_check(limits, ''))}({var})"]

    def _each(self, items: str, item: Kind) -> list[str]:
        """Loop over the items, or pass them all to the function of their record, if it is more than a few lines."""
        if isinstance(item, RecordOf) and not _is_flat(item):
            return [f"if not {self.function(item)}({items}): return False"]
        var = self.variable()
        lines = self._record(item, var) if isinstance(item, RecordOf) else self._lines(item, var)
        return [f"for {var} in {items}:", *_indented(lines)] if lines else []

    def _entries(self, key: Kind, value: Kind, var: str) -> list[str]:
        return [*self._each(var, key), *self._each(f"{var}.values()", value)]

    def _tuple(self, items: tuple[Kind, ...], var: str) -> list[str]:
        names = [self.variable() for _ in items]
        lines = [line for name, item in zip(names, items, strict=True) for line in self._lines(item, name)]
        unpacked = [f"{', '.join(names)}, = {var}", *lines] if lines else []
        return [self._class(var, tuple), f"if len({var}) != {len(items)}: return False", *unpacked]

    def _union(self, members: tuple[Kind, ...], var: str) -> list[str]:
        """Choose the member by the class of the value."""
        by_class: dict[type, list[Kind]] = {}
        for member in members:
            classes = exact_classes(member)
            if not classes:
                raise _Unprovable
            for cls in classes:
                by_class.setdefault(cls, []).append(member)
        proving = {exact_class(member) for member in members}
        simple = [cls for cls in by_class if cls in proving]
        otherwise = ["return False"]
        if simple:
            tests = [f"{var} is not None" if cls is type(None) else self._is_not(var, cls) for cls in simple]
            otherwise = [f"if {' and '.join(tests)}: return False"]
        for cls, found in by_class.items():
            if cls in proving:
                continue
            if len(found) > 1:
                raise _Unprovable
            inner = _indented(self._lines(see_through(found[0]), var) or ["pass"])
            otherwise = [f"if type({var}) is {self.name(cls)}:", *inner, "else:", *_indented(otherwise)]
        return otherwise

    def _is_not(self, var: str, cls: type) -> str:
        return f"type({var}) is not {self.name(cls)}"

    def _record(self, kind: RecordOf, var: str) -> list[str]:
        if kind.flavour == "typeddict":
            return self._typeddict(kind, var)
        lines = [self._class(var, kind.cls)]
        for field in fields_of(kind):
            lines += self._field(field.name, field.kind, var)
        undeclared = undeclared_of(kind)
        if undeclared is not None and not undeclared.made_again:
            lines.append(f"if {self.name(undeclared.find)}({var}) is not None: return False")
        return lines

    def _field(self, field: str, kind: Kind, var: str) -> list[str]:
        named = field.isidentifier() and not keyword.iskeyword(field)
        read = f"{var}.{field}" if named else f"getattr({var}, {field!r})"
        name = self.variable()
        inner = self._lines(kind, name)
        if len(inner) == 1 and inner[0].count(name) == 1:
            return [inner[0].replace(name, read)]
        return [f"{name} = {read}", *inner]

    def _typeddict(self, kind: RecordOf, var: str) -> list[str]:
        count = self.variable()
        lines = [self._class(var, dict), f"{count} = 0"]
        for field in fields_of(kind):
            name = self.variable()
            inner = [f"{count} += 1", f"{name} = {var}[{field.name!r}]", *self._lines(field.kind, name)]
            lines += [f"if {field.name!r} in {var}:", *_indented(inner)]
            lines += ["else: return False"] if field.required else []
        return [*lines, f"if {count} != len({var}): return False"]


def _is_flat(record: RecordOf) -> bool:
    """Return whether all fields are scalars."""
    kinds = [see_through(field.kind) for field in fields_of(record)]
    parts = [see_through(part) for kind in kinds for part in (kind.members if isinstance(kind, UnionOf) else (kind,))]
    return all(isinstance(part, Scalar | EnumOf | LiteralOf) for part in parts)


def _indented(lines: Iterable[str]) -> list[str]:
    return [f"    {line}" for line in lines]
