"""Options as they are written: a constant is checked by its value, all else by its type."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from mypy.nodes import CallExpr, Expression
from mypy.types import CallableType, FunctionLike, Type

from typedflow.rules import options as rules
from typedflow.rules.flows import async_in_thread_problem
from typedflow.rules.options import Option, check_mode, check_option
from typedflow.rules.problems import Problem
from typedflow_mypy.reading.calls import ANY, Call
from typedflow_mypy.reading.constants import UNKNOWN, constant_of, shown
from typedflow_mypy.reading.literals import says_nothing, texts_of
from typedflow_mypy.reporting import is_tried

_OPTIONS: Final[Mapping[str, Option]] = {
    "concurrency": rules.CONCURRENCY,
    "timeout": rules.TIMEOUT,
    "thread": rules.THREAD,
    "remote": rules.REMOTE,
    "max_depth": rules.MAX_DEPTH,
    "name": rules.NODE_NAME,
}
FOR_EACH: Final[Mapping[str, Option]] = {**_OPTIONS, "on_error": rules.ON_ITEM_ERROR}
EXECUTION: Final[Mapping[str, Option]] = {"concurrency": rules.CONCURRENCY}
RUN: Final[Mapping[str, Option]] = {"timeout": rules.TIMEOUT}
TEST: Final[Mapping[str, Option]] = {"attempt": rules.ATTEMPT, "key": rules.KEY, "step": rules.NODE_NAME}
FLOW: Final[Mapping[str, Option]] = {**_OPTIONS, "name": rules.FLOW_NAME}


def check_options(call: Call) -> FunctionLike:
    """Check the options of a call that has nothing else to be checked."""
    return with_options(call, call.signature)


def with_options(call: Call, signature: CallableType, options: Mapping[str, Option] = _OPTIONS) -> CallableType:
    """Check the options that a call names; what is wrong is taken as it is, so that mypy has nothing to say of it."""
    context = call.context
    if not isinstance(context, CallExpr) or not any(context.arg_names):
        return signature
    wrong: dict[str, Type] = {}
    for name, value in call.keywords():
        problem = _check(call, name, value, options)
        if problem is not None:
            call.report(problem, value)
            wrong[name] = ANY
    if not wrong:
        return signature
    types = [wrong.get(name or "", tp) for name, tp in zip(signature.arg_names, signature.arg_types, strict=True)]
    return signature.copy_modified(arg_types=types)


def _check(call: Call, name: str, value: Expression, options: Mapping[str, Option]) -> Problem | None:
    option = options.get(name)
    formal = call.formal(name)
    if formal is None or (option is None and (name != "retry" or options is not _OPTIONS)):
        return None
    given = constant_of(value, call.module)
    if option is None:
        return None if given is None or call.fits(value, formal)[0] else rules.wrong_retry_problem(shown(call, value))
    if given is not UNKNOWN:
        return check_option(option, given)
    return None if call.fits(value, formal)[0] else option.refuse(shown(call, value))


def check_thread(call: Call, step: str) -> bool:
    """Report an async handler that is to run in a thread."""
    for name, value in call.keywords():
        if name == "thread" and constant_of(value, call.module) is True:
            call.report(async_in_thread_problem(step), value)
            return True
    return False


def is_remote(call: Call) -> bool:
    """Return whether a child flow is to be an execution of its own, as far as the call shows it."""
    return any(name == "remote" and constant_of(value, call.module) is True for name, value in call.keywords())


def wrong_mode(call: Call, construct: str) -> bool:
    """Report a mode that a construct does not have."""
    mode = call.argument("mode")
    if mode is None:
        return False
    texts: tuple[object, ...] | None = texts_of(mode, call.api)
    if texts is None:
        formal = call.formal("mode")
        is_sound = says_nothing(call.type_of(mode)) or (formal is not None and call.fits(mode, formal)[0])
        texts = () if is_sound else (shown(call, mode),)
    problems = [problem for text in texts if (problem := check_mode(construct, text)) is not None]
    for problem in problems:
        call.report(problem, mode)
    return bool(problems)


# -- Retry


def check_retry(call: Call) -> FunctionLike:
    """Check the numbers of a Retry; not where mypy only tries it, as an argument, on one overload after the other."""
    if is_tried(call.api):
        return call.signature
    attempts = _number(call, "attempts")
    if isinstance(attempts, int) and (problem := rules.check_attempts(attempts)) is not None:
        call.report(problem, call.argument("attempts"))
    for name in ("backoff", "factor", "max_backoff"):
        given = _number(call, name)
        if given is not None and (problem := rules.check_waits(given)) is not None:
            call.report(problem, call.argument(name))
            break
    return call.signature


def _number(call: Call, name: str) -> int | float | None:
    expr = call.argument(name)
    found = constant_of(expr, call.module) if expr is not None else None
    return found if isinstance(found, (int, float)) else None
