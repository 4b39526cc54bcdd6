"""The commands of `typedflow`, with their options and their help."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from typedflow import __version__
from typedflow.cli import deploys, executions, exits, explaining, flow_states, histories, listing, working
from typedflow.cli.agently import write_imported
from typedflow.cli.drawing import DiagramFormat, draw, form_of, put
from typedflow.cli.exits import Mistake
from typedflow.cli.findings import check_targets
from typedflow.cli.loading import find_flow
from typedflow.cli.locks import targets_of
from typedflow.cli.output import command, to_json, write, write_text
from typedflow.cli.reports import ReportFormat, render_report
from typedflow.cli.schemas import schema_of
from typedflow.cli.settings import read_settings
from typedflow.cli.skeletons import identifier
from typedflow.cli.stubs import write_stub

app = typer.Typer(
    name="typedflow",
    epilog="Exit codes: 0 done, 1 problems or a failure, 2 wrong use, 3 an execution waits for an answer.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80},
)


class ConfigFormat(StrEnum):
    """The forms of a config."""

    JSON = "json"
    YAML = "yaml"


def _print_version(wanted: bool) -> None:
    if wanted:
        write(f"typedflow {__version__}\n")
        raise typer.Exit


@app.callback()
def top(
    show_version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Check, run and inspect flows."""


@app.command()
@command
def check(
    targets: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="MODULE[:FLOW]",
            help="Modules or files, or one flow of a module; by default the flows that pyproject.toml lists.",
            show_default=False,
        ),
    ] = None,
    form: Annotated[
        ReportFormat, typer.Option("--format", help="How problems are printed; github annotates a pull request.")
    ] = ReportFormat.TEXT,
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
) -> int:
    """Check all flows and contracts of modules, without running them.

    Every problem is printed with its number, the line at which the step was
    attached, and a hint.
    """
    checked = check_targets(targets_of(targets or (), read_settings(Path.cwd()).flows))
    write(render_report(checked, ReportFormat.JSON if as_json else form))
    return exits.FAILED if checked.has_errors else exits.OK


@app.command()
@command
def config(
    target: Annotated[str, typer.Argument(metavar="MODULE:FLOW", help="The flow.")],
    form: Annotated[ConfigFormat, typer.Option("--format", help="How it is written.")] = ConfigFormat.JSON,
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
) -> int:
    """Print a flow as a document of names: its contract, its nodes, their handlers.

    It holds no path to import, and is the same on every machine;
    Flow.from_config makes the flow of it again.
    """
    write(find_flow(target).flow.to_config(ConfigFormat.JSON.value if as_json else form.value))
    return exits.OK


@app.command()
@command
def diagram(
    target: Annotated[str, typer.Argument(metavar="MODULE:FLOW", help="The flow.")],
    form: Annotated[
        DiagramFormat | None,
        typer.Option("--format", help="By default that of the output's name, else mermaid; svg and png need Graphviz."),
    ] = None,
    detailed: Annotated[bool, typer.Option("--detailed", help="Name the types of the values on the edges.")] = False,
    with_uses: Annotated[
        bool,
        typer.Option("--uses", help="Name in each step what its handler reads, writes and emits, as explain does."),
    ] = False,
    output: Annotated[Path | None, typer.Option("--output", "-o", metavar="FILE", help="Instead of stdout.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document with the text.")] = False,
) -> int:
    """Draw a flow.

    A diagram simplifies: the truth is what config prints.
    """
    chosen = form_of(form, output)
    flow = find_flow(target).flow
    data = draw(flow, chosen, detailed=detailed, with_uses=with_uses)
    if output is not None:
        put(data, output, chosen)
    if as_json:
        text = {} if chosen is DiagramFormat.PNG or output is not None else {"text": data.decode()}
        file = None if output is None else str(output)
        write(to_json({"flow": flow.name, "format": chosen.value, "output": file, **text}))
    elif output is None:
        put(data, None, chosen)
    return exits.OK


@app.command()
@command
def schema(
    target: Annotated[
        str,
        typer.Argument(metavar="MODULE:FLOW[.PART]", help="The flow, or one part of it."),
    ],
    as_json: Annotated[bool, typer.Option("--json", help="It is JSON in any case.")] = False,
) -> int:
    """Print the JSON Schema of a flow's parts, or of one part.

    Parts are input, result, state, flow_state, stream, events.NAME, and
    answer.STEP: what answers a step that pauses.
    """
    module, colon, name = target.rpartition(":")
    flow, _, part = name.partition(".") if colon else ("", "", "")
    write(to_json(schema_of(find_flow(f"{module}:{flow}" if colon else target).flow, part)))
    return exits.OK


@app.command()
@command
def explain(
    target: Annotated[str, typer.Argument(metavar="MODULE:FLOW", help="The flow.")],
    path: Annotated[
        str, typer.Argument(metavar="PATH", help="Such as state.request.topic, resources.search, events.approved.")
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> int:
    """Show who reads, writes, captures, emits or listens to a path.

    It is found in the source of the handlers, which are not run, and in the
    mappings and listeners of the flow.
    """
    explanation = explaining.explain(find_flow(target).flow, path)
    if as_json:
        write(to_json(msgspec.to_builtins(explanation)))
    else:
        write("".join(f"{line}\n" for line in explaining.explanation_lines(explanation)))
    return exits.OK


@app.command("import-agently")
@command
def import_agently(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A config of a TriggerFlow, in JSON.")],
    name: Annotated[
        str | None, typer.Option("--name", metavar="NAME", help="The module; by default the file's.")
    ] = None,
    folder: Annotated[Path, typer.Option("--output", "-o", metavar="FOLDER", help="Where it is written.")] = Path(),
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> int:
    """Convert a TriggerFlow of Agently to a config and a module.

    The module has a contract and handlers to be filled in, and makes the flow
    of the config. Files that are there are not overwritten.
    """
    module = identifier(file.stem if name is None else name)
    written = write_imported(file, module, folder)
    if as_json:
        write(to_json({"module": module, "files": [str(path) for path in written]}))
    else:
        write("".join(f"{path} is written\n" for path in written))
    return exits.OK


@app.command()
@command
def stub(
    target: Annotated[str, typer.Argument(metavar="MODULE:FLOW", help="The flow, or the function that makes it.")],
    output: Annotated[Path | None, typer.Option("--output", "-o", metavar="FILE", help="Instead of stdout.")] = None,
    check: Annotated[bool, typer.Option("--check", help="Write nothing; exit with 1 if --output is stale.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> int:
    """Write the stub of a flow: its contract as a .pyi, for a parent elsewhere.

    It holds the records, the enums and the protocols of the contract, and no
    handlers, and imports no module of the flow's own.
    """
    if check and output is None:
        raise Mistake("--check compares a file", "add --output FILE")
    text = write_stub(find_flow(target))
    is_current = output is not None and output.is_file() and output.read_text(encoding="utf-8") == text
    if output is not None and not check:
        write_text(output, text)
    if as_json:
        write(to_json({"output": None if output is None else str(output), "up_to_date": is_current, "text": text}))
    elif output is None:
        write(text)
    elif check:
        write(f"{output} is {'' if is_current else 'not '}up to date\n")
    return exits.FAILED if check and not is_current else exits.OK


runs = typer.Typer(help="List, show, retry, cancel, fork and delete stored executions.", no_args_is_help=True)
runs.command("list")(listing.list_runs)
runs.command("show")(listing.show_run)
runs.command("history")(histories.history_run)
runs.command("retry")(executions.retry_run)
runs.command("cancel")(executions.cancel_run)
runs.command("fork")(histories.fork_run)
runs.command("delete")(listing.delete_runs)
runs.command("prune")(histories.prune_runs)

app.command("lock")(deploys.lock)
app.command("diff")(deploys.diff)
app.command("migrate")(deploys.migrate)
app.command("run")(executions.run)
app.add_typer(runs, name="runs")
app.command("pending")(listing.pending)
# A negative number is an answer, not an option.
app.command("answer", context_settings={"ignore_unknown_options": True})(executions.answer)
app.command("worker")(working.worker)
app.add_typer(flow_states.flow_state, name="flow-state")
