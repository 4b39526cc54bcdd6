"""The dependency trace of a check: the classes that it has visited, whether it found what it looked for or not.

Every walk over types leaves one. What is done with it, so that no cached answer outlives a class that it depends on, is
told in `cache/`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from mypy.nodes import TypeInfo
from mypy.server.trigger import make_trigger

from typedflow_mypy.reading.structs import READ_ONLY

INSTALLED: Final = ("typedflow.", "msgspec.", "builtins.", "typing.", "enum.")
"""The beginnings of the names of classes that change with an installation, not with an edit."""
_WILDCARD: Final = "[wildcard]"


class Trace:
    """The classes, members and constants that one check has visited."""

    __slots__ = (
        *("_counted", "_modules", "_named", "_triggers"),
        *("classes", "constants", "is_closed", "members", "parts", "proxied_in"),
    )

    def __init__(self) -> None:
        self.classes: dict[TypeInfo, None] = {}
        self.members: set[tuple[TypeInfo, str]] = set()
        self.constants: set[str] = set()
        """The full names of constants that the answer depends on, and that stand in no expression of the target."""
        self.parts: list[Trace] = []
        """The traces of answers that were taken from a cache."""
        self.proxied_in: set[str] = set()
        """The modules in which all triggers lead to the proxy trigger of this trace already: mypy forgets none."""
        self.is_closed = False
        """The answer is in a cache: nothing may be added any more."""
        self._modules: frozenset[str] = frozenset()
        self._counted = 0
        self._triggers: frozenset[str] = frozenset()
        self._named = 0

    def visit(self, info: TypeInfo, *names: str) -> None:
        """Record that the answer depends on a class, and on these members of it."""
        if self.is_closed and (info not in self.classes or any((info, name) not in self.members for name in names)):
            raise AssertionError(f"{info.fullname} is visited for an answer that is in a cache already")
        self.classes[info] = None
        for name in names:
            self.members.add((info, name))

    def visit_constant(self, constant: str) -> None:
        """Record that the answer depends on a constant; one of a function has no full name, and is not followed."""
        if "." in constant:
            self.constants.add(constant)

    @property
    def modules(self) -> frozenset[str]:
        """Return the modules of the classes, and of their bases; those of the parts not included."""
        if self._counted != len(self.classes):
            self._modules = frozenset(base.module_name for info in self.classes for base in info.mro)
            self._counted = len(self.classes)
        return self._modules

    @property
    def triggers(self) -> frozenset[str]:
        """Return the triggers that make a check with this trace stale; those of the parts not included."""
        if self._named != len(self.classes) + len(self.members) + len(self.constants):
            self._triggers = frozenset(map(make_trigger, self._names()))
            self._named = len(self.classes) + len(self.members) + len(self.constants)
        return self._triggers

    def triggers_in(self, module: str) -> Iterable[str]:
        """Return the triggers for the targets of one module.

        mypy makes `__init__` and its kin of a Struct anew whenever it checks any function of that module again, and
        fires the wildcard of the class: a function that waits for that would be checked again for ever. Of a class in
        the module itself the members that it has now are enough. It gets others with the whole module, or from a base.
        """
        own = {base for info in self.classes for base in info.mro[:-1] if base.module_name == module}
        if not own:
            return self.triggers
        members = {f"{info.fullname}.{name}" for info in own for name in (*info.names, READ_ONLY) if _is_own(name)}
        wildcards = {make_trigger(info.fullname + _WILDCARD) for info in own}
        return self.triggers - wildcards | set(map(make_trigger, members))

    def _names(self) -> Iterable[str]:
        yield from self.constants
        for info in self.classes:
            for base in _changing_bases(info):
                yield base
                yield base + _WILDCARD
        for info, name in self.members:
            for base in _changing_bases(info):
                yield f"{base}.{name}"


def _is_own(name: str) -> bool:
    """Return whether a member is one that a class body declares, or a mark of ours, and not made by mypy."""
    return not name.startswith("__") or name.startswith("__typedflow")


def _changing_bases(info: TypeInfo) -> list[str]:
    """Return the names of a class and its bases, less those of installed packages that every layer and Struct has."""
    return [base.fullname for base in info.mro[:-1] if not base.fullname.startswith(INSTALLED)]
