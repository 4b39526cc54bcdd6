"""What is allowed: the policy file, and the ruling that a policy gives on a licence."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import Final, assert_never

import msgspec

from examples.license_audit import families
from examples.license_audit.expressions import Compound, Expression, InvalidExpressionError, Leaf, parse
from examples.license_audit.records import (
    Conflicting,
    Identified,
    License,
    Policy,
    Ruling,
    Undeclared,
    Unrecognised,
    Verdict,
)
from examples.license_audit.spellings import recognise
from examples.license_audit.trove import CLASSIFIERS

# The strictest first: where a policy made in code lists a licence twice, the stricter list counts.
LISTS: Final = ("denied", "review", "allowed")

_COMMON_IDS: Final = sorted({*CLASSIFIERS.values(), *(each for ids in families.FAMILIES.values() for each in ids)})


class PolicyError(ValueError):
    """Raised for a policy file that cannot be used; `problems` has every reason, `path` the file."""

    def __init__(self, path: str, problems: Iterable[str]) -> None:
        self.path = path
        self.problems = tuple(problems)
        super().__init__("\n  ".join([f"the policy '{path}' cannot be used:", *self.problems]))


def load_policy(path: str) -> Policy:
    """Read a policy from a TOML file with the lists `allowed`, `review` and `denied`; raises PolicyError."""
    try:
        document = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise PolicyError(path, [f"the file cannot be read: {error.strerror or error}"]) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PolicyError(path, [f"the file is no TOML: {error}"]) from error
    problems = [*_unknown_keys(document), *_wrong_types(document)]
    lists = {name: _entries(name, document.get(name), problems) for name in LISTS}
    problems += _listed_twice(lists)
    if not problems and not any(lists.values()):
        problems.append('it lists no licence (write, for example: allowed = ["MIT"])')
    if problems:
        raise PolicyError(path, problems)
    return msgspec.convert(lists, Policy)


def rule(license: License, policy: Policy) -> Ruling:
    """Judge a licence; whatever is not one known expression is for review."""
    match license:
        case Identified(expression=expression):
            verdict, deciding = _judge(parse(expression), policy)
            return Ruling(verdict, _reason(verdict, deciding, policy))
        case Conflicting(claims=claims):
            said = ", ".join(f"{claim.source} '{claim.expression or claim.text}'" for claim in claims)
            return Ruling(Verdict.REVIEW, f"the metadata contradicts itself: {said}")
        case Unrecognised(claims=claims):
            said = ", ".join(f"{claim.source} '{claim.text}'" for claim in claims)
            return Ruling(Verdict.REVIEW, f"the licence was not understood: {said}")
        case Undeclared():
            return Ruling(Verdict.REVIEW, "the metadata names no licence")
        case _:
            assert_never(license)


def _judge(expression: Expression, policy: Policy) -> tuple[Verdict, tuple[Leaf, ...]]:
    """Return the verdict and the licences that decide it: of an OR the mildest, of an AND the strictest."""
    match expression:
        case Leaf():
            return _judge_leaf(expression, policy), (expression,)
        case Compound(operator=operator, parts=parts):
            judged = [_judge(part, policy) for part in parts]
            verdicts = [verdict for verdict, _ in judged]
            pick = min if operator == "OR" else max
            decisive = pick(verdicts, key=lambda verdict: verdict.severity)
            deciding = dict.fromkeys(leaf for verdict, leaves in judged if verdict is decisive for leaf in leaves)
            return decisive, tuple(deciding)
        case _:
            assert_never(expression)


def _judge_leaf(leaf: Leaf, policy: Policy) -> Verdict:
    """Find a licence in the policy, the exact entry before the more general one.

    An exception only adds permissions, and `X+` offers X among others: both are judged as X where the policy does not
    list them. A family is as bad as its worst member.
    """
    for name in dict.fromkeys((str(leaf), leaf.id, leaf.id.removesuffix("+"))):
        verdict = _listed(name, policy)
        if verdict is not None:
            return verdict
    if leaf.id in families.FAMILIES:
        verdicts = [_listed(member, policy) or Verdict.REVIEW for member in families.FAMILIES[leaf.id]]
        return max(verdicts, key=lambda verdict: verdict.severity)
    return Verdict.REVIEW


def _listed(name: str, policy: Policy) -> Verdict | None:
    if name in policy.denied:
        return Verdict.DENIED
    if name in policy.review:
        return Verdict.REVIEW
    return Verdict.ALLOWED if name in policy.allowed else None


def _reason(verdict: Verdict, deciding: tuple[Leaf, ...], policy: Policy) -> str:
    names = ", ".join(str(leaf) for leaf in deciding)
    if verdict is Verdict.ALLOWED:
        return f"the policy allows {names}"
    if verdict is Verdict.DENIED:
        return f"the policy denies {names}"
    unlisted = [str(leaf) for leaf in deciding if not _names_it(leaf, policy)]
    return f"the policy does not say about {', '.join(unlisted)}" if unlisted else f"the policy asks to review {names}"


def _names_it(leaf: Leaf, policy: Policy) -> bool:
    names = {str(leaf), leaf.id, leaf.id.removesuffix("+"), *families.members(leaf.id)}
    return any(_listed(name, policy) is Verdict.REVIEW for name in names)


def _unknown_keys(document: dict[str, object]) -> list[str]:
    return [
        f"unknown key '{key}' ({_did_you_mean(key, LISTS) or 'the keys are allowed, review and denied'})"
        for key in document
        if key not in LISTS
    ]


def _wrong_types(document: dict[str, object]) -> list[str]:
    """Report each list that is none, in msgspec's words, under its name."""
    problems = []
    for name in LISTS:
        try:
            msgspec.convert(document.get(name, []), list[str])
        except msgspec.ValidationError as error:
            problems.append(f"'{name}' is no list of licence ids: {str(error)[0].lower()}{str(error)[1:]}")
    return problems


def _entries(name: str, entries: object, problems: list[str]) -> list[str]:
    """Return the entries of a list in canonical spelling; add a problem for each that names no single licence."""
    canonical = []
    for entry in entries if isinstance(entries, list) else []:
        if not isinstance(entry, str):
            continue
        try:
            expression = parse(entry)
        except InvalidExpressionError:
            problems.append(f"'{entry}' in '{name}' is no SPDX licence id ({_suggestion(entry)})")
            continue
        if isinstance(expression, Compound):
            problems.append(f"'{entry}' in '{name}' is more than one licence (list each by itself)")
        else:
            canonical.append(str(expression))
    return canonical


def _listed_twice(lists: dict[str, list[str]]) -> list[str]:
    times = Counter(entry for entries in lists.values() for entry in set(entries))
    return [
        f"'{entry}' is in several lists: {', '.join(name for name in LISTS if entry in lists[name])} (keep it in one)"
        for entry, count in times.items()
        if count > 1
    ]


def _suggestion(entry: str) -> str:
    recognised = recognise(entry)
    if recognised is not None and isinstance(recognised.expression, Leaf):
        return f"did you mean '{recognised.expression}'?"
    return _did_you_mean(entry, _COMMON_IDS) or "the ids are listed at https://spdx.org/licenses/"


def _did_you_mean(given: str, known: Iterable[str]) -> str:
    by_lower = {name.lower(): name for name in known}
    nearest = get_close_matches(given.lower(), by_lower, n=1)
    return f"did you mean '{by_lower[nearest[0]]}'?" if nearest else ""
