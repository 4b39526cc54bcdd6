"""Names for licences that metadata leaves open: 'BSD' alone may be one of several licences.

SPDX has no id for them, so they get a `LicenseRef-…-unspecified`, which is valid in an expression and may be listed in
a policy. A policy that does not list one judges it by the strictest of its members.
"""

from __future__ import annotations

from typing import Final

AFL: Final = "LicenseRef-AFL-unspecified"
AGPL_3: Final = "LicenseRef-AGPL-3.0-unspecified"
APACHE: Final = "LicenseRef-Apache-unspecified"
APSL: Final = "LicenseRef-APSL-unspecified"
ARTISTIC: Final = "LicenseRef-Artistic-unspecified"
BSD: Final = "LicenseRef-BSD-unspecified"
GFDL: Final = "LicenseRef-GFDL-unspecified"
GPL: Final = "LicenseRef-GPL-unspecified"
GPL_2: Final = "LicenseRef-GPL-2.0-unspecified"
GPL_3: Final = "LicenseRef-GPL-3.0-unspecified"
LGPL: Final = "LicenseRef-LGPL-unspecified"
LGPL_2: Final = "LicenseRef-LGPL-2-unspecified"
LGPL_2_OR_LATER: Final = "LicenseRef-LGPL-2-or-later"
LGPL_2_1: Final = "LicenseRef-LGPL-2.1-unspecified"
LGPL_3: Final = "LicenseRef-LGPL-3.0-unspecified"
MPL: Final = "LicenseRef-MPL-unspecified"
PSF: Final = "LicenseRef-PSF-unspecified"
W3C: Final = "LicenseRef-W3C-unspecified"
ZPL: Final = "LicenseRef-ZPL-unspecified"

PUBLIC_DOMAIN: Final = "LicenseRef-Public-Domain"
PROPRIETARY: Final = "LicenseRef-Proprietary"


def _gnu(family: str, *versions: str) -> frozenset[str]:
    return frozenset(f"{family}-{version}-{which}" for version in versions for which in ("only", "or-later"))


# The ambiguous classifiers are those that PEP 639 lists as such.
FAMILIES: Final[dict[str, frozenset[str]]] = {
    AFL: frozenset({"AFL-1.1", "AFL-1.2", "AFL-2.0", "AFL-2.1", "AFL-3.0"}),
    AGPL_3: _gnu("AGPL", "3.0"),
    APACHE: frozenset({"Apache-1.0", "Apache-1.1", "Apache-2.0"}),
    APSL: frozenset({"APSL-1.0", "APSL-1.1", "APSL-1.2", "APSL-2.0"}),
    ARTISTIC: frozenset({"Artistic-1.0", "Artistic-1.0-Perl", "Artistic-1.0-cl8", "Artistic-2.0"}),
    BSD: frozenset({"BSD-2-Clause", "BSD-3-Clause"}),
    GFDL: _gnu("GFDL", "1.1", "1.2", "1.3"),
    GPL: _gnu("GPL", "1.0", "2.0", "3.0"),
    GPL_2: _gnu("GPL", "2.0"),
    GPL_3: _gnu("GPL", "3.0"),
    LGPL: _gnu("LGPL", "2.0", "2.1", "3.0"),
    LGPL_2: _gnu("LGPL", "2.0", "2.1"),
    LGPL_2_OR_LATER: frozenset({"LGPL-2.0-or-later", "LGPL-2.1-or-later"}),
    LGPL_2_1: _gnu("LGPL", "2.1"),
    LGPL_3: _gnu("LGPL", "3.0"),
    MPL: frozenset({"MPL-1.0", "MPL-1.1", "MPL-2.0"}),
    PSF: frozenset({"PSF-2.0", "Python-2.0", "Python-2.0.1"}),
    W3C: frozenset({"W3C", "W3C-19980720", "W3C-20150513"}),
    ZPL: frozenset({"ZPL-1.1", "ZPL-2.0", "ZPL-2.1"}),
}


def members(license_id: str) -> frozenset[str]:
    """Return the licences that a name may stand for; of an SPDX id, itself."""
    return FAMILIES.get(license_id, frozenset((license_id,)))
