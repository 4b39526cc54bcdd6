"""The error codes, made of the rules' table: each can be silenced alone, or all of them as `typedflow`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from mypy.errorcodes import ErrorCode

from typedflow.rules.catalogue import CODES, RULES

CATEGORY: Final = "typedflow"

TYPEDFLOW: Final = ErrorCode("typedflow", "Check flows against their contracts", CATEGORY)

CODE_OF: Final[Mapping[str, ErrorCode]] = {
    code: ErrorCode(code, f"Check {about}", CATEGORY, sub_code_of=TYPEDFLOW) for code, about in CODES.items()
}
"""Every code by its name. All are enabled: what is off by default is off by an option of this plugin, because the
daemon fails where a code that a plugin made is enabled or disabled for the whole run."""


def code_of(number: str) -> ErrorCode:
    """Return the code under which a rule is reported."""
    rule = RULES.get(number)
    return CODE_OF.get(rule.code, TYPEDFLOW) if rule is not None else TYPEDFLOW
