"""Keys, paths and mappings that are known at run time only, so that a type checker cannot check them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from typedflow.rules.problems import Problem

_WHAT: Final[Mapping[str, str]] = MappingProxyType(
    {
        "TF199": "the resource key",
        "TF299": "the path",
        "TF399": "the capture",
        "TF499": "the write_back",
        "TF599": "the event name",
    }
)


def not_literal_problem(number: str) -> Problem:
    """Return the problem of a key, path or mapping that is not a literal (TF199, TF299, TF399, TF499, TF599)."""
    text = f"{_WHAT[number]} is not a literal, so that it cannot be checked before the flow runs"
    hint = "write it out where it is used, as a Final name or of a Literal type"
    if number in ("TF399", "TF499"):
        hint = "write the mapping out in the call, or wrap it where it is named: NAME = binding({…})"
    return Problem(number, text, hint, side="key")
