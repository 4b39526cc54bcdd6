"""Values from the command line: JSON, a file or stdin; and values to print, as plain data."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from types import NoneType
from typing import Any

import msgspec

from typedflow.cli.exits import Mistake
from typedflow.errors import ContractError
from typedflow.execution.flow_runtime import FlowRuntime
from typedflow.execution.runtime import fault_of
from typedflow.rules import executions
from typedflow.rules.wording import quoted, shown_error, text_of
from typedflow.schema.check import Mismatch
from typedflow.schema.construction import UndeclaredKey, tags_of
from typedflow.schema.parsing import parse
from typedflow.schema.plain import from_outside
from typedflow.schema.render import render


def read_plain(text: str, option: str) -> Any:
    """Return the plain data of an option: `-` for stdin, the path of a JSON file, or JSON itself."""
    if text == "-":
        return _decoded(sys.stdin.read(), f"{option}: stdin")
    if _is_file(text):
        try:
            content = Path(text).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise Mistake(f"{option}: cannot read the file {quoted(text)}: {text_of(error)}") from None
        return _decoded(content, f"{option}: the file {quoted(text)}")
    if text.endswith(".json"):
        raise Mistake(f"{option}: there is no file {quoted(text)}")
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        hint = "a text is quoted in JSON: '\"birds\"'; - reads stdin"
        raise Mistake(f"{option}: {quoted(text)} is no file, and no JSON: {text_of(error)}", hint) from None


def _is_file(text: str) -> bool:
    try:
        return Path(text).is_file()
    except (OSError, ValueError):  # too long for a name, or with a NUL
        return False


def _decoded(text: str, source: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        raise Mistake(f"{source} is no JSON: {text_of(error)}") from None


def read_answer(text: str) -> Any:
    """Return the plain data of an answer: `-` for stdin, else JSON; what is no JSON, nor begins as such, is a text."""
    if text == "-":
        return _decoded(sys.stdin.read(), "VALUE: stdin")
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        if text.lstrip().startswith(("{", "[", '"')):
            hint = "if it is a text, quote it as JSON: '\"…\"'"
            raise Mistake(f"VALUE begins as JSON, and is none: {text_of(error)}", hint) from None
        return text


def read_input(flow: FlowRuntime, text: str | None) -> Any:
    """Return the input of a flow from the option `--input`; a flow without an input needs none."""
    declared = flow.spec.input
    if text is None and declared is not NoneType:
        hint = f"add --input with a {render(declared)} as JSON; `typedflow schema MODULE:FLOW.input` describes it"
        raise Mistake(f"flow {quoted(flow.name)} takes an input", hint)
    plain = None if text is None else read_plain(text, "--input")
    try:
        return from_outside(declared, plain)
    except UndeclaredKey as undeclared:
        raise Mistake(f"--input: {undeclared.problem.text}", undeclared.problem.hint) from None
    except Mismatch as mismatch:
        whole = isinstance(plain, Mapping) and not mismatch.path
        tag, tags = tags_of(parse(declared)) if whole else ("", ())
        problem = executions.wrong_start_problem(render(declared), **fault_of(mismatch), tag=tag, tags=tags)
        raise ContractError(problem.at("--input")) from None


def to_plain(value: Any) -> Any:
    """Return a value as JSON has it; what JSON has not is shown by its repr."""
    try:
        return msgspec.to_builtins(value, str_keys=True, enc_hook=repr)
    except (TypeError, ValueError, RecursionError) as error:
        return f"a value of {type(value).__name__} ({shown_error(error)})"
