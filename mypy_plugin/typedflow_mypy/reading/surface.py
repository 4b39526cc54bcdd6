"""typedflow as mypy sees it: its classes, and what the contract in `Data[C, V]` declares.

A contract may be a class, a protocol of parts, a union, or a type variable with one of these as its bound. What is
`Any` says nothing and is never reported.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mypy.nodes import TypeInfo
from mypy.types import AnyType, Instance, ProperType, Type, TypeVarType, UnionType, get_proper_type

from typedflow.rules.schema import PARTS
from typedflow_mypy.reading.shape import MypyShape, flat, member_type
from typedflow_mypy.reading.trace import Trace

PACKAGE: Final = "typedflow."
OFFLOAD: Final = "typedflow.execution.offloading.offload"
LAYERS: Final = frozenset({"State", "FlowState", "Resources", "Events"})


@dataclass(frozen=True, slots=True)
class Part:
    """One part of one contract: `None` where that contract does not declare it."""

    contract: Instance
    type: Type | None

    @property
    def name(self) -> str:
        """Return the name of the contract."""
        return self.contract.type.name


def contract_of(receiver: Type) -> Type | None:
    """Return the contract that a Data, Flow, Process or Execution carries."""
    proper = _bound(get_proper_type(receiver))
    return proper.args[0] if isinstance(proper, Instance) and proper.args else None


def parts(contract: Type | None, name: str, trace: Trace) -> list[Part]:
    """Return a part of every contract that a type stands for; those that do not declare it are left out."""
    return [Part(found, member_of(found, name, trace)) for found in contracts(contract)]


def contracts(contract: Type | None) -> list[Instance]:
    """Return the contracts that a type stands for."""
    if contract is None:
        return []
    proper = _bound(get_proper_type(contract))
    if isinstance(proper, UnionType):
        return [found for item in flat(proper) for found in contracts(item)]
    if not isinstance(proper, Instance) or proper.type.fullname == "builtins.object":
        return []
    return [proper]


def member_of(contract: Instance, name: str, trace: Trace) -> Type | None:
    """Return the type of one part of a contract."""
    trace.visit(contract.type, name)
    found = member_type(contract, name)
    return found if found is not None and not _is_foreign(contract.type, name) else None


def declared_parts(contract: Instance) -> list[str]:
    """Return the names of the parts that a contract declares."""
    return [part for part in PARTS if contract.type.get(part) is not None]


def shape_of(part: Part, trace: Trace) -> MypyShape | None:
    """Return the shape of a part that says something."""
    if part.type is None or isinstance(get_proper_type(part.type), AnyType):
        return None
    return MypyShape(part.type, trace)


def is_typedflow(info: TypeInfo, *names: str) -> bool:
    """Return whether a class is, or inherits from, one of typedflow's own of these names."""
    return any(base.name in names and base.fullname.startswith(PACKAGE) for base in info.mro)


def layer_name(info: TypeInfo) -> str:
    """Return what a layer is called in texts: "state" or "flow_state"."""
    return "flow_state" if is_typedflow(info, "FlowState") else "state"


def owner_name(tp: Type) -> str:
    """Return the name of a Resources, Events or State class, or of the protocol in its place."""
    proper = get_proper_type(tp)
    return proper.type.name if isinstance(proper, Instance) else str(proper)


def _bound(tp: ProperType) -> ProperType:
    if not isinstance(tp, TypeVarType):
        return tp
    return get_proper_type(UnionType.make_union(tp.values) if tp.values else tp.upper_bound)


def _is_foreign(info: TypeInfo, name: str) -> bool:
    """Return whether a name comes from `object` or from Contract itself."""
    home = info.get_containing_type_info(name)
    return home is not None and home.fullname == "builtins.object"
