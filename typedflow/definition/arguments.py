"""Parse and check the arguments of the builder's methods."""

from __future__ import annotations

import inspect
from collections.abc import Collection, Mapping, Set
from contextlib import suppress
from enum import Enum
from functools import partial
from types import FunctionType, GenericAlias, MemberDescriptorType, NoneType, UnionType
from typing import Any, cast, get_args, get_origin

from typedflow.definition.names import name_of
from typedflow.definition.nodes import Case, Handler, Retry, StepOptions, Trigger, TriggerKind
from typedflow.rules import flows
from typedflow.rules.options import (
    FORMER_NAME,
    THREAD,
    TIMEOUT,
    WhenMode,
    check_name,
    check_option,
    mode_by_form,
    wrong_retry_problem,
)
from typedflow.rules.problems import Problem
from typedflow.rules.wording import plain
from typedflow.schema.contracts import ContractSpec
from typedflow.schema.layers import Events
from typedflow.schema.records import fields_of
from typedflow.schema.types import RecordOf


def check_options(options: StepOptions) -> Problem | None:
    """Check the options of a step: retry, timeout and thread (TF718)."""
    if options.retry is not None and not isinstance(options.retry, Retry):
        return wrong_retry_problem(options.retry)
    return check_option(TIMEOUT, options.timeout) or check_option(THREAD, options.thread)


def can_take_one(handler: Handler) -> bool:
    """Return whether a function can be called with one positional argument; True if it has no signature."""
    if type(handler) is FunctionType:  # the usual case; inspect.signature is slow
        code = handler.__code__
        required = code.co_argcount - len(handler.__defaults__ or ())
        takes = code.co_argcount >= 1 or bool(code.co_flags & inspect.CO_VARARGS)
        return takes and required <= 1 and code.co_kwonlyargcount <= len(handler.__kwdefaults__ or ())
    try:
        signature = inspect.Signature.from_callable(handler, follow_wrapped=False)
    except (ValueError, TypeError):
        return True
    try:
        signature.bind(None)
    except TypeError:
        return False
    return True


def case_name(condition: Any) -> str:
    """Return the default name of a case: that of its function, or the repr of its value."""
    if is_condition(condition):
        return name_of(condition)
    if isinstance(condition, Enum):
        return f"{type(condition).__name__}.{condition.name}"
    if isinstance(condition, str | int | float | bytes | NoneType):
        with suppress(ValueError):  # of an int with more digits than Python writes
            return repr(condition)
    return type(condition).__name__


def is_condition(condition: Any) -> bool:
    """Return whether a case is a function to call; everything else is a value to compare with."""
    return callable(condition) and not is_class(condition)


def is_class(condition: Any) -> bool:
    """Return whether a case is a class, a parametrised one or a union, which is for `case_type` to take."""
    return isinstance(condition, type | GenericAlias | UnionType) or get_origin(condition) is not None


def check_names(names: object) -> Problem | None:
    """Check the former names of a node, branch or case: a tuple of non-empty str (TF740) that can be saved (TF718)."""
    if not isinstance(names, tuple) or not all(isinstance(name, str) and name for name in names):
        return flows.wrong_former_names_problem(names)
    return next(filter(None, (check_name(FORMER_NAME, name) for name in names)), None)


def case_of(condition: Any, name: str = "") -> Case:
    """Return a case for a condition (a callable that is not a class) or for a value to compare with."""
    if not is_condition(condition):
        return Case(condition, is_function=False, name=name)
    target = condition
    while isinstance(target, partial):
        target = target.func
    is_async = inspect.iscoroutinefunction(target) or inspect.iscoroutinefunction(type(target).__call__)
    return Case(condition, is_function=True, is_async=is_async, name=name)


def copied(mapping: Any) -> Any:
    """Return a copy of a mapping, which its caller may change later; other values are left for the rules to report."""
    if not isinstance(mapping, Mapping):
        return mapping
    return {key: dict(value) if isinstance(value, Mapping) else value for key, value in mapping.items()}


def event_of(event: Any, spec: ContractSpec) -> str | Problem:
    """Return the name of an event that is given as an attribute of its class, `ReviewEvents.approved`."""
    owner = getattr(event, "__objclass__", None)
    if not isinstance(event, MemberDescriptorType) or not isinstance(owner, type) or not issubclass(owner, Events):
        return flows.wrong_event_problem(event)
    payload = next(field.kind for field in fields_of(RecordOf(owner)) if field.name == event.__name__)
    if spec.events is not None and spec.events.get(event.__name__, payload) != payload:
        return flows.foreign_event_problem(event.__name__, owner.__name__, spec.name)
    return event.__name__


def triggers_of(given: Any) -> tuple[tuple[Trigger, ...], WhenMode, list[Problem]]:
    """Parse the first argument of `when(…)`: return its triggers, its default mode and the problems.

    One name or a collection of names are events; a mapping has a name or names for each kind of trigger.
    """
    by_kind: Mapping[Any, Any] = given if isinstance(given, Mapping) else {"event": given}
    problems: list[Problem] = []
    found: list[Trigger] = []
    for kind, names in by_kind.items():
        if kind not in get_args(TriggerKind):
            problems.append(flows.unknown_trigger_problem(str(kind)))
        elif (listed := _names_of(names)) is None:
            problems.append(flows.wrong_triggers_problem(names))
        else:
            found.extend(Trigger(cast("TriggerKind", plain(kind)), name) for name in listed)
    if not found and not problems:
        problems.append(flows.empty_when_problem())
    mode = mode_by_form(isinstance(names, str) for names in by_kind.values())
    return tuple(dict.fromkeys(found)), cast("WhenMode", mode), problems


def _names_of(names: Any) -> list[str] | None:
    """Return the names of one kind of trigger as exact str, those of a set sorted; None for any other argument."""
    listed = [names] if isinstance(names, str) else names
    if not isinstance(listed, Collection) or isinstance(listed, Mapping):
        return None
    if not all(isinstance(name, str) for name in listed):
        return None
    texts = [plain(name) for name in listed]
    return sorted(texts) if isinstance(listed, Set) else texts
