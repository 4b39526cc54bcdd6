"""The trove classifiers that speak of licences, and what they mean in SPDX.

The classifiers are those that PyPI accepts. Where PEP 639 calls one ambiguous, it stands for a family.
"""

from __future__ import annotations

from typing import Final

from examples.license_audit import families

_OSI: Final = "License :: OSI Approved :: "

# They group others, or describe a distribution's conditions without naming a licence.
SAYS_NOTHING: Final = frozenset({"License :: OSI Approved", "License :: DFSG approved"})

_OSI_APPROVED: Final = {
    "Academic Free License (AFL)": families.AFL,
    "Apache Software License": families.APACHE,
    "Apple Public Source License": families.APSL,
    "Artistic License": families.ARTISTIC,
    "Attribution Assurance License": "AAL",
    "BSD License": families.BSD,
    "Blue Oak Model License (BlueOak-1.0.0)": "BlueOak-1.0.0",
    "Boost Software License 1.0 (BSL-1.0)": "BSL-1.0",
    "CEA CNRS Inria Logiciel Libre License, version 2.1 (CeCILL-2.1)": "CECILL-2.1",
    "CMU License (MIT-CMU)": "MIT-CMU",
    "Common Development and Distribution License 1.0 (CDDL-1.0)": "CDDL-1.0",
    "Common Public License": "CPL-1.0",
    "Eclipse Public License 1.0 (EPL-1.0)": "EPL-1.0",
    "Eclipse Public License 2.0 (EPL-2.0)": "EPL-2.0",
    "Educational Community License, Version 2.0 (ECL-2.0)": "ECL-2.0",
    "Eiffel Forum License": "EFL-2.0",
    "European Union Public Licence 1.0 (EUPL 1.0)": "EUPL-1.0",
    "European Union Public Licence 1.1 (EUPL 1.1)": "EUPL-1.1",
    "European Union Public Licence 1.2 (EUPL 1.2)": "EUPL-1.2",
    "GNU Affero General Public License v3": families.AGPL_3,
    "GNU Affero General Public License v3 or later (AGPLv3+)": "AGPL-3.0-or-later",
    "GNU Free Documentation License (FDL)": families.GFDL,
    "GNU General Public License (GPL)": families.GPL,
    "GNU General Public License v2 (GPLv2)": families.GPL_2,
    "GNU General Public License v2 or later (GPLv2+)": "GPL-2.0-or-later",
    "GNU General Public License v3 (GPLv3)": families.GPL_3,
    "GNU General Public License v3 or later (GPLv3+)": "GPL-3.0-or-later",
    "GNU Lesser General Public License v2 (LGPLv2)": families.LGPL_2,
    "GNU Lesser General Public License v2 or later (LGPLv2+)": families.LGPL_2_OR_LATER,
    "GNU Lesser General Public License v3 (LGPLv3)": families.LGPL_3,
    "GNU Lesser General Public License v3 or later (LGPLv3+)": "LGPL-3.0-or-later",
    "GNU Library or Lesser General Public License (LGPL)": families.LGPL,
    "Historical Permission Notice and Disclaimer (HPND)": "HPND",
    "IBM Public License": "IPL-1.0",
    "ISC License (ISCL)": "ISC",
    "Intel Open Source License": "Intel",
    "MIT License": "MIT",
    "MIT No Attribution License (MIT-0)": "MIT-0",
    "MirOS License (MirOS)": "MirOS",
    "Motosoto License": "Motosoto",
    "Mozilla Public License 1.0 (MPL)": "MPL-1.0",
    "Mozilla Public License 1.1 (MPL 1.1)": "MPL-1.1",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Mulan Permissive Software License v2 (MulanPSL-2.0)": "MulanPSL-2.0",
    "NASA Open Source Agreement v1.3 (NASA-1.3)": "NASA-1.3",
    "Nethack General Public License": "NGPL",
    "Nokia Open Source License": "Nokia",
    "Open Group Test Suite License": "OGTSL",
    "Open Software License 3.0 (OSL-3.0)": "OSL-3.0",
    "PostgreSQL License": "PostgreSQL",
    "Python License (CNRI Python License)": "CNRI-Python",
    "Python Software Foundation License": families.PSF,
    "Qt Public License (QPL)": "QPL-1.0",
    "Ricoh Source Code Public License": "RSCPL",
    "SIL Open Font License 1.1 (OFL-1.1)": "OFL-1.1",
    "Sleepycat License": "Sleepycat",
    "Sun Industry Standards Source License (SISSL)": "SISSL",
    "Sun Public License": "SPL-1.0",
    "The Unlicense (Unlicense)": "Unlicense",
    "Universal Permissive License (UPL)": "UPL-1.0",
    "University of Illinois/NCSA Open Source License": "NCSA",
    "Vovida Software License 1.0": "VSL-1.0",
    "W3C License": families.W3C,
    "X.Net License": "Xnet",
    "Zero-Clause BSD (0BSD)": "0BSD",
    "Zope Public License": families.ZPL,
    "zlib/libpng License": "Zlib",
}

# Jabber, MITRE CVW, NOKOS, Repoze and the 'free for …' classifiers have no SPDX id: not understood, on purpose.
CLASSIFIERS: Final[dict[str, str]] = {
    **{_OSI + name: license_id for name, license_id in _OSI_APPROVED.items()},
    "License :: Aladdin Free Public License (AFPL)": "Aladdin",
    "License :: CC0 1.0 Universal (CC0 1.0) Public Domain Dedication": "CC0-1.0",
    "License :: CeCILL-B Free Software License Agreement (CECILL-B)": "CECILL-B",
    "License :: CeCILL-C Free Software License Agreement (CECILL-C)": "CECILL-C",
    "License :: Eiffel Forum License (EFL)": "EFL-2.0",
    "License :: Netscape Public License (NPL)": "NPL-1.1",
    "License :: Other/Proprietary License": families.PROPRIETARY,
    "License :: Public Domain": families.PUBLIC_DOMAIN,
}
