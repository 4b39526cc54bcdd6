"""Decide which `Meta` limits imply which."""

from __future__ import annotations

from typing import Any

from typedflow.schema.types import Limits


def length_limits(length: int) -> Limits:
    """Return the limits of a container of fixed length."""
    return Limits(min_length=length, max_length=length)


def implies(given: Limits, wanted: Limits, *, integers: bool = False) -> bool:
    """Return whether every value within `given` is within `wanted`; with `integers`, x > 0 implies x >= 1."""
    return (
        _lower(given, wanted, integers)
        and _upper(given, wanted, integers)
        and _multiple(given.multiple_of, wanted.multiple_of)
        and wanted.pattern in (None, given.pattern)
        and wanted.tz in (None, given.tz)
        and _at_least(given.min_length, wanted.min_length or None)
        and _at_most(given.max_length, wanted.max_length)
    )


def _lower(given: Limits, wanted: Limits, integers: bool) -> bool:
    step = 1 if integers else 0
    floor = given.ge if given.ge is not None else given.gt if given.gt is None else given.gt + step
    inclusive = _at_least(floor, wanted.ge)
    if wanted.gt is None:
        return inclusive
    above = given.gt is not None and given.gt >= wanted.gt
    return inclusive and (above or (given.ge is not None and given.ge > wanted.gt))


def _upper(given: Limits, wanted: Limits, integers: bool) -> bool:
    step = 1 if integers else 0
    ceiling = given.le if given.le is not None else given.lt if given.lt is None else given.lt - step
    inclusive = _at_most(ceiling, wanted.le)
    if wanted.lt is None:
        return inclusive
    below = given.lt is not None and given.lt <= wanted.lt
    return inclusive and (below or (given.le is not None and given.le < wanted.lt))


def _at_least(given: Any, wanted: Any) -> bool:
    return wanted is None or (given is not None and given >= wanted)


def _at_most(given: Any, wanted: Any) -> bool:
    return wanted is None or (given is not None and given <= wanted)


def _multiple(given: Any, wanted: Any) -> bool:
    return wanted is None or (given is not None and given % wanted == 0)
