"""`typedflow diagram`: a flow as Mermaid, DOT, SVG or PNG; pictures are drawn by Graphviz, where it is installed."""

from __future__ import annotations

import shutil
import subprocess
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from typedflow.api.blueprint import runtime_of
from typedflow.api.flow import Flow
from typedflow.cli.exits import FAILED, Mistake
from typedflow.cli.explaining import notes_of
from typedflow.cli.output import stdout
from typedflow.config.diagrams import NO_NOTES, compose_dot, compose_mermaid
from typedflow.definition.reading import check_annotations
from typedflow.rules.names import name_hint
from typedflow.rules.wording import quoted, text_of

DOT: Final = "dot"
"""The program of Graphviz that draws."""
LONGEST: Final = 60.0
"""How long it may take, seconds."""


class DiagramFormat(StrEnum):
    """The forms of a diagram."""

    MERMAID = "mermaid"
    DOT = "dot"
    SVG = "svg"
    PNG = "png"


_SUFFIXES: Final = {
    ".mmd": DiagramFormat.MERMAID,
    ".mermaid": DiagramFormat.MERMAID,
    ".dot": DiagramFormat.DOT,
    ".gv": DiagramFormat.DOT,
    ".svg": DiagramFormat.SVG,
    ".png": DiagramFormat.PNG,
}


def form_of(form: DiagramFormat | None, output: Path | None) -> DiagramFormat:
    """Return the form that was asked for, else that of the output's name, else Mermaid."""
    if form is not None:
        return form
    if output is None:
        return DiagramFormat.MERMAID
    found = _SUFFIXES.get(output.suffix.lower())
    if found is None:
        hint = name_hint(output.suffix, _SUFFIXES, known="endings") + "; or add --format"
        raise Mistake(f"the name {quoted(str(output))} does not say which diagram it is", hint)
    return found


def draw(flow: Flow[Any], form: DiagramFormat, *, detailed: bool, with_uses: bool) -> bytes:
    """Return a diagram of a flow; a picture needs Graphviz."""
    flow.validate()
    runtime = runtime_of(flow)
    definition, _ = check_annotations(runtime.builder.draft())
    notes = notes_of(flow) if with_uses else NO_NOTES
    if form is DiagramFormat.MERMAID:
        return compose_mermaid(definition, runtime.spec, detailed=detailed, notes=notes).encode()
    dot = compose_dot(definition, runtime.spec, detailed=detailed, notes=notes).encode()
    return dot if form is DiagramFormat.DOT else _drawn(dot, form)


def _drawn(dot: bytes, form: DiagramFormat) -> bytes:
    program = shutil.which(DOT)
    if program is None:
        hint = "install Graphviz (https://graphviz.org/download/), or use --format mermaid or dot"
        raise Mistake(f"a diagram in {form.value} is drawn by the program 'dot', which is not installed", hint)
    try:
        done = subprocess.run(
            [program, f"-T{form.value}"], input=dot, capture_output=True, check=False, timeout=LONGEST
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Mistake(f"'dot' could not be run: {text_of(error)}", code=FAILED) from None
    if done.returncode or not done.stdout:
        said = done.stderr.decode(errors="replace").strip() or "it printed nothing"
        raise Mistake(f"'dot' failed with code {done.returncode}: {said}", code=FAILED)
    return done.stdout


def put(data: bytes, output: Path | None, form: DiagramFormat) -> None:
    """Write a diagram to a file, or to stdout; a PNG is not written to a terminal."""
    if output is not None:
        try:
            output.write_bytes(data)
        except OSError as error:
            raise Mistake(f"cannot write {quoted(str(output))}: {text_of(error)}") from None
    elif form is DiagramFormat.PNG and stdout().isatty():
        raise Mistake("a PNG is not written to a terminal", "add --output flow.png")
    else:
        stdout().flush()
        stdout().buffer.write(data)
        stdout().buffer.flush()
