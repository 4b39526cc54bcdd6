"""Mappings under a name, for another module."""

from __future__ import annotations

from typing import reveal_type

from typedflow import binding

GOOD_CAPTURE = binding(
    {
        "input": {"topic": "value.topic", "depth": "state.count"},
        "state": {"request": "value"},
    }
)
WRONG_CAPTURE = binding({"input": {"topic": "value.topik", "depth": "state.count"}, "state": {"request": "value"}})
reveal_type(GOOD_CAPTURE)
#           ^ R: TypedDict({'input': typing.Mapping[str, Literal['value.topic'] | Literal['state.count']], 'state': typing.Mapping[str, Literal['value']]}, closed=True)
