"""Classes that are saved as a value of another type: paths, pydantic models, and those declared with `StoredAs`."""

from __future__ import annotations

import pathlib
import sys
from collections.abc import Callable, Mapping
from typing import Any, Final, Generic, TypeVar, final

import msgspec

from typedflow.errors import ContractError
from typedflow.rules import schema as rules
from typedflow.schema.types import ANY, Scalar, Storing

T = TypeVar("T")
S = TypeVar("S")


@final
class StoredAs(Generic[T, S]):
    """How the values of a class are saved: `Annotated[Money, StoredAs(to, of, type)]`.

    ::

        import msgspec
        from typing import Annotated
        from typedflow import State, StoredAs

        class Money:
            def __init__(self, cents: int) -> None:
                self.cents = cents

        def to_cents(money: Money) -> int:
            return money.cents

        MONEY = StoredAs(to_cents, Money, int)

        class Order(State):
            total: Annotated[Money, MONEY]
            paid: list[Annotated[Money, MONEY]] = []

    `to` returns the stored value of an instance, `of` makes an instance of a stored value, and `type` is the type of
    the stored value, which must be one that can be saved. Both functions are pure: they are called again to verify a
    save, and to copy a value for a child flow. Two instances are the same if they are of one class and their stored
    values are equal. It is for classes that cannot be saved otherwise; what `to` or `of` raises is an error of the
    save, the load or the answer.

    >>> StoredAs(str, complex, str).of("1+2j")
    (1+2j)
    """

    __slots__ = ("of", "to", "type")

    def __init__(self, to: Callable[[T], S], of: Callable[[S], T], type: type[S]) -> None:
        for name, given in (("to", to), ("of", of)):
            if not callable(given):
                raise ContractError(rules.stored_by_no_function_problem(name, given))
        self.to = to
        self.of = of
        self.type = type

    def __repr__(self) -> str:
        return f"StoredAs({_name(self.to)}, {_name(self.of)}, {_name(self.type)})"


def _name(value: object) -> str:
    return getattr(value, "__qualname__", None) or repr(value)


def storing_of(cls: type) -> Storing | None:
    """Return how a class is saved that is neither a record nor a scalar: paths and pydantic models; else None."""
    if cls in _STORED:
        return _STORED[cls]
    pydantic = sys.modules.get("pydantic")
    model = getattr(pydantic, "BaseModel", None)
    if isinstance(model, type) and issubclass(cls, model) and cls is not model:
        found = _MODELS.get(cls)
        if found is None:
            found = _MODELS[cls] = _storing_of_model(cls)
        return found
    return None


_STORED: Final[Mapping[type, Storing]] = {
    cls: Storing(Scalar(str), str, cls, immutable=True)
    for cls in (pathlib.PurePath, pathlib.PurePosixPath, pathlib.PureWindowsPath, pathlib.Path)
}


_MODELS: Final[dict[type, Storing]] = {}


def _storing_of_model(cls: Any) -> Storing:
    """Return how a pydantic model is saved: by its own JSON, which it validates strictly when it is read."""

    def to(model: Any) -> Any:
        return model.model_dump(mode="json", by_alias=True, round_trip=True)

    def of(plain: Any) -> Any:
        try:
            model = cls.model_validate_json(msgspec.json.encode(plain), strict=True)
        except ValueError as error:
            raise ValueError(_one_line(error)) from error
        if (extra := _dropped(plain, to(model))) is not None:
            raise ValueError(f"{cls.__name__} has no field {extra!r}")
        return model

    def copy(model: Any) -> Any:
        return model.model_copy(deep=True)

    def schema(ref_template: str) -> dict[str, Any]:
        template = ref_template.replace("{name}", "{model}")
        made: dict[str, Any] = cls.model_json_schema(by_alias=True, ref_template=template)
        return made

    return Storing(ANY, to, of, copy=copy, schema=schema, exact=True)


def _one_line(error: Any) -> str:
    """Return what a ValidationError of pydantic says, without its links."""
    if not hasattr(error, "errors"):
        return str(error)
    found = error.errors(include_url=False, include_input=False)
    places = [(".".join(map(str, each["loc"])), each["msg"]) for each in found]
    return "; ".join(f"{place}: {text}" if place else text for place, text in places)


def _dropped(given: Any, kept: Any) -> str | None:
    """Return a key of plain data that is absent from what was made of it, at any depth."""
    if isinstance(given, dict) and isinstance(kept, dict):
        absent = next((key for key in given if key not in kept), None)
        if absent is not None:
            return str(absent)
        pairs = [(part, kept[key]) for key, part in given.items()]
    elif isinstance(given, list) and isinstance(kept, list):
        pairs = list(zip(given, kept, strict=False))
    else:
        return None
    return next((found for pair in pairs if (found := _dropped(*pair)) is not None), None)
