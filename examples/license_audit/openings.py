"""Whole licence texts, known by the words they open with.

The words are those of the texts in the SPDX licence list. Only the beginning is searched: some distributions paste
their own licence and, behind it, those of everything that they bundle.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, TypeAlias

from examples.license_audit import families

# The first licence has to begin here; an Apache header may stand below a page of copyright lines.
OPENING_CHARACTERS: Final = 3_000
# How far the search goes on, for what is bundled.
SEARCHED_CHARACTERS: Final = 100_000
# From its opening to its end, a BSD licence takes some 1,500 characters.
BODY_CHARACTERS: Final = 2_000

_Reading: TypeAlias = str | Callable[[str], str]


def find_openings(text: str) -> list[str]:
    """Return the licences whose openings the text holds, as SPDX ids or families, in order and each once.

    Empty where the text does not begin with one.
    """
    words = " ".join(text[:SEARCHED_CHARACTERS].lower().split())
    found = [
        (match.start(), reading)
        for pattern, reading in _OPENINGS
        for match in (pattern.search(words),)
        if match is not None
    ]
    found.sort(key=lambda place: place[0])
    if not found or found[0][0] > OPENING_CHARACTERS:
        return []
    licenses = (
        reading if isinstance(reading, str) else reading(words[start : start + BODY_CHARACTERS])
        for start, reading in found
    )
    return list(dict.fromkeys(licenses))


def _bsd(body: str) -> str:
    """Count the clauses; a text that was cut off before its disclaimer may have had more of them."""
    if "all advertising materials" in body:
        return "BSD-4-Clause"
    if re.search(r"neither the names?\b|may not be used to endorse|may be used to endorse or promote", body):
        return "BSD-3-Clause"
    return "BSD-2-Clause" if "is provided" in body else families.BSD


def _mit(body: str) -> str:
    """Return MIT, or MIT-0, which has no condition; a text cut off before the conditions is MIT, which has more."""
    return "MIT-0" if "is provided" in body and "subject to the following" not in body else "MIT"


def _isc(body: str) -> str:
    return "0BSD" if "is provided" in body and "provided that" not in body else "ISC"


_OPENINGS: Final[tuple[tuple[re.Pattern[str], _Reading], ...]] = tuple(
    (re.compile(pattern), reading)
    for pattern, reading in (
        (r"permission is hereby granted, free of charge, to any person obtaining a copy of this", _mit),
        (r"redistribution and use in source and binary forms, with or without modification", _bsd),
        (r"permission to use, copy, modify,? (and/or|and) distribute this software for any purpose with or", _isc),
        (r"permission to use, copy, modify,? and distribute this software and its documentation for any", "HPND"),
        (r"apache license,? version 2\.0", "Apache-2.0"),
        (r"apache software license,? version 1\.1", "Apache-1.1"),
        (r"gnu affero general public license version 3", families.AGPL_3),
        (r"gnu lesser general public license version 3", families.LGPL_3),
        (r"gnu lesser general public license version 2\.1", families.LGPL_2_1),
        (r"gnu general public license version 3", families.GPL_3),
        (r"gnu general public license version 2", families.GPL_2),
        (r"gnu general public license as published by .{0,60}?either version 3 .{0,60}?any later", "GPL-3.0-or-later"),
        (r"gnu general public license as published by .{0,60}?either version 2 .{0,60}?any later", "GPL-2.0-or-later"),
        (r"mozilla public license,? (version|v\.) 2\.0", "MPL-2.0"),
        (r"eclipse public license - v 2\.0", "EPL-2.0"),
        (r"eclipse public license - v 1\.0", "EPL-1.0"),
        (r"european union public licence v\. 1\.2", "EUPL-1.2"),
        (r"boost software license - version 1\.0", "BSL-1.0"),
        (r"this is free and unencumbered software released into the public domain", "Unlicense"),
        (r"cc0 1\.0 universal", "CC0-1.0"),
        (r"zope public license \(zpl\) version 2\.1", "ZPL-2.1"),
        (r"python software foundation license version 2", "PSF-2.0"),
        (r"academic free license \(.afl.\) v\. ?3\.0", "AFL-3.0"),
        (r"do what the fuck you want to public license", "WTFPL"),
        (r"this software is provided 'as-is', without any express or implied warranty", "Zlib"),
        (r"mulan permissive software license,? ?version 2", "MulanPSL-2.0"),
    )
)
