"""Functions that are called again later, with the values that their variables have now.

A change of a shared flow_state is applied when `update_flow_state` is called, and once more on what is stored when the
step is committed. Between the two a loop has gone on, and names have been assigned again.
"""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable
from types import BuiltinFunctionType, CellType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any, Final

Change = Callable[[Any], object]

_SHARED: Final = (type, ModuleType, FunctionType, BuiltinFunctionType, MethodType)
"""Classes whose objects are what they are: they are never copied."""
_CONTAINERS: Final = (list, dict, set, bytearray)


def as_it_is_now(change: Change) -> Change:
    """Return a function that does what `change` does now, whatever becomes of the names that it uses.

    Of a plain function the closure and the globals that its own code names are kept as they are, lists, dicts and sets
    in them copied; of a `functools.partial` its arguments too. What the function reaches through other objects is not.
    """
    if type(change) is functools.partial:
        arguments = [_now(each) for each in change.args]
        keywords = {name: _now(each) for name, each in change.keywords.items()}
        return functools.partial(as_it_is_now(change.func), *arguments, **keywords)
    if type(change) is not FunctionType:
        return change
    cells = tuple(_cell(cell) for cell in change.__closure__ or ())
    fixed = FunctionType(change.__code__, _globals(change), change.__name__, change.__defaults__, cells)
    if change.__kwdefaults__ is not None:
        fixed.__kwdefaults__ = {name: _now(each) for name, each in change.__kwdefaults__.items()}
    fixed.__defaults__ = None if change.__defaults__ is None else tuple(map(_now, change.__defaults__))
    return fixed


def _globals(function: FunctionType) -> dict[str, Any]:
    """Return the globals with the variables that the code names fixed; the very dict where there are none."""
    found = function.__globals__
    named = {name: found[name] for name in _names(function.__code__) if name in found}
    variables = {name: _now(value) for name, value in named.items() if not isinstance(value, _SHARED)}
    return {**found, **variables} if variables else found


def _names(code: CodeType) -> set[str]:
    """Return the names of globals that a code and those inside of it may use."""
    inner = [part for part in code.co_consts if isinstance(part, CodeType)]
    return set(code.co_names).union(*map(_names, inner))


def _cell(cell: CellType) -> CellType:
    try:
        return CellType(_now(cell.cell_contents))
    except ValueError:  # nothing is assigned to it yet
        return cell


def _now(value: Any) -> Any:
    """Return a value that a later change does not reach, as far as that is known."""
    if type(value) not in _CONTAINERS:
        return value
    try:
        return copy.deepcopy(value)
    except Exception:  # it holds what cannot be copied
        return copy.copy(value)
