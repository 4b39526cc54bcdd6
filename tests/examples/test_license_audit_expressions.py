from __future__ import annotations

import pytest

from examples.license_audit.expressions import Compound, InvalidExpressionError, Leaf, join, leaves, parse, replaced

MIT, ISC, ZLIB = Leaf("MIT"), Leaf("ISC"), Leaf("Zlib")


@pytest.mark.parametrize(
    "text, expected",
    [
        ("mit", MIT),
        ("((mit))", MIT),
        ("MIT AND ISC", Compound("AND", (MIT, ISC))),
        ("MIT OR ISC AND Zlib", Compound("OR", (MIT, Compound("AND", (ISC, ZLIB))))),
        ("(MIT OR ISC) AND Zlib", Compound("AND", (Compound("OR", (MIT, ISC)), ZLIB))),
        ("MIT OR (ISC OR Zlib)", Compound("OR", (MIT, ISC, ZLIB))),
        ("MIT OR mit", MIT),
        ("EUPL-1.2+", Leaf("EUPL-1.2+")),
        ("LicenseRef-My-Own", Leaf("LicenseRef-My-Own")),
        ("GPL-2.0-only WITH Classpath-exception-2.0", Leaf("GPL-2.0-only", "Classpath-exception-2.0")),
        ("GPL-2.0 WITH Classpath-exception-2.0", Leaf("GPL-2.0-only", "Classpath-exception-2.0")),
        ("GPL-3.0+", Leaf("GPL-3.0-or-later")),
        ("LGPL-2.1", Leaf("LGPL-2.1-only")),
        ("LicenseRef-GPL-2.0", Leaf("LicenseRef-GPL-2.0")),
    ],
)
def test_parse_gives_the_tree(text: str, expected: object) -> None:
    assert parse(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", " ", "MIT ISC", "MIT AND", "(MIT", "MIT)", "()", "MIT WITH", "NoSuchLicense", "MIT WITH ISC", "a" * 3_000],
)
def test_what_spdx_does_not_know_is_refused(text: str) -> None:
    with pytest.raises(InvalidExpressionError):
        parse(text)


def test_deep_parentheses_are_parsed_or_refused() -> None:
    assert parse("(" * 50 + "MIT" + ")" * 50) == MIT
    with pytest.raises(InvalidExpressionError):
        parse("(" * 900 + "MIT" + ")" * 900)


@pytest.mark.parametrize("text", ["MIT", "MIT AND ISC", "MIT OR ISC AND Zlib", "(MIT OR ISC) AND Zlib", "EUPL-1.2+"])
def test_the_text_of_a_tree_parses_to_the_same_tree(text: str) -> None:
    assert str(parse(text)) == text


def test_join_keeps_the_order_and_drops_repetitions() -> None:
    assert join("AND", [ISC, Compound("AND", (MIT, ISC)), ZLIB]) == Compound("AND", (ISC, MIT, ZLIB))
    assert join("OR", [MIT, MIT]) == MIT


def test_leaves_go_from_left_to_right() -> None:
    assert list(leaves(parse("(MIT OR ISC) AND Zlib"))) == [MIT, ISC, ZLIB]


def test_replaced_exchanges_licences_at_any_depth() -> None:
    assert replaced(parse("(MIT OR ISC) AND Zlib"), {ISC: MIT}) == Compound("AND", (MIT, ZLIB))
