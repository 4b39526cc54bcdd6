"""What the audit has saved once is loaded by today's code, and finished with the result that it had then.

The documents are in `golden/`, a set for each version of a contract; `python -m tests.examples.write_golden NUMBER`
writes a set on purpose.
"""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, TypeAlias

import pytest

from examples.license_audit.classification import Classification
from examples.license_audit.contracts import Audit
from examples.license_audit.flow import build_flow
from examples.license_audit.review import Review
from tests.examples.write_golden import FOLDER, Shelf, save_moments
from typedflow import Flow, SnapshotError, Status
from typedflow.schema.contracts import spec_of

EXAMPLE: Final = Path("examples/license_audit")
GOLDEN: Final = sorted(FOLDER.glob("*.json"))
WAITING: Final = FOLDER / "1-waiting.json"
DECISIONS: Final = {"beta": {"answer": "allow", "note": "a library, unchanged"}, "gamma": {"answer": "deny"}}
RESULT: Final = [
    ("gamma", "denied", "the licence was not understood: License 'ask the author'; denied in review"),
    ("omega", "denied", "the policy denies AGPL-3.0-only"),
    ("alpha", "allowed", "the policy allows MIT"),
    ("beta", "allowed", "the policy asks to review LGPL-3.0-only; allowed in review: a library, unchanged"),
]


async def finish(flow: Flow[Any], document: Path, package: str = "examples.license_audit") -> Any:
    """Load a document and bring the audit to its end, as a later process would."""
    shelf = Shelf(record=sys.modules[f"{package}.records"].Distribution)
    execution = flow.create_execution().load(document, runtime_resources={"catalog": shelf})
    if execution.status is Status.RUNNING:
        await execution.async_retry()
    for interrupt, decision in DECISIONS.items():
        await execution.async_continue_with(interrupt, decision)
    return execution.result


def outcome(report: Any) -> list[tuple[str, str, str]]:
    return [(finding.name, finding.verdict, finding.reason) for finding in report.findings]


@pytest.mark.parametrize("document", GOLDEN, ids=lambda path: path.stem)
async def test_todays_code_finishes_what_was_saved(document: Path) -> None:
    flow = build_flow()
    assert outcome(await finish(flow, document)) == RESULT
    assert flow.flow_state.to_dict() == {"allowed": 2, "review": 0, "denied": 2}


def versions(document: dict[str, Any]) -> Iterator[tuple[str, int]]:
    yield document["contract"], document["version"]
    for child in document["children"]:
        yield from versions(child)


def test_every_version_of_every_contract_is_there() -> None:
    saved = {found for path in GOLDEN for found in versions(json.loads(path.read_bytes()))}
    specs = [spec_of(contract) for contract in (Audit, Classification, Review)]
    assert saved == {(spec.name, version) for spec in specs for version in range(1, spec.version + 1)}


async def test_a_new_set_can_be_written(tmp_path: Path) -> None:
    moments = await save_moments()
    assert set(moments) == {"running", "waiting"}
    for moment, snapshot in moments.items():
        path = tmp_path / f"{moment}.json"
        path.write_bytes(snapshot.to_bytes() + b"\n")
        assert outcome(await finish(build_flow(), path)) == RESULT


# -- a changed copy of the example

Copy: TypeAlias = Callable[..., Flow[Any]]
COPY: Final = "copy_of_the_audit"

FINDINGS: Final = ("findings: list[Finding] = []", "data.state.findings = data.value")
RENAMED: Final = (
    ("contracts.py", FINDINGS[0], "results: list[Finding] = []"),
    ("handlers.py", FINDINGS[1], "data.state.results = data.value"),
)
VERSION_2: Final = ("contracts.py", "class Audit(Contract):", "class Audit(Contract, version=2):")
MIGRATION: Final = """

@Audit.migrate(1)
def rename(saved: dict[str, Any]) -> dict[str, Any]:
    saved["state"]["results"] = saved["state"].pop("findings")
    return saved
"""


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Copy]:
    """Make a changed copy of the example, and build its flow."""

    def make(*replaced: tuple[str, str, str], appended: str = "") -> Flow[Any]:
        (tmp_path / COPY).mkdir()
        for source in EXAMPLE.glob("*.py"):
            program = source.read_text(encoding="utf-8").replace("examples.license_audit", COPY)
            for name, old, new in replaced:
                if name == source.name:
                    assert old in program, old
                    program = program.replace(old, new)
            if appended and source.name == "contracts.py":
                program += "\n\nfrom typing import Any\n" + appended
            (tmp_path / COPY / source.name).write_text(program, encoding="utf-8")
        monkeypatch.syspath_prepend(tmp_path)
        flow: Flow[Any] = importlib.import_module(f"{COPY}.flow").build_flow()
        return flow

    yield make
    for name in [name for name in sys.modules if name.partition(".")[0] == COPY]:
        del sys.modules[name]


@pytest.mark.parametrize("document", GOLDEN, ids=lambda path: path.stem)
async def test_a_copy_of_the_example_finishes_it_too(copy: Copy, document: Path) -> None:
    assert outcome(await finish(copy(), document, COPY)) == RESULT


@pytest.mark.parametrize("document", GOLDEN, ids=lambda path: path.stem)
async def test_a_state_field_renamed_without_a_new_version_is_refused(copy: Copy, document: Path) -> None:
    with pytest.raises(SnapshotError) as caught:
        await finish(copy(*RENAMED), document, COPY)
    assert str(caught.value) == (
        "TF916: AuditState changed without a new contract version: field 'findings' is gone; field 'results' is new "
        "(declare version=2 and write the migration from 1)"
    )


async def test_a_field_of_a_childs_state_renamed_without_a_new_version_is_refused(copy: Copy) -> None:
    flow = copy(
        ("review.py", "    assessment: Assessment\n", "    subject: Assessment\n"),
        ("review.py", "data.state.assessment", "data.state.subject"),
        ("flow.py", '"state": {"assessment": "value"}', '"state": {"subject": "value"}'),
    )
    with pytest.raises(SnapshotError) as caught:
        await finish(flow, WAITING, COPY)
    assert str(caught.value) == (
        "TF916: ReviewState changed without a new contract version: field 'assessment' is gone; field 'subject' is new "
        "and has no default (declare version=2 and write the migration from 1)"
    )


@pytest.mark.parametrize("document", GOLDEN, ids=lambda path: path.stem)
async def test_a_renamed_field_with_a_new_version_and_its_migration_is_taken(copy: Copy, document: Path) -> None:
    flow = copy(*RENAMED, VERSION_2, appended=MIGRATION)
    assert outcome(await finish(flow, document, COPY)) == RESULT


async def test_a_field_with_a_default_may_be_added(copy: Copy) -> None:
    flow = copy(("contracts.py", FINDINGS[0], f"{FINDINGS[0]}\n    remarks: list[str] = []"))
    assert outcome(await finish(flow, WAITING, COPY)) == RESULT
