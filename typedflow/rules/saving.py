"""Why a type cannot be saved and read back: the reasons that complete `rules.schema.not_persistable_problem`.

Each is the end of a sentence that begins with the type of the field, and names the type at fault itself.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

TOO_DEEP: Final = "is nested too deep, or holds itself"
"""What is said of a value that Python's recursion limit does not let through; typedflow has no limit of its own."""
NEVER: Final = "no value is valid for Never"
RAW: Final = "Raw holds bytes of one format, and cannot be saved in another"
UNSET_OUTSIDE_STRUCT: Final = "UNSET can only stand for a Struct field"
SELF: Final = "msgspec refuses it: Type 'typing.Self' is not supported"
"""The message of msgspec for a field that is declared with Self."""


def comes_back_plain(type_: str) -> str:
    """Return the reason for `Any` and `object`: values lose their class."""
    return f"{type_} comes back as plain builtins: say what it holds"


def not_encodable(type_: str) -> str:
    """Return the reason for a type without an encoding."""
    return f"{type_} cannot be encoded"


def stored_beside(type_: str, other: str) -> str:
    """Return the reason for a union of a class that is saved as another type, and of more than None."""
    return f"{type_} is saved as another type, and cannot be told apart from {other}: only None may stand beside it"


STORED_NATIVELY: Final = "is saved as it is, and needs no StoredAs"
"""Why a StoredAs does not belong to a type; the end of a sentence that begins with the annotation."""


def frozen_dict(type_: str) -> str:
    """Return the reason for the frozendict of Python 3.15, which msgspec does not support."""
    return f"{type_} is not saved: say {type_.replace('frozendict', 'dict')}"


def recursive_alias(type_: str) -> str:
    """Return the reason for an alias that refers to itself other than through a record."""
    return f"msgspec cannot decode {type_}, an alias that refers to itself: use a Struct"


def read_only_keys(type_: str) -> str:
    """Return the reason for a TypedDict with ReadOnly keys."""
    return f"msgspec cannot decode {type_}, a TypedDict with ReadOnly keys"


def other_class(type_: str, better: str) -> str:
    """Return the reason for an abstract collection; `better` is the type to declare instead."""
    return f"what is declared as {type_} may come back as another class: say {better}"


def private_field(type_: str, name: str) -> str:
    """Return the reason for a private field of an attrs class, which msgspec does not encode."""
    return f"msgspec leaves out '{name}', as it does all private fields of an attrs class like {type_}"


def cached_attribute(type_: str, name: str) -> str:
    """Return the reason for a cached attribute of an attrs class, which msgspec encodes but cannot decode."""
    return f"msgspec writes '{name}' of the attrs class {type_}, which is no field of it, and refuses to read it"


def odd_enum(type_: str) -> str:
    """Return the reason for an enum whose values are neither all str nor all int."""
    return f"the values of {type_} are neither all str nor all int"


def odd_literal(value: object) -> str:
    """Return the reason for a Literal that msgspec cannot decode."""
    return f"msgspec cannot decode a Literal of {value!r}"


def no_json_key(type_: str) -> str:
    """Return the reason for dict keys that JSON does not have."""
    return f"JSON has no keys of type {type_}"


def mixed_keys(type_: str) -> str:
    """Return the reason for dict keys of several types that are equal in JSON."""
    return f"as JSON keys, numbers and text cannot be told apart in {type_}"


def not_hashable(type_: str, container: str) -> str:
    """Return the reason for set items or dict keys that are not hashable."""
    return f"{type_} is not hashable, so no {container} can hold it"


def not_told_apart(types: Collection[str], *, structs: bool = False) -> str:
    """Return the reason for union members with the same encoding; `structs`: suggest tags."""
    hint = ": give the Structs tags of one kind" if structs else ""
    return f"{' and '.join(types)} cannot be told apart when read back{hint}"
