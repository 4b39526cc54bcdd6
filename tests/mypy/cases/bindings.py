"""Mappings under a name, for another module."""

from __future__ import annotations

from typing import reveal_type

from typedflow import binding

# @0 E: Module "typedflow" has no attribute "binding"  [attr-defined]

GOOD_CAPTURE = binding(
    {
        "input": {"topic": "value.topic", "depth": "state.count"},
        "state": {"request": "value"},
    }
)
WRONG_CAPTURE = binding({"input": {"topic": "value.topik", "depth": "state.count"}, "state": {"request": "value"}})
reveal_type(GOOD_CAPTURE)
#           ^ R: Any
