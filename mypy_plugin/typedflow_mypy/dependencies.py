"""What a module's verdict depends on beyond what mypy sees: the classes behind a path that is only a text.

mypy knows of an expression's type and of imported names. `state.get("request.topic")` depends on `Request` too, in
whatever module that is, and on every class between. Two records keep the verdict right: the modules, which mypy stores
in the cache as indirect dependencies, for incremental runs and parallel workers; and fine-grained triggers, for the
daemon. The second is not public in mypy: it is guarded here, and pinned by the edit scenarios of the tests.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import Any, TypeVar

from mypy.nodes import MypyFile, TypeInfo
from mypy.options import Options

WILDCARD = "[wildcard]"
_INSTALLED = ("typedflow.", "msgspec.", "builtins.", "typing.", "enum.")
T = TypeVar("T")


class Steps:
    """The classes that one check stepped through, whether it found what it looked for or not."""

    __slots__ = ("_counted", "_modules", "_named", "_triggers", "classes", "members", "parts")

    def __init__(self) -> None:
        self.classes: dict[TypeInfo, None] = {}
        self.members: set[tuple[TypeInfo, str]] = set()
        self.parts: list[Steps] = []
        """The steps of answers that were known already."""
        self._modules: frozenset[str] = frozenset()
        self._counted = 0
        self._triggers: frozenset[str] = frozenset()
        self._named = 0

    def through(self, info: TypeInfo, *names: str) -> None:
        """Remember that the answer depends on a class, and on these members of it."""
        self.classes[info] = None
        for name in names:
            self.members.add((info, name))

    def all(self) -> Iterator[Steps]:
        """Give these steps and those of known answers, which have no parts themselves."""
        yield self
        yield from self.parts

    @property
    def modules(self) -> frozenset[str]:
        """Give the modules of the classes, and of their bases; those of the parts not included."""
        if self._counted != len(self.classes):
            self._modules = frozenset(base.module_name for info in self.classes for base in info.mro)
            self._counted = len(self.classes)
        return self._modules

    @property
    def triggers(self) -> frozenset[str]:
        """Give the names whose change makes a check of these steps stale; those of the parts not included."""
        if self._named != len(self.classes) + len(self.members):
            self._triggers = frozenset(_triggers(self))
            self._named = len(self.classes) + len(self.members)
        return self._triggers


class Memo:
    """Answers that are the same wherever they are asked for, with the steps that led to them.

    In the daemon classes change in place: there the answers are dropped whenever mypy analyses a class or a type again,
    and when it goes on to another module, see `drop` and `enter`.
    """

    def __init__(self, *, in_daemon: bool) -> None:
        self._in_daemon = in_daemon
        self._module = ""
        self._answers: dict[Hashable, tuple[Any, Steps]] = {}
        self._settled: dict[Hashable, tuple[Any, Steps]] = {}
        self.overloads: tuple[object, Hashable, Any] | None = None
        """Of the call at hand: its place, its receiver, and what was found for the first of its overloads."""
        self.fitting: tuple[object, Hashable] | None = None
        """Of the step at hand: its place and its receiver, where the handler fits the first of its overloads."""
        self.declaring: set[tuple[str, Hashable]] = set()
        """The layers that are known to be declared, each with its contract."""
        self.of_users: dict[str, tuple[Any]] = {}
        """What was answered of a name that depends on a user's class."""

    def settled(self, check: object, receiver: Hashable, written: Hashable) -> tuple[Any, Steps] | None:
        """Give the answer to a call of which `written` is all that it depends on, and in which nothing was wrong."""
        return self._settled.get((check, receiver, written))

    def settle(self, check: object, receiver: Hashable, written: Hashable, answer: object, steps: Steps) -> None:
        """Keep such an answer."""
        self._settled[check, receiver, written] = (answer, steps)

    def drop(self) -> None:
        """Forget every answer, in the daemon."""
        if self._in_daemon and (self._answers or self.declaring or self.of_users):
            self._clear()

    def enter(self, module: str) -> None:
        """Forget every answer that was given in another module, in the daemon."""
        if self._in_daemon and module != self._module:
            self._module = module
            self._clear()

    def _clear(self) -> None:
        self._answers.clear()
        self._settled.clear()
        self.declaring.clear()
        self.of_users.clear()

    def ask(self, key: Hashable, steps: Steps, find: Callable[[Steps], T]) -> T:
        """Give the answer to a question; `find` is asked once, and has to leave its steps in what it is given."""
        known = self._answers.get(key)
        if known is None:
            own = Steps()
            known = self._answers[key] = (find(own), own)
        steps.parts.append(known[1])
        answer: T = known[0]
        return answer


class Dependencies:
    """Collect, for each module that is checked, what its checks stepped through."""

    def __init__(self, options: Options) -> None:
        self._fine_grained = bool(options.fine_grained_incremental or options.cache_fine_grained)
        self._modules: dict[str, set[str]] = {}
        self._recorded: set[Steps] = set()
        self._module = ""
        self._names: set[str] = set()
        """The triggers of the target at hand, and the steps that they are of already."""
        self._added: set[Steps] = set()

    def record(self, api: Any, steps: Steps) -> None:
        """Record the steps of one check in the module, and for the daemon in the target, that `api` is checking."""
        tree = api.tree
        if tree.fullname != self._module:
            self._module = tree.fullname
            self._recorded.clear()
        if steps not in self._recorded:
            self._recorded.add(steps)
            self.record_module(tree.fullname, steps)
        if self._fine_grained:
            self._add_triggers(tree, api, steps)

    def _add_triggers(self, tree: MypyFile, api: Any, steps: Steps) -> None:
        try:
            names = tree.alias_deps[api.tscope.current_target()]
        except (AttributeError, AssertionError):
            # Another mypy keeps them elsewhere: cold and incremental runs stay right by the modules.
            return
        if names is not self._names:
            self._names, self._added = names, set()
        if steps in self._added:
            return
        for part in steps.all():
            if part not in self._added:
                self._added.add(part)
                names |= part.triggers

    def record_module(self, module: str, steps: Steps) -> None:
        """Record the steps of a check in a module, as one that is made in semantic analysis has no target."""
        modules = self._modules.setdefault(module, set())
        for part in steps.all():
            modules |= part.modules

    def modules_of(self, file: MypyFile) -> set[str]:
        """Give the modules that a checked module depends on."""
        return self._modules.get(file.fullname, set()) - {file.fullname, "builtins"}


def _triggers(steps: Steps) -> Iterable[str]:
    for info in steps.classes:
        for base in _changing(info):
            yield base
            yield base + WILDCARD
    for info, name in steps.members:
        for base in _changing(info):
            yield f"{base}.{name}"


def _changing(info: TypeInfo) -> list[str]:
    """Name a class and its bases, less those of installed packages that every layer and Struct has."""
    return [base.fullname for base in info.mro[:-1] if not base.fullname.startswith(_INSTALLED)]


def triggers_of(steps: Steps) -> list[str]:
    """Give the names whose change makes a check of these steps stale, sorted."""
    return sorted(name for name in frozenset().union(*(part.triggers for part in steps.all())))
