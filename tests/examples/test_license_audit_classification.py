"""The child flow of the audit: alone, inside of the audit, and with mappings that are refused in words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from examples.license_audit import flow as audit_flow
from examples.license_audit.classification import build_classification
from examples.license_audit.metadata import UnknownDistributionError
from examples.license_audit.records import Assessment, AuditRequest, Distribution, Identified, Policy, Source, Verdict
from typedflow import ContractError, Flow, ResourceError

POLICY = Policy(allowed=frozenset({"MIT"}))


class OneShelf:
    """A catalog of one distribution."""

    def names(self) -> list[str]:
        return ["alpha"]

    def read(self, name: str) -> Distribution:
        if name != "alpha":
            raise UnknownDistributionError([name], self.names())
        return Distribution("alpha", "1", license_expression="MIT")

    def unreadable(self) -> list[str]:
        return []


def test_one_distribution_is_classified_without_an_audit() -> None:
    found = build_classification().start("alpha", state={"policy": POLICY}, runtime_resources={"catalog": OneShelf()})
    assert isinstance(found, Assessment)
    assert (found.license, found.ruling.verdict) == (Identified("MIT", Source.EXPRESSION), Verdict.ALLOWED)


def test_it_does_not_begin_without_its_policy_and_its_catalog() -> None:
    with pytest.raises(ContractError, match="field 'policy' \\(Policy\\) of ClassificationState is required"):
        build_classification().start("alpha", runtime_resources={"catalog": OneShelf()})
    with pytest.raises(ResourceError, match="'catalog', declared as Catalog, is missing"):
        build_classification().start("alpha", state={"policy": POLICY})


def test_its_failure_is_the_audits(tmp_path: Path) -> None:
    class Torn(OneShelf):
        def read(self, name: str) -> Distribution:
            raise OSError("torn")

    policy = tmp_path / "policy.toml"
    policy.write_text('allowed = ["MIT"]\n', encoding="utf-8")
    with pytest.raises(OSError, match="torn") as caught:
        audit_flow.build_flow().start(AuditRequest(str(policy)), runtime_resources={"catalog": Torn()})
    assert caught.value.__notes__[0].startswith("in step 'read' of flow 'classification'")


def copy_of_the_audit(*replaced: tuple[str, str]) -> Flow[Any]:
    """Return the audit as it would be with another text in its place."""
    program = Path(audit_flow.__file__).read_text(encoding="utf-8")
    for old, new in replaced:
        assert program.count(old) == 1, old
        program = program.replace(old, new)
    names: dict[str, Any] = {"__name__": audit_flow.__name__}
    exec(compile(program, "a copy of the audit", "exec"), names)
    flow: Flow[Any] = names["build_flow"]()
    return flow


def test_a_copy_of_the_audit_is_sound() -> None:
    copy_of_the_audit().validate()


STEP = "step 'classification' of flow 'license_audit', "


@pytest.mark.parametrize(
    "old, new, line",
    [
        ('"state.policy"', '"state.polciy"',
         f"TF304: {STEP}capture[\"state\"][\"policy\"] = \"state.polciy\": AuditState has no field 'polciy' "
         "(did you mean 'policy'?)"),
        ('"state.policy"', '"value.policy"',
         f"TF305: {STEP}capture[\"state\"][\"policy\"] = \"value.policy\": 'policy' leads nowhere: 'value' is str, "
         "which has no fields"),
        ('"state.policy"', '"state.request"',
         f"TF306: {STEP}capture[\"state\"][\"policy\"] = \"state.request\": 'state.policy' of the child takes Policy, "
         "and 'state.request' of the parent is AuditRequest | None (take another source, or declare the two alike)"),
        ('"state": {"policy": "state.policy"},', "",
         f"TF311: {STEP}capture: the child requires the state field 'policy' (Policy), and nothing supplies it "
         "(add to capture: \"state\": {\"policy\": \"state.policy\"})"),
        ('"resources": {"catalog": "resources.catalog"},', "",
         f"TF312: {STEP}capture: the child requires the resource 'catalog' (Catalog), and nothing supplies it "
         "(add to capture: \"resources\": {\"catalog\": \"resources.catalog\"})"),
        ('"resources": {"catalog": "resources.catalog"},', '"resources": {"catalog": "state.policy"},',
         f"TF302: {STEP}capture[\"resources\"][\"catalog\"] = \"state.policy\": 'resources' cannot be filled from "
         "'state', only from 'resources' (resources go to resources only: they are never part of a value or a state)"),
        ('"input": "value",', "",
         f"TF310: {STEP}capture: the child requires an input (str), and nothing supplies it "
         "(add to capture: \"input\": \"value\")"),
    ],
)  # fmt: skip
def test_a_wrong_mapping_is_refused_when_the_audit_is_defined(old: str, new: str, line: str) -> None:
    with pytest.raises(ContractError) as caught:
        copy_of_the_audit((old, new)).validate()
    assert str(caught.value) == line


def test_every_wrong_entry_is_told_at_once() -> None:
    with pytest.raises(ContractError) as caught:
        copy_of_the_audit(
            ('"state.policy"', '"state.polciy"'), ('"resources.catalog"', '"resources.catalogue"')
        ).validate()
    assert [problem.number for problem in caught.value.problems] == ["TF304", "TF304"]
    assert str(caught.value).startswith("2 problems\n  TF304: ")
