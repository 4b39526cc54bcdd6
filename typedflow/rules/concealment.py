"""Keep text of the resources in use (passwords, keys, tokens) out of error messages.

Resources are injected and never saved, but a handler can write a value taken from one to a wrong field, and the error
would show the value. Code that runs an execution registers its resources with `concealing`; for values that belong to
them, messages show the class only. Outside of `concealing` nothing is concealed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from contextvars import ContextVar
from typing import Any, Final, TypeAlias

Resources: TypeAlias = Callable[[], Iterable[object]]
"""Returns the resources in use, as they are now."""

_in_use: Final[ContextVar[Resources | None]] = ContextVar("typedflow_resources", default=None)

SHORTEST: Final = 8
"""Characters of a text that is concealed wherever it stands: below an attribute or inside of another text.

A shorter one is concealed only where it is a value of its own, as 'a' stands in every message.
"""
DEEPEST: Final = 3
MOST: Final = 500
"""Bounds of the search for texts inside of one resource: levels and parts."""
CUT: Final = 40
"""Characters of a long text that are enough to conceal it: a message may have cut the rest."""
_FLAT: Final = (type(None), bool, int, float)


class Concealing:
    """Conceal the text of resources for the time of a `with` block.

    A class, because a context manager that `contextlib` makes of a generator assigns to the exceptions that pass it,
    and one of a user may refuse that.
    """

    __slots__ = ("_resources", "_token")

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._token: Any = None

    def __enter__(self) -> None:
        self._token = conceal(self._resources)

    def __exit__(self, *error: object) -> None:
        with suppress(ValueError):  # a coroutine that is closed from another context, where nothing is to be undone
            _in_use.reset(self._token)


def concealing(resources: Resources) -> Concealing:
    """Conceal the text of these resources, and of those concealed already, in messages made inside of the block."""
    return Concealing(resources)


def conceal(resources: Resources) -> Any:
    """Conceal the text of these resources as well, to the end of the present context; returns the token to reset it."""
    outer = _in_use.get()
    return _in_use.set(resources if outer is None else lambda: (*outer(), *resources()))


def is_concealed(value: object) -> bool:
    """Return True if a value is a resource in use, equals the text of one, or shows one in its repr."""
    resources = _in_use.get()
    if resources is None or type(value) in _FLAT or (_is_text(value) and not value):
        return False
    in_use = list(resources())
    if any(value is resource or _is_text_of(value, resource) for resource in in_use):
        return True
    texts = [spelt for text in _texts(in_use) for spelt in _spellings(text)]
    if not texts:
        return False
    try:
        shown = repr(value)
    except Exception:  # then no message shows it either
        return False
    return any(text in shown for text in texts)


def redacted(text: str) -> str:
    """Return a message with every text of a resource in use replaced by '…'."""
    resources = _in_use.get()
    if resources is None:
        return text
    for secret in _texts(list(resources())):
        for spelt in _spellings(secret):
            if spelt[:CUT] in text:
                rest = r"[^\s'\"]*" if len(spelt) > CUT else ""
                text = re.sub(re.escape(spelt[:CUT]) + rest, "…", text)
    return text


def _is_text_of(value: object, resource: object) -> bool:
    return _is_text(value) and _is_text(resource) and _plain(value) == _plain(resource)


def _is_text(value: object) -> bool:
    return issubclass(type(value), (str, bytes, bytearray))


def _plain(text: Any) -> str:
    return str.__str__(text) if isinstance(text, str) else bytes(text).decode("latin-1")


def _spellings(text: str) -> set[str]:
    """Return a text as it is, and as a repr spells it."""
    return {text, repr(text)[1:-1]}


def _texts(resources: Iterable[object]) -> set[str]:
    """Return the texts, of `SHORTEST` characters and more, that resources are or hold."""
    found: set[str] = set()
    for resource in resources:
        waiting: list[tuple[object, int]] = [(resource, 0)]
        for part, depth in waiting:
            if _is_text(part):
                text = _plain(part)
                if len(text) >= SHORTEST:
                    found.add(text)
            elif depth < DEEPEST and len(waiting) < MOST:
                waiting.extend((inner, depth + 1) for inner in _parts(part)[: MOST - len(waiting)])
    return found


def _parts(value: object) -> list[object]:
    """Return what a value holds: items, or attributes that are there without calling anything."""
    if issubclass(type(value), type):
        return []
    try:
        if isinstance(value, Mapping):
            return list(value.values())
        if isinstance(value, list | tuple | set | frozenset):
            return list(value)
        names = [name for cls in type(value).__mro__ for name in _slots(cls)]
        fields = (object.__getattribute__(value, name) for name in names if _is_set(value, name))
        return [*getattr(value, "__dict__", {}).values(), *fields]
    except Exception:  # a resource may be anything, and a message must come out all the same
        return []


def _slots(cls: type) -> Iterable[str]:
    slots: Any = vars(cls).get("__struct_fields__") or vars(cls).get("__slots__") or ()
    return (slots,) if isinstance(slots, str) else slots


def _is_set(value: object, name: str) -> bool:
    try:
        object.__getattribute__(value, name)
    except AttributeError:
        return False
    return True
