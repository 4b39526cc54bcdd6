"""What a sub_flow node moves between parent and child: its bindings, compiled once per plan.

A capture reads everything, copies it, and then builds the child's input, state, flow_state and resources; a write_back
reads and checks everything before it writes anything. Resources are moved by identity, values that can change are
copied; only the result of a child that is over is handed on as it is, to the first target that takes it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from typedflow.definition.edges import child_scopes, scopes_of, shape_of
from typedflow.engine.plan import PlanNode
from typedflow.errors import ContractError
from typedflow.rules.bindings import Binding
from typedflow.rules.paths import Resolution, resolve
from typedflow.rules.scopes import CAPTURE, WRITE_BACK, Direction
from typedflow.rules.transfers import (
    does_not_fit_problem,
    no_place_problem,
    not_there_problem,
    shared_sources,
    uncopyable_problem,
)
from typedflow.schema.check import Check, Mismatch, compile_check
from typedflow.schema.concurrent_changes import read_again_if_changed
from typedflow.schema.construction import construct
from typedflow.schema.contracts import ContractSpec
from typedflow.schema.copies import Uncopyable, compile_copy, is_immutable
from typedflow.schema.layer_fields import layer_fields, require_fields
from typedflow.schema.mismatch import MISSING
from typedflow.schema.shape import TypeShape
from typedflow.schema.types import Kind


class Move(msgspec.Struct, frozen=True):
    """One binding, compiled: where to read, how to copy, what to check, where to put."""

    binding: Binding
    direction: Direction
    scope: str
    path: tuple[str, ...]
    copy: Callable[[Any], Any] | None
    check: Check | None
    target: tuple[str, ...]
    built: tuple[str, ...] | None = None
    """Of a target below a field with a default, which is written into what is there: what is built above that field."""

    def read(self, scopes: Mapping[str, Any]) -> Any:
        """Return the value, copied and normalised; None where the way leads through a None."""
        value = scopes[self.scope]
        for segment in self.path:
            if value is None:
                break
            if isinstance(value, Mapping):
                if segment not in value:
                    raise ContractError(not_there_problem(self.binding, self.direction, segment))
                value = value[segment]
            else:
                value = getattr(value, segment, MISSING)
                if value is MISSING:
                    raise ContractError(not_there_problem(self.binding, self.direction, segment, what="field"))
        try:
            if self.copy is not None:
                value = self._copied(self.copy, value)
            return value if self.check is None else self.check(value)
        except Uncopyable as error:
            raise ContractError(uncopyable_problem(self.binding, self.direction, str(error))) from None
        except Mismatch as mismatch:
            raise ContractError(does_not_fit_problem(self.direction, self.binding.keys, str(mismatch))) from None

    def _copied(self, copy: Callable[[Any], Any], value: Any) -> Any:
        try:
            return read_again_if_changed(copy, value)
        except (AttributeError, TypeError):  # of what is not of the declared type, if the check agrees
            if self.check is not None:
                self.check(value)
            raise


class Parts(msgspec.Struct, frozen=True):
    """The moves into one scope: as a whole, or by fields.

    What a move of a capture has read is the child's own: copied once, and checked.
    """

    whole: Move | None
    fields: tuple[Move, ...]
    late: tuple[Move, ...]
    own: frozenset[str] = frozenset()
    """The fields of the scope that are moved as a whole."""

    def mapping(self, scopes: Mapping[str, Any]) -> dict[str, Any]:
        """Return the fields that are built from their parts, nested as their paths are."""
        built: dict[str, Any] = {}
        for move in self.fields:
            _inside(built, move.target[:-1])[move.target[-1]] = move.read(scopes)
        for move in self.late:
            _inside(built, move.built or ())
        return built


def _inside(built: dict[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    for segment in path:
        built = built.setdefault(segment, {})
    return built


class Capture(msgspec.Struct, frozen=True):
    """What a child is given."""

    input: Parts
    input_kind: Any
    check_input: Check
    state: Parts
    flow_state: Parts
    resources: tuple[tuple[str, str], ...]
    """The child's key, the parent's key."""

    def make_input(self, scopes: Mapping[str, Any]) -> Any:
        """Return the child's input: the whole, or built from its fields, or None where nothing is captured."""
        if self.input.whole is not None:
            return self.input.whole.read(scopes)
        if not self.input.fields and not self.input.late:
            return self._checked(None)
        try:
            value = construct(self.input_kind, self.input.mapping(scopes))
        except Mismatch as mismatch:
            raise ContractError(does_not_fit_problem(CAPTURE, ("input",), str(mismatch))) from None
        for move in self.input.late:
            put(value, move, move.target, move.read(scopes))
        return self._checked(value)

    def _checked(self, value: Any) -> Any:
        try:
            return self.check_input(value)
        except Mismatch as mismatch:
            raise ContractError(does_not_fit_problem(CAPTURE, ("input",), str(mismatch))) from None


class WriteBack(msgspec.Struct, frozen=True):
    """What a parent takes of a child's result."""

    whole: Move | None
    fields: tuple[Move, ...]
    copy_value: Callable[[Any], Any] | None
    """Of a value by fields: the copy of the value as it was."""
    layers: tuple[tuple[str, Move], ...]


class Transfer(NamedTuple):
    """Both compiled mappings of a child node."""

    capture: Capture
    write_back: WriteBack


def compile_transfer(node: PlanNode, parent: ContractSpec) -> Transfer:
    """Compile both mappings of a sub_flow node."""
    source, child = node.input_type, node.child.spec
    return Transfer(
        compile_capture(node.capture, parent, source, child),
        compile_write_back(node.write_back, parent, source, child),
    )


def compile_capture(bindings: Sequence[Binding], parent: ContractSpec, source: Any, child: ContractSpec) -> Capture:
    """Compile a checked capture; `source` is the kind of the parent's value."""
    origins = scopes_of(parent) | {"value": shape_of(source)}
    targets = child_scopes(child)
    parts = {
        scope: _parts([b for b in bindings if b.target.scope == scope], CAPTURE, origins, targets, bindings)
        for scope in ("input", "state", "flow_state")
    }
    keys = tuple((b.target.path[0], b.source.path[0]) for b in bindings if b.target.scope == "resources")
    check = compile_check(child.input)
    return Capture(parts["input"], child.input, check, parts["state"], parts["flow_state"], keys)


def compile_write_back(
    bindings: Sequence[Binding], parent: ContractSpec, source: Any, child: ContractSpec
) -> WriteBack:
    """Compile a checked write_back; `source` is the kind of the parent's value."""
    targets = scopes_of(parent) | {"value": shape_of(source)}
    origins = child_scopes(child)
    copied = shared_sources(bindings)
    into_value = _parts([b for b in bindings if b.target.scope == "value"], WRITE_BACK, origins, targets, copied)
    fields = (*into_value.fields, *into_value.late)
    layers = tuple(
        (b.target.scope, _move(b, WRITE_BACK, origins, targets, copied)) for b in bindings if b.target.scope != "value"
    )
    copy_value = compile_copy(targets["value"].kind) if fields else None
    return WriteBack(into_value.whole, fields, copy_value, layers)


def _parts(
    bindings: Sequence[Binding],
    direction: Direction,
    origins: Mapping[str, TypeShape],
    targets: Mapping[str, TypeShape],
    copied: Sequence[Binding],
) -> Parts:
    moves = [_move(binding, direction, origins, targets, copied) for binding in bindings]
    fields = tuple(move for move in moves if move.target and move.built is None)
    late = tuple(move for move in moves if move.built is not None)
    own = frozenset(move.target[0] for move in fields if len(move.target) == 1)
    return Parts(next((move for move in moves if not move.target), None), fields, late, own)


def _move(
    binding: Binding,
    direction: Direction,
    origins: Mapping[str, TypeShape],
    targets: Mapping[str, TypeShape],
    copied: Sequence[Binding],
) -> Move:
    source = kind_at(origins[binding.source.scope], binding.source.path)
    whole_value = binding.target.scope == "value" and not binding.target.path
    target = source if whole_value else kind_at(targets[binding.target.scope], binding.target.path)
    return Move(
        binding,
        direction,
        binding.source.scope,
        binding.source.path,
        compile_copy(source) if binding in copied else None,
        None if target == source and _is_checked(binding, direction, source) else compile_check(target),
        binding.target.path,
        _built_above(targets[binding.target.scope], binding.target.path),
    )


def _is_checked(binding: Binding, direction: Direction, source: Kind) -> bool:
    """Return whether the source was checked before and cannot have changed since.

    A step that is still running may have changed a container, which is checked when the step ends: a capture checks
    what it copied. An immutable value was checked when it was written to its field, or when its step returned it. Who
    changes a frozen record all the same (`object.__setattr__`, `force_setattr`) is not seen here: a save refuses it.
    """
    if direction is not CAPTURE:
        return True
    outer = 0 if binding.source.scope == "value" else 1
    return len(binding.source.path) == outer and is_immutable(source)


def kind_at(shape: TypeShape, path: tuple[str, ...]) -> Kind:
    """Return the kind that a sound path leads to, None included where the way may be None."""
    found = resolve(shape, path)
    assert isinstance(found, Resolution)
    return found.shape.kind


def _built_above(shape: TypeShape, path: tuple[str, ...]) -> tuple[str, ...] | None:
    """Return what is above the first field with a default on the way to a target; None if there is no such field."""
    for length in range(1, len(path)):
        above = resolve(shape, path[:length])
        if isinstance(above, Resolution) and above.field is not None and not above.field.required:
            return path[: length - 1]
    return None


def put(holder: Any, move: Move, path: tuple[str, ...], value: Any) -> None:
    """Write a value at a path of records and dicts; raises the `ContractError` of a way that is not there."""
    try:
        for segment in path[:-1]:
            holder = holder[segment] if isinstance(holder, dict) else getattr(holder, segment)
        if isinstance(holder, dict):
            holder[path[-1]] = value
        else:
            setattr(holder, path[-1], value)
    except KeyError as error:
        raise ContractError(no_place_problem(move.binding, move.direction, f"no key {error}")) from None
    except (AttributeError, TypeError) as error:
        raise ContractError(no_place_problem(move.binding, move.direction, str(error))) from None


def copy_of_field(layer: Any, name: str) -> Any:
    """Return a copy of the value of a layer's field; raises `ContractError` if a running step has made it invalid."""
    field = layer_fields(type(layer))[name]
    try:
        return compile_copy(field.kind)(field.read(layer))
    except (AttributeError, TypeError):
        require_fields(layer, [name])
        raise
