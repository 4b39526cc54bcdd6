"""`typedflow stub`: what a parent has to know of a child flow, as a `.pyi`: its contract and the classes in it.

A stub imports typedflow, msgspec and the standard library; of classes that are none of records or enums it holds what
they are as a protocol, or imports them.
"""

from __future__ import annotations

import enum
import inspect
import json
import re
import typing
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from typedflow.api.blueprint import runtime_of
from typedflow.cli.exits import Mistake
from typedflow.cli.loading import Found, load_module, split_target
from typedflow.rules.wording import quoted
from typedflow.schema.contracts import ContractSpec
from typedflow.schema.layers import FlowState, State
from typedflow.schema.parsing import parse
from typedflow.schema.records import Field, fields_of
from typedflow.schema.render import render
from typedflow.schema.types import (
    AliasOf,
    CollectionOf,
    EnumOf,
    FunctionOf,
    Kind,
    LiteralOf,
    MappingOf,
    NewTypeOf,
    Opaque,
    RecordOf,
    Scalar,
    TupleOf,
    UnionOf,
)

_BASES: Final = (State, FlowState, msgspec.Struct)
_ENUMS: Final = (enum.StrEnum, enum.IntFlag, enum.IntEnum, enum.Flag, enum.Enum)
_OPTIONS: Final = ("frozen", "eq", "order", "array_like", "omit_defaults", "forbid_unknown_fields", "tag", "tag_field")
_TYPING: Final = (
    "Annotated",
    "Any",
    "Literal",
    "NamedTuple",
    "Never",
    "NewType",
    "NotRequired",
    "Protocol",
    "TypedDict",
)
_OWN: Final = ("Contract", "Events", "Flow", "FlowState", "Resources", "State")


def write_stub(found: Found) -> str:
    """Return the stub of a flow that the command line names."""
    module, name = split_target(found.target)
    stub = _Stub(runtime_of(found.flow).spec)
    is_function = inspect.isfunction(vars(load_module(module)).get(name or ""))
    body = "\n".join([*stub.classes.values(), *stub.contract(name or "flow", is_function=is_function)])
    head = f'"""The contract of {found.target}, without its handlers; written by `typedflow stub`."""'
    return "\n".join([head, "", *stub.imports(body), "", body]) + "\n"


class _Plain(msgspec.Struct):
    """A Struct with the usual options."""


class _Stub:
    """Gather the classes of one contract, each behind those that it names."""

    def __init__(self, spec: ContractSpec) -> None:
        self.classes: dict[str, str] = {}
        """The source of each class, by its name."""
        self._spec = spec
        self._seen: set[Any] = set()
        self._modules: dict[str, str] = {}
        """The names to import, each with its module."""
        self._parts = {name: parse(getattr(spec, name)) for name in spec.declared if name != "events"}
        for kind in (*self._parts.values(), *(spec.events or {}).values()):
            self._take(kind)
        if spec.events is not None:
            lines = [f"    {name}: {render(kind)}\n" for name, kind in spec.events.items()]
            self.classes[f"{spec.name}Events"] = _class(f"{spec.name}Events", "Events", lines)

    def contract(self, name: str, *, is_function: bool) -> Iterator[str]:
        """Yield the lines of the contract, and of the flow or of the function that makes it."""
        spec = self._spec
        version = "" if spec.version == 1 else f", version={spec.version}"
        yield f"class {spec.name}(Contract{version}):"
        for part in spec.declared:
            yield f"    {part}: {f'{spec.name}Events' if part == 'events' else render(self._parts[part])}"
        yield ""
        yield f"def {name}() -> Flow[{spec.name}]: ..." if is_function else f"{name}: Flow[{spec.name}]"

    def imports(self, body: str) -> Iterator[str]:
        """Yield the import lines that a body needs."""
        words = set(re.findall(r"\w+", body))
        found: dict[str, set[str]] = {}
        for name, module in self._modules.items():
            found.setdefault(module, set()).add(name)
        for module, names in (("typing", _TYPING), ("msgspec", ("Meta", "Struct")), ("typedflow", _OWN)):
            found[module] = found.get(module, set()) | words.intersection(names)
        if "Callable" in words:
            found.setdefault("collections.abc", set()).add("Callable")
        for module in sorted(found):
            if found[module]:
                yield f"from {module} import {', '.join(sorted(found[module]))}"

    # -- types

    def _take(self, kind: Kind) -> None:
        """Take in the classes that a type names."""
        if kind in self._seen:
            return
        self._seen.add(kind)
        match kind:
            case CollectionOf(cls=cls, item=item):
                self._import(cls)
                self._take(item)
            case MappingOf(cls=cls, key=key, value=value):
                self._import(cls)
                self._take(key)
                self._take(value)
            case TupleOf(items=parts) | UnionOf(members=parts):
                for part in parts:
                    self._take(part)
            case NewTypeOf(newtype=newtype, base=base):
                self._take(base)
                self.classes[newtype.__name__] = (
                    f"{newtype.__name__} = NewType({_literal(newtype.__name__)}, {render(base)})\n"
                )
            case AliasOf(alias=alias):
                self._take(kind.target)
                self.classes[alias.__name__] = f"{alias.__name__} = {render(kind.target)}\n"
            case FunctionOf(params=params, result=result):
                for part in (*(params or ()), result):
                    self._take(part)
            case RecordOf():
                self._record(kind)
            case EnumOf(cls=enum_cls):
                self._enum(enum_cls)
            case LiteralOf(members=members):
                for cls, _ in members:
                    if issubclass(cls, enum.Enum):
                        self._enum(cls)
            case Opaque(cls=cls):
                self._other(cls, is_protocol=kind.is_protocol)
            case Scalar(cls=cls):
                self._import(cls)
            case _:
                return

    def _import(self, cls: type) -> None:
        if cls.__module__ != "builtins":
            self._modules[cls.__name__] = cls.__module__

    def _record(self, record: RecordOf) -> None:
        cls = record.cls
        if record.args or record.flavour not in ("struct", "typeddict", "namedtuple"):
            text = "generic" if record.args else f"a {record.flavour}"
            raise Mistake(f"{quoted(render(record))} is {text}, which a stub does not describe")
        fields = fields_of(record)
        for field in fields:
            self._take(field.kind)
        is_dict = record.flavour == "typeddict"
        lines = [
            f"    {field.name}: {_optional(render(field.kind), is_dict and not field.required)}"
            f"{'' if field.required or is_dict else ' = ...'}\n"
            for field in fields
        ]
        heads = {"typeddict": "TypedDict", "namedtuple": "NamedTuple"}
        head = self._struct_head(cls, fields) if record.flavour == "struct" else heads[record.flavour]
        self.classes[cls.__name__] = _class(cls.__name__, head, lines)

    def _struct_head(self, cls: Any, fields: Sequence[Field]) -> str:
        """Return the base of a Struct, and the options that differ from it."""
        if cls is self._spec.resources:
            return "Resources"
        base: Any = next(each for each in _BASES if issubclass(cls, each))
        usual: Any = _Plain if base is msgspec.Struct else base
        config, default = cls.__struct_config__, usual.__struct_config__
        given = {name: getattr(config, name) for name in _OPTIONS if getattr(config, name) != getattr(default, name)}
        if given.get("tag_field") == "type":  # as any tag has it
            del given["tag_field"]
        renamed = {field.name: field.encoded for field in fields if field.name != field.encoded}
        parameters = inspect.signature(cls).parameters.values()
        if base is msgspec.Struct and any(parameter.kind is parameter.KEYWORD_ONLY for parameter in parameters):
            given["kw_only"] = True
        options = given | ({"rename": renamed} if renamed else {})
        return ", ".join([base.__name__, *(f"{name}={_literal(value)}" for name, value in options.items())])

    def _enum(self, cls: type[enum.Enum]) -> None:
        base = next(each for each in _ENUMS if issubclass(cls, each))
        self._modules[base.__name__] = "enum"
        mixins = [each.__name__ for each in (str, int) if base is enum.Enum and issubclass(cls, each)]
        members = [f"    {name} = {_literal(member.value)}\n" for name, member in cls.__members__.items()]
        self.classes[cls.__name__] = _class(cls.__name__, ", ".join([*mixins, base.__name__]), members)

    def _other(self, cls: type, *, is_protocol: bool) -> None:
        """Take in a protocol with its methods; any other class is imported."""
        if not is_protocol:
            self._import(cls)
            return
        methods = {name: member for name, member in vars(cls).items() if inspect.isfunction(member) and name[0] != "_"}
        lines = list(self._attributes(cls))
        lines += [f"    def {name}{self._signature(member)}: ...\n" for name, member in methods.items()]
        self.classes[cls.__name__] = _class(cls.__name__, "Protocol", lines)

    def _attributes(self, cls: type) -> Iterator[str]:
        """Yield the attributes and properties of a protocol."""
        for name, hint in typing.get_type_hints(cls).items():
            self._take(parse(hint))
            yield f"    {name}: {render(hint)}\n"
        for name, member in vars(cls).items():
            if isinstance(member, property) and member.fget is not None:
                yield f"    @property\n    def {name}{self._signature(member.fget)}: ...\n"

    def _signature(self, function: Any) -> str:
        hints: Mapping[str, Any] = typing.get_type_hints(function)
        for hint in hints.values():
            self._take(parse(hint))
        signature = inspect.signature(function)
        shown = []
        for name, parameter in signature.parameters.items():
            hint = f": {render(hints[name])}" if name in hints else ""
            default = "" if parameter.default is parameter.empty else " = ..." if hint else "=..."
            shown.append(f"{name}{hint}{default}")
        result = f" -> {render(hints['return'])}" if "return" in hints else ""
        return f"({', '.join(shown)}){result}"


def _class(name: str, head: str, lines: Sequence[str]) -> str:
    return f"class {name}({head}):\n{''.join(lines)}" if lines else f"class {name}({head}): ...\n"


def _optional(text: str, missing: bool) -> str:
    return f"NotRequired[{text}]" if missing else text


def _literal(value: Any) -> str:
    """Return the source of a plain value; what has none is `...`."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    return repr(value) if isinstance(value, int | float | dict | None) else "..."
