"""What handlers say of themselves, with annotations that are evaluated where they are written."""

# The handlers have no bodies: they are read, never called.
# mypy: disable-error-code="empty-body"

import functools
import sys
import types
from collections.abc import Awaitable, Callable, Coroutine
from typing import Annotated, Any, ClassVar, Generic, Literal, Never, NoReturn, TypeVar

import pytest
from typing_extensions import TypeAliasType

from typedflow.schema.annotations import (
    NEVER,
    UNKNOWN,
    HandlerTypes,
    Unreadable,
    class_hints,
    frame_names,
    handler_types,
)
from typedflow.schema.resolving import UnresolvedName, resolve

C = TypeVar("C")
V = TypeVar("V")


class Data(Generic[C, V]):
    __typedflow_data__ = True


class Review:
    pass


class Callables:
    def method(self, data: Data[Review, int]) -> str: ...
    @staticmethod
    def static(data: Data[Review, int]) -> str: ...
    @classmethod
    def of_class(cls, data: Data[Review, int]) -> str: ...
    async def __call__(self, data: Data[Review, int]) -> str: ...


class StaticCall:
    @staticmethod
    def __call__(data: Data[Review, int]) -> str: ...


def plain(data: Data[Review, int]) -> str: ...
async def coroutine(data: Data[Review, int]) -> str: ...
def gives_coroutine(data: Data[Review, int]) -> Coroutine[Any, Any, str]: ...
def gives_awaitable(data: Data[Review, int]) -> Awaitable[list[int]]: ...
def gives_nothing(data: Data[Review, None]) -> None: ...
def no_return(data: Data[Review, int]) -> NoReturn: ...
def never(data: Data[Review, int]) -> Never: ...
async def async_never(data: Data[Review, int]) -> NoReturn: ...
def no_result(data: Data[Review, int]): ...  # type: ignore[no-untyped-def]  # says nothing on purpose
def bare(data: Data) -> str: ...  # type: ignore[type-arg]  # says nothing on purpose
def no_data(data: int) -> str: ...
def nothing(data): ...  # type: ignore[no-untyped-def]  # says nothing on purpose
def no_parameter() -> str: ...
def variable(data: Data[Review, V]) -> V: ...
def literal(data: Data[Review, Literal["a"]]) -> str: ...
def annotated(data: Annotated[Data[Review, int], "note"]) -> str: ...
def as_text(data: "Data[Review, int]") -> "str": ...
def partly_text(data: "Data[Review, list['int']]") -> list["str"]: ...
def unresolvable(data: "Data[Review, Missing]") -> str: ...  # type: ignore[name-defined]  # noqa: F821  # wrong on purpose
def second(prefix: str, data: Data[Review, int]) -> str: ...
def by_keyword(data: Data[Review, int], *, limit: int) -> str: ...
def variadic(*args: Any) -> str: ...


@functools.wraps(plain)
def wrapping(*args: Any) -> Any: ...


@functools.wraps(plain)
async def async_wrapping(*args: Any) -> Any: ...


def ring(data: Data[Review, int]) -> str: ...


ring.__wrapped__ = ring  # type: ignore[attr-defined]  # functions take attributes


def wrapped_object(data: Data[Review, int]) -> str: ...


wrapped_object.__wrapped__ = Callables()  # type: ignore[attr-defined]  # functions take attributes

Alias = TypeAliasType("Alias", Data[Review, V], type_params=(V,))
Whole = TypeAliasType("Whole", Data[Review, int])
Quoted = TypeAliasType("Quoted", "Data[Review, V]", type_params=(V,))
Lost = TypeAliasType("Lost", "Data[Review, Missing]")  # type: ignore[name-defined]  # noqa: F821  # the case
Ring = TypeAliasType("Ring", "Ring")  # type: ignore[misc]  # the case
Constant = TypeAliasType("Constant", Data[Review, int], type_params=(V,))


def aliased(data: Alias[int]) -> str: ...
def whole(data: Whole) -> str: ...
def quoted(data: Quoted[int]) -> str: ...
def constant(data: Constant[bytes]) -> str: ...
def lost(data: Lost) -> str: ...
def around(data: Data[Review, int]) -> Ring: ...


NO_MISSING = "NameError: name 'Missing' is not defined"
SAID = HandlerTypes(Review, int, str, False)
ASYNC = HandlerTypes(Review, int, str, True)
SILENT = HandlerTypes(UNKNOWN, UNKNOWN, UNKNOWN, False)


@pytest.mark.parametrize(
    "handler, expected",
    [
        (plain, SAID),
        (coroutine, ASYNC),
        (gives_coroutine, SAID),
        (gives_awaitable, HandlerTypes(Review, int, list[int], False)),
        (gives_nothing, HandlerTypes(Review, type(None), type(None), False)),
        (no_return, HandlerTypes(Review, int, NEVER, False)),
        (never, HandlerTypes(Review, int, NEVER, False)),
        (async_never, HandlerTypes(Review, int, NEVER, True)),
        (no_result, HandlerTypes(Review, int, UNKNOWN, False)),
        (bare, HandlerTypes(UNKNOWN, UNKNOWN, str, False)),
        (no_data, HandlerTypes(UNKNOWN, UNKNOWN, str, False)),
        (nothing, SILENT),
        (no_parameter, HandlerTypes(UNKNOWN, UNKNOWN, str, False)),
        (variable, HandlerTypes(Review, UNKNOWN, UNKNOWN, False)),
        (literal, HandlerTypes(Review, Literal["a"], str, False)),
        (annotated, SAID),
        (as_text, SAID),
        (partly_text, HandlerTypes(Review, list[int], list[str], False)),
        (
            unresolvable,
            HandlerTypes(
                UNKNOWN,
                UNKNOWN,
                str,
                False,
                (Unreadable("data", "Data[Review, Missing]", NO_MISSING),),
            ),
        ),
        (aliased, SAID),
        (whole, SAID),
        (quoted, SAID),
        (constant, SAID),
        (lost, HandlerTypes(UNKNOWN, UNKNOWN, str, False, (Unreadable("data", "Lost", NO_MISSING),))),
        (around, HandlerTypes(Review, int, Ring, False)),
        (variadic, HandlerTypes(UNKNOWN, UNKNOWN, str, False)),
        (functools.partial(second, "x"), SAID),
        (functools.partial(second, prefix="x"), SAID),
        (functools.partial(by_keyword, limit=3), SAID),
        (functools.partial(functools.partial(coroutine)), ASYNC),
        (functools.partial(Callables.method, Callables()), SAID),
        (Callables().method, SAID),
        (Callables.static, SAID),
        (Callables.__dict__["static"], SAID),
        (Callables().of_class, SAID),
        (Callables(), ASYNC),
        (StaticCall(), SAID),
        (wrapping, SAID),
        (async_wrapping, ASYNC),
        (ring, SAID),
        (wrapped_object, SAID),
        (lambda data: data, SILENT),
        (len, SILENT),
        (Review, SILENT),
    ],
    ids=lambda value: getattr(value, "__name__", type(value).__name__),
)
def test_handler_types(handler: Callable[..., Any], expected: HandlerTypes) -> None:
    assert handler_types(handler, sys._getframe()) == expected
    assert handler_types(handler) == expected


def test_names_of_the_frame_that_attaches_the_handler() -> None:
    class Local: ...

    def handler(data: "Data[Review, Local]") -> "list[Local]": ...

    assert [it.name for it in handler_types(handler).unreadable] == ["data", "return"]
    assert handler_types(handler, sys._getframe()) == HandlerTypes(Review, Local, list[Local], False)


def test_a_name_of_the_frame_does_not_hide_one_of_the_handlers_own_module() -> None:
    Review = str  # noqa: F841  # read through the frame
    assert handler_types(as_text, sys._getframe()).contract is globals()["Review"]


def test_a_local_name_hides_a_global_one_where_the_handler_was_written() -> None:
    class Review: ...

    def handler(data: "Data[Review, int]") -> str: ...

    assert handler_types(handler, sys._getframe()).contract is Review


def test_a_handler_finds_names_of_its_closure() -> None:
    class Local: ...

    def handler(data: "Data[Review, Local]") -> str:
        return Local.__name__

    assert handler_types(handler).value is Local


def test_a_closure_that_is_not_bound_yet_is_passed_over() -> None:
    def handler(data: "Data[Review, int]") -> str:
        return later

    assert handler_types(handler) == SAID
    later = ""


def test_what_needed_the_frame_is_read_anew_in_each_frame() -> None:
    def attach(handler: Callable[..., Any], local: type) -> Any:
        Local = local  # noqa: F841  # read through the frame
        return handler_types(handler, sys._getframe()).value

    def handler(data: "Data[Review, Local]") -> str: ...  # type: ignore[name-defined]  # noqa: F821

    assert [attach(handler, int), attach(handler, str)] == [int, str]


def test_a_function_is_read_once() -> None:
    assert handler_types(plain) is handler_types(plain, sys._getframe())


def test_the_mark_shows_its_name() -> None:
    assert repr(UNKNOWN) == "UNKNOWN"


def test_a_ring_of_methods_says_nothing() -> None:
    partial: Any = functools.partial(plain)
    for _ in range(200):
        partial = staticmethod(partial)
    assert handler_types(partial) == SILENT


@pytest.mark.parametrize(
    "annotation, expected",
    [
        (None, type(None)),
        (int, int),
        ("int", int),
        (list["int"], list[int]),
        ("ClassVar[int]", ClassVar[int]),
        (Literal["int"], Literal["int"]),
        ("Literal['x']", Literal["x"]),
        (Annotated[int, "missing"], Annotated[int, "missing"]),
    ],
)
def test_resolve(annotation: Any, expected: Any) -> None:
    assert resolve(annotation, globals(), {}) == expected


@pytest.mark.parametrize(
    "annotation, text",
    [
        ("Missing", "'Missing': NameError: name 'Missing' is not defined"),
        (list["Missing"], "'Missing': NameError: name 'Missing' is not defined"),  # type: ignore[name-defined]  # noqa: F821
        (dict[str, list["Missing"]], "'Missing': NameError: name 'Missing' is not defined"),  # type: ignore[name-defined]  # noqa: F821
        ("1 / 0", "'1 / 0': ZeroDivisionError: division by zero"),
    ],
)
def test_resolve_says_what_it_cannot_resolve(annotation: Any, text: str) -> None:
    with pytest.raises(UnresolvedName) as caught:
        resolve(annotation, {}, {})
    assert str(caught.value) == text


def test_class_hints_know_the_class_itself_and_what_is_nested_in_it() -> None:
    class Node:
        class Inner: ...

        left: "Node"
        inner: "Inner"
        gone: "Missing"  # type: ignore[name-defined]  # noqa: F821

    hints, failures = class_hints(Node)
    assert hints == {"left": Node, "inner": Node.Inner}
    assert list(failures) == ["gone"]


def test_a_local_name_hides_a_global_one_where_the_class_was_written() -> None:
    class Review: ...

    class Local:
        review: "Review"

    def elsewhere() -> Any:
        return class_hints(Local, sys._getframe())[0]["review"]

    assert class_hints(Local, sys._getframe())[0] == {"review": Review}
    assert elsewhere() is Review


def test_a_class_body_sees_the_function_around_it() -> None:
    outer = int

    class Body:
        inner = str
        names = dict(frame_names(sys._getframe()))

    assert (Body.names["inner"], Body.names["outer"]) == (str, outer)


if sys.version_info >= (3, 12):
    exec(  # syntax that 3.11 does not parse
        """
type Alias[T] = Data[Review, T]
type Whole = Data[Review, int]
def over_any[T](data: "Data[Review, list[T]]") -> T: ...
def aliased(data: Alias[int]) -> str: ...
def whole(data: Whole) -> str: ...
"""
    )

    def test_type_parameters_and_aliases() -> None:
        over_any = globals()["over_any"]
        found = handler_types(over_any)
        assert found.contract is Review
        assert found.value == types.GenericAlias(list, over_any.__type_params__)
        assert found.result is UNKNOWN
        assert handler_types(globals()["aliased"]) == SAID
        assert handler_types(globals()["whole"]) == SAID
