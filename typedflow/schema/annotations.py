"""Resolve the annotations of classes and handlers, with the names of the place in the source where they were written.

With `from __future__ import annotations` an annotation is a str, and the names in it belong to the scope in which the
class or the function was written. Their lookup follows pydantic: the module's globals and the locals of the frame that
creates the class or attaches the handler. This module does not import `Data`, which is in a higher layer: it recognises
the class by the attribute `DATA_MARK`.
"""

from __future__ import annotations

import enum
import functools
import inspect
import sys
import types
import typing
from collections import ChainMap
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Annotated, Any, Final, Never, NoReturn, TypeVar, Union, get_args, get_origin
from weakref import WeakKeyDictionary

import msgspec
import typing_extensions

from typedflow.schema.deferred import Unevaluated, closure_of, own_annotations, text_as_written
from typedflow.schema.resolving import (
    NOTHING_UNBOUND,
    Names,
    RecursiveAlias,
    UnresolvedName,
    has_text,
    resolve,
    value_of,
)


class Unknown(enum.Enum):
    """The type of `UNKNOWN`, which stands for a missing or unresolvable annotation."""

    UNKNOWN = "unknown"

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Final = Unknown.UNKNOWN
NEVER: Final[Any] = Never
"""The result of a handler that does not return: `typing.Never`, whichever of its spellings the handler uses."""

DATA_MARK: Final = "__typedflow_data__"
"""The class attribute by which `Data` is recognised."""

OFFLOADED_MARK: Final = "__typedflow_function__"
"""The attribute of a handler that calls a plain function of the value: that function."""

EXECUTOR_MARK: Final = "__typedflow_executor__"
"""The attribute of such a handler with the key of its executor among the resources."""

_NEVER_FORMS: Final = (NoReturn, Never, typing_extensions.Never, typing_extensions.NoReturn)
_UNIONS: Final = (Union, types.UnionType)
_CALLS: Final = (types.FunctionType, staticmethod)
ALIASES: Final[tuple[Any, ...]] = tuple(
    {getattr(module, "TypeAliasType", None) for module in (typing, typing_extensions)} - {None} | {RecursiveAlias}
)
"""The classes of named aliases: `type X = …`, and those that refer to themselves by a text."""
_OWN_MODULES: Final = __name__.rpartition(".")[0] + "."
_NESTED: Final = 100
"""More than a chain of aliases, or of unions in aliases, has that ends."""
_GENERIC: Final = "<generic parameters of "
"""What the frame is called in which Python makes the type parameters of a `class C[T]`."""


class Unreadable(msgspec.Struct, frozen=True):
    """An annotation of a handler that cannot be resolved."""

    name: str
    """The parameter, or "return"."""
    text: str
    reason: str


class HandlerTypes(msgspec.Struct, frozen=True):
    """The types that a handler annotates; UNKNOWN for an annotation that is missing or cannot be resolved."""

    contract: Any
    """The C of `Data[C, V]`."""
    value: Any
    """The V of `Data[C, V]`."""
    result: Any
    """The return annotation, awaitables unwrapped; NEVER for a handler that does not return."""
    is_async: bool
    """A coroutine function, also behind a partial, a method or a callable object."""
    unreadable: tuple[Unreadable, ...] = ()
    """The annotations that cannot be resolved; their types above are UNKNOWN."""


def calling_frame() -> types.FrameType | None:
    """Return the nearest frame outside this package, for instance the one that creates a class."""
    frame: types.FrameType | None = sys._getframe(1)
    while frame is not None and (_is_our_own(frame) or frame.f_code.co_name.startswith(_GENERIC)):
        frame = frame.f_back
    return frame


def _is_our_own(frame: types.FrameType) -> bool:
    return str(frame.f_globals.get("__name__", "")).startswith(_OWN_MODULES)


def frame_names(frame: types.FrameType | None) -> Names:
    """Return the local names visible to a class statement in this frame; a class body sees the enclosing function."""
    scopes: list[Names] = []
    while frame is not None and frame.f_locals is not frame.f_globals:
        scopes.append(frame.f_locals)
        if frame.f_code.co_flags & inspect.CO_OPTIMIZED:
            break
        frame = frame.f_back
    return scopes[0] if len(scopes) == 1 else ChainMap(*(typing.cast("dict[str, Any]", scope) for scope in scopes))


def unbound_names(frame: types.FrameType) -> frozenset[str]:
    """Return the local names of a function that are not bound yet; they hide globals of the same name."""
    code = frame.f_code
    if not code.co_flags & inspect.CO_OPTIMIZED:
        return NOTHING_UNBOUND
    return frozenset((*code.co_varnames, *code.co_cellvars)).difference(frame.f_locals)


def class_hints(
    cls: type, frame: types.FrameType | None = None, defining: type | None = None
) -> tuple[dict[str, Any], dict[str, UnresolvedName]]:
    """Resolve the annotations of a class, without its bases; return the types, and the failures by field.

    Names are those of the module's globals and of the frame; the frame comes first where the class was written in it.
    Then follow the class's own name (for recursion in a local class), its type parameters, what is nested in its body,
    and the name of the class that is `defining` it: one whose statement has not ended yet.
    If no annotation can be evaluated, the failure has the empty name.
    """
    try:
        annotations = own_annotations(cls)
    except Unevaluated as failure:
        return {}, {"": UnresolvedName("", str(failure))}
    hints: dict[str, Any] = {}
    failures: dict[str, UnresolvedName] = {}
    names: Names | None = None
    unbound = NOTHING_UNBOUND
    for name, annotation in annotations.items():
        if names is None and has_text(annotation):
            names, unbound = _class_names(cls, frame, defining or cls)
        try:
            hints[name] = resolve(annotation, {}, names or {}, unbound)
        except UnresolvedName as failure:
            failures[name] = UnresolvedName(text_as_written(cls, name) or failure.text, failure.reason)
    return hints, failures


def _class_names(cls: type, frame: types.FrameType | None, defining: type) -> tuple[Names, frozenset[str]]:
    """Return the names visible to the annotations of a class, and those that have no value yet."""
    bound, unbound = closure_of(cls)
    own = {name: value for name, value in vars(cls).items() if isinstance(value, type)}
    own = {defining.__name__: defining, cls.__name__: cls} | own
    module = sys.modules.get(cls.__module__)
    scopes = [{parameter.__name__: parameter for parameter in getattr(cls, "__type_params__", ())}, bound]
    if module is not None:
        scopes.append(module.__dict__)
    if frame is not None:
        scopes.append(typing.cast("dict[str, Any]", frame_names(frame)))
        home = home_of(cls, frame)
        if home is not None:
            scopes.insert(2, typing.cast("dict[str, Any]", frame_names(home)))
            unbound |= unbound_names(home)
    return ChainMap(*scopes, own), unbound - own.keys()


def written_in(defined: Any, frame: types.FrameType) -> bool:
    """Return whether a class or function was written directly in the function that this frame runs."""
    scope, local, _ = defined.__qualname__.rpartition(".<locals>.")
    return bool(local) and frame.f_code.co_qualname == scope and defined.__module__ == frame.f_globals.get("__name__")


def home_of(defined: Any, frame: types.FrameType | None) -> types.FrameType | None:
    """Return the frame of the function in which a class or function was written, from `frame` outwards, if it runs.

    A function that builds a flow may receive handlers from its caller.
    """
    while frame is not None and "<locals>" in defined.__qualname__:
        if written_in(defined, frame):
            return frame
        frame = frame.f_back
    return None


def handler_types(handler: Callable[..., Any], frame: types.FrameType | None = None) -> HandlerTypes:
    """Return the types of a handler: a function, method, partial, callable object, static method or wrapped function.

    `frame` is the one that attaches the handler: its locals are searched after the names of the handler's module and
    closure, or first if the handler was written in that frame.
    """
    offloaded = getattr(handler, OFFLOADED_MARK, None)
    if offloaded is not None:
        return _offloaded_types(offloaded, frame)
    function, skip, taken, is_async = _function_of(handler)
    if function is None:
        return HandlerTypes(UNKNOWN, UNKNOWN, UNKNOWN, is_async)
    if taken:
        return _read_handler(function, skip, taken, is_async, frame)[0]
    cached = _handlers.get(function)
    key = (skip, is_async)
    if cached is not None and (found := cached.get(key)) is not None:
        return found
    found, needed_frame = _read_handler(function, skip, taken, is_async, frame)
    if not needed_frame:
        if cached is None:
            cached = _handlers[function] = {}
        cached[key] = found
    return found


def _offloaded_types(plain: Callable[..., Any], frame: types.FrameType | None) -> HandlerTypes:
    """Return the types of a handler that calls a plain function of the value."""
    function, skip, taken, _ = _function_of(plain)
    if function is None:
        return HandlerTypes(UNKNOWN, UNKNOWN, UNKNOWN, is_async=True)
    return _read_handler(function, skip, taken, True, frame, takes_data=False)[0]


_handlers: WeakKeyDictionary[types.FunctionType, dict[tuple[int, bool], HandlerTypes]] = WeakKeyDictionary()


def _function_of(handler: Any) -> tuple[types.FunctionType | None, int, frozenset[str], bool]:
    """Return the annotated function, the number of bound parameters, those bound by name, and whether it is async.

    The outermost function decides whether a call returns a coroutine, as a decorator may have changed it.
    """
    skip = 0
    taken: frozenset[str] = frozenset()
    is_async = False
    for _ in range(100):  # a chain of wrappers may be a ring
        if type(handler) is types.FunctionType:
            is_async = is_async or bool(handler.__code__.co_flags & inspect.CO_COROUTINE)
            if handler.__dict__:  # a decorator, or inspect.markcoroutinefunction, left a mark
                return _unwrapped(handler), skip, taken, is_async or inspect.iscoroutinefunction(handler)
            return handler, skip, taken, is_async
        if isinstance(handler, types.MethodType):
            skip += 1
            handler = handler.__func__
        elif isinstance(handler, functools.partial):
            skip += len(handler.args)
            taken |= handler.keywords.keys()
            handler = handler.func
        elif isinstance(handler, staticmethod):
            handler = handler.__func__
        else:
            call = inspect.getattr_static(type(handler), "__call__", None)
            if isinstance(handler, type) or not isinstance(call, _CALLS):
                break
            is_async = is_async or inspect.iscoroutinefunction(handler)
            skip += 0 if isinstance(call, staticmethod) else 1
            handler = call
    return None, 0, taken, is_async


def _unwrapped(function: types.FunctionType) -> types.FunctionType:
    try:
        inner = inspect.unwrap(function)
    except ValueError:  # a ring of __wrapped__
        return function
    return inner if isinstance(inner, types.FunctionType) else function


def _read_handler(
    function: types.FunctionType,
    skip: int,
    taken: frozenset[str],
    is_async: bool,
    frame: types.FrameType | None,
    *,
    takes_data: bool = True,
) -> tuple[HandlerTypes, bool]:
    """Return the types of one function, and whether names of the frame were used.

    It takes `Data`, or else the value itself.
    """
    try:
        annotations = own_annotations(function)
    except Unevaluated as failure:
        unreadable = (Unreadable("", "", str(failure)),)
        return HandlerTypes(UNKNOWN, UNKNOWN, UNKNOWN, is_async, unreadable), True
    if not annotations:
        return HandlerTypes(UNKNOWN, UNKNOWN, UNKNOWN, is_async), False
    code = function.__code__
    is_coroutine = bool(code.co_flags & inspect.CO_COROUTINE)
    parameters = [name for name in code.co_varnames[: code.co_argcount][skip:] if name not in taken]
    by_frame, failures = False, list[Unreadable]()
    found: dict[str, Any] = {}
    for name in (*parameters[:1], "return"):
        annotation = annotations.get(name, UNKNOWN)
        try:
            found[name], needed_frame = _annotation(annotation, function, frame)
            by_frame = by_frame or needed_frame
        except UnresolvedName as failure:  # another frame may know it
            found[name], by_frame = UNKNOWN, True
            failures.append(Unreadable(name, text_as_written(function, name) or failure.text, failure.reason))
    if code.co_flags & inspect.CO_ITERABLE_COROUTINE:  # of a `types.coroutine`, annotated as the generator that it is
        found["return"] = UNKNOWN
    result = found["return"]
    with suppress(UnresolvedName):  # of an alias in it: parsing it reports it
        result = _returned(result, is_coroutine=is_coroutine)
    contract, value = UNKNOWN, UNKNOWN
    if not takes_data:
        value = _known(found[parameters[0]]) if parameters else UNKNOWN
        return HandlerTypes(contract, value, result, is_async, tuple(failures)), by_frame
    try:
        contract, value = _data_arguments(found[parameters[0]] if parameters else UNKNOWN)
    except UnresolvedName as failure:
        failures.append(Unreadable(parameters[0], repr(found[parameters[0]]), failure.reason))
        by_frame = True
    return HandlerTypes(contract, value, result, is_async, tuple(failures)), by_frame


def _annotation(annotation: Any, function: types.FunctionType, frame: types.FrameType | None) -> tuple[Any, bool]:
    """Resolve one annotation of a function: by its own names, then by those of the frame.

    Returns the type, and whether names of the frame were used. Raises `UnresolvedName`.
    """
    if annotation is UNKNOWN:
        return UNKNOWN, False
    if not has_text(annotation):
        return (types.NoneType if annotation is None else annotation), False
    own, unbound = _own_names(function)
    if frame is not None and written_in(function, frame):
        unbound = (unbound | unbound_names(frame)) - own.keys()
        return resolve(annotation, function.__globals__, ChainMap(own, frame.f_locals), unbound), True
    try:
        return resolve(annotation, function.__globals__, own, unbound), False
    except UnresolvedName:
        if frame is None:
            raise
    home = home_of(function, frame)
    if home is not None:
        with suppress(UnresolvedName):
            return _annotation(annotation, function, home)
    names = ChainMap(own, function.__globals__, dict(frame_names(frame)))
    return resolve(annotation, function.__globals__, names, unbound), True


def _own_names(function: types.FunctionType) -> tuple[dict[str, Any], frozenset[str]]:
    """Return the names that only this function sees, and those of them without a value yet.

    They are its type parameters, and the names in its closure and in that of its annotations.
    """
    names, unbound = closure_of(function)
    names |= {parameter.__name__: parameter for parameter in getattr(function, "__type_params__", ())}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=False):
        try:
            names[name] = cell.cell_contents
        except ValueError:  # not bound yet
            unbound |= {name}
    return names, unbound - names.keys()


def _data_arguments(annotation: Any) -> tuple[Any, Any]:
    """Return C and V of `Data[C, V]`; UNKNOWN for any other annotation."""
    origin = getattr(annotation, "__origin__", None)
    if not getattr(origin, DATA_MARK, False) or hasattr(annotation, "__metadata__"):
        annotation = _see_through(annotation)
        if not getattr(getattr(annotation, "__origin__", None), DATA_MARK, False):
            return UNKNOWN, UNKNOWN
    contract, value = annotation.__args__
    return _known(contract), _known(value)


def _returned(annotation: Any, *, is_coroutine: bool) -> Any:
    """Return the type of a step's value: the declared return type, awaited unless `is_coroutine`."""
    annotation = _known(annotation)
    if not is_coroutine and annotation is not UNKNOWN:
        annotation = _awaited(annotation)
    if annotation is UNKNOWN or isinstance(annotation, type):
        return annotation
    return NEVER if _see_through(annotation) in _NEVER_FORMS else annotation


def _awaited(annotation: Any, depth: int = 0) -> Any:
    """Return the type of awaiting a value, UNKNOWN for a user's awaitable class; other annotations are unchanged."""
    seen = annotation if isinstance(annotation, type) else _see_through(annotation)
    origin, arguments = get_origin(seen) or seen, get_args(seen)
    if isinstance(origin, type) and issubclass(origin, Awaitable):
        of_python = origin.__module__ in ("collections.abc", "_asyncio")  # Coroutine, Awaitable, Future, Task
        return _known(arguments[-1]) if arguments and of_python else UNKNOWN
    if origin in _UNIONS:
        if depth > _NESTED:
            raise UnresolvedName(repr(annotation), f"'{annotation!r}' is an alias that leads only to itself")
        members = tuple(_awaited(member, depth + 1) for member in arguments)
        if members != arguments:
            return UNKNOWN if UNKNOWN in members else Union[members]  # noqa: UP007  # members of a tuple
    return annotation


def _known(annotation: Any) -> Any:
    """Return NoneType for None, UNKNOWN for a bare type variable, and any other annotation unchanged."""
    if annotation is None:
        return types.NoneType
    return UNKNOWN if isinstance(annotation, TypeVar) else annotation


def _see_through(annotation: Any) -> Any:
    """Return the annotation without `Annotated` and named aliases; raises `UnresolvedName`."""
    for _ in range(_NESTED):
        if get_origin(annotation) is Annotated:
            annotation = annotation.__origin__
        elif isinstance(annotation, ALIASES):
            annotation = value_of(annotation)
        elif isinstance(origin := getattr(annotation, "__origin__", None), ALIASES):
            annotation = value_of(origin, annotation.__args__)
        else:
            return annotation
    raise UnresolvedName(repr(annotation), f"'{annotation!r}' is an alias that leads only to itself")
