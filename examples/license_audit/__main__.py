"""Audit the licences of the packages installed beside this program: `python -m examples.license_audit --help`."""

from __future__ import annotations

import argparse
import asyncio
import io
import shlex
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from examples.license_audit import stored, workers
from examples.license_audit.flow import build_flow
from examples.license_audit.metadata import UnknownDistributionError
from examples.license_audit.policy import PolicyError
from examples.license_audit.records import AuditRequest, Report
from examples.license_audit.report import render_json, render_questions, render_table
from typedflow import ExecutionError, SnapshotError, StoreError

PROGRAM: Final = "python -m examples.license_audit"
DEFAULT_POLICY: Final = Path(__file__).with_name("policy.toml")
SAMPLE: Final = Path(__file__).with_name("sample")
"""A folder of made-up distributions, so that the first run has something to say."""
SAMPLE_NOTE: Final = f"\nthis is a sample of made-up distributions; your own: {PROGRAM} --here"
NOTHING_DENIED, SOMETHING_DENIED, BAD_INPUT, WAITING = 0, 1, 2, 3


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what is asked for and print it; gives the exit code, see `--help`."""
    options = _parse(arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # names in metadata may be beyond what a terminal can show
    try:
        if options.list:
            return _print_list(options.store)
        if options.resume is not None:
            return _print_progress(asyncio.run(_resume(options)), options)
        request = _request(options)
        if options.store is not None:
            return _print_progress(asyncio.run(_begin(request, options)), options)
        catalog = stored.open_catalog(request)
        code = _print_report(build_flow().start(request, runtime_resources={"catalog": catalog}), options.json)
        if not _of_sample(options):
            return code
        print(SAMPLE_NOTE, file=sys.stderr if options.json else sys.stdout)
        return NOTHING_DENIED
    except (PolicyError, UnknownDistributionError, ExecutionError, SnapshotError, StoreError) as error:
        print(f"error: {error}", file=sys.stderr)
    except TimeoutError:
        print(
            f"error: no worker has finished in {options.timeout:g} seconds; --resume goes on waiting", file=sys.stderr
        )
    return BAD_INPUT


async def _begin(request: AuditRequest, options: argparse.Namespace) -> stored.Progress:
    if _on_workers(options):
        return await workers.begin(request, options.store, seconds=options.timeout)
    return await stored.begin(request, options.store)


async def _resume(options: argparse.Namespace) -> stored.Progress:
    if _on_workers(options):
        return await workers.resume(options.store, options.resume, options.decide, seconds=options.timeout)
    return await stored.resume(options.store, options.resume, options.decide)


def _on_workers(options: argparse.Namespace) -> bool:
    return options.store is not None and workers.is_database(options.store)


def _of_sample(options: argparse.Namespace) -> bool:
    """Return True if nothing says what to audit."""
    return not (options.names or options.path or options.here)


def _request(options: argparse.Namespace) -> AuditRequest:
    return AuditRequest(
        policy=_policy(options),
        names=tuple(options.names),
        folders=(str(SAMPLE),) if _of_sample(options) else tuple(str(Path(each).absolute()) for each in options.path),
        ask=options.store is not None,
    )


def _policy(options: argparse.Namespace) -> str:
    """Return the path of the policy; a worker has another working directory."""
    if options.policy is None:
        return str(DEFAULT_POLICY)
    return str(Path(options.policy).absolute()) if _on_workers(options) else str(options.policy)


def _print_report(report: Report, as_json: bool) -> int:
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    print(render_json(report) if as_json else render_table(report, width), end="")
    return SOMETHING_DENIED if report.counts.denied else NOTHING_DENIED


def _print_progress(progress: stored.Progress, options: argparse.Namespace) -> int:
    """Print the report, or what waits for a decision and how to decide; refused answers are errors before that."""
    for refusal in progress.refusals:
        print(f"error: {refusal}", file=sys.stderr)
    if progress.report is not None:
        code = _print_report(progress.report, options.json)
    else:
        code = WAITING
        print(render_json(progress) if options.json else _questions(progress, options.store), end="")
    return BAD_INPUT if progress.refusals else code


def _questions(progress: stored.Progress, store: str) -> str:
    asked = len(progress.questions)
    command = f"{PROGRAM} --store {shlex.quote(workers.shown(store))} --resume {progress.execution}"
    return (
        f"audit {progress.execution} waits for {asked} decision{'s' if asked > 1 else ''}:\n"
        f"{render_questions(progress.questions)}"
        f"decide with: {command} --decide {next(iter(progress.questions))}=allow|deny[:note]\n"
    )


def _print_list(store: str) -> int:
    for entry in asyncio.run((workers if workers.is_database(store) else stored).list_audits(store)):
        print(f"{entry.status:9}  {entry.execution_id}  {entry.saved_at:%Y-%m-%d %H:%M:%S} UTC")
    return NOTHING_DENIED


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = _parser()
    options = parser.parse_args(arguments)
    if (options.list or options.resume is not None) and options.store is None:
        parser.error("--list and --resume need --store")
    on_workers = _on_workers(options)
    if on_workers and options.path:
        parser.error("--path is a folder of this machine; workers audit the environment that they run in")
    if on_workers and _of_sample(options) and not options.list and options.resume is None:
        parser.error("say what the workers are to audit: names, or --here for all that is installed beside them")
    if (options.list or options.resume is not None) and not on_workers and not Path(options.store).is_file():
        parser.error(f"there is no file '{options.store}'")
    if options.resume is not None and (options.names or options.policy or options.path or options.here):
        parser.error("names, --policy, --here and --path are those of the audit that is resumed")
    if options.decide and options.resume is None:
        parser.error("--decide needs --resume")
    return options


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        description="Audit the licences of installed Python distributions against a policy.",
        epilog="The exit code is 1 if a licence is denied (not of the sample), 2 if something that was given cannot be "
        "used, and 3 if the audit waits for decisions.",
    )
    parser.add_argument(
        "names",
        nargs="*",
        metavar="name",
        help="a distribution of this environment; with --here or --path, all by default",
    )
    parser.add_argument("--here", action="store_true", help="audit this environment; without anything, a sample is")
    parser.add_argument("--policy", metavar="file", help=f"a TOML policy ({DEFAULT_POLICY})")
    parser.add_argument("--json", action="store_true", help="print the report, or what waits for a decision, as JSON")
    parser.add_argument(
        "--path",
        action="append",
        default=[],
        type=_folder,
        metavar="folder",
        help="a folder with distributions, in place of this Python's own; may be repeated",
    )
    kept = parser.add_argument_group("audits that wait for a person to decide what the policy leaves open")
    place = "keep the audit in this SQLite file, and ask; or have workers audit, over postgresql://user@host/database"
    kept.add_argument("--store", metavar="place", help=place)
    kept.add_argument("--list", action="store_true", help="list the audits in the store")
    kept.add_argument("--resume", metavar="audit", help="go on with an audit, and print what it waits for")
    kept.add_argument(
        "--decide",
        action="append",
        default=[],
        type=_answer,
        metavar="id=allow|deny[:note]",
        help="answer a question of the audit that is resumed; may be repeated",
    )
    patience = "how long to wait for workers (%(default)g)"
    kept.add_argument("--timeout", type=float, default=60.0, metavar="seconds", help=patience)
    return parser


def _folder(text: str) -> str:
    if not Path(text).is_dir():
        raise argparse.ArgumentTypeError(f"'{text}' is no folder")
    return text


def _answer(text: str) -> tuple[str, dict[str, str]]:
    """Take an answer apart; whether it fits is for the step that asked to say."""
    interrupt, equals, answer = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"'{text}' is not id=allow or id=deny, with a :note or without")
    word, _, note = answer.partition(":")
    return interrupt, {"answer": word, "note": note}


if __name__ == "__main__":
    sys.exit(main())
