"""What a module's verdict depends on beyond what mypy sees: the classes behind a path that is only a text.

mypy knows of an expression's type and of imported names. `state.get("request.topic")` depends on `Request` too, in
whatever module that is, and on every class between. Two records keep the verdict right: the modules, which mypy stores
in the cache as indirect dependencies, for incremental runs and parallel workers; and fine-grained triggers, for the
daemon. The second is not public in mypy: it is guarded here, and pinned by the edit scenarios of the tests.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final, Protocol

from mypy.checker import DEFAULT_LAST_PASS
from mypy.nodes import MypyFile, TypeInfo
from mypy.options import Options
from mypy.server.trigger import make_trigger

from typedflow_mypy.sights import INSTALLED, Sight
from typedflow_mypy.structs import READ_ONLY

WILDCARD = "[wildcard]"
_NOT_FOLLOWED: Final = ("builtins", "typing", "types", "sys", "_typeshed")
"""Modules of which mypy keeps no triggers."""


class Targets(Protocol):
    """Where targets are added to, as to a set."""

    def add(self, target: str, /) -> object:
        """Add one."""


class Steps:
    """The classes that one check stepped through, whether it found what it looked for or not."""

    __slots__ = (
        *("_counted", "_modules", "_named", "_triggers"),
        *("classes", "constants", "is_known", "led", "members", "parts", "round", "sights"),
    )

    def __init__(self) -> None:
        self.classes: dict[TypeInfo, None] = {}
        self.members: set[tuple[TypeInfo, str]] = set()
        self.constants: set[str] = set()
        """The full names of constants that the answer depends on, and that stand in no expression of the target."""
        self.parts: list[Steps] = []
        """The steps of answers that were known already."""
        self.sights: Sequence[Sight] = ()
        """In the daemon, what the answer saw, and when that was looked at last."""
        self.round = 0
        self.led: set[str] = set()
        """The modules whose relay all triggers lead to already: mypy forgets none."""
        self.is_known = False
        """They are those of an answer that is known, and that nothing is added to any more."""
        self._modules: frozenset[str] = frozenset()
        self._counted = 0
        self._triggers: frozenset[str] = frozenset()
        self._named = 0

    def through(self, info: TypeInfo, *names: str) -> None:
        """Remember that the answer depends on a class, and on these members of it."""
        if self.is_known and (info not in self.classes or any((info, name) not in self.members for name in names)):
            raise AssertionError(f"{info.fullname} is a step of an answer that was given already")
        self.classes[info] = None
        for name in names:
            self.members.add((info, name))

    def by_name(self, constant: str) -> None:
        """Remember that the answer depends on a constant; one of a function has no full name, and is not followed."""
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
        """Return the triggers whose firing makes a check of these steps stale; those of the parts not included."""
        if self._named != len(self.classes) + len(self.members) + len(self.constants):
            self._triggers = frozenset(map(make_trigger, _names(self)))
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
        return self.triggers - {make_trigger(info.fullname + WILDCARD) for info in own} | set(
            map(make_trigger, members)
        )


class Dependencies:
    """Collect, for each module that is checked, what its checks stepped through.

    The triggers go by way of a relay: each class that a walk of a module began at has one, which all that the walks
    went through leads to, and which leads to the targets that went this way. So a target is as cheap as a set of one.
    """

    def __init__(self, options: Options) -> None:
        self._fine_grained = bool(options.fine_grained_incremental or options.cache_fine_grained)
        self._modules: dict[str, set[str]] = {}
        self._module = ""
        self._tree: MypyFile | None = None
        """The module at hand, where its targets are recorded."""
        self._is_again = False
        """Whether mypy checks only some of the module's targets, again."""
        self._relays: dict[Steps, Targets] = {}
        """Of steps that were recorded in the module at hand, the targets of their relay."""
        self._edges: dict[str, set[str]] = {}
        """Triggers and what they lead to, which mypy was not told of yet."""

    def begin(self, api: Any) -> None:
        """Begin to check a module, or go on with it."""
        self._module = api.tree.fullname
        self._relays.clear()
        self._tree = None
        if self._fine_grained and _target(api.tscope) is not None:
            self._tree = api.tree
            self._is_again = getattr(api, "last_pass", None) != DEFAULT_LAST_PASS

    def record(self, api: Any, steps: Steps) -> None:
        """Record the steps of one check in the module at hand, and for the daemon in the target that `api` is at."""
        for targets in self.lead(steps):
            targets.add(api.tscope.current_target())

    def lead(self, steps: Steps) -> Sequence[Targets]:
        """Record the steps of a check in the module at hand; gives where the target has to be added, in the daemon."""
        found = []
        for part in (steps, *steps.parts):
            if part.classes:
                relay = self._relays.get(part)
                if relay is None:
                    relay = self._relays[part] = self._relay(self._module, part)
                found.append(relay)
        return found if self._tree is not None else ()

    def _relay(self, module: str, steps: Steps) -> Targets:
        """Lead all triggers of steps to their relay; gives the targets of it."""
        self.record_module(module, steps)
        if self._tree is None:
            return set()
        relay = f"<{module}.({next(iter(steps.classes)).fullname})>"
        if module not in steps.led:
            steps.led.add(module)
            for trigger in steps.triggers_in(module):
                self._edges.setdefault(trigger, set()).add(relay)
        targets = self._edges.setdefault(relay, set())
        return _Again(targets, self._tree, steps.triggers_in(module)) if self._is_again else targets

    def record_class(self, api: Any, module: str, steps: Steps) -> None:
        """Record the steps of a check that is made in semantic analysis, of a class in the target that `api` is at."""
        self.record_module(module, steps)
        target = _target(api.scope) if self._fine_grained else None
        if target is not None:
            for trigger in steps.triggers_in(module):
                self._edges.setdefault(trigger, set()).add(target)

    def record_module(self, module: str, steps: Steps) -> None:
        """Record steps in a module, for the next run."""
        modules = self._modules.setdefault(module, set())
        modules |= steps.modules

    def modules_of(self, file: MypyFile) -> set[str]:
        """Return the modules that a checked module depends on."""
        return self._modules.get(file.fullname, set()) - {file.fullname, "builtins"}

    def tell(self, file: MypyFile) -> None:
        """Tell mypy of the triggers, with those of a module that was checked as a whole.

        mypy asks no plugin for those of targets that it checks again, after a change elsewhere: they are told with the
        next module that is checked as a whole, which is what every change begins with. That is too late where the top
        of a module is led elsewhere and what it leads to changes later in the same go, behind a chain of aliases; for
        functions there is `_Again`.
        """
        if file.fullname in _NOT_FOLLOWED:
            return
        for trigger, targets in self._edges.items():
            file.plugin_deps.setdefault(trigger, set()).update(targets)
        self._edges.clear()
        self._relays.clear()


def _target(scope: Any) -> str | None:
    try:
        found: str = scope.current_target()
    except (AttributeError, AssertionError):
        # Another mypy keeps it elsewhere: cold and incremental runs stay right by the modules.
        return None
    return found


class _Again:
    """Tell mypy of the triggers of a function as it checks that again: what changes next may change in the same go."""

    def __init__(self, targets: set[str], tree: MypyFile, triggers: Iterable[str]) -> None:
        self._targets = targets
        self._tree = tree
        self._names = frozenset(trigger[1:-1] for trigger in triggers)

    def add(self, target: str, /) -> None:
        self._targets.add(target)
        self._tree.alias_deps[target] |= self._names


def _names(steps: Steps) -> Iterable[str]:
    yield from steps.constants
    for info in steps.classes:
        for base in _changing(info):
            yield base
            yield base + WILDCARD
    for info, name in steps.members:
        for base in _changing(info):
            yield f"{base}.{name}"


def _is_own(name: str) -> bool:
    """Return whether a member is one that a class body declares, or a mark of ours, and not made by mypy."""
    return not name.startswith("__") or name.startswith("__typedflow")


def _changing(info: TypeInfo) -> list[str]:
    """Name a class and its bases, less those of installed packages that every layer and Struct has."""
    return [base.fullname for base in info.mro[:-1] if not base.fullname.startswith(INSTALLED)]
