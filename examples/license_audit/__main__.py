"""Audit the licences of the packages installed beside this program: `python -m examples.license_audit --help`."""

from __future__ import annotations

import argparse
import io
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from examples.license_audit.flow import build_flow
from examples.license_audit.metadata import InstalledCatalog, UnknownDistributionError
from examples.license_audit.policy import PolicyError
from examples.license_audit.records import AuditRequest
from examples.license_audit.report import render_json, render_table

DEFAULT_POLICY: Final = Path(__file__).with_name("policy.toml")
NOTHING_DENIED, SOMETHING_DENIED, BAD_INPUT = 0, 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one audit and print its report; gives 0, or 1 if a licence is denied, or 2 for input that cannot be used."""
    options = _parser().parse_args(arguments)
    request = AuditRequest(policy=options.policy, names=tuple(options.names))
    catalog = InstalledCatalog(options.path)
    try:
        report = build_flow().start(request, runtime_resources={"catalog": catalog})
    except (PolicyError, UnknownDistributionError) as error:
        print(f"error: {error}", file=sys.stderr)
        return BAD_INPUT
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # names in metadata may be beyond what a terminal can show
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    print(render_json(report) if options.json else render_table(report, width), end="")
    return SOMETHING_DENIED if report.counts.denied else NOTHING_DENIED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m examples.license_audit",
        description="Audit the licences of installed Python distributions against a policy.",
        epilog="The exit code is 1 if a licence is denied, and 2 if the policy or a name cannot be used.",
    )
    parser.add_argument("names", nargs="*", metavar="name", help="a distribution to audit; all, if none is given")
    parser.add_argument("--policy", default=str(DEFAULT_POLICY), metavar="file", help="a TOML policy (%(default)s)")
    parser.add_argument("--json", action="store_true", help="print the whole report as JSON")
    parser.add_argument(
        "--path",
        action="append",
        type=_folder,
        metavar="folder",
        help="a folder with distributions, in place of this Python's own; may be repeated",
    )
    return parser


def _folder(text: str) -> str:
    if not Path(text).is_dir():
        raise argparse.ArgumentTypeError(f"'{text}' is no folder")
    return text


if __name__ == "__main__":
    sys.exit(main())
