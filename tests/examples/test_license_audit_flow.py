"""The audit as a flow, and as a command."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from examples.license_audit.__main__ import DEFAULT_POLICY, main
from examples.license_audit.contracts import Tally
from examples.license_audit.flow import build_flow
from examples.license_audit.licences import identify
from examples.license_audit.metadata import InstalledCatalog, UnknownDistributionError
from examples.license_audit.policy import PolicyError, load_policy, rule
from examples.license_audit.records import (
    AuditRequest,
    Counts,
    Distribution,
    Identified,
    Report,
    Source,
    Undeclared,
    Verdict,
)
from typedflow import ResourceError, Status

POLICY = "examples/license_audit/policy.toml"


class Shelf:
    """A catalog of distributions that are given to it."""

    def __init__(self, *distributions: Distribution) -> None:
        self._distributions = {distribution.name: distribution for distribution in distributions}

    def names(self) -> list[str]:
        return sorted(self._distributions)

    def read(self, name: str) -> Distribution:
        return self._distributions[name]

    def unreadable(self) -> list[str]:
        return ["/broken"]


SHELF = Shelf(
    Distribution("alpha", "1", license_expression="MIT", license_files=("LICENSE",)),
    Distribution("beta", "2", license_text="AGPLv3+"),
    Distribution("gamma", "3", license_files=("COPYING",)),
    Distribution("delta", "4", license_text="BSD", classifiers=("License :: OSI Approved :: BSD License",)),
)


def audit(*names: str) -> Report:
    return build_flow().start(AuditRequest(POLICY, names), runtime_resources={"catalog": SHELF})


def test_each_distribution_is_decided_by_its_licence() -> None:
    report = audit()
    assert [(finding.name, finding.verdict) for finding in report.findings] == [
        ("beta", Verdict.DENIED),
        ("gamma", Verdict.REVIEW),
        ("alpha", Verdict.ALLOWED),
        ("delta", Verdict.ALLOWED),
    ]
    assert report.counts == Counts(allowed=2, review=1, denied=1)
    assert report.policy == POLICY
    assert report.unreadable == ("/broken",)


def test_what_is_for_review_says_which_files_to_read() -> None:
    findings = {finding.name: finding for finding in audit().findings}
    assert findings["gamma"].license == Undeclared()
    assert findings["gamma"].license_files == ("COPYING",)
    assert findings["alpha"].license == Identified("MIT", Source.EXPRESSION)
    assert findings["alpha"].license_files == ()


def test_only_the_named_distributions_are_audited() -> None:
    report = audit("Beta", "alpha")
    assert [finding.name for finding in report.findings] == ["beta", "alpha"]
    assert report.unreadable == ()


async def test_the_state_keeps_the_policy_and_the_findings() -> None:
    execution = build_flow().create_execution(runtime_resources={"catalog": SHELF})
    assert await execution.async_start(AuditRequest(POLICY)) is Status.COMPLETED
    assert execution.state.policy == load_policy(POLICY)
    assert [finding.name for finding in execution.state.findings] == ["alpha", "beta", "delta", "gamma"]


def test_the_flow_state_counts_over_all_audits_of_a_flow() -> None:
    flow = build_flow()
    for names in ((), ("beta",)):
        flow.start(AuditRequest(POLICY, names), runtime_resources={"catalog": SHELF})
    assert flow.flow_state == Tally(allowed=2, review=1, denied=2)


def test_an_unknown_name_stops_the_audit() -> None:
    with pytest.raises(
        UnknownDistributionError, match=r"no distribution 'gama' is installed \(did you mean 'gamma'\?\)"
    ):
        audit("alpha", "gama")


def test_a_policy_that_cannot_be_read_stops_the_audit(tmp_path: Path) -> None:
    with pytest.raises(PolicyError):
        build_flow().start(AuditRequest(str(tmp_path / "none.toml")), runtime_resources={"catalog": SHELF})


def test_an_audit_without_a_catalog_does_not_begin() -> None:
    with pytest.raises(ResourceError) as caught:
        build_flow().start(AuditRequest(POLICY))
    assert caught.value.missing == ("catalog",)


def test_the_flow_finds_in_this_environment_what_the_domain_finds() -> None:
    catalog, policy = InstalledCatalog(), load_policy(POLICY)
    report = build_flow().start(AuditRequest(POLICY), runtime_resources={"catalog": catalog})
    expected = {catalog.read(name).name: rule(identify(catalog.read(name)), policy) for name in catalog.names()}
    assert {finding.name: (finding.verdict, finding.reason) for finding in report.findings} == {
        name: (ruling.verdict, ruling.reason) for name, ruling in expected.items()
    }
    assert report.counts.total == len(catalog.names())


def test_the_command_prints_a_table_of_this_environment(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["msgspec"]) == 0
    out = capsys.readouterr().out
    assert out.splitlines()[2].split()[:2] == ["allowed", "msgspec"]
    assert "\n1 distribution: 0 denied, 0 to review, 1 allowed " in out


def test_the_command_prints_json_on_request(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--json", "msgspec", "pytest"]) == 0
    report = msgspec.json.decode(capsys.readouterr().out, type=Report)
    assert [finding.name for finding in report.findings] == ["msgspec", "pytest"]


def test_a_denied_licence_is_the_exit_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text('denied = ["BSD-3-Clause"]\n', encoding="utf-8")
    assert main(["--policy", str(policy), "msgspec"]) == 1
    assert "the policy denies BSD-3-Clause" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["msgspek"], "error: no distribution 'msgspek' is installed (did you mean 'msgspec'?)\n"),
        (
            ["--policy", "none.toml"],
            "error: the policy 'none.toml' cannot be used:\n  the file cannot be read: No such file or directory\n",
        ),
    ],
)
def test_input_that_cannot_be_used_is_said_in_words(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    assert capsys.readouterr() == ("", message)


def test_a_path_that_is_no_folder_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--path", "no-such-folder"])
    assert caught.value.code == 2
    assert "'no-such-folder' is no folder" in capsys.readouterr().err


def test_the_packages_of_another_folder_can_be_audited(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--path", str(tmp_path)]) == 0
    assert "\n0 distributions: " in capsys.readouterr().out


def test_the_report_is_printed_where_the_output_knows_ascii_only(tmp_path: Path) -> None:
    info = tmp_path / "sample-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Name: sample\nVersion: 1.0\nLicense: Lizenz für alle\n", encoding="utf-8")
    command = [sys.executable, "-m", "examples.license_audit", "--path", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, env={**os.environ, "PYTHONIOENCODING": "ascii"})
    assert (done.returncode, done.stderr) == (0, b"")
    assert rb"License 'Lizenz f\xfcr alle'" in done.stdout


def test_the_first_run_shows_what_the_page_quotes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    page = DEFAULT_POLICY.with_name("README.md").read_text(encoding="utf-8")
    printed = capsys.readouterr().out.replace(str(DEFAULT_POLICY), "…/policy.toml")
    assert "".join(f"    {line}".rstrip() + "\n" for line in printed.splitlines()) in page


def test_the_note_on_the_sample_is_not_in_the_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--json"]) == 0
    assert msgspec.json.decode(capsys.readouterr().out, type=Report).counts.denied == 3


def test_this_environment_is_audited_on_request(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--here", "--policy", str(DEFAULT_POLICY)]) in (0, 1)
    assert "msgspec" in capsys.readouterr().out
