from __future__ import annotations

from pathlib import Path

import pytest

from examples.license_audit.policy import PolicyError, load_policy, rule
from examples.license_audit.records import (
    Claim,
    Conflicting,
    Identified,
    License,
    Policy,
    Ruling,
    Source,
    Undeclared,
    Unrecognised,
    Verdict,
)

ALLOWED, REVIEW, DENIED = Verdict.ALLOWED, Verdict.REVIEW, Verdict.DENIED
POLICY = Policy(
    allowed=frozenset({"MIT", "BSD-2-Clause", "BSD-3-Clause", "EUPL-1.2", "GPL-2.0-only WITH Classpath-exception-2.0"}),
    review=frozenset({"MPL-2.0", "LGPL-3.0-only", "LGPL-3.0-or-later"}),
    denied=frozenset({"GPL-2.0-only", "GPL-3.0-only", "AGPL-3.0-only"}),
)


def ruling(expression: str, policy: Policy = POLICY) -> Ruling:
    return rule(Identified(expression, Source.EXPRESSION), policy)


@pytest.mark.parametrize(
    "expression, verdict, reason",
    [
        ("MIT", ALLOWED, "the policy allows MIT"),
        ("MPL-2.0", REVIEW, "the policy asks to review MPL-2.0"),
        ("AGPL-3.0-only", DENIED, "the policy denies AGPL-3.0-only"),
        ("Zlib", REVIEW, "the policy does not say about Zlib"),
        # AND needs all
        ("MIT AND BSD-3-Clause", ALLOWED, "the policy allows MIT, BSD-3-Clause"),
        ("MIT AND MPL-2.0", REVIEW, "the policy asks to review MPL-2.0"),
        ("MIT AND Zlib AND MPL-2.0", REVIEW, "the policy does not say about Zlib"),
        ("MPL-2.0 AND AGPL-3.0-only AND MIT", DENIED, "the policy denies AGPL-3.0-only"),
        # OR needs one
        ("MIT OR AGPL-3.0-only", ALLOWED, "the policy allows MIT"),
        ("MPL-2.0 OR AGPL-3.0-only", REVIEW, "the policy asks to review MPL-2.0"),
        ("GPL-3.0-only OR AGPL-3.0-only", DENIED, "the policy denies GPL-3.0-only, AGPL-3.0-only"),
        ("(MIT OR AGPL-3.0-only) AND MPL-2.0", REVIEW, "the policy asks to review MPL-2.0"),
        ("MIT OR AGPL-3.0-only AND MPL-2.0", ALLOWED, "the policy allows MIT"),
        # WITH: the exact entry, else the licence without its exception
        ("GPL-2.0-only WITH Classpath-exception-2.0", ALLOWED, None),
        ("GPL-3.0-only WITH GCC-exception-3.1", DENIED, "the policy denies GPL-3.0-only WITH GCC-exception-3.1"),
        ("MIT WITH LLVM-exception", ALLOWED, None),
        ("EUPL-1.2+", ALLOWED, None),
        # what is left open is as bad as the worst it can mean
        ("LicenseRef-BSD-unspecified", ALLOWED, "the policy allows LicenseRef-BSD-unspecified"),
        ("LicenseRef-LGPL-3.0-unspecified", REVIEW, "the policy asks to review LicenseRef-LGPL-3.0-unspecified"),
        ("LicenseRef-GPL-3.0-unspecified", DENIED, "the policy denies LicenseRef-GPL-3.0-unspecified"),
        ("LicenseRef-MPL-unspecified", REVIEW, None),
        ("LicenseRef-W3C-unspecified", REVIEW, "the policy does not say about LicenseRef-W3C-unspecified"),
    ],
)
def test_an_expression_is_judged_by_its_operators(expression: str, verdict: Verdict, reason: str | None) -> None:
    found = ruling(expression)
    assert found.verdict is verdict
    assert reason is None or found.reason == reason


def test_a_family_may_be_listed_by_its_name() -> None:
    assert (
        ruling("LicenseRef-BSD-unspecified", Policy(denied=frozenset({"LicenseRef-BSD-unspecified"}))).verdict is DENIED
    )


def test_denied_beats_review_beats_allowed_where_a_licence_is_listed_twice() -> None:
    mit = frozenset({"MIT"})
    assert ruling("MIT", Policy(allowed=mit, review=mit)).verdict is REVIEW
    assert ruling("MIT", Policy(allowed=mit, review=mit, denied=mit)).verdict is DENIED


@pytest.mark.parametrize(
    "license, reason",
    [
        (Undeclared(), "the metadata names no licence"),
        (
            Unrecognised((Claim(Source.TEXT, "see LICENSE"),)),
            "the licence was not understood: License 'see LICENSE'",
        ),
        (
            Conflicting((Claim(Source.TEXT, "The MIT", "MIT"), Claim(Source.CLASSIFIERS, "ISC", "ISC"))),
            "the metadata contradicts itself: License 'MIT', Classifier 'ISC'",
        ),
    ],
)
def test_what_is_not_one_expression_is_for_review(license: License, reason: str) -> None:
    assert rule(license, POLICY) == Ruling(REVIEW, reason)


def refused(folder: Path, text: str) -> str:
    path = folder / "policy.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(PolicyError) as caught:
        load_policy(str(path))
    assert caught.value.path == str(path)
    heading, *problems = str(caught.value).split("\n  ")
    assert heading == f"the policy '{path}' cannot be used:"
    return "\n".join(problems)


def test_a_policy_is_read_in_canonical_spelling(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_text(
        'allowed = ["mit", "gpl-3.0+"]\ndenied = ["gpl-2.0 with classpath-exception-2.0"]\n', encoding="utf-8"
    )
    assert load_policy(str(path)) == Policy(
        allowed=frozenset({"MIT", "GPL-3.0-or-later"}), denied=frozenset({"GPL-2.0-only WITH Classpath-exception-2.0"})
    )


@pytest.mark.parametrize(
    "text, problem",
    [
        ('alowed = ["MIT"]', "unknown key 'alowed' (did you mean 'allowed'?)"),
        ("[colours]\nx = 1", "unknown key 'colours' (the keys are allowed, review and denied)"),
        ('allowed = "MIT"', "'allowed' is no list of licence ids: expected `array`, got `str`"),
        ("allowed = [1]", "'allowed' is no list of licence ids: expected `str`, got `int` - at `$[0]`"),
        ('allowed = ["MIT2"]', "'MIT2' in 'allowed' is no SPDX licence id (did you mean 'MIT'?)"),
        ('denied = ["AGPLv3+"]', "'AGPLv3+' in 'denied' is no SPDX licence id (did you mean 'AGPL-3.0-or-later'?)"),
        (
            'review = ["qwertyuiop"]',
            "'qwertyuiop' in 'review' is no SPDX licence id (the ids are listed at https://spdx.org/licenses/)",
        ),
        ('allowed = ["MIT OR ISC"]', "'MIT OR ISC' in 'allowed' is more than one licence (list each by itself)"),
        (
            'allowed = ["MIT"]\ndenied = ["mit", "ISC"]',
            "'MIT' is in several lists: denied, allowed (keep it in one)",
        ),
        ("", 'it lists no licence (write, for example: allowed = ["MIT"])'),
    ],
)
def test_a_policy_that_cannot_be_meant_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    assert refused(tmp_path, text) == problem


def test_all_problems_of_a_policy_are_reported_at_once(tmp_path: Path) -> None:
    problems = refused(tmp_path, 'alowed = []\nreview = 3\ndenied = ["MIT2", "Aache-2.0"]').split("\n")
    assert [problem.split(" (")[0] for problem in problems] == [
        "unknown key 'alowed'",
        "'review' is no list of licence ids: expected `array`, got `int`",
        "'MIT2' in 'denied' is no SPDX licence id",
        "'Aache-2.0' in 'denied' is no SPDX licence id",
    ]


def test_a_file_that_is_no_toml_is_refused(tmp_path: Path) -> None:
    assert refused(tmp_path, "allowed = [").startswith("the file is no TOML: ")


@pytest.mark.parametrize("name, reason", [("missing.toml", "No such file or directory"), (".", "Is a directory")])
def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path, name: str, reason: str) -> None:
    with pytest.raises(PolicyError) as caught:
        load_policy(str(tmp_path / name))
    assert caught.value.problems == (f"the file cannot be read: {reason}",)


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_bytes(b'allowed = ["\xff"]')
    with pytest.raises(PolicyError, match="the file is no TOML"):
        load_policy(str(path))


def test_the_policy_that_comes_with_the_example_is_valid() -> None:
    policy = load_policy("examples/license_audit/policy.toml")
    assert ruling("MIT", policy).verdict is ALLOWED
    assert ruling("LicenseRef-BSD-unspecified", policy).verdict is ALLOWED
    assert ruling("LicenseRef-GPL-3.0-unspecified", policy).verdict is REVIEW
    assert ruling("LicenseRef-AGPL-3.0-unspecified", policy).verdict is DENIED
