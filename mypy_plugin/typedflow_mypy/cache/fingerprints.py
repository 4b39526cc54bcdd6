"""The fingerprints of what a cached answer depends on: of the versions, options and files; of the classes and types.

The first is for mypy's own cache, which outlives a run. The others are for the daemon, where classes change in place:
mypy analyses a class anew into a new table of names, which then replaces the old one in the same TypeInfo. So an answer
holds as long as the very same tables, symbols and types are in the classes that its check has visited, and in what
these mention. Whatever is not known here never holds.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from operator import is_
from pathlib import Path
from typing import Final

from mypy.nodes import Decorator, FuncDef, OverloadedFuncDef, SymbolNode, TypeAlias, TypeInfo, Var
from mypy.types import (
    AnyType,
    CallableType,
    Instance,
    LiteralType,
    NoneType,
    Overloaded,
    ProperType,
    TupleType,
    Type,
    TypeAliasType,
    TypedDictType,
    TypeType,
    TypeVarType,
    UnionType,
    get_proper_type,
)

import typedflow.rules
from typedflow.rules.catalogue import RULES
from typedflow_mypy.reading.trace import INSTALLED

_OF_PYTHON: Final = ("builtins.", "typing.", "enum.")
"""Where mypy's own stubs are, of which nothing is edited while the daemon runs."""
_PARTS: Final = ("mro", "bases", "metadata", "tuple_type", "typeddict_type")
_PLAIN: Final = (AnyType, NoneType)


def fingerprint(mypy_version: str, options: str, folders: Iterable[Path]) -> str:
    """Return one text that changes when any of these does, or a file in these folders or a rule.

    mypy itself looks at the entry module of a plugin only.
    """
    digest = hashlib.sha256(f"{mypy_version}\n{options}\n{sorted(RULES.items())}".encode())
    for folder in [*folders, *map(Path, typedflow.rules.__path__)]:
        for path in sorted(folder.rglob("*.py")):
            digest.update(path.relative_to(folder).as_posix().encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


class Fingerprint:
    """A class or a type as it was: the values of the attributes that tell whether it was analysed again."""

    __slots__ = ("_attributes", "_holders", "_kept", "_names", "_symbols", "_values", "generation", "holds")

    def __init__(self, number: int, seen: TypeInfo | Iterable[Type]) -> None:
        self.generation = number
        """When this was compared last."""
        self.holds = True
        self._holders: list[object] = []
        """The objects whose attributes tell; the next two have the attribute and its value at the same place."""
        self._attributes: list[str] = []
        self._kept: set[tuple[int, str]] = set()
        self._names: dict[str, object] = {}
        if isinstance(seen, TypeInfo):
            self._class(seen)
        else:
            for tp in seen:
                self._mention(tp)
        self._symbols = list(self._names.values())
        self._values = [*map(getattr, self._holders, self._attributes)]

    def compare(self, number: int) -> None:
        """Find out whether all is as it was, in a generation in which this was not compared."""
        self.generation = number
        self.holds = self.holds and self._is_same()

    def _is_same(self) -> bool:
        """Compare by identity, in loops of C: after each edit this is done for every answer that is asked for."""
        if len(self._names) != len(self._symbols) or not all(map(is_, self._names.values(), self._symbols)):
            return False
        return all(map(is_, map(getattr, self._holders, self._attributes), self._values))

    def _keep(self, holder: object, name: str) -> None:
        if (id(holder), name) not in self._kept:
            self._kept.add((id(holder), name))
            self._holders.append(holder)
            self._attributes.append(name)

    def _class(self, info: TypeInfo) -> None:
        if info.fullname.startswith(_OF_PYTHON):
            return
        self._keep(info, "names")
        if info.fullname.startswith(INSTALLED):
            return
        for name in _PARTS:
            self._keep(info, name)
        self._names = info.names  # type: ignore[assignment]  # of symbols, which are compared as they are
        for symbol in info.names.values():
            self._keep(symbol, "node")
            self._node(symbol.node)

    def _node(self, node: SymbolNode | None) -> None:
        if isinstance(node, Decorator):
            self._node(node.var)
            self._node(node.func)
        elif isinstance(node, (Var, FuncDef, OverloadedFuncDef)):
            self._keep(node, "type")
            if node.type is not None and not isinstance(node, FuncDef):
                self._mention(node.type)
        elif isinstance(node, TypeAlias):
            self._keep(node, "target")

    def _mention(self, tp: Type) -> None:
        if isinstance(tp, TypeAliasType):
            self._alias(tp)
        else:
            self._proper(get_proper_type(tp))

    def _proper(self, tp: ProperType) -> None:
        if isinstance(tp, Instance):
            if not tp.type.fullname.startswith(_OF_PYTHON):
                self._keep(tp.type, "names")
                self._keep(tp.type, "bases")
            self._all(tp.args)
        elif isinstance(tp, UnionType):
            self._all(tp.items)
        elif isinstance(tp, TupleType):
            self._all((*tp.items, tp.partial_fallback))
        elif isinstance(tp, TypedDictType):
            self._all((*tp.items.values(), tp.fallback))
        elif isinstance(tp, LiteralType):
            self._mention(tp.fallback)
        elif isinstance(tp, TypeType):
            self._mention(tp.item)
        elif isinstance(tp, TypeVarType):
            self._all((*tp.values, tp.upper_bound))
        elif isinstance(tp, CallableType):
            self._all((*tp.arg_types, tp.ret_type))
        elif isinstance(tp, Overloaded):
            self._all(tp.items)
        elif not isinstance(tp, _PLAIN):
            self.holds = False

    def _alias(self, tp: TypeAliasType) -> None:
        self._all(tp.args)
        alias = tp.alias
        if alias is None:
            self.holds = False
        elif (id(alias), "target") not in self._kept:
            self._keep(alias, "target")
            self._mention(alias.target)

    def _all(self, types: Iterable[Type]) -> None:
        for tp in types:
            self._mention(tp)


class Fingerprints:
    """The fingerprints of all classes, in generations: within one no class changes."""

    def __init__(self) -> None:
        self.generation = 0
        self._of: dict[TypeInfo, Fingerprint] = {}

    def of(self, classes: Iterable[TypeInfo], types: Iterable[Type]) -> list[Fingerprint]:
        """Return the fingerprints of these classes, their bases and these types as they are now."""
        bases = dict.fromkeys(base for info in classes for base in info.mro)
        return [*map(self._of_class, bases), Fingerprint(self.generation, types)]

    def hold(self, fingerprints: Iterable[Fingerprint]) -> bool:
        """Return whether all of them are as they were."""
        number = self.generation
        for each in fingerprints:
            if each.generation != number:  # most were compared for another answer
                each.compare(number)
            if not each.holds:
                return False
        return True

    def forget(self) -> None:
        """Forget all classes."""
        self._of.clear()

    def _of_class(self, info: TypeInfo) -> Fingerprint:
        known = self._of.get(info)
        if known is None or not self.hold((known,)):
            known = self._of[info] = Fingerprint(self.generation, info)
        return known
