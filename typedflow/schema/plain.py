"""Typed values from plain data, as JSON has it: what a person or another program answers with."""

from __future__ import annotations

from typing import Any

import msgspec

from typedflow.schema.check import Mismatch, compile_check
from typedflow.schema.crowding import REASON, find_crowd
from typedflow.schema.forms import Formless, form_of
from typedflow.schema.parsing import parse
from typedflow.schema.persistable import check_persistable
from typedflow.schema.render import render


def from_plain(tp: Any, value: Any) -> Any:
    """Give the typed value that plain data stands for, checked; raises `Mismatch`.

    Strict, as msgspec is: a text is no number, but for the keys of a dict, which JSON has as texts. Nothing of the data
    is kept by reference that could change later.
    """
    kind = parse(tp)
    if check_persistable(kind):  # msgspec does not read it; some such types even crash it
        raise Mismatch((), render(kind), value)
    crowd = find_crowd(kind, value)
    if crowd is not None:
        raise Mismatch(crowd, render(kind), value, REASON)
    try:
        made = msgspec.convert(value, form_of(kind), strict=True, str_keys=True)
    except (Formless, msgspec.ValidationError, TypeError, ValueError, RecursionError) as error:
        raise Mismatch((), render(kind), value, str(error)) from None
    return compile_check(kind)(made)
