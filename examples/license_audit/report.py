"""A report, or what is still to be decided for it, as text: a table for people, JSON for programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, assert_never

import msgspec

from examples.license_audit.records import (
    Conflicting,
    Counts,
    Finding,
    Identified,
    License,
    Question,
    Report,
    Undeclared,
    Unrecognised,
    Verdict,
)

_HEADINGS: Final = ("verdict", "distribution", "version", "licence", "why")
_GAP: Final = "  "
LICENCE_WIDTH: Final = 44


def render_json(record: msgspec.Struct) -> str:
    """Return a whole record, a report for instance, as indented JSON, ending in a newline."""
    return msgspec.json.format(msgspec.json.encode(record), indent=2).decode() + "\n"


def render_table(report: Report, width: int | None = None) -> str:
    """Return the findings as aligned columns, the counts below; `width` is the terminal's, None for no limit."""
    rows = [_HEADINGS, *(_row(finding) for finding in report.findings)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADINGS) - 1)]
    lines = [_line(row, widths, width) for row in rows]
    lines.insert(1, _line(["-" * each for each in (*widths, len(_HEADINGS[-1]))], widths, width))
    lines += ["", summary(report.counts, report.policy)]
    lines += [f"not counted: unreadable metadata in {place}" for place in report.unreadable]
    return "\n".join(lines) + "\n"


def render_questions(questions: Mapping[str, Question]) -> str:
    """Return what waits for a decision, one a line, behind the interrupt id by which it is answered."""
    width = max(map(len, questions), default=0)
    return "".join(
        f"  {interrupt.ljust(width)}  "
        + _plain(
            f"{asked.distribution} {asked.version}, {_cut(asked.licence, LICENCE_WIDTH)}: "
            f"{asked.reason}{_see(asked.license_files)}"
        )
        + "\n"
        for interrupt, asked in questions.items()
    )


def summary(counts: Counts, policy: str) -> str:
    """Return the counts as one sentence."""
    noun = "distribution" if counts.total == 1 else "distributions"
    judged = f"{counts.denied} denied, {counts.review} to review, {counts.allowed} allowed"
    return f"{counts.total} {noun}: {judged} (policy '{policy}')"


def _row(finding: Finding) -> tuple[str, ...]:
    why = "" if finding.verdict is Verdict.ALLOWED and finding.decision is None else finding.reason
    if isinstance(finding.license, Identified):
        why = "; ".join(filter(None, (why, *finding.license.remarks)))
    if finding.license_files and finding.decision is None:
        why += _see(finding.license_files)
    licence = _cut(name_licence(finding.license), LICENCE_WIDTH)
    return tuple(_plain(cell) for cell in (finding.verdict, finding.name, finding.version, licence, why))


def name_licence(license: License) -> str:
    """Return the expression, or in a word why there is none."""
    match license:
        case Identified(expression=expression):
            return expression
        case Conflicting():
            return "(contradictory)"
        case Unrecognised():
            return "(not understood)"
        case Undeclared():
            return "(none)"
        case _:
            assert_never(license)


def _see(files: Sequence[str]) -> str:
    """Return where to look, as text; "" where there is nothing to look at."""
    return f"; see {', '.join(files[:3])}{', …' if len(files) > 3 else ''}" if files else ""


def _plain(text: str) -> str:
    """Keep the control characters of metadata from the terminal."""
    return " ".join(text.split())


def _line(cells: Sequence[str], widths: Sequence[int], limit: int | None) -> str:
    *aligned, last = cells
    line = _GAP.join([*(cell.ljust(width) for cell, width in zip(aligned, widths, strict=True)), last]).rstrip()
    return line if limit is None else _cut(line, limit)


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"
