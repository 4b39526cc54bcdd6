"""The stubs of child flows: right about the contract, and enough to check a parent that has nothing else."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import pytest

from examples.license_audit import classification, metadata, records
from tests.mypy.copies import Mistake, plant
from tests.mypy.programs import CONFIG, ROOT, Finding, run_mypy, write_project
from typedflow import Contract
from typedflow.schema.contracts import ContractSpec, spec_of
from typedflow.snapshot.shapes import describe_type

STUBS: Final = ROOT / "stubs"
NAME: Final = "license_classification"

PARENT: Final = '''\
"""A purchase that has what it buys classified, by a flow that is handed to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from typedflow import Contract, Data, Flow, State

if TYPE_CHECKING:
    from license_classification import Classification


class Order(msgspec.Struct):
    package: str
    pieces: int = 1


class Refusal(msgspec.Struct):
    package: str = ""
    reason: str = ""


class PurchaseState(State):
    permitted: frozenset[str] = frozenset({"MIT"})
    forbidden: frozenset[str] = frozenset()
    files: tuple[str, ...] = ()
    refusal: Refusal = msgspec.field(default_factory=Refusal)


class Purchase(Contract):
    input: Order
    result: str
    state: PurchaseState


def refuse(data: Data[Purchase, str]) -> str:
    return f"{data.value}: {data.state.refusal.reason}"


def build(child: Flow[Classification]) -> Flow[Purchase]:
    flow = Flow(Purchase)
    flow.to_sub_flow(
        child,
        capture={
            "input": "value.package",
            "state": {"policy.allowed": "state.permitted", "policy.denied": "state.forbidden"},
        },
        write_back={
            "value": "result.distribution.name",
            "state": {"refusal.reason": "result.ruling.reason", "files": "result.distribution.license_files"},
        },
    ).to(refuse).end()
    return flow
'''


def wrong(name: str, old: str, new: str, number: str, at: str = "") -> Mistake:
    code = "typedflow-capture" if number.startswith("TF3") else "typedflow-write-back"
    return Mistake(name, "parent", old, new.replace("|", ""), at or new, number, code)


WRONG: Final = (
    wrong("missing_input", '"input": "value.package",', "", "TF310", at="capture=|{"),
    wrong("input_of_the_wrong_type", '"value.package"', '|"value.pieces"', "TF306"),
    wrong("whole_record_as_the_input", '"input": "value.package"', '"input": |"value"', "TF306"),
    wrong("misspelt_field", '"policy.allowed"', '|"policy.alowed"', "TF304"),
    wrong("field_of_the_wrong_type", '"state.permitted"', '|"state.files"', "TF306"),
    wrong("undeclared_layer", '"value.package"', '"value.package", "flow_state": {|"files": "state.files"}', "TF314"),
    wrong("misspelt_result", '"result.ruling.reason"', '|"result.rulling.reason"', "TF404"),
    wrong("result_of_the_wrong_type", '"result.ruling.reason"', '|"result.ruling"', "TF406"),
    wrong("one_of_several_records", '"result.ruling.reason"', '|"result.license.expression"', "TF404"),
    wrong("value_that_the_next_step_does_not_take", '"result.distribution.name"', '|"result"', "TF411"),
)


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Run the stub as if it were a module: but for what its functions do, it is one."""
    loader: Any = SourceFileLoader(NAME, str(STUBS / f"{NAME}.pyi"))  # no loader to mypy on 3.15: load_module is gone
    spec = spec_from_loader(NAME, loader)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    monkeypatch.setitem(sys.modules, NAME, module)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    spec.loader.exec_module(module)
    return module


def described(spec: ContractSpec) -> dict[str, Any]:
    """Return what a contract declares, its resources aside, without the modules that its types come from."""
    events = {name: describe_type(payload) for name, payload in (spec.events or {}).items()}
    parts = {part: getattr(spec, part) for part in spec.declared if part not in ("resources", "events")}
    return {**{part: describe_type(tp) for part, tp in parts.items()}, "events": events, "version": spec.version}


def own_classes(module: ModuleType) -> Iterator[Any]:
    return (item for item in vars(module).values() if inspect.isclass(item) and item.__module__ == module.__name__)


def runtime_class(name: str) -> Any:
    return next(vars(module)[name] for module in (classification, records, metadata) if name in vars(module))


def test_the_contract_is_that_of_the_flow(stub: ModuleType) -> None:
    mine, theirs = spec_of(stub.Classification), spec_of(classification.Classification)
    assert mine.declared == theirs.declared
    assert described(mine) == described(theirs)


def test_every_record_is_made_and_written_alike(stub: ModuleType) -> None:
    records_of_stub = [cls for cls in own_classes(stub) if hasattr(cls, "__struct_config__")]
    assert len(records_of_stub) > 5
    for cls in records_of_stub:
        theirs = runtime_class(cls.__name__)
        assert cls.__struct_fields__ == theirs.__struct_fields__
        assert options(cls) == options(theirs)
        assert required(cls) == required(theirs)


def options(record: Any) -> dict[str, Any]:
    config = record.__struct_config__
    return {name: getattr(config, name) for name in dir(config) if not name.startswith("_")}


def required(record: Any) -> int:
    return len(record.__struct_fields__) - len(record.__struct_defaults__)


def test_every_other_class_has_the_same_members(stub: ModuleType) -> None:
    for cls in own_classes(stub):
        if hasattr(cls, "__struct_config__") or issubclass(cls, Contract):
            continue
        theirs = runtime_class(cls.__name__)
        for name, member in vars(cls).items():
            if inspect.isfunction(member) and not name.startswith("_"):
                assert signature(member) == signature(vars(theirs)[name])
        if hasattr(cls, "__members__"):
            assert {m.name: m.value for m in cls} == {m.name: m.value for m in theirs}
        else:
            assert public(cls) == public(theirs)


def signature(function: Any) -> str:
    """Return the types of a function without their modules."""
    return re.sub(r"\b(?:\w+\.)+(?=\w)", "", str(inspect.signature(function, eval_str=True)))


def public(cls: type) -> list[str]:
    return [name for name in vars(cls) if not name.startswith("_")]


def test_the_flow_is_made_alike(stub: ModuleType) -> None:
    assert signature(stub.build_classification) == signature(classification.build_classification)


def test_the_stub_holds_no_handler(stub: ModuleType) -> None:
    defined = {name: item for name, item in vars(stub).items() if not name.startswith("__")}  # 3.14: __annotate__
    functions = [name for name, item in defined.items() if inspect.isfunction(item) and item.__module__ == NAME]
    assert functions == ["build_classification"]


# -- a parent that has the stub alone


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Finding]]:
    project = tmp_path_factory.mktemp("parents")
    sources = {"parent": PARENT, **{mistake.name: plant(mistake, {"parent": PARENT})["parent"] for mistake in WRONG}}
    config = CONFIG + f"mypy_path = {STUBS}\n"
    write_project(project, {f"{name}.py": source for name, source in sources.items()}, config)
    said: dict[str, list[Finding]] = {}
    for finding in run_mypy(project):
        said.setdefault(Path(finding.file).stem, []).append(finding)
    return said


def test_a_parent_that_fits_is_right(found: dict[str, list[Finding]]) -> None:
    assert found.get("parent", []) == []


@pytest.mark.parametrize("mistake", WRONG, ids=[mistake.name for mistake in WRONG])
def test_a_parent_that_does_not_fit_is_told(found: dict[str, list[Finding]], mistake: Mistake) -> None:
    (error,) = (finding for finding in found[mistake.name] if finding.kind == "E")
    assert (error.line, error.column) == mistake.place(plant(mistake, {"parent": PARENT})["parent"])
    assert error.text.startswith(f"{mistake.number}: ")
    assert error.text.endswith(f"  [{mistake.code}]")


def test_the_right_parent_runs_with_the_flow_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    parent = ModuleType("parent")
    monkeypatch.setitem(sys.modules, "parent", parent)
    exec(compile(PARENT, "parent.py", "exec"), vars(parent))
    child = classification.build_classification()
    child.update_runtime_resources(catalog=metadata.InstalledCatalog())
    assert parent.build(child).start(parent.Order(package="msgspec")).startswith("msgspec: ")
