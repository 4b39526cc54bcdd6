from __future__ import annotations

import msgspec

from examples.license_audit.records import (
    Claim,
    Conflicting,
    Counts,
    Finding,
    Identified,
    Report,
    Source,
    Undeclared,
    Unrecognised,
    Verdict,
    compile_report,
)
from examples.license_audit.report import render_json, render_table

CLAIM = Claim(Source.TEXT, "see LICENSE")
FINDINGS = [
    Finding("zebra", "1.0", Verdict.ALLOWED, "the policy allows MIT", Identified("MIT", Source.TEXT)),
    Finding("Apple", "2.1", Verdict.ALLOWED, "the policy allows MIT", Identified("MIT", Source.TEXT, ("a remark",))),
    Finding("bear", "3", Verdict.DENIED, "the policy denies SSPL-1.0", Identified("SSPL-1.0", Source.EXPRESSION)),
    Finding("cat", "4", Verdict.REVIEW, "none", Undeclared(), ("a", "b", "c", "d")),
    Finding("dog", "5", Verdict.REVIEW, "odd", Unrecognised((CLAIM,)), ("COPYING",)),
    Finding("eel", "6", Verdict.REVIEW, "two", Conflicting((CLAIM,))),
]
REPORT = compile_report("policy.toml", FINDINGS, ["/somewhere"])


def test_findings_are_counted_and_the_gravest_come_first() -> None:
    assert REPORT.counts == Counts(allowed=2, review=3, denied=1)
    assert [finding.name for finding in REPORT.findings] == ["bear", "cat", "dog", "eel", "Apple", "zebra"]


def test_the_table_has_aligned_columns_and_the_counts_below() -> None:
    assert render_table(REPORT) == (
        "verdict  distribution  version  licence           why\n"
        "-------  ------------  -------  ----------------  ---\n"
        "denied   bear          3        SSPL-1.0          the policy denies SSPL-1.0\n"
        "review   cat           4        (none)            none; see a, b, c, …\n"
        "review   dog           5        (not understood)  odd; see COPYING\n"
        "review   eel           6        (contradictory)   two\n"
        "allowed  Apple         2.1      MIT               a remark\n"
        "allowed  zebra         1.0      MIT\n"
        "\n"
        "6 distributions: 1 denied, 3 to review, 2 allowed (policy 'policy.toml')\n"
        "not counted: unreadable metadata in /somewhere\n"
    )


def test_the_lines_of_the_table_fit_the_terminal() -> None:
    lines = render_table(REPORT, width=60).split("\n\n")[0].split("\n")
    assert lines[2] == "denied   bear          3        SSPL-1.0          the polic…"
    assert max(map(len, lines)) == 60


def test_a_long_expression_is_cut_in_the_table() -> None:
    expression = " AND ".join(["MIT", "ISC", "Zlib", "0BSD", "BSD-2-Clause", "BSD-3-Clause"])
    finding = Finding("a", "1", Verdict.ALLOWED, "", Identified(expression, Source.TEXT))
    assert "  MIT AND ISC AND Zlib AND 0BSD AND BSD-2-Cla…\n" in render_table(compile_report("p", [finding]))


def test_an_audit_of_nothing_is_a_report_too() -> None:
    assert render_table(compile_report("p", [])).endswith(
        "\n\n0 distributions: 0 denied, 0 to review, 0 allowed (policy 'p')\n"
    )


def test_one_distribution_is_spoken_of_in_the_singular() -> None:
    assert "\n1 distribution: " in render_table(compile_report("p", FINDINGS[:1]))


def test_a_control_character_in_metadata_does_not_reach_the_table() -> None:
    finding = Finding("a\n\tb", "1\r", Verdict.ALLOWED, "", Identified("MIT", Source.TEXT))
    assert "allowed  a b           1 " in render_table(compile_report("p", [finding]))


def test_the_json_holds_the_whole_report() -> None:
    assert msgspec.json.decode(render_json(REPORT), type=Report) == REPORT
    assert '"type": "undeclared"' in render_json(REPORT)
