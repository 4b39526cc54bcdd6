"""Evaluate the strings in an annotation, with the names visible where it was written.

An alias that refers to itself by a string (`Json = Union[int, list["Json"]]`) cannot be expanded completely: it becomes
a `RecursiveAlias`, which is handled like `type Json = int | list[Json]`.
"""

from __future__ import annotations

import sys
import types
import typing
from collections import ChainMap
from collections.abc import Iterator, Mapping
from typing import Any, Final, ForwardRef, Literal, TypeAlias

import typing_extensions

from typedflow.schema.deferred import without

Names: TypeAlias = Mapping[str, Any]

_LITERALS: Final = (Literal, typing_extensions.Literal)
_TEXTS: Final = (str, ForwardRef)
_FORMS: Final = frozenset({"typing", "typing_extensions", "types"})
NOTHING_UNBOUND: Final[frozenset[str]] = frozenset()


class UnresolvedName(Exception):
    """An annotation cannot be resolved; `text` is its source, `reason` the error of evaluating it."""

    text: str
    reason: str

    def __init__(self, text: str, reason: str) -> None:
        self.text = text
        self.reason = reason
        super().__init__(text, reason)

    def __str__(self) -> str:
        return f"'{self.text}': {self.reason}"


class RecursiveAlias:
    """An alias that refers to itself by a string: a name and a value, like a TypeAliasType.

    Two are equal if they have the same name and the same source.
    """

    __slots__ = ("__name__", "__type_params__", "__value__", "written")

    __name__: str
    __type_params__: tuple[Any, ...]
    __value__: Any
    """The value of the alias, in which this and other aliases replace the strings."""
    written: Any

    def __init__(self, name: str, written: Any) -> None:
        self.__name__ = name
        self.__type_params__ = tuple(getattr(written, "__parameters__", ()))
        self.written = written

    def __getitem__(self, arguments: Any) -> Any:
        return types.GenericAlias(self, arguments)  # type: ignore[arg-type]  # an alias in the place of a class

    def __or__(self, other: Any) -> Any:
        return typing.Union[self, other]  # noqa: UP007  # made at run time

    def __ror__(self, other: Any) -> Any:
        return typing.Union[other, self]  # noqa: UP007  # made at run time

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, RecursiveAlias):
            return NotImplemented
        return self is other or (self.__name__ == other.__name__ and self.written == other.written)

    def __hash__(self) -> int:
        return hash(self.__name__)

    def __repr__(self) -> str:
        return self.__name__


def resolve(
    annotation: Any, globals_: dict[str, Any], locals_: Names, unbound: frozenset[str] = NOTHING_UNBOUND
) -> Any:
    """Evaluate the strings in an annotation, at any depth; names are looked up in `locals_`, then in `globals_`.

    Names of `unbound` are not looked up: they belong to a function that has not bound them yet. Returns NoneType for
    None. Raises `UnresolvedName`. Evaluating runs the code in the annotation, as `typing.get_type_hints` does.
    """
    if annotation is None:
        return types.NoneType
    if not has_text(annotation):
        return annotation
    if unbound:
        locals_, globals_ = without(ChainMap(_mutable(locals_), globals_), unbound), {}
    try:
        hint = _hint_of(annotation, globals_, locals_)
        return _linked(annotation, ChainMap(_mutable(locals_), globals_)) if has_text(hint) else hint
    except Exception as error:  # an annotation may be any expression, so it may raise anything
        raise UnresolvedName(text_of(annotation), f"{type(error).__name__}: {error}") from error


def value_of(alias: Any, arguments: tuple[Any, ...] = ()) -> Any:
    """Return what a named alias stands for, with these arguments; raises `UnresolvedName`."""
    try:
        value = alias.__value__
    except Exception as error:  # the value may be any expression
        raise UnresolvedName(alias.__name__, f"{type(error).__name__}: {error}") from error
    if has_text(value):  # of a TypeAliasType whose value is quoted
        module = sys.modules.get(getattr(alias, "__module__", None) or "", types.ModuleType(""))
        parameters = {parameter.__name__: parameter for parameter in alias.__type_params__}
        value = resolve(value, vars(module), parameters)
    return value[arguments] if arguments and getattr(value, "__parameters__", ()) else value


def _hint_of(annotation: Any, globals_: dict[str, Any], locals_: Names) -> Any:
    """Evaluate the strings with `typing`, which keeps the inner reference of a recursive one."""
    if isinstance(annotation, str):  # as in a class, where ClassVar and Final are allowed
        annotation = ForwardRef(annotation, is_argument=False, is_class=True)
    holder = types.SimpleNamespace(__annotations__={"it": annotation})
    return typing.get_type_hints(holder, globals_, locals_, include_extras=True)["it"]


def _linked(annotation: Any, names: Names) -> Any:
    """Evaluate the strings of a recursive annotation, with an alias for each name that may be recursive."""
    linking = _Linking(names)
    hint = _hint_of(annotation, {}, linking)
    waiting = list(_aliases_in(hint))
    for alias in waiting:
        if not hasattr(alias, "__value__"):
            alias.__value__ = _hint_of(alias.written, {}, linking)
            waiting += _aliases_in(alias.__value__)
    return hint


class _Linking(Mapping[str, Any]):
    """Names in which a typing form that still contains a string is replaced by an alias for it."""

    def __init__(self, names: Names) -> None:
        self.names = names
        self.made: dict[str, RecursiveAlias] = {}

    def __getitem__(self, name: str) -> Any:
        value = self.names[name]
        if type(value).__module__ not in _FORMS or isinstance(value, _TEXTS) or not has_text(value):
            return value
        return self.made.setdefault(name, RecursiveAlias(name, value))

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)


def _aliases_in(form: Any) -> Iterator[RecursiveAlias]:
    if isinstance(form, RecursiveAlias):
        yield form
    for inner in (getattr(form, "__origin__", None), *_arguments_of(form)):
        if inner is not None and not isinstance(inner, type):
            yield from _aliases_in(inner)


def _arguments_of(form: Any) -> tuple[Any, ...]:
    arguments = getattr(form, "__args__", ())
    return arguments if type(arguments) is tuple else ()


def _mutable(names: Names) -> dict[str, Any]:
    return typing.cast("dict[str, Any]", names)  # ChainMap asks for more than it uses


def has_text(annotation: Any) -> bool:
    """Return whether the annotation contains a string or forward reference, at any depth."""
    if isinstance(annotation, _TEXTS):
        return True
    arguments = getattr(annotation, "__args__", None)
    if not arguments or type(arguments) is not tuple or getattr(annotation, "__origin__", None) in _LITERALS:
        return False
    for argument in arguments:  # noqa: SIM110  # a loop is faster: this is most of the cost of attaching a handler
        if type(argument) is not type and has_text(argument):
            return True
    return False


def text_of(annotation: Any) -> str:
    """Return the first string in an annotation, for messages."""
    if isinstance(annotation, ForwardRef):
        annotation = annotation.__forward_arg__
    if isinstance(annotation, str):
        return annotation.strip("'\"")  # a text in a module where every annotation is one
    texts = [text_of(argument) for argument in getattr(annotation, "__args__", ()) if has_text(argument)]
    return texts[0] if texts else str(annotation)
