"""What `help()` shows of a facade's methods: their annotations, less those that only a type checker reads.

A type checker takes its types from the source, in which nothing changes.
"""

from __future__ import annotations

from types import FunctionType
from typing import Any, Final, TypeVar

T = TypeVar("T")

_IN_CONSTRUCTION: Final = ("Process[", "Batch[")


def plainly_signed(cls: type[T]) -> type[T]:
    """Drop the type of `self`, by which a method finds the parts of a contract, and the open blocks behind a value's.

    It changes what `inspect` and `help` read of a class's methods, and nothing else.
    """
    for member in vars(cls).values():
        function: Any = getattr(member, "__func__", member)
        if isinstance(function, FunctionType):
            annotations = {name: given for name, given in function.__annotations__.items() if name != "self"}
            returned = annotations.get("return")
            if isinstance(returned, str) and returned.startswith(_IN_CONSTRUCTION):
                annotations["return"] = _contract_and_value(returned)
            function.__annotations__ = annotations  # from Python 3.14 on this drops what `help` would evaluate again
    return cls


def _contract_and_value(text: str) -> str:
    """Return `Process[C, V]` of `Process[C, V, Each[Fail, K]]`."""
    depth = commas = 0
    for position, character in enumerate(text):
        depth += (character == "[") - (character == "]")
        commas += character == "," and depth == 1
        if commas == 2:
            return f"{text[:position]}]"
    return text
