"""Read annotations on every Python; from 3.14 they are evaluated when they are read (PEP 649, PEP 749).

Below 3.14 an annotation is an object, or a text. From 3.14 a class or function has an `__annotate__` function, which
raises where a name is not bound yet; what can be evaluated is read all the same, and the rest as forward references.
Nothing here knows where names are to be looked up besides: that is for `annotations` and `parsing`.
"""

from __future__ import annotations

import inspect
import sys
import types
from collections.abc import Iterator, Mapping
from typing import Any, Final, ForwardRef

IS_DEFERRED: Final = sys.version_info >= (3, 14)
"""Whether this Python evaluates annotations only when they are read."""

if sys.version_info >= (3, 14):
    import annotationlib


class Unevaluated(Exception):
    """Raised if no annotation can be read, because evaluating them raises something other than a NameError."""


class Names(Mapping[str, Any]):
    """Names with their values; looking up a name of `unbound`, which has no value yet, raises NameError."""

    __slots__ = ("_names", "_unbound")

    def __init__(self, names: Mapping[str, Any], unbound: frozenset[str]) -> None:
        self._names = names
        self._unbound = unbound

    def __getitem__(self, name: str) -> Any:
        """Return a value; raises NameError, which ends the lookup, for a name without one."""
        if name in self._unbound:
            raise NameError(f"name '{name}' is not defined yet", name=name)
        return self._names[name]

    def __iter__(self) -> Iterator[str]:
        return (name for name in self._names if name not in self._unbound)

    def __len__(self) -> int:
        return sum(1 for _ in self)


def without(names: Mapping[str, Any], unbound: frozenset[str]) -> Mapping[str, Any]:
    """Return the names; looking up one of `unbound` raises NameError."""
    return Names(names, unbound) if unbound else names


def own_annotations(owner: Any) -> dict[str, Any]:
    """Return a copy of the annotations of a class or function, without its bases; unbound names stay references.

    Nothing is stored in the class, so that its names can still be bound later. Raises `Unevaluated`.
    """
    if sys.version_info >= (3, 14):
        try:
            return dict(_evaluated(owner))
        except Exception:  # an annotation is any expression, so it may raise anything
            annotate = getattr(owner, "__annotate__", None)
        return {} if annotate is None else _with_references(annotate, owner)
    return dict(owner.__annotations__) if type(owner) is types.FunctionType else inspect.get_annotations(owner)


def body_annotations(namespace: Mapping[str, Any]) -> dict[str, Any]:
    """Read the annotations in the namespace of a class body, before there is a class. Raises `Unevaluated`."""
    if sys.version_info >= (3, 14):
        annotate = annotationlib.get_annotate_from_class_namespace(namespace)
        if annotate is None:
            return dict(namespace.get("__annotations__", {}))
        try:
            return dict(annotate(annotationlib.Format.VALUE))
        except Exception:  # as above
            return _with_references(annotate, None)
    return dict(namespace.get("__annotations__", {}))


def text_as_written(owner: Any, name: str) -> str | None:
    """Return the source text of an annotation, for messages; None if only its value is known."""
    if sys.version_info >= (3, 14):
        annotate = getattr(owner, "__annotate__", None)
        if annotate is not None:
            try:
                text = annotationlib.call_annotate_function(annotate, annotationlib.Format.STRING, owner=owner)[name]
            except Exception:  # a message is not worth an error of its own
                return None
            return text if isinstance(text, str) else None
    return None


def closure_of(owner: Any) -> tuple[dict[str, Any], frozenset[str]]:
    """Return the names of enclosing functions that an owner's annotations use: those with values, and those without.

    Empty below 3.14, where annotations have no closure.
    """
    bound: dict[str, Any] = {}
    unbound: set[str] = set()
    annotate = getattr(owner, "__annotate__", None) if IS_DEFERRED else None
    code = getattr(annotate, "__code__", None)
    for name, cell in zip(getattr(code, "co_freevars", ()), getattr(annotate, "__closure__", None) or (), strict=False):
        if name.startswith("__"):  # __classdict__ and its like, which no annotation names
            continue
        try:
            bound[name] = cell.cell_contents
        except ValueError:
            unbound.add(name)
    return bound, frozenset(unbound)


def evaluate(reference: str | ForwardRef, globals_: dict[str, Any], locals_: Mapping[str, Any]) -> Any:
    """Evaluate a str or a forward reference once; the result may contain further ones. Its exceptions propagate."""
    if sys.version_info >= (3, 14) and isinstance(reference, ForwardRef):
        return reference.evaluate(globals=globals_, locals=locals_)
    text = reference if isinstance(reference, str) else reference.__forward_arg__
    return eval(text, globals_, locals_)  # the annotations are the user's own program


if sys.version_info >= (3, 14):

    def _evaluated(owner: Any) -> Mapping[str, Any]:
        """Evaluate all annotations, or raise what the first of them raises."""
        if not isinstance(owner, type):
            return owner.__annotations__ or {}
        if "__annotations__" in vars(owner) or "__annotations_cache__" in vars(owner):  # texts, or changed by hand
            return owner.__annotations__ or {}
        annotate = getattr(owner, "__annotate__", None)  # builtin classes have none
        return annotate(annotationlib.Format.VALUE) if annotate is not None else {}

    def _with_references(annotate: Any, owner: Any) -> dict[str, Any]:
        try:
            return annotationlib.call_annotate_function(annotate, annotationlib.Format.FORWARDREF, owner=owner)
        except Exception as error:
            raise Unevaluated(f"{type(error).__name__}: {error}") from error
