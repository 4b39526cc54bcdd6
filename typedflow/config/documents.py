"""A flow as a document: plain records, with names where a definition has functions and indexes. No path to import.

A node is behind another one (`after`), by its name; `branch` is the branch or case of a batch or match that it is in.
The order of the nodes is that of the definition. `start` is implied.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeAlias, final, get_args

import msgspec
from msgspec import UNSET, Meta, UnsetType

from typedflow.definition.nodes import TriggerKind
from typedflow.errors import ContractError
from typedflow.rules import configs
from typedflow.rules.options import CollectMode, MatchMode, WhenMode
from typedflow.rules.wording import text_of

FORMAT: Final = "typedflow.config/1"
"""The one format that is written and read."""
Form: TypeAlias = Literal["json", "yaml"]
FORMS: Final[tuple[str, ...]] = get_args(Form)
Config: TypeAlias = str | bytes | Mapping[str, Any] | os.PathLike[str]

Name: TypeAlias = Annotated[str, Meta(min_length=1)]
Bound: TypeAlias = Annotated[int, Meta(ge=1)]
Number: TypeAlias = float | Literal["inf"]
"""JSON has no infinity."""


class _Record(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, omit_defaults=True, frozen=True):
    """Share the options of all records: what has its default is not written."""


@final
class Source(_Record, kw_only=True, frozen=True):
    """One output of a node."""

    after: Name
    branch: Name | UnsetType = UNSET


class _Node(_Record, kw_only=True, frozen=True, tag_field="kind"):
    """What every node has."""

    name: Name
    auto: bool = False
    ambiguous: bool = False
    """Another definition may number the nodes differently."""


class _Behind(_Node, kw_only=True, frozen=True):
    """A node with one source."""

    after: Name
    branch: Name | UnsetType = UNSET

    @property
    def source(self) -> Source:
        """The output that it takes."""
        return Source(after=self.after, branch=self.branch)


@final
class RetryRecord(_Record, kw_only=True, frozen=True):
    """The retry of a step; `on` are names of exception classes, left out for `Exception`."""

    attempts: int
    backoff: Number = 0.0
    factor: Number = 2.0
    max_backoff: Number = 60.0
    on: list[Name] | UnsetType = UNSET


@final
class StepRecord(_Behind, kw_only=True, frozen=True, tag="step"):
    """A step: `handler` is the name that `handlers=` binds."""

    handler: Name
    retry: RetryRecord | UnsetType = UNSET
    timeout: Number | UnsetType = UNSET
    thread: bool = False
    formerly: list[Name] = []
    catches: bool = False
    """A `catch` takes its failure."""


@final
class SleepRecord(_Behind, kw_only=True, frozen=True, tag="sleep"):
    """A wait: for a time, or until the moment that a function returns (`until`, which `handlers=` binds)."""

    duration: timedelta | UnsetType = UNSET
    """ISO 8601."""
    until: Name | UnsetType = UNSET
    formerly: list[Name] = []


@final
class BatchRecord(_Behind, kw_only=True, frozen=True, tag="batch"):
    """A batch, with its branches in order."""

    branches: list[Name]
    concurrency: Bound | UnsetType = UNSET
    formerly: list[Name] = []
    former_branches: dict[Name, Name] = {}


@final
class EachRecord(_Behind, kw_only=True, frozen=True, tag="for_each"):
    """A for_each."""

    concurrency: Bound | UnsetType = UNSET
    formerly: list[Name] = []
    collects: bool = False
    """The failure of an item is its result."""


@final
class ValueRecord(_Record, kw_only=True, frozen=True):
    """One value: a plain one, or a constant that `conditions=` binds."""

    constant: Name | UnsetType = UNSET
    value: bool | int | float | str | UnsetType | None = UNSET


@final
class CaseRecord(_Record, kw_only=True, frozen=True):
    """One case: a condition that `conditions=` binds, a value to compare with, or classes or values of `case_type`.

    A case has one of the fields. `conditions=` binds `classes` too, but builtins.
    """

    name: Name
    condition: Name | UnsetType = UNSET
    constant: Name | UnsetType = UNSET
    value: bool | int | float | str | UnsetType | None = UNSET
    classes: list[Name] | UnsetType = UNSET
    values: list[ValueRecord] | UnsetType = UNSET


@final
class MatchRecord(_Behind, kw_only=True, frozen=True, tag="match"):
    """A match or an if (`word`), with its cases in order."""

    cases: list[CaseRecord]
    mode: MatchMode = "hit_first"
    has_else: bool = False
    word: Literal["match", "if"] = "match"
    formerly: list[Name] = []
    former_cases: dict[Name, Name] = {}


@final
class NarrowRecord(_Behind, kw_only=True, frozen=True, tag="narrow"):
    """The start of a case by class."""


@final
class JoinRecord(_Node, kw_only=True, frozen=True, tag="end_block"):
    """The end of a block: `ends` are the ends of its branches, in order."""

    closes: Name
    ends: list[Source]


@final
class TriggerRecord(_Record, kw_only=True, frozen=True):
    """One trigger of a listener."""

    kind: TriggerKind
    name: Name


@final
class WhenRecord(_Node, kw_only=True, frozen=True, tag="when"):
    """The start of a chain that a trigger starts."""

    triggers: list[TriggerRecord]
    mode: WhenMode
    formerly: list[Name] = []


@final
class CollectRecord(_Node, kw_only=True, frozen=True, tag="collect"):
    """A collect: its branches by name, each with its source."""

    branches: dict[Name, Source]
    mode: CollectMode = "filled_then_empty"
    formerly: list[Name] = []
    former_branches: dict[Name, Name] = {}


@final
class SubFlowRecord(_Behind, kw_only=True, frozen=True, tag="sub_flow"):
    """A child flow: `flow` is the name that `flows=` binds, or that of the flow itself."""

    flow: Name
    capture: dict[str, Any] | UnsetType = UNSET
    write_back: dict[str, Any] | UnsetType = UNSET
    formerly: list[Name] = []
    catches: bool = False
    """As of a step."""
    remote: bool = False
    """The child is an execution of its own, which a worker runs."""


@final
class CatchRecord(_Behind, kw_only=True, frozen=True, tag="catch"):
    """The failure of a step or child flow, as a value; the handler for errors is behind it."""


@final
class MergeRecord(_Node, kw_only=True, frozen=True, tag="merge"):
    """Where a step or child flow continues: behind itself, or behind its handler for errors."""

    ends: list[Source]


@final
class EndRecord(_Behind, kw_only=True, frozen=True, tag="end"):
    """The value that is the result."""


NodeRecord: TypeAlias = (
    StepRecord
    | SleepRecord
    | BatchRecord
    | EachRecord
    | MatchRecord
    | NarrowRecord
    | JoinRecord
    | WhenRecord
    | CollectRecord
    | SubFlowRecord
    | CatchRecord
    | MergeRecord
    | EndRecord
)


@final
class ContractRecord(_Record, kw_only=True, frozen=True):
    """The contract of a flow, for people and tools: what binds it again is the class that `contract=` gives."""

    name: Name
    version: Bound
    fingerprint: str
    """Of what it saves: the one in snapshots."""
    parts: dict[str, str]
    """The declared parts, as they are written."""
    resources: dict[str, str] = {}
    schemas: dict[str, Any] = {}
    """The JSON Schema of each part that has one."""
    definitions: dict[str, Any] = {}
    """What the schemas refer to, by name."""


@final
class ConfigDocument(_Record, kw_only=True, frozen=True):
    """One flow."""

    format: Literal["typedflow.config/1"]
    flow: Name
    max_depth: Bound = 64
    contract: ContractRecord
    nodes: list[NodeRecord]


def write_config(document: ConfigDocument, form: str) -> str:
    """Return the text of a document; equal documents have equal texts. YAML needs the extra `yaml`."""
    if form == "yaml":
        try:
            return msgspec.yaml.encode(document).decode()
        except ImportError:
            raise ContractError(configs.no_yaml_problem()) from None
    if form != "json":
        raise ContractError(configs.unknown_form_problem(form, FORMS))
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"


def read_config(config: Config) -> ConfigDocument:
    """Return the document of a text (JSON, or YAML with the extra `yaml`), bytes, a mapping or a file.

    Raises `ContractError` (TF761) with the place of what is wrong.
    """
    tree = _tree_of(config)
    given = tree.get("format") if isinstance(tree, Mapping) else None
    if isinstance(given, str) and given != FORMAT and given.startswith(FORMAT.rpartition("/")[0]):
        raise ContractError(configs.incompatible_config_problem(given, FORMAT))
    try:
        return msgspec.convert(tree, ConfigDocument)
    except (msgspec.ValidationError, RecursionError) as error:
        raise ContractError(configs.unreadable_config_problem(text_of(error))) from None


def _tree_of(config: Config) -> Any:
    if isinstance(config, Mapping):
        return dict(config)
    if isinstance(config, os.PathLike):
        try:
            config = Path(config).read_bytes()
        except OSError as error:
            raise ContractError(configs.unreadable_config_problem(text_of(error))) from None
    if not isinstance(config, str | bytes):
        raise ContractError(configs.not_a_config_problem(config))
    try:
        data = config.encode() if isinstance(config, str) else config
        if data.lstrip()[:1] in (b"{", b"["):
            return msgspec.json.decode(data)
        return msgspec.yaml.decode(data)
    except ImportError:
        raise ContractError(configs.no_yaml_problem()) from None
    except (msgspec.DecodeError, UnicodeError, RecursionError, ValueError) as error:
        raise ContractError(configs.unreadable_config_problem(text_of(error))) from None
