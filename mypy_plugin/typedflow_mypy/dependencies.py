"""What a module's verdict depends on beyond what mypy sees: the classes behind a path that is only a text.

mypy knows of an expression's type and of imported names. `state.get("request.topic")` depends on `Request` too, in
whatever module that is, and on every class between. Two records keep the verdict right: the modules, which mypy stores
in the cache as indirect dependencies, for incremental runs and parallel workers; and fine-grained triggers, for the
daemon. The second is not public in mypy: it is guarded here, and pinned by the edit scenarios of the tests.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mypy.nodes import MypyFile, TypeInfo
from mypy.options import Options

WILDCARD = "[wildcard]"


class Steps:
    """The classes that one check stepped through, whether it found what it looked for or not."""

    __slots__ = ("classes", "members")

    def __init__(self) -> None:
        self.classes: dict[TypeInfo, None] = {}
        self.members: set[tuple[TypeInfo, str]] = set()

    def through(self, info: TypeInfo, *names: str) -> None:
        """Remember that the answer depends on a class, and on these members of it."""
        self.classes[info] = None
        for name in names:
            self.members.add((info, name))


class Dependencies:
    """Collect, for each module that is checked, what its checks stepped through."""

    def __init__(self, options: Options) -> None:
        self._fine_grained = bool(options.fine_grained_incremental or options.cache_fine_grained)
        self._modules: dict[str, set[str]] = {}

    def record(self, api: Any, steps: Steps) -> None:
        """Record the steps of one check in the module, and for the daemon in the target, that `api` is checking."""
        tree = api.tree
        modules = self._modules.setdefault(tree.fullname, set())
        for info in steps.classes:
            modules.update(base.module_name for base in info.mro)
        if self._fine_grained:
            _add_triggers(tree, api, set(_triggers(steps)))

    def record_module(self, module: str, steps: Steps) -> None:
        """Record the steps of a check that was made in semantic analysis."""
        modules = self._modules.setdefault(module, set())
        for info in steps.classes:
            modules.update(base.module_name for base in info.mro)

    def modules_of(self, file: MypyFile) -> set[str]:
        """Give the modules that a checked module depends on."""
        return self._modules.get(file.fullname, set()) - {file.fullname, "builtins"}


def _triggers(steps: Steps) -> Iterable[str]:
    for info in steps.classes:
        for base in info.mro[:-1]:
            yield base.fullname
            yield base.fullname + WILDCARD
    for info, name in steps.members:
        for base in info.mro[:-1]:
            yield f"{base.fullname}.{name}"


def triggers_of(steps: Steps) -> list[str]:
    """Give the names whose change makes a check of these steps stale, sorted."""
    return sorted(set(_triggers(steps)))


def _add_triggers(tree: MypyFile, api: Any, names: set[str]) -> None:
    try:
        tree.alias_deps[api.tscope.current_target()].update(names)
    except (AttributeError, AssertionError):
        # Another mypy keeps them elsewhere: cold and incremental runs stay right by the modules.
        return
