"""What annotations say: resolved where their names were written, for classes and for handlers.

With `from __future__ import annotations` an annotation is a text, and the names in it belong to the place where the
class or the function was written. Their lookup follows pydantic: the module's globals and the locals of the frame that
creates the class or attaches the handler. Nothing here knows what a contract is, nor imports `Data`: it is recognised
by a mark on the class, because it lives in a higher layer.
"""

from __future__ import annotations

import enum
import functools
import inspect
import sys
import types
import typing
from collections import ChainMap
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import (
    Annotated,
    Any,
    Final,
    ForwardRef,
    Literal,
    Never,
    NoReturn,
    TypeAlias,
    TypeVar,
    Union,
    get_args,
    get_origin,
)
from weakref import WeakKeyDictionary

import typing_extensions


class Unknown(enum.Enum):
    """Hold the one mark for what an annotation does not say."""

    UNKNOWN = "unknown"

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Final = Unknown.UNKNOWN
NEVER: Final[Any] = Never
"""The result of a handler that does not return: `typing.Never`, whichever of its spellings the handler uses."""

DATA_MARK: Final = "__typedflow_data__"
"""The class attribute by which `Data` is recognised."""

Names: TypeAlias = Mapping[str, Any]

_NEVER_FORMS: Final = (NoReturn, Never, typing_extensions.Never, typing_extensions.NoReturn)
_LITERALS: Final = (Literal, typing_extensions.Literal)
_TEXTS: Final = (str, ForwardRef)
_UNIONS: Final = (Union, types.UnionType)
_CALLS: Final = (types.FunctionType, staticmethod)
ALIASES: Final[tuple[Any, ...]] = tuple(
    {getattr(module, "TypeAliasType", None) for module in (typing, typing_extensions)} - {None}
)
_OWN_MODULES: Final = __name__.rpartition(".")[0] + "."


class UnresolvedName(Exception):
    """Say that an annotation could not be resolved; `text` is what was written, `reason` what evaluating it said."""

    text: str
    reason: str

    def __init__(self, text: str, reason: str) -> None:
        self.text = text
        self.reason = reason
        super().__init__(text, reason)

    def __str__(self) -> str:
        return f"'{self.text}': {self.reason}"


@dataclass(frozen=True, slots=True)
class HandlerTypes:
    """Give what a handler says of itself; UNKNOWN where it says nothing, or where that cannot be resolved."""

    contract: Any
    """The C of `Data[C, V]`."""
    value: Any
    """The V of `Data[C, V]`."""
    result: Any
    """The return annotation, awaitables unwrapped; NEVER for a handler that does not return."""
    is_async: bool
    """A coroutine function, also behind a partial, a method or a callable object."""


def calling_frame() -> types.FrameType | None:
    """Give the nearest frame outside this package: the one that is creating a class."""
    frame: types.FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_globals.get("__name__", "").startswith(_OWN_MODULES):
        frame = frame.f_back
    return frame


def frame_names(frame: types.FrameType | None) -> Names:
    """Give the local names that a class statement in this frame can mean: a class body sees the function around it."""
    scopes: list[Names] = []
    while frame is not None and frame.f_locals is not frame.f_globals:
        scopes.append(frame.f_locals)
        if frame.f_code.co_flags & inspect.CO_OPTIMIZED:
            break
        frame = frame.f_back
    return scopes[0] if len(scopes) == 1 else ChainMap(*(typing.cast("dict[str, Any]", scope) for scope in scopes))


def resolve(annotation: Any, globals_: dict[str, Any], locals_: Names) -> Any:
    """Evaluate the texts in an annotation, at any depth; names are looked up in `locals_`, then in `globals_`.

    Gives NoneType for None. Raises `UnresolvedName`. Evaluating runs whatever the annotation says, as every reader of
    annotations does.
    """
    if annotation is None:
        return types.NoneType
    if not _has_text(annotation):
        return annotation
    try:
        if isinstance(annotation, str):  # as in a class, where ClassVar and Final are allowed
            annotation = ForwardRef(annotation, is_argument=False, is_class=True)
        holder = types.SimpleNamespace(__annotations__={"it": annotation})
        return typing.get_type_hints(holder, globals_, locals_, include_extras=True)["it"]
    except Exception as error:  # an annotation may hold any expression, so it may raise anything
        raise UnresolvedName(_text_of(annotation), f"{type(error).__name__}: {error}") from error


def class_hints(cls: type, frame: types.FrameType | None = None) -> tuple[dict[str, Any], dict[str, UnresolvedName]]:
    """Resolve what a class annotates itself, its bases excluded, and what of it cannot be resolved.

    Names are those of the module's globals and of the frame; the frame comes first where the class was written in it.
    Then follow the class's own name (for recursion in a local class), its type parameters, what is nested in its body.
    """
    module = sys.modules.get(cls.__module__)
    scopes = [module.__dict__ if module is not None else {}]
    if frame is not None:
        scopes.insert(0 if written_in(cls, frame) else 1, typing.cast("dict[str, Any]", frame_names(frame)))
    scopes.append({cls.__name__: cls} | {name: value for name, value in vars(cls).items() if isinstance(value, type)})
    scopes.insert(0, {parameter.__name__: parameter for parameter in getattr(cls, "__type_params__", ())})
    names = ChainMap(*scopes)
    hints: dict[str, Any] = {}
    failures: dict[str, UnresolvedName] = {}
    for name, annotation in vars(cls).get("__annotations__", {}).items():
        try:
            hints[name] = resolve(annotation, {}, names)
        except UnresolvedName as failure:
            failures[name] = failure
    return hints, failures


def written_in(defined: Any, frame: types.FrameType) -> bool:
    """Say whether a class or function was written directly in the function that this frame runs."""
    scope, local, _ = defined.__qualname__.rpartition(".<locals>.")
    return bool(local) and frame.f_code.co_qualname == scope and defined.__module__ == frame.f_globals.get("__name__")


def handler_types(handler: Callable[..., Any], frame: types.FrameType | None = None) -> HandlerTypes:
    """Read the types of a handler: a function, method, partial, callable object, static method or wrapped function.

    `frame` is the one that attaches the handler: its locals are asked where the names of the handler's own module and
    closure do not do, and first where the handler was written in that frame.
    """
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


_handlers: WeakKeyDictionary[types.FunctionType, dict[tuple[int, bool], HandlerTypes]] = WeakKeyDictionary()


def _function_of(handler: Any) -> tuple[types.FunctionType | None, int, frozenset[str], bool]:
    """Find the function that carries the annotations, how many of its parameters are bound, which by name, is it async.

    Whether a call gives a coroutine is asked of the outermost function: a decorator may have changed it.
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
    function: types.FunctionType, skip: int, taken: frozenset[str], is_async: bool, frame: types.FrameType | None
) -> tuple[HandlerTypes, bool]:
    """Read one function; the second member says whether the frame took part in it."""
    annotations = function.__annotations__
    if not annotations:
        return HandlerTypes(UNKNOWN, UNKNOWN, UNKNOWN, is_async), False
    code = function.__code__
    is_coroutine = bool(code.co_flags & inspect.CO_COROUTINE)
    parameters = [name for name in code.co_varnames[: code.co_argcount][skip:] if name not in taken]
    first = annotations.get(parameters[0], UNKNOWN) if parameters else UNKNOWN
    data, data_by_frame = _annotation(first, function, frame)
    result, result_by_frame = _annotation(annotations.get("return", UNKNOWN), function, frame)
    if code.co_flags & inspect.CO_ITERABLE_COROUTINE:  # of a `types.coroutine`, annotated as the generator that it is
        result = UNKNOWN
    contract, value = _data_arguments(data)
    return HandlerTypes(
        contract, value, _returned(result, is_coroutine=is_coroutine), is_async
    ), data_by_frame or result_by_frame


def _annotation(annotation: Any, function: types.FunctionType, frame: types.FrameType | None) -> tuple[Any, bool]:
    """Resolve one annotation of a function: by its own names, and by the frame where these do not do."""
    if annotation is UNKNOWN:
        return UNKNOWN, False
    if not _has_text(annotation):
        return (types.NoneType if annotation is None else annotation), False
    own = _own_names(function)
    if frame is not None and written_in(function, frame):
        order: list[tuple[Names, bool]] = [(ChainMap(own, frame.f_locals), True)]
    elif frame is not None:
        order = [(own, False), (ChainMap(own, function.__globals__, dict(frame_names(frame))), True)]
    else:
        order = [(own, False)]
    for names, by_frame in order:
        try:
            return resolve(annotation, function.__globals__, names), by_frame
        except UnresolvedName:
            continue
    return UNKNOWN, True  # another frame may know it


def _own_names(function: types.FunctionType) -> dict[str, Any]:
    """Give the names that belong to the function alone: its type parameters, and what its closure holds by now."""
    names = {parameter.__name__: parameter for parameter in getattr(function, "__type_params__", ())}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=False):
        try:
            names[name] = cell.cell_contents
        except ValueError:  # not bound yet
            continue
    return names


def _data_arguments(annotation: Any) -> tuple[Any, Any]:
    """Give C and V of `Data[C, V]`, UNKNOWN where it is something else."""
    origin = getattr(annotation, "__origin__", None)
    if not getattr(origin, DATA_MARK, False) or hasattr(annotation, "__metadata__"):
        annotation = _see_through(annotation)
        if not getattr(getattr(annotation, "__origin__", None), DATA_MARK, False):
            return UNKNOWN, UNKNOWN
    contract, value = annotation.__args__
    return _known(contract), _known(value)


def _returned(annotation: Any, *, is_coroutine: bool) -> Any:
    """Give the type of a step's value: that of a coroutine function is what it returns, any other one is awaited."""
    annotation = _known(annotation)
    if not is_coroutine and annotation is not UNKNOWN:
        annotation = _awaited(annotation)
    if annotation is UNKNOWN or isinstance(annotation, type):
        return annotation
    return NEVER if _see_through(annotation) in _NEVER_FORMS else annotation


def _awaited(annotation: Any) -> Any:
    """Give what awaiting gives, UNKNOWN where only a class knows; the annotation itself where nothing is awaited."""
    seen = annotation if isinstance(annotation, type) else _see_through(annotation)
    origin, arguments = get_origin(seen) or seen, get_args(seen)
    if isinstance(origin, type) and issubclass(origin, Awaitable):
        of_python = origin.__module__ in ("collections.abc", "_asyncio")  # Coroutine, Awaitable, Future, Task
        return _known(arguments[-1]) if arguments and of_python else UNKNOWN
    if origin in _UNIONS:
        members = tuple(map(_awaited, arguments))
        if members != arguments:
            return UNKNOWN if UNKNOWN in members else Union[members]  # noqa: UP007  # members of a tuple
    return annotation


def _known(annotation: Any) -> Any:
    """Give NoneType for None, and UNKNOWN for a bare type variable: it stands for whatever comes."""
    if annotation is None:
        return types.NoneType
    return UNKNOWN if isinstance(annotation, TypeVar) else annotation


def _see_through(annotation: Any) -> Any:
    """Take off `Annotated` and the names of type aliases."""
    while True:
        if get_origin(annotation) is Annotated:
            annotation = annotation.__origin__
        elif isinstance(annotation, ALIASES):
            annotation = annotation.__value__
        elif isinstance(origin := getattr(annotation, "__origin__", None), ALIASES):
            annotation = origin.__value__[annotation.__args__]
        else:
            return annotation


def _has_text(annotation: Any) -> bool:
    """Say whether a name is still a text anywhere in the annotation."""
    if isinstance(annotation, _TEXTS):
        return True
    arguments = getattr(annotation, "__args__", None)
    if not arguments or type(arguments) is not tuple or getattr(annotation, "__origin__", None) in _LITERALS:
        return False
    for argument in arguments:  # noqa: SIM110  # a loop is faster: this is most of the cost of attaching a handler
        if type(argument) is not type and _has_text(argument):
            return True
    return False


def _text_of(annotation: Any) -> str:
    if isinstance(annotation, ForwardRef):
        annotation = annotation.__forward_arg__
    if isinstance(annotation, str):
        return annotation.strip("'\"")  # a text in a module where every annotation is one
    texts = [_text_of(argument) for argument in getattr(annotation, "__args__", ()) if _has_text(argument)]
    return texts[0] if texts else str(annotation)
