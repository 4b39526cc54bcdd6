"""A TriggerFlow config of Agently as a config of typedflow: operators and signals become nodes and their sources.

In a TriggerFlow an operator listens to signals and emits others; here a node names the node that it is behind. The
operators are converted in an order in which each one's signals are known.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import msgspec
from msgspec import UNSET

from typedflow.cli.exits import Mistake
from typedflow.cli.skeletons import contract_name, identifier, write_skeleton
from typedflow.config.documents import (
    FORMAT,
    BatchRecord,
    CaseRecord,
    CollectRecord,
    ConfigDocument,
    ContractRecord,
    EachRecord,
    EndRecord,
    JoinRecord,
    MatchRecord,
    NodeRecord,
    Source,
    StepRecord,
    TriggerRecord,
    WhenRecord,
    write_config,
)
from typedflow.errors import TypedflowError
from typedflow.rules.wording import quoted, text_of

VERSION: Final = "trigger_flow/v1"
_CLOSING: Final = ("batch_collect", "for_each_collect", "match_collect")
_OPENING: Final = ("batch_fanout", "for_each_split", "match_route")
_KINDS: Final = {"event": "event", "runtime_data": "state", "flow_data": "flow_state"}
_SCALARS: Final = (type(None), bool, int, float, str)


class Signal(msgspec.Struct, frozen=True):
    """What an operator listens to or emits."""

    id: str
    trigger_type: str
    trigger_event: str


class Operator(msgspec.Struct):
    """One operator, with the fields that are read."""

    id: str
    kind: str
    name: str | None = None
    listen_signals: list[Signal] = []
    emit_signals: list[Signal] = []
    options: dict[str, Any] = {}
    handler_ref: dict[str, Any] | None = None
    condition_ref: dict[str, Any] | None = None
    group_id: str | None = None


class TriggerFlowConfig(msgspec.Struct):
    """The whole document."""

    version: str
    operators: list[Operator]
    name: str = ""


class Imported(msgspec.Struct):
    """The converted flow: its nodes, and the names that have to be bound."""

    nodes: list[NodeRecord]
    handlers: list[str]
    conditions: list[str]
    constants: dict[str, Any]
    """Values of cases that a config cannot hold."""
    events: list[str]
    state: list[str]
    """Paths of the state that listeners name."""
    flow_state: list[str]


def read_trigger_flow(path: Path) -> TriggerFlowConfig:
    """Read a config of TriggerFlow; another version, or what is none, is a `Mistake`."""
    try:
        config = msgspec.json.decode(path.read_bytes(), type=TriggerFlowConfig)
    except OSError as error:
        raise Mistake(f"cannot read {quoted(str(path))}: {text_of(error)}") from None
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        hint = "save it with flow.get_json_flow(save_to=…)"
        raise Mistake(f"{quoted(str(path))} is no config of a TriggerFlow: {text_of(error)}", hint) from None
    if config.version != VERSION:
        raise Mistake(f"{quoted(str(path))} is of version {quoted(config.version)}", f"{quoted(VERSION)} is read")
    return config


def convert(config: TriggerFlowConfig) -> Imported:
    """Return the nodes of a TriggerFlow; what has no counterpart is a `Mistake` that names the operators."""
    return _Conversion(config.operators).run()


class _Conversion:
    """Convert the operators of one flow."""

    def __init__(self, operators: Sequence[Operator]) -> None:
        self._operators = [each for each in operators if each.listen_signals or each.kind != "chunk"]
        self._makers = {signal.id: each for each in self._operators for signal in each.emit_signals}
        for each in self._operators:  # what closes a block emits what it leads to, also where the opener lists it
            if each.kind in _CLOSING:
                self._makers.update({signal.id: each for signal in each.emit_signals})
        self._openers = {each.group_id: each for each in self._operators if each.kind in _OPENING}
        self._closers = {each.group_id: each for each in self._operators if each.kind in _CLOSING}
        self._sources: dict[str, Source] = {"event:START": Source(after="start")}
        self._names: set[str] = {"start"}
        self._nodes: dict[str, NodeRecord] = {}
        """By name, in order."""
        self._imported = Imported([], [], [], {}, [], [], [])

    def run(self) -> Imported:
        """Convert all operators, each once its sources are known."""
        self._require_known()
        waiting = list(self._operators)
        while waiting:
            ready = [each for each in waiting if all(self._is_known(signal) for signal in each.listen_signals)]
            if not ready:
                names = ", ".join(quoted(each.name or each.id) for each in waiting)
                raise Mistake(f"these operators wait for signals that nothing emits: {names}")
            for each in ready:
                self._convert(each)
            waiting = [each for each in waiting if each not in ready]
        self._imported.nodes = list(self._nodes.values())
        return self._imported

    def _require_known(self) -> None:
        known = {"chunk", "signal_gate", "match_case", "collect_branch", "result_sink", *_OPENING, *_CLOSING}
        for each in self._operators:
            if each.kind == "sub_flow":
                hint = "convert the config of the child on its own, and add it with flow.to_sub_flow(…)"
                raise Mistake(
                    f"operator {quoted(each.name or each.id)} runs a child flow, which is not converted", hint
                )
            if each.kind not in known:
                raise Mistake(f"operator {quoted(each.name or each.id)} is of an unknown kind, {quoted(each.kind)}")
            if len(each.listen_signals) > 1 and each.kind in ("chunk", *_OPENING):
                hint = "let one `when(…)` listen to all of them"
                raise Mistake(f"operator {quoted(each.name or each.id)} listens to several signals", hint)
            if each.kind in _OPENING and each.group_id not in self._closers:
                raise Mistake(f"the block of operator {quoted(each.name or each.id)} is never closed")

    def _is_known(self, signal: Signal) -> bool:
        return signal.id in self._sources or signal.id not in self._makers

    # -- one operator

    def _convert(self, each: Operator) -> None:
        match each.kind:
            case "chunk":
                handler = self._function(each.handler_ref, each)
                _remember(self._imported.handlers, handler)
                name = self._add(StepRecord(name=self._free(handler), handler=handler, **self._behind(each)))
            case "signal_gate":
                triggers = [self._trigger(signal, each) for signal in each.listen_signals]
                mode = each.options.get("mode", "and")
                name = self._add(WhenRecord(name=self._free("when"), triggers=triggers, mode=mode))
            case "batch_fanout":
                self._batch(each)
                return
            case "for_each_split":
                bound = each.options.get("concurrency") or UNSET
                name = self._add(EachRecord(name=self._free("for_each"), concurrency=bound, **self._behind(each)))
            case "match_route":
                self._match(each)
                return
            case "match_case":
                self._sources[each.emit_signals[0].id] = self._sources[each.listen_signals[0].id]
                return
            case "collect_branch":
                self._collect(each)
                return
            case "result_sink":
                name = self._add(EndRecord(name=self._free("end"), **self._behind(each)))
            case _:
                name = self._close(each)
        for signal in each.emit_signals:
            self._sources[signal.id] = Source(after=name)

    def _batch(self, each: Operator) -> None:
        closer = self._closers[each.group_id]
        keys: dict[str, Any] = closer.options.get("result_keys", {})
        named = {self._entry(end, each): str(keys.get(end.id, end.id)) for end in closer.listen_signals}
        branches = [named.get(signal.id, signal.id) for signal in each.emit_signals]
        bound = each.options.get("concurrency") or UNSET
        record = BatchRecord(name=self._free("batch"), branches=branches, concurrency=bound, **self._behind(each))
        name = self._add(record)
        for signal, branch in zip(each.emit_signals, branches, strict=True):
            self._sources[signal.id] = Source(after=name, branch=branch)

    def _match(self, each: Operator) -> None:
        cases: list[CaseRecord] = []
        routes: list[str] = []
        for given in each.options.get("cases", []):
            cases.append(self._case(given, each, {case.name for case in cases}))
            routes.append(given["route_signal"]["id"])
        last = (each.options.get("else_signal") or {}).get("id")
        listened = {other.listen_signals[0].id for other in self._operators if other.kind == "match_case"}
        record = MatchRecord(
            name=self._free("match"),
            cases=cases,
            mode=each.options.get("mode", "hit_first"),
            has_else=last in listened,
            **self._behind(each),
        )
        name = self._add(record)
        for route, case in zip(routes, cases, strict=True):
            self._sources[route] = Source(after=name, branch=case.name)
        if record.has_else:
            self._sources[str(last)] = Source(after=name, branch="else")

    def _case(self, given: Mapping[str, Any], each: Operator, taken: set[str]) -> CaseRecord:
        value = given.get("condition_value")
        reference = given.get("condition_ref")
        function = None if reference is None else self._function(reference, each)
        default = name = function or repr(value)
        number = 1
        while name in taken:
            number += 1
            name = f"{default}#{number}"
        if function is not None:
            _remember(self._imported.conditions, function)
            return CaseRecord(name=name, condition=function)
        if type(value) in _SCALARS:
            return CaseRecord(name=name, value=value)
        self._imported.constants[name] = value
        return CaseRecord(name=name, constant=name)

    def _collect(self, each: Operator) -> None:
        name = str(each.options.get("collection_name"))
        branch = str(each.options.get("branch_id"))
        source = self._source(each.listen_signals[0])
        before = self._nodes.get(name)
        if isinstance(before, CollectRecord):
            self._nodes[name] = msgspec.structs.replace(before, branches={**before.branches, branch: source})
        else:
            mode = each.options.get("mode", "filled_and_update")
            self._nodes[self._free(name)] = CollectRecord(name=name, branches={branch: source}, mode=mode)
        self._sources[each.emit_signals[0].id] = Source(after=name)

    def _close(self, each: Operator) -> str:
        opener = self._openers[each.group_id]
        record = self._nodes[self._node_of(opener)]
        found = {}
        for signal in each.listen_signals:
            entry = self._sources[self._entry(signal, opener)]
            found[entry.branch] = self._source(signal)
        branches: list[Any] = [UNSET]
        if isinstance(record, BatchRecord):
            branches = [*record.branches]
        elif isinstance(record, MatchRecord):
            branches = [*(case.name for case in record.cases), *(["else"] if record.has_else else [])]
        ends = [found.get(branch, Source(after=record.name, branch=branch)) for branch in branches]
        word = {"batch_collect": "batch", "for_each_collect": "for_each", "match_collect": "match"}[each.kind]
        return self._add(JoinRecord(name=self._free(f"end_{word}"), closes=record.name, ends=ends))

    # -- signals

    def _node_of(self, opener: Operator) -> str:
        """Return the name of the node that an opener became."""
        routes = [case["route_signal"]["id"] for case in opener.options.get("cases", [])]
        signals = [*(signal.id for signal in opener.emit_signals), *routes]
        return next(self._sources[signal].after for signal in signals if signal in self._sources)

    def _entry(self, signal: Signal, opener: Operator) -> str:
        """Return the signal of an opener from which the chain to a signal begins."""
        closer = self._closers[opener.group_id]
        own = {each.id for each in opener.emit_signals} - {each.id for each in closer.emit_signals}
        while signal.id not in own:
            maker = self._makers.get(signal.id)
            if maker is None:
                raise Mistake(f"the block of operator {quoted(opener.name or opener.id)} has an end outside of it")
            if maker.kind in _CLOSING:
                maker = self._openers[maker.group_id]
            signal = maker.listen_signals[0]
        return signal.id

    def _source(self, signal: Signal) -> Source:
        """Return the output that a signal is; one from outside becomes a listener."""
        if signal.id not in self._sources:
            trigger = self._trigger(signal, None)
            name = self._add(WhenRecord(name=self._free(f"when {trigger.name}"), triggers=[trigger], mode="simple_or"))
            self._sources[signal.id] = Source(after=name)
        return self._sources[signal.id]

    def _trigger(self, signal: Signal, each: Operator | None) -> TriggerRecord:
        if each is not None and signal.id in self._makers:
            hint = "collect the chains instead"
            raise Mistake(f"operator {quoted(each.name or each.id)} listens to the end of a chain", hint)
        kind, name = _KINDS[signal.trigger_type], signal.trigger_event
        found: list[str] = getattr(self._imported, "events" if kind == "event" else kind)
        name = identifier(name) if kind == "event" else ".".join(map(identifier, name.split(".")))
        _remember(found, name)
        return TriggerRecord(kind=kind, name=name)  # type: ignore[arg-type]  # one of the values of _KINDS

    def _behind(self, each: Operator) -> dict[str, Any]:
        source = self._source(each.listen_signals[0])
        return {"after": source.after, "branch": source.branch}

    # -- names

    def _function(self, reference: Mapping[str, Any] | None, each: Operator) -> str:
        name = (reference or {}).get("name")
        if not name or (reference or {}).get("kind") == "anonymous":
            hint = 'write it as a function, or register it: flow.chunk("name")(…)'
            raise Mistake(f"operator {quoted(each.name or each.id)} calls a lambda, which has no name", hint)
        return str(name)

    def _free(self, wanted: str) -> str:
        name, number = wanted, 1
        while name in self._names:
            number += 1
            name = f"{wanted}#{number}"
        self._names.add(name)
        return name

    def _add(self, record: NodeRecord) -> str:
        self._nodes[record.name] = record
        return record.name


def _remember(names: list[str], name: str) -> None:
    if name not in names:
        names.append(name)


def write_imported(file: Path, module: str, folder: Path) -> list[Path]:
    """Write the config of a converted flow and the module that binds it, and return their paths.

    The module is imported once, so that the config is checked and complete before anything is kept.
    """
    imported = convert(read_trigger_flow(file))
    code, document = folder / f"{module}.py", folder / f"{module}.json"
    for path in (code, document):
        if path.exists():
            raise Mistake(f"there is a file {quoted(str(path))} already", "--name or --output names others")
    names = {name: getattr(imported, name) for name in ("handlers", "conditions", "constants", "events")}
    text = write_skeleton(module, document.name, **names, state=imported.state, flow_state=imported.flow_state)
    contract = ContractRecord(name=contract_name(module), version=1, fingerprint="", parts={})
    draft = ConfigDocument(format=FORMAT, flow=module, contract=contract, nodes=imported.nodes)
    try:
        code.write_text(text, encoding="utf-8")
        document.write_text(write_config(draft, "json"), encoding="utf-8")
        document.write_text(_complete(code, text), encoding="utf-8")
    except (OSError, TypedflowError) as error:
        for path in (code, document):
            path.unlink(missing_ok=True)
        raise Mistake(f"the flow of {quoted(str(file))} cannot be made: {text_of(error)}") from None
    return [code, document]


def _complete(code: Path, text: str) -> str:
    """Return the config of the flow that a module makes: with the schema and the fingerprint of its contract."""
    made = ModuleType(code.stem)
    made.__file__ = str(code)
    sys.modules[code.stem] = made  # where its annotations are looked up
    try:
        exec(compile(text, str(code), "exec"), vars(made))
        config: str = made.flow.to_config()
    finally:
        del sys.modules[code.stem]
    return config
