"""SPDX licence expressions as trees.

`packaging.licenses` decides what a valid expression is (it carries the SPDX list, is typed, and every installer
already depends on it); it gives a canonical text, which is parsed here into the tree that a policy is applied to.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, assert_never

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

# The longest expressions on PyPI name some twenty licences; more than this is a licence text in the wrong field.
LONGEST: Final = 2_000

_VERSIONED_GNU: Final = re.compile(r"(?<![\w.-])(A?GPL|LGPL|GFDL)-(\d\.\d)(\+|(?![\w.+-]))")
_TOKEN: Final = re.compile(r"[()]|[^\s()]+")


class InvalidExpressionError(ValueError):
    """Raised for a text that is no SPDX licence expression; the message says why."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """Name one licence, perhaps with an exception."""

    id: str
    """The SPDX id in its canonical spelling, with its `+` if it has one."""
    exception: str = ""

    def __str__(self) -> str:
        return f"{self.id} WITH {self.exception}" if self.exception else self.id


@dataclass(frozen=True, slots=True)
class Compound:
    """Join two or more expressions by one operator."""

    operator: Literal["AND", "OR"]
    parts: tuple[Expression, ...]

    def __str__(self) -> str:
        # AND binds tighter, so that only an OR inside an AND needs its parentheses.
        return f" {self.operator} ".join(
            f"({part})" if isinstance(part, Compound) and self.operator == "AND" else str(part) for part in self.parts
        )


Expression: TypeAlias = Leaf | Compound


def parse(text: str) -> Expression:
    """Parse an SPDX expression in any letter case; old GNU ids (`GPL-3.0+`) become the current ones."""
    if len(text) > LONGEST:
        raise InvalidExpressionError(f"{len(text)} characters are more than a licence expression has")
    try:
        canonical = canonicalize_license_expression(text)
    except InvalidLicenseExpression as error:
        raise InvalidExpressionError(str(error)) from None
    except MemoryError:  # packaging has CPython compile the operators; it gives up so on deep parentheses
        raise InvalidExpressionError("the parentheses are nested too deep") from None
    return _Parser(_modern(canonical)).expression()


def join(operator: Literal["AND", "OR"], parts: list[Expression]) -> Expression:
    """Join expressions by one operator, flat and without repetitions."""
    flat: dict[Expression, None] = {}
    for part in parts:
        members = part.parts if isinstance(part, Compound) and part.operator == operator else (part,)
        flat.update(dict.fromkeys(members))
    members = tuple(flat)
    return members[0] if len(members) == 1 else Compound(operator, members)


def leaves(expression: Expression) -> Iterator[Leaf]:
    """Yield every licence that the expression names, from left to right."""
    match expression:
        case Leaf():
            yield expression
        case Compound():
            for part in expression.parts:
                yield from leaves(part)
        case _:
            assert_never(expression)


def replaced(expression: Expression, changes: dict[Leaf, Leaf]) -> Expression:
    """Return the expression with some of its licences exchanged."""
    match expression:
        case Leaf():
            return changes.get(expression, expression)
        case Compound():
            return join(expression.operator, [replaced(part, changes) for part in expression.parts])
        case _:
            assert_never(expression)


def _modern(canonical: str) -> str:
    """Exchange the deprecated GNU ids, which do not say 'only' or 'or later' in words."""
    return _VERSIONED_GNU.sub(lambda m: f"{m[1]}-{m[2]}{'-or-later' if m[3] else '-only'}", canonical)


class _Parser:
    """Walk the tokens of a canonical expression; its form is known to be right."""

    def __init__(self, canonical: str) -> None:
        self._tokens: list[str] = _TOKEN.findall(canonical)
        self._at = 0

    def expression(self) -> Expression:
        parts = [self._conjunction()]
        while self._takes("OR"):
            parts.append(self._conjunction())
        return join("OR", parts)

    def _conjunction(self) -> Expression:
        parts = [self._operand()]
        while self._takes("AND"):
            parts.append(self._operand())
        return join("AND", parts)

    def _operand(self) -> Expression:
        if self._takes("("):
            inner = self.expression()
            self._at += 1  # the closing parenthesis
            return inner
        license_id = self._next()
        return Leaf(license_id, self._next() if self._takes("WITH") else "")

    def _takes(self, token: str) -> bool:
        taken = self._at < len(self._tokens) and self._tokens[self._at] == token
        self._at += taken
        return taken

    def _next(self) -> str:
        self._at += 1
        return self._tokens[self._at - 1]
