"""Licence metadata as it is found in the wild, and what the audit makes of it."""

from __future__ import annotations

import pytest

from examples.license_audit import families
from examples.license_audit.expressions import parse
from examples.license_audit.licences import identify
from examples.license_audit.records import Conflicting, Distribution, Identified, Source, Undeclared, Unrecognised
from examples.license_audit.trove import CLASSIFIERS

OSI = "License :: OSI Approved :: "
MIT_CLASSIFIER = OSI + "MIT License"
BSD_CLASSIFIER = OSI + "BSD License"
APACHE_CLASSIFIER = OSI + "Apache Software License"

MIT_TEXT = """Copyright (c) 2016 Somebody

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the "Software"), to deal in the Software without restriction, subject to the following
conditions: The above copyright notice and this permission notice shall be included in all copies.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND."""
BSD_2_TEXT = """Copyright (c) 2009, Somebody
All rights reserved.

Redistribution and use in source and binary forms, with or without modification, are permitted provided that:
1. Redistributions of source code must retain the above copyright notice.
2. Redistributions in binary form must reproduce the above copyright notice.

THIS SOFTWARE IS PROVIDED BY THE COPYRIGHT HOLDERS "AS IS"."""
BSD_3_TEXT = BSD_2_TEXT.replace(
    "\n\nTHIS", "\n3. Neither the name of the holder nor the names of its contributors may be used.\n\nTHIS"
)
BSD_4_TEXT = BSD_2_TEXT.replace("\n\nTHIS", "\n3. All advertising materials must display this.\n\nTHIS")
BSD_CUT_OFF = BSD_2_TEXT.partition("1. ")[0]
ISC_TEXT = """Permission to use, copy, modify, and/or distribute this software for any purpose with or without fee is
hereby granted, provided that the above copyright notice and this permission notice appear in all copies.
THE SOFTWARE IS PROVIDED "AS IS"."""
APACHE_TEXT = """
                                 Apache License
                           Version 2.0, January 2004
                        http://www.apache.org/licenses/

   TERMS AND CONDITIONS FOR USE, REPRODUCTION, AND DISTRIBUTION"""
GPL_3_TEXT = """                    GNU GENERAL PUBLIC LICENSE
                       Version 3, 29 June 2007

 Copyright (C) 2007 Free Software Foundation, Inc. <https://fsf.org/>
 Everyone is permitted to copy and distribute verbatim copies of this license document."""
GPL_3_NOTICE = """This program is free software: you can redistribute it and/or modify it under the terms of the
GNU General Public License as published by the Free Software Foundation, either version 3 of the License, or
(at your option) any later version. This program is distributed in the hope that it will be useful."""
UNLICENSE_TEXT = """This is free and unencumbered software released into the public domain.

Anyone is free to copy, modify, publish, use, compile, sell, or distribute this software."""
ZLIB_TEXT = """This software is provided 'as-is', without any express or implied warranty. In no event will the authors
be held liable for any damages arising from the use of this software. Altered source versions must be plainly marked."""


def license_of(text: str = "", *classifiers: str, expression: str = "") -> object:
    return identify(Distribution("sample", "1.0", expression, text, classifiers))


def expression_of(text: str = "", *classifiers: str, expression: str = "") -> str:
    found = license_of(text, *classifiers, expression=expression)
    assert isinstance(found, Identified), found
    return found.expression


@pytest.mark.parametrize(
    "text, expected",
    [
        ("MIT", "MIT"),
        ("mit", "MIT"),
        ("MIT License", "MIT"),
        ("MIT license", "MIT"),
        ("The MIT License (MIT)", "MIT"),
        ("Expat", "MIT"),
        ("MIT/X11", "MIT"),
        ("MIT-0", "MIT-0"),
        ("License :: OSI Approved :: MIT License", "MIT"),
        ("BSD", families.BSD),
        ("BSD License", families.BSD),
        ("BSD 3-Clause", "BSD-3-Clause"),
        ("BSD (3-clause)", "BSD-3-Clause"),
        ("3-Clause BSD License", "BSD-3-Clause"),
        ('BSD 3-Clause "New" or "Revised" License', "BSD-3-Clause"),
        ("New BSD", "BSD-3-Clause"),
        ("Modified BSD License", "BSD-3-Clause"),
        ("Simplified BSD", "BSD-2-Clause"),
        ("Apache 2", "Apache-2.0"),
        ("Apache 2.0", "Apache-2.0"),
        ("Apache-2.0 license", "Apache-2.0"),
        ("Apache License 2.0", "Apache-2.0"),
        ("Apache License, Version 2.0", "Apache-2.0"),
        ("Apache License v2.0", "Apache-2.0"),
        ("Apache License Version 2.0, January 2004", "Apache-2.0"),
        ("Apache Software License 2.0", "Apache-2.0"),
        ("ASL 2", "Apache-2.0"),
        ("Apache", families.APACHE),
        ("GPL", families.GPL),
        ("GPLv2", families.GPL_2),
        ("GPL-3", families.GPL_3),
        ("GPL-3.0", "GPL-3.0-only"),
        ("GPLv3+", "GPL-3.0-or-later"),
        ("GPL version 3, or any later version", "GPL-3.0-or-later"),
        ("GNU General Public License v3 or later (GPLv3+)", "GPL-3.0-or-later"),
        ("GNU General Public License v2 (GPLv2)", families.GPL_2),
        ("GNU LGPL v3", families.LGPL_3),
        ("LGPL", families.LGPL),
        ("LGPLv2.1+", "LGPL-2.1-or-later"),
        ("LGPL-2.1-or-later", "LGPL-2.1-or-later"),
        ("GNU Lesser General Public License v3.0", families.LGPL_3),
        ("GNU Library or Lesser General Public License (LGPL)", families.LGPL),
        ("AGPLv3", families.AGPL_3),
        ("GNU Affero General Public License v3 or later", "AGPL-3.0-or-later"),
        ("MPL 2.0", "MPL-2.0"),
        ("MPL2", "MPL-2.0"),
        ("Mozilla Public License 2.0 (MPL 2.0)", "MPL-2.0"),
        ("ISC license", "ISC"),
        ("ISCL", "ISC"),
        ("PSF", families.PSF),
        ("Python Software Foundation License", families.PSF),
        ("ZPL 2.1", "ZPL-2.1"),
        ("zlib/libpng", "Zlib"),
        ("Eclipse Public License v2.0", "EPL-2.0"),
        ("CC0 1.0 Universal", "CC0-1.0"),
        ("CC-BY-4.0", "CC-BY-4.0"),
        ("Unlicense", "Unlicense"),
        ("Public Domain", families.PUBLIC_DOMAIN),
        ("Proprietary", families.PROPRIETARY),
        ("Other/Proprietary License", families.PROPRIETARY),
        ("NVIDIA Proprietary Software", None),
        ("MIT OR Apache-2.0", "MIT OR Apache-2.0"),
        ("Apache 2.0 or MIT", "Apache-2.0 OR MIT"),
        ("MIT or GPLv2 and later", "MIT OR GPL-2.0-or-later"),
        ("MIT/Apache-2.0", "MIT AND Apache-2.0"),
        ("BSD and MIT", f"{families.BSD} AND MIT"),
        ("GPL-2.0-only WITH Classpath-exception-2.0", "GPL-2.0-only WITH Classpath-exception-2.0"),
        ("https://opensource.org/licenses/MIT", "MIT"),
        ("http://www.opensource.org/licenses/mit-license.php", "MIT"),
        ("http://www.apache.org/licenses/LICENSE-2.0", "Apache-2.0"),
        ("http://www.gnu.org/licenses/gpl-3.0.html", families.GPL_3),
        ("https://www.mozilla.org/en-US/MPL/2.0/", "MPL-2.0"),
        ("http://creativecommons.org/licenses/by-sa/4.0/", "CC-BY-SA-4.0"),
        ("https://opensource.org/licenses/none-of-these", None),
        ("Dual License", None),
        ("BSD-like", None),
        ("LICENSE.txt", None),
        ("See LICENSE file", None),
        ("Free for non-commercial use", None),
        ("GPL or something, and MIT", None),
        ("MIT and something else", None),
        ("NewBSD, whatever the lawyers say; " * 8, None),
    ],
)
@pytest.mark.thin(5)
def test_free_text_is_read_as_the_licence_it_names_or_not_at_all(text: str, expected: str | None) -> None:
    if expected is None:
        assert isinstance(license_of(text), Unrecognised)
    else:
        assert expression_of(text) == expected


@pytest.mark.parametrize(
    "text, expected",
    [
        (MIT_TEXT, "MIT"),
        ("MIT License\n\n" + MIT_TEXT, "MIT"),
        (BSD_2_TEXT, "BSD-2-Clause"),
        (BSD_3_TEXT, "BSD-3-Clause"),
        (BSD_4_TEXT, "BSD-4-Clause"),
        (BSD_CUT_OFF, families.BSD),
        ("BSD 3-Clause License\n\n" + BSD_CUT_OFF, "BSD-3-Clause"),
        (ISC_TEXT, "ISC"),
        (APACHE_TEXT, "Apache-2.0"),
        (GPL_3_TEXT, families.GPL_3),
        (GPL_3_NOTICE, "GPL-3.0-or-later"),
        (UNLICENSE_TEXT, "Unlicense"),
        (ZLIB_TEXT, "Zlib"),
        ("The MIT License (MIT)\n" + "\nwords of somebody's own" * 20, "MIT"),
    ],
)
def test_a_pasted_licence_is_known_by_its_opening(text: str, expected: str) -> None:
    assert expression_of(text) == expected


def test_a_pasted_licence_says_where_it_was_read() -> None:
    assert license_of(MIT_TEXT) == Identified("MIT", Source.TEXT, (f"read from a text of {len(MIT_TEXT)} characters",))


def test_of_several_pasted_licences_the_first_counts_and_the_others_are_mentioned() -> None:
    text = BSD_3_TEXT + "\n" * 3 + "Bundled:\n" * 1_000 + GPL_3_TEXT
    remark = f"the first of several licences in a text of {len(text):,} characters"
    assert license_of(text) == Identified("BSD-3-Clause", Source.TEXT, (remark,))


def test_a_licence_that_is_only_bundled_far_below_is_not_the_distributions_own() -> None:
    assert isinstance(license_of("words of somebody's own\n" * 200 + MIT_TEXT), Unrecognised)


@pytest.mark.parametrize(
    "expression, expected",
    [
        ("MIT", "MIT"),
        ("mit and (apache-2.0 or bsd-2-clause)", "MIT AND (Apache-2.0 OR BSD-2-Clause)"),
        ("BSD-3-Clause AND 0BSD AND MIT AND Zlib AND CC0-1.0", "BSD-3-Clause AND 0BSD AND MIT AND Zlib AND CC0-1.0"),
        ("GPL-3.0+", "GPL-3.0-or-later"),
        ("LicenseRef-Acme", "LicenseRef-Acme"),
        ("Apache License 2.0", "Apache-2.0"),
    ],
)
def test_an_expression_is_made_canonical(expression: str, expected: str) -> None:
    assert expression_of(expression=expression) == expected


def test_an_invalid_expression_is_read_as_free_text_and_says_so() -> None:
    found = license_of(expression="Apache License 2.0")
    assert found == Identified("Apache-2.0", Source.EXPRESSION, ("not a valid SPDX expression",))


@pytest.mark.parametrize(
    "classifiers, expected",
    [
        ([MIT_CLASSIFIER], "MIT"),
        ([BSD_CLASSIFIER], families.BSD),
        ([APACHE_CLASSIFIER], families.APACHE),
        ([OSI + "GNU General Public License v3 or later (GPLv3+)"], "GPL-3.0-or-later"),
        (["License :: OSI Approved", MIT_CLASSIFIER], "MIT"),
        (["License :: Public Domain"], families.PUBLIC_DOMAIN),
        ([MIT_CLASSIFIER, APACHE_CLASSIFIER], f"MIT AND {families.APACHE}"),
        (
            [OSI + "GNU General Public License (GPL)", OSI + "GNU General Public License v3 (GPLv3)"],
            families.GPL_3,
        ),
    ],
)
def test_classifiers_are_read_as_all_of_their_licences(classifiers: list[str], expected: str) -> None:
    assert expression_of("", *classifiers) == expected


def test_several_classifiers_are_remarked_on() -> None:
    found = license_of("", MIT_CLASSIFIER, OSI + "ISC License (ISCL)")
    assert found == Identified(
        "MIT AND ISC", Source.CLASSIFIERS, ("several classifiers, read as all of their licences",)
    )


@pytest.mark.parametrize("classifier", ["License :: Free for non-commercial use", "License :: Not yet on PyPI"])
def test_a_classifier_without_an_spdx_id_is_not_understood(classifier: str) -> None:
    assert isinstance(license_of("", MIT_CLASSIFIER, classifier), Unrecognised)


@pytest.mark.parametrize(
    "text, classifiers, expression, expected",
    [
        # The field that says most counts, the others say less of the same.
        ("BSD-3-Clause", [BSD_CLASSIFIER], "", "BSD-3-Clause"),
        ("Apache 2.0", [APACHE_CLASSIFIER], "", "Apache-2.0"),
        ("MIT OR Apache-2.0", [MIT_CLASSIFIER, APACHE_CLASSIFIER], "", "MIT OR Apache-2.0"),
        ("MIT OR Apache-2.0", [MIT_CLASSIFIER], "", "MIT OR Apache-2.0"),
        ("", [BSD_CLASSIFIER], "BSD-3-Clause AND MIT", "BSD-3-Clause AND MIT"),
        ("MIT", [MIT_CLASSIFIER], "MIT", "MIT"),
        ("", ["License :: Other/Proprietary License"], "LicenseRef-Acme", "LicenseRef-Acme"),
        # What another field knows better is taken from it.
        ("BSD", [OSI + "BSD License"], "", families.BSD),
        ("GPL", [OSI + "GNU General Public License v3 or later (GPLv3+)"], "", "GPL-3.0-or-later"),
        ("GPLv3", [OSI + "GNU General Public License v3 or later (GPLv3+)"], "", "GPL-3.0-or-later"),
        ("LGPL or MIT", [OSI + "GNU Lesser General Public License v3 (LGPLv3)"], "", f"{families.LGPL_3} OR MIT"),
        # What says nothing does not disturb.
        ("UNKNOWN", [BSD_CLASSIFIER], "", families.BSD),
        ("LICENSE.txt", [MIT_CLASSIFIER], "", "MIT"),
        ("Dual License", [BSD_CLASSIFIER, MIT_CLASSIFIER], "", f"{families.BSD} AND MIT"),
    ],
)
def test_fields_that_agree_give_the_most_precise_expression(
    text: str, classifiers: list[str], expression: str, expected: str
) -> None:
    assert expression_of(text, *classifiers, expression=expression) == expected


@pytest.mark.parametrize(
    "text, classifiers, expression",
    [
        ("MIT", [APACHE_CLASSIFIER], ""),
        ("BSD", [MIT_CLASSIFIER], ""),
        ("MIT", [MIT_CLASSIFIER, APACHE_CLASSIFIER], ""),
        ("GPLv2", [OSI + "GNU General Public License v3 (GPLv3)"], ""),
        ("", [MIT_CLASSIFIER], "Apache-2.0"),
        ("Apache 2.0", ["License :: Other/Proprietary License"], ""),
    ],
)
def test_fields_that_disagree_are_a_conflict(text: str, classifiers: list[str], expression: str) -> None:
    found = license_of(text, *classifiers, expression=expression)
    assert isinstance(found, Conflicting)
    assert len(found.claims) == 2


def test_a_field_that_was_not_understood_is_remarked_on() -> None:
    found = license_of("see LICENSE", MIT_CLASSIFIER)
    assert found == Identified("MIT", Source.CLASSIFIERS, ("License was not understood: 'see LICENSE'",))


def test_a_long_field_is_shortened_to_one_line() -> None:
    found = license_of("Some words\nof our own " + "and more " * 50)
    assert isinstance(found, Unrecognised)
    assert found.claims[0].text.startswith("Some words of our own and more")
    assert len(found.claims[0].text) == 80


@pytest.mark.parametrize("text", ["", "UNKNOWN", "None", "N/A", " - ", "TBD."])
def test_a_field_that_says_nothing_is_no_claim(text: str) -> None:
    assert license_of(text, "License :: OSI Approved", expression="") == Undeclared()


@pytest.mark.parametrize("license_id", sorted({*CLASSIFIERS.values(), *families.FAMILIES}))
@pytest.mark.thin(5)
def test_every_name_in_the_tables_is_a_valid_expression(license_id: str) -> None:
    assert str(parse(license_id)) == license_id


@pytest.mark.parametrize("license_id", sorted(set().union(*families.FAMILIES.values())))
def test_every_member_of_a_family_is_known_to_spdx(license_id: str) -> None:
    assert str(parse(license_id)) == license_id
