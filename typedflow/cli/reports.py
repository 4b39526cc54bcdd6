"""The findings of `check` as text, as JSON, as GitHub annotations and as SARIF."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any, assert_never

import msgspec

from typedflow import __version__
from typedflow.cli.findings import Checked, Finding
from typedflow.cli.output import to_json
from typedflow.rules.catalogue import RULES


class ReportFormat(StrEnum):
    """The forms in which findings are printed."""

    TEXT = "text"
    JSON = "json"
    GITHUB = "github"
    SARIF = "sarif"


def render_report(checked: Checked, form: ReportFormat) -> str:
    """Return the report of a check; it ends in a newline."""
    match form:
        case ReportFormat.TEXT:
            return "".join(f"{line}\n" for line in _text_lines(checked))
        case ReportFormat.JSON:
            return to_json({"ok": not checked.has_errors, **msgspec.to_builtins(checked)})
        case ReportFormat.GITHUB:
            return "".join(f"{_annotation(finding)}\n" for finding in checked.problems)
        case ReportFormat.SARIF:
            return to_json(_sarif(checked))
        case _:
            assert_never(form)


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: "1 flow", "2 flows"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _text_lines(checked: Checked) -> Iterator[str]:
    for finding in checked.problems:
        place = f"{finding.file}:{finding.line}: " if finding.file else ""
        word = "warning: " if finding.level == "warning" else ""
        yield f"{place}{word}{finding.code}: {finding.message}"
        if finding.hint:
            yield f"    hint: {finding.hint}"
    levels = [finding.level for finding in checked.problems]
    words = {"error": "problem", "warning": "warning"}
    found = ", ".join(counted(levels.count(level), words[level]) for level in words if level in levels) or "no problems"
    yield f"{counted(len(checked.flows), 'flow')}, {counted(len(checked.contracts), 'contract')} checked: {found}"


def _annotation(finding: Finding) -> str:
    """Return a workflow command of GitHub Actions: https://docs.github.com/actions/reference/workflow-commands."""
    properties = {"file": finding.file, "line": str(finding.line or ""), "title": finding.code}
    shown = ",".join(f"{name}={_escaped_property(value)}" for name, value in properties.items() if value)
    message = f"{finding.message}\n{finding.hint}" if finding.hint else finding.message
    return f"::{finding.level} {shown}::{_escaped(message)}"


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _escaped_property(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")


def _sarif(checked: Checked) -> dict[str, Any]:
    """Return a log of SARIF 2.1.0, as code hosts and editors read it."""
    codes = sorted({finding.code for finding in checked.problems})
    rules = [{"id": code, "shortDescription": {"text": _title_of(code)}} for code in codes]
    driver = {"name": "typedflow", "version": __version__, "rules": rules}
    results = [_result(finding) for finding in checked.problems]
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "results": results}],
    }


def _title_of(code: str) -> str:
    return RULES[code].title if code in RULES else "module that cannot be imported"


def _result(finding: Finding) -> dict[str, Any]:
    text = f"{finding.message} ({finding.hint})" if finding.hint else finding.message
    result: dict[str, Any] = {"ruleId": finding.code, "level": finding.level, "message": {"text": text}}
    if finding.file:
        path = Path(finding.file)
        place: dict[str, Any] = {"artifactLocation": {"uri": path.as_uri() if path.is_absolute() else finding.file}}
        if finding.line:
            place["region"] = {"startLine": finding.line}
        result["locations"] = [{"physicalLocation": place}]
    return result
