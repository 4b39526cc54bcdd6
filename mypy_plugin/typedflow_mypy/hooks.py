"""How a check becomes a hook of mypy's: guarded, recorded, and cached.

These run for every call and attribute of ours that mypy comes to: a cached answer takes one look-up.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable
from functools import partial
from typing import Any, Final, TypeAlias, TypeVar

from mypy.errors import CompileError
from mypy.nodes import Expression, NameExpr
from mypy.plugin import AttributeContext, FunctionSigContext, MethodSigContext
from mypy.types import FunctionLike, Type

from typedflow_mypy.cache.dependencies import Dependencies
from typedflow_mypy.cache.memo import Known, Memo
from typedflow_mypy.checks import chains, events, paths, resources
from typedflow_mypy.codes import TYPEDFLOW
from typedflow_mypy.reading.calls import (
    Call,
    SignatureCheck,
    is_plain_int,
    is_plainly,
    only_literals,
    text_and_value,
    without_constants,
)
from typedflow_mypy.reading.surface import contract_of
from typedflow_mypy.settings import Settings

RAISE: Final = "TYPEDFLOW_MYPY_RAISE"
"""In the environment of a test: a check that fails ends the run, with its traceback."""
BUGS: Final = "https://github.com/typedflow/typedflow/issues"

Context = TypeVar("Context")
Answer = TypeVar("Answer")
SignatureHook: TypeAlias = Callable[[MethodSigContext], FunctionLike]
MakingHook: TypeAlias = Callable[[FunctionSigContext], FunctionLike]
AttributeHook: TypeAlias = Callable[[AttributeContext], Type]

_BY_TEXT: Final = frozenset(
    {paths.check_get, paths.check_reset, resources.check_require, resources.check_get, resources.check_delete}
)
"""Checks of methods without overloads, whose answer depends on the receiver and, where that is all, on literals."""
_BY_VALUE: Final = frozenset({paths.check_set, paths.check_append_to, resources.check_set, events.check_emit})
"""Checks of methods without overloads, which ask of the value whether it is of the type that the text leads to."""


def guarded(hook: Callable[[Any], Answer], default: Callable[[Any], Answer]) -> Callable[[Any], Answer]:
    """Make a hook that cannot end mypy's run: what it raises is one error line, and the call is left to mypy."""

    def call(ctx: Any) -> Answer:
        try:
            return hook(ctx)
        except Exception as error:
            _report_failure(ctx, error)
            return default(ctx)

    return call


def _report_failure(ctx: Any, error: Exception) -> None:
    if isinstance(error, CompileError) or os.environ.get(RAISE):
        raise error
    what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    text = f"the typedflow plugin failed on this line, which was not checked: {what} (please report it: {BUGS})"
    ctx.api.fail(" ".join(text.split()), getattr(ctx, "context", None) or ctx.reason, code=TYPEDFLOW)


class Hooks:
    """Make hooks of checks, which share their caches.

    The hooks that mypy calls most often answer in one frame: between two such calls mypy does so much else that this
    code has left the processor's caches.
    """

    def __init__(self, settings: Settings, memo: Memo, dependencies: Dependencies) -> None:
        self._settings = settings
        self._memo = memo
        self._dependencies = dependencies

    def of_method(self, check: SignatureCheck) -> SignatureHook:
        """Make the hook of a method that looks at its arguments before mypy does."""
        if check in _BY_TEXT:
            return self._of_literals(check)
        if check in _BY_VALUE:
            return self._of_value(check)
        return guarded(partial(self._of_call, check), lambda ctx: ctx.default_signature)

    def of_making(self, check: SignatureCheck) -> MakingHook:
        """Make the hook of a class that is called."""
        return guarded(partial(self._of_call, check), lambda ctx: ctx.default_signature)

    def of_layer(self, name: str) -> AttributeHook:
        """Make the hook of a layer that is read as an attribute."""
        memo, analysed, last_read = self._memo, self._memo.analysed, self._memo.read

        def hook(ctx: AttributeContext) -> Type:
            try:
                if last_read.get(name) is ctx.type and not analysed:
                    return ctx.default_attr_type
                if analysed:
                    self._begin(ctx.api)
                contract = contract_of(ctx.type)
                if (name, contract) in memo.declaring:
                    last_read[name] = ctx.type
                    return ctx.default_attr_type
                is_declared, answer = chains.check_layer(ctx, name, contract)
                if is_declared and contract is not None:
                    memo.declaring.add((name, contract))
                return answer
            except Exception as error:
                _report_failure(ctx, error)
                return ctx.default_attr_type

        return hook

    def _of_call(self, check: SignatureCheck, ctx: MethodSigContext | FunctionSigContext) -> FunctionLike:
        if self._memo.analysed or ctx.api.tree is not self._memo.tree:  # type: ignore[attr-defined]  # it has one
            self._begin(ctx.api)
        elif self._memo.fitting == (ctx.context, getattr(ctx, "type", None)):
            return ctx.default_signature
        return self._answer(check, ctx)[0]

    def _of_literals(self, check: SignatureCheck) -> SignatureHook:
        memo, analysed, known_here = self._memo, self._memo.analysed, self._memo.module_cache

        def hook(ctx: MethodSigContext) -> FunctionLike:
            try:
                api: Any = ctx.api
                if analysed or api.tree is not memo.tree:
                    self._begin(api)
                receiver, literals = ctx.type, only_literals(ctx.context)
                known = known_here.get((check, receiver, literals))
                if known is None and literals is not None:
                    known = self._recall(api, check, receiver, literals)
                if known is not None:
                    for targets in known[1]:
                        targets.add(api.tscope.current_target())
                    cached: FunctionLike = known[0]
                    return cached
                answer, call = self._answer(check, ctx)
                if literals is not None and call.is_sound:
                    memo.keep_call(check, receiver, literals, answer, call.trace)
                return answer
            except Exception as error:
                _report_failure(ctx, error)
                return ctx.default_signature

        return hook

    def _of_value(self, check: SignatureCheck) -> SignatureHook:
        memo, analysed, known_here = self._memo, self._memo.analysed, self._memo.module_cache

        def hook(ctx: MethodSigContext) -> FunctionLike:
            try:
                api: Any = ctx.api
                if analysed or api.tree is not memo.tree:
                    self._begin(api)
                receiver, (text, value) = ctx.type, text_and_value(ctx.context)
                known = known_here.get((check, receiver, text))
                if known is None and text is not None:
                    known = self._recall(api, check, receiver, text)
                if known is not None and value is not None and _is_of(api, value, known[0][0]):
                    for targets in known[1]:
                        targets.add(api.tscope.current_target())
                    cached: FunctionLike = known[0][1]
                    return cached
                answer, call = self._answer(check, ctx)
                if text is not None and call.is_sound and call.expected is not None:
                    memo.keep_call(check, receiver, text, (call.expected, answer), call.trace)
                return answer
            except Exception as error:
                _report_failure(ctx, error)
                return ctx.default_signature

        return hook

    def _begin(self, api: Any) -> None:
        self._memo.begin(api.tree)
        self._dependencies.begin(api)

    def _recall(self, api: Any, check: SignatureCheck, receiver: Type, written: Hashable) -> Known | None:
        """Copy the answer to a call from the call cache into the module cache, and return it; None if there is none."""
        entry = self._memo.known_call(check, receiver, written)
        if entry is None:
            return None
        known = entry.answer, self._dependencies.record_trace(entry.trace)
        self._memo.module_cache[check, receiver, written] = known
        return known

    def _answer(self, check: SignatureCheck, ctx: MethodSigContext | FunctionSigContext) -> tuple[FunctionLike, Call]:
        call = Call(ctx, self._settings, self._memo)
        try:
            return check(call), call
        finally:
            self._dependencies.record(call.api, call.trace)


def _is_of(api: Any, value: Expression, expected: Type) -> bool:
    """Return whether a value is plainly of a type; errors that mypy itself finds are left to mypy, as in a check."""
    if isinstance(value, NameExpr):  # of which nothing is reported but what mypy says again, and then once
        return is_plainly(api.get_expression_type(value, expected), expected)
    counted = without_constants(value)
    if counted is not None and is_plain_int(expected):
        return is_plain_int(api.get_expression_type(counted, expected))
    with api.msg.filter_errors() as watcher:
        given = api.get_expression_type(value, expected)
    return watcher.has_new_errors() or is_plainly(given, expected)
