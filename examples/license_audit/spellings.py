"""Free text to SPDX: what people write into the `License` field when it is not an SPDX expression.

Three kinds are understood: a name in one of its many spellings ('the Apache License, v2.0'), a link to a licence, and
a whole licence pasted into the field, which is known by its opening. What is not understood gives None: never a guess.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from examples.license_audit import families
from examples.license_audit.expressions import Expression, InvalidExpressionError, Leaf, join, parse
from examples.license_audit.openings import find_openings
from examples.license_audit.trove import CLASSIFIERS

LONGEST_NAME: Final = 160

_FILLER: Final = frozenset(
    {
        *("licence", "licenced", "licences", "license", "licensed", "licenses", "agreement", "terms", "dual", "dually"),
        *("open", "opensource", "source", "software", "language", "gnu", "version", "v", "."),
        *("a", "of", "released", "the", "under"),
    }
)
_PHRASES: Final = tuple(
    (re.compile(pattern), words)
    for pattern, words in (
        (r"\b(lesser|library)( or lesser)? (general public|gpl)\b", "lgpl"),
        (r"\baffero (general public|gpl)\b", "agpl"),
        (r"\bgeneral public\b", "gpl"),
        (r"\bmozilla public\b", "mpl"),
        (r"\beclipse public\b", "epl"),
        (r"\beuropean union public\b", "eupl"),
        (r"\bzope public\b", "zpl"),
        (r"\bpython software foundation\b", "psf"),
        (r"\bapache software foundation\b", "apache"),
        (r"\bberkeley software distribution\b", "bsd"),
        (r"v(er(sion)?)?\.? ?(?=\d)", " "),
        (r"(?<=[a-z]{3})(?=\d)", " "),
    )
)
_OR_LATER: Final = re.compile(
    r"[\s-]+(or|and)[\s-]+(\(?at your option\)? )?(any )?(later|newer|above|greater|higher)( versions?)?\b", re.I
)
_PUNCTUATION: Final = re.compile(r"[-_,:;/()\"'`\s]+")
_IN_PARENTHESES: Final = re.compile(r"\([^()]*\)")
_WORD: Final = re.compile(r"[a-z0-9]+(?:\.[0-9]+)*|\+|\S")
_TRAILING_ZEROS: Final = re.compile(r"(?<=\d)(\.0)+$")
_OR: Final = re.compile(r"\s+or\s+", re.I)
_LIST: Final = re.compile(r"\s*(?:[,/;&]|\s\+\s|\band\b)\s*", re.I)

# The keys are what `_key` makes of a spelling: filler words dropped, '2.0' as '2', words in order.
_NAMES: Final[dict[str, str]] = {
    "0bsd": "0BSD",
    "afl 2.1": "AFL-2.1",
    "afl 3": "AFL-3.0",
    "agpl 3": families.AGPL_3,
    "agpl 3 +": "AGPL-3.0-or-later",
    "agpl 3 only": "AGPL-3.0-only",
    "al2": "Apache-2.0",
    "apache": families.APACHE,
    "apache 1.1": "Apache-1.1",
    "apache 2": "Apache-2.0",
    "artistic": families.ARTISTIC,
    "artistic 2": "Artistic-2.0",
    "asl": families.APACHE,
    "asl 2": "Apache-2.0",
    "boost 1": "BSL-1.0",
    "bsd": families.BSD,
    "bsd 2": "BSD-2-Clause",
    "bsd 2 clause": "BSD-2-Clause",
    "2 clause bsd": "BSD-2-Clause",
    "two clause bsd": "BSD-2-Clause",
    "simplified bsd": "BSD-2-Clause",
    "bsd simplified": "BSD-2-Clause",
    "freebsd": "BSD-2-Clause",
    "bsd 2 clause simplified": "BSD-2-Clause",
    "bsd 2 clause freebsd": "BSD-2-Clause",
    "bsd 3 clause new": "BSD-3-Clause",
    "bsd 3 clause revised": "BSD-3-Clause",
    "bsd 3 clause new or revised": "BSD-3-Clause",
    "new or revised bsd": "BSD-3-Clause",
    "bsd 3": "BSD-3-Clause",
    "bsd 3 clause": "BSD-3-Clause",
    "bsd 3 clauses": "BSD-3-Clause",
    "3 clause bsd": "BSD-3-Clause",
    "three clause bsd": "BSD-3-Clause",
    "modified bsd": "BSD-3-Clause",
    "new bsd": "BSD-3-Clause",
    "bsd new": "BSD-3-Clause",
    "revised bsd": "BSD-3-Clause",
    "cc0": "CC0-1.0",
    "cc0 1": "CC0-1.0",
    "cc0 1 universal": "CC0-1.0",
    "creative commons zero 1 universal": "CC0-1.0",
    "cc by 4": "CC-BY-4.0",
    "cc by sa 4": "CC-BY-SA-4.0",
    "cc by nc 4": "CC-BY-NC-4.0",
    "epl 1": "EPL-1.0",
    "epl 2": "EPL-2.0",
    "eupl 1.1": "EUPL-1.1",
    "eupl 1.2": "EUPL-1.2",
    "expat": "MIT",
    "gpl": families.GPL,
    "gpl +": "GPL-1.0-or-later",
    "gpl 2": families.GPL_2,
    "gpl 2 +": "GPL-2.0-or-later",
    "gpl 2 only": "GPL-2.0-only",
    "gpl 3": families.GPL_3,
    "gpl 3 +": "GPL-3.0-or-later",
    "gpl 3 only": "GPL-3.0-only",
    "hpnd": "HPND",
    "isc": "ISC",
    "iscl": "ISC",
    "lgpl": families.LGPL,
    "lgpl +": "LGPL-2.0-or-later",
    "lgpl 2": families.LGPL_2,
    "lgpl 2 +": families.LGPL_2_OR_LATER,
    "lgpl 2.1": families.LGPL_2_1,
    "lgpl 2.1 +": "LGPL-2.1-or-later",
    "lgpl 2.1 only": "LGPL-2.1-only",
    "lgpl 3": families.LGPL_3,
    "lgpl 3 +": "LGPL-3.0-or-later",
    "lgpl 3 only": "LGPL-3.0-only",
    "mit": "MIT",
    "mit x11": "MIT",
    "x11 mit": "MIT",
    "mit expat": "MIT",
    "expat mit": "MIT",
    "mit 0": "MIT-0",
    "mit no attribution": "MIT-0",
    "mpl": families.MPL,
    "mpl 1.1": "MPL-1.1",
    "mpl 2": "MPL-2.0",
    "ncsa": "NCSA",
    "commercial": families.PROPRIETARY,
    "proprietary": families.PROPRIETARY,
    "all rights reserved": families.PROPRIETARY,
    "other proprietary": families.PROPRIETARY,
    "psf": families.PSF,
    "psfl": families.PSF,
    "psf 2": "PSF-2.0",
    "python": families.PSF,
    "python 2": "Python-2.0",
    "cnri python": "CNRI-Python",
    "public domain": families.PUBLIC_DOMAIN,
    "unlicense": "Unlicense",
    "unlicence": "Unlicense",
    "w3c": families.W3C,
    "wtfpl": "WTFPL",
    "do what the fuck you want to public": "WTFPL",
    "zlib": "Zlib",
    "zlib libpng": "Zlib",
    "zpl": families.ZPL,
    "zpl 2.1": "ZPL-2.1",
}

_LINKS: Final = tuple(
    re.compile(pattern, re.I)
    for pattern in (
        r"opensource\.org/licenses?/([\w.+-]+?)/?(?:\.php|\.html|[\s)>]|$)",
        r"spdx\.org/licenses/([\w.+-]+?)(?:\.html|[\s)>]|$)",
        r"(apache)\.org/licenses/LICENSE-(\d\.\d)",
        r"gnu\.org/(?:licenses|copyleft)/(?:old-licenses/)?((?:a|l)?gpl)(?:-(\d\.\d))?",
        r"mozilla\.org/(?:[\w-]+/)?(MPL)/(\d\.\d)",
        r"creativecommons\.org/publicdomain/(zero)/",
        r"creativecommons\.org/licenses/(by(?:-\w\w)*/\d\.\d)",
        r"\b(unlicense)\.org",
    )
)


@dataclass(frozen=True, slots=True)
class Recognised:
    """A text that was understood, with what a reader should know of how."""

    expression: Expression
    remark: str = ""


def recognise(text: str) -> Recognised | None:
    """Understand a free text as a licence expression, or give None."""
    lines = [" ".join(line.split()) for line in text.splitlines() if line.strip()]
    if not lines:
        return None
    one_line = " ".join(lines)
    if len(one_line) <= LONGEST_NAME:
        readings = (_from_spdx, _from_classifier, _from_name, _from_link, _from_list)
        found = next((found for reading in readings if (found := reading(one_line))), None)
        if found is not None:
            return found
    return _from_pasted_text(text, lines[0])


def _from_spdx(text: str) -> Recognised | None:
    try:
        return Recognised(parse(text))
    except InvalidExpressionError:
        return None


def _from_classifier(text: str) -> Recognised | None:
    license_id = CLASSIFIERS.get(text)
    return None if license_id is None else Recognised(Leaf(license_id))


def _from_name(text: str) -> Recognised | None:
    for candidate in (text, _IN_PARENTHESES.sub(" ", text)):
        license_id = _NAMES.get(_key(candidate))
        if license_id is not None:
            return Recognised(Leaf(license_id))
    return None


def _key(text: str) -> str:
    """Convert the spellings of one name to one form: 'The Apache License, v2.0' is 'apache 2'."""
    text = _PUNCTUATION.sub(" ", _OR_LATER.sub(" + ", text).lower())
    for pattern, words in _PHRASES:
        text = pattern.sub(words, text)
    key: list[str] = []
    for found in _WORD.findall(text):
        word = _TRAILING_ZEROS.sub("", found)
        if word not in _FILLER and key[-1:] != [word]:
            key.append(word)
    return " ".join(key)


def _from_link(text: str) -> Recognised | None:
    for pattern in _LINKS:
        found = pattern.search(text)
        if found is None:
            continue
        slug = " ".join(part for part in found.groups() if part)
        recognised = _from_spdx(slug) or _from_name(_LINK_SLUGS.get(slug.lower(), slug))
        if recognised is not None:
            return Recognised(recognised.expression, "read from a link")
    return None


_LINK_SLUGS: Final = {
    "zero": "cc0",
    "by/4.0": "cc by 4.0",
    "by-sa/4.0": "cc by sa 4.0",
    "by-nc/4.0": "cc by nc 4.0",
}


def _from_list(text: str) -> Recognised | None:
    """Understand several names; only 'or' gives a choice, and what says neither is read as all of them."""
    text = _OR_LATER.sub("+", _IN_PARENTHESES.sub(" ", text)).strip()
    alternatives, members = _OR.split(text), _LIST.split(text)
    if (len(alternatives) > 1) == (len(members) > 1):  # no list, or a mixture that may mean anything
        return None
    found = [_from_spdx(part) or _from_name(part) for part in (alternatives if len(alternatives) > 1 else members)]
    expressions = [part.expression for part in found if part is not None]
    if len(expressions) < len(found):
        return None
    if len(alternatives) > 1:
        return Recognised(join("OR", expressions))
    said_and = re.search(r"\band\b|&", text, re.I)
    return Recognised(join("AND", expressions), "" if said_and else "a list, read as all of its licences")


def _from_pasted_text(text: str, heading: str) -> Recognised | None:
    """Take the licence that a text opens with, and its heading where that is more precise."""
    found = find_openings(text)
    named = _from_name(heading) if len(heading) <= LONGEST_NAME else None
    if not found:
        return named and Recognised(named.expression, f"read from the heading of a text of {len(text):,} characters")
    opening = found[0]
    if named is not None and isinstance(named.expression, Leaf) and named.expression.id in families.members(opening):
        opening = named.expression.id
    which = "the first of several licences in" if len(found) > 1 else "read from"
    return Recognised(Leaf(opening), f"{which} a text of {len(text):,} characters")
