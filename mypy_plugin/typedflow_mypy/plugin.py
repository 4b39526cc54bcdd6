"""The dispatcher: which check belongs to which method, class and layer. No rule lives here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar, final

from mypy.nodes import MypyFile, TypeInfo
from mypy.options import Options
from mypy.plugin import ClassDefContext, FunctionContext, FunctionSigContext, MethodContext, Plugin, ReportConfigContext
from mypy.types import FunctionLike, Type
from mypy.version import __version__ as mypy_version

from typedflow_mypy.cache.dependencies import Dependencies
from typedflow_mypy.cache.fingerprints import fingerprint
from typedflow_mypy.cache.memo import Memo
from typedflow_mypy.checks import (
    answers,
    bindings,
    bounds,
    cases,
    chains,
    conditions,
    contracts,
    events,
    listeners,
    options,
    paths,
    resources,
    results,
    schema,
    starts,
    steps,
)
from typedflow_mypy.hooks import AttributeHook, Hooks, SignatureHook, guarded
from typedflow_mypy.reading import structs
from typedflow_mypy.reading.calls import SignatureCheck
from typedflow_mypy.reading.surface import PACKAGE, is_typedflow
from typedflow_mypy.settings import read_settings, report_settings

Answer = TypeVar("Answer")

_OF_LAYERS: Final[Mapping[str, SignatureCheck]] = {
    "get": paths.check_get,
    "set": paths.check_set,
    "append": paths.check_append_to,
    "delete": paths.check_reset,
    "__getitem__": paths.check_item,
    "__setitem__": paths.check_set,
    "__contains__": paths.check_contains,
}

_OF_CLASSES: Final[Mapping[str, SignatureCheck]] = {
    "Data.require_resource": resources.check_require,
    "Data.get_resource": resources.check_get,
    "Data.set_resource": resources.check_set,
    "Data.del_resource": resources.check_delete,
    **{
        f"{owner}.{name}": check
        for owner in ("Flow", "Execution")
        for name, check in {
            "get_runtime_resource": resources.check_get,
            "set_runtime_resource": resources.check_set,
            "del_runtime_resource": resources.check_delete,
            "update_runtime_resources": resources.check_update,
            "create_execution": starts.check_start,
            "start": starts.check_start,
            "async_start": starts.check_start,
            "async_open": starts.check_start,
            "open": starts.check_start,
            "async_fork": starts.check_start,
            "load": starts.check_start,
        }.items()
    },
    **{
        f"Data.{verb}_{middle}_data": paths.of_layer(check, layer)
        for middle, layer in {"runtime": "state", "flow": "flow_state"}.items()
        for verb, check in {
            "get": paths.check_get,
            "set": paths.check_set,
            "append": paths.check_append_to,
            "del": paths.check_reset,
        }.items()
    },
    "Data.emit": events.check_emit,
    "Execution.emit": events.check_emit,
    "Data.pause_for": events.check_resume_event,
    "Execution.continue_with": answers.check_answer,
    "Execution.async_continue_with": answers.check_answer,
    "Execution.stream_continue": answers.check_answer,
    "Contract.__init_subclass__": contracts.check_contract,
    "Data.put": chains.check_put,
    "Flow.when": listeners.check_when,
    "Flow.when_event": events.check_when_event,
    "Flow.collect": listeners.check_collect,
    "Process.collect": listeners.check_collect,
    "Process.end": chains.check_end,
    **{
        f"{owner}.{name}": steps.check_step
        for owner, names in {
            "Flow": ("to", "side_branch"),
            "Process": ("to", "side_branch"),
            "Batch": ("branch",),
        }.items()
        for name in names
    },
    "Flow.to_sub_flow": steps.check_sub_flow,
    "Process.to_sub_flow": steps.check_sub_flow,
    **{
        f"{owner}.{name}": check
        for owner in ("Flow", "Process")
        for name, check in {
            "for_each": chains.check_for_each,
            "batch": options.check_options,
            "match": conditions.check_match,
            "if_condition": conditions.check_if,
        }.items()
    },
    **{f"Process.{name}": chains.check_close for name in chains.CLOSING},
    "Process.case": conditions.check_case,
    **{f"{owner}.case_type": cases.check_case_type for owner in ("Process", "Match")},
    **{f"{owner}.case_value": cases.check_case_value for owner in ("Process", "Match")},
    "Process.end_match": cases.check_end_match,
    "Process.elif_condition": conditions.check_elif,
    "Match.case": conditions.check_first_case,
}

_OF_MAKING: Final[Mapping[str, SignatureCheck]] = {
    "Flow": results.check_flow,
    "Retry": options.check_retry,
    "make_data": starts.check_make_data,
    "run_flow": starts.check_run_flow,
    "submit": starts.check_submit,
    "emit": starts.of_flow(events.check_emit),
    "answer": starts.of_flow(answers.check_answer),
}
_METHODS: Final = frozenset(["migrate", *_OF_LAYERS, *(name.rpartition(".")[2] for name in _OF_CLASSES)])
_LAYERS: Final = ("state", "flow_state", "resources")
_LAYERED: Final = ("Data", "Execution", "Flow")
_ANNOTATED: Final = frozenset({"typing.Annotated", "typing_extensions.Annotated"})


@final
class CachedLookup(dict[str, Answer]):
    """Answers to questions about names: the first is found by a call, later ones by a look-up in the dict."""

    def __init__(self, find: Callable[[str], Answer]) -> None:
        super().__init__()
        self._find = find

    def __missing__(self, name: str) -> Answer:
        """Find the answer, and keep it."""
        answer = self[name] = self._find(name)
        return answer


@final
class TypedflowPlugin(Plugin):
    """Check what a contract says and a plain type checker cannot see."""

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self.settings, problems = read_settings(options.config_file)
        report_settings(problems)
        self.dependencies = Dependencies(options)
        self._in_daemon = bool(options.fine_grained_incremental)
        self.memo = Memo(in_daemon=self._in_daemon)
        # by the full name of a method; of those of a user's class, which may change, in the daemon
        self._signature_hooks = CachedLookup(self.get_method_signature_hook)
        self._of_users: list[str] = []
        checks = (*_OF_LAYERS.values(), *_OF_CLASSES.values(), contracts.check_migrate)
        hooks = Hooks(self.settings, self.memo, self.dependencies)
        self._hooks = {check: hooks.of_method(check) for check in checks}
        self._made = {name: hooks.of_making(check) for name, check in _OF_MAKING.items()}
        self._attribute_hooks = {name: hooks.of_layer(name) for name in _LAYERS}
        self._fingerprint = fingerprint(mypy_version, repr(self.settings), [Path(__file__).parent])
        self._class_hook = guarded(self._check_class, lambda ctx: None)
        self._replace_methods_by_lookups()

    def _replace_methods_by_lookups(self) -> None:
        """Replace methods that mypy calls for every call, attribute and type by look-ups in dicts, which run in C."""
        lookups: dict[str, Callable[[str], Any]] = {
            "get_method_signature_hook": self._signature_hooks.__getitem__,
            "get_method_hook": CachedLookup(self.get_method_hook).__getitem__,
            "get_attribute_hook": CachedLookup(self.get_attribute_hook).__getitem__,
            "get_function_hook": CachedLookup(self.get_function_hook).__getitem__,
            "get_function_signature_hook": CachedLookup(self.get_function_signature_hook).__getitem__,
            # returns None: it changes no type
            "get_type_analyze_hook": self.memo.analysed.add,
        }
        for method, look_up in lookups.items():
            setattr(self, method, look_up)

    def report_config_data(self, ctx: ReportConfigContext) -> Any:
        """Return a fingerprint of what all reports depend on: mypy drops its cache when it changes."""
        return self._fingerprint

    def get_additional_indirect_deps(self, file: MypyFile) -> set[str]:
        """Return the modules of the classes that the checks of a module have visited."""
        self._invalidate(file.fullname)
        self.dependencies.report_triggers(file)
        return self.dependencies.modules_of(file)

    def get_method_signature_hook(self, fullname: str) -> SignatureHook | None:
        """Find the check of a method; the name is that of the receiver's class, which may be a user's."""
        method = fullname.rpartition(".")[2]
        if method not in _METHODS:
            return None
        if self._in_daemon and not fullname.startswith(PACKAGE):
            self._of_users.append(fullname)
        check = self._check_of(fullname, method)
        return self._hooks[check] if check is not None else None

    def _check_of(self, fullname: str, method: str) -> SignatureCheck | None:
        owner = fullname.rpartition(".")[0]
        if owner.startswith(PACKAGE):
            check = _OF_CLASSES.get(f"{owner.rpartition('.')[2]}.{method}")
            if check is not None:
                return check
        if method == "migrate":
            return contracts.check_migrate if self._is_of(owner, "Contract") else None
        return _OF_LAYERS[method] if method in _OF_LAYERS and self._is_of(owner, "Layer") else None

    def get_method_hook(self, fullname: str) -> Callable[[MethodContext], Type] | None:
        """Find the check of a method whose receiver is a type variable."""
        method = bounds.method_of(fullname)
        if method not in _METHODS:
            return None
        return guarded(lambda ctx: bounds.check_on_bound(ctx, method), lambda ctx: ctx.default_return_type)

    def get_function_hook(self, fullname: str) -> Callable[[FunctionContext], Type] | None:
        """Find the hook of `binding`."""
        if fullname.startswith(PACKAGE) and fullname.endswith(".binding"):
            return guarded(bindings.bake, lambda ctx: ctx.default_return_type)
        return None

    def get_function_signature_hook(self, fullname: str) -> Callable[[FunctionSigContext], FunctionLike] | None:
        """Find the check of a class of ours that is called."""
        if not fullname.startswith(PACKAGE):
            return None
        return self._made.get(fullname.rpartition(".")[2])

    def get_base_class_hook(self, fullname: str) -> Callable[[ClassDefContext], None] | None:
        """Find the check of a class body, by one of its bases."""
        self._invalidate(fullname)
        if "." not in fullname or fullname in _ANNOTATED:
            # mypy qualifies no alias in a function: which class is meant is seen in the class itself
            return self._class_hook
        sym = self.lookup_fully_qualified(fullname)
        base = structs.class_of(sym.node) if sym is not None else None
        is_ours = base is not None and (structs.is_struct(base) or is_typedflow(base, "Contract"))
        return self._class_hook if is_ours else None

    def _check_class(self, ctx: ClassDefContext) -> None:
        if structs.is_struct(ctx.cls.info):
            schema.check_class(ctx, self.dependencies.record_class)
        elif is_typedflow(ctx.cls.info, "Contract"):
            contracts.record_attributes(ctx)

    def get_attribute_hook(self, fullname: str) -> AttributeHook | None:
        """Find the check of a layer that is read as an attribute."""
        owner, _, name = fullname.rpartition(".")
        is_ours = fullname.startswith(PACKAGE) and owner.rpartition(".")[2] in _LAYERED
        return self._attribute_hooks.get(name) if is_ours else None

    def _invalidate(self, name: str) -> None:
        """Invalidate cached answers, as mypy has analysed a class, or has checked a module to its end."""
        self.memo.analysed.add(name)
        while self._of_users:
            self._signature_hooks.pop(self._of_users.pop(), None)

    def _is_of(self, owner: str, base: str) -> bool:
        """Return whether a class has one of ours among its bases."""
        sym = self.lookup_fully_qualified(owner)
        return sym is not None and isinstance(sym.node, TypeInfo) and is_typedflow(sym.node, base)
