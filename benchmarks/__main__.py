"""Measure every workload in fresh processes, in turns with its floor, and print a table: `python -m benchmarks`.

Exit code 1 where a target is missed, unless `--report-only`; `--quick` only shows that everything runs.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from benchmarks.catalogue import CASES, Case

HOME = Path(__file__).parent.parent


def figure(module: str, function: str, size: int) -> float:
    """Return what one function measures, in a process of its own."""
    program = f"from benchmarks.{module} import {function} as measure; print(repr(measure({size})))"
    environment = {**os.environ, "PYTHONPATH": str(HOME)}
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True, cwd=HOME, env=environment
    )
    return float(done.stdout)


def measure(case: Case, *, rounds: int, quick: bool) -> tuple[list[float], list[float]]:
    """Return the figures of a case and of its floor, taken in turns."""
    size = case.quick if quick else case.size
    figures, floors = [], []
    for _ in range(rounds):
        if case.floor is not None:
            floors.append(figure(case.module, case.floor, size if case.floor_size is None else case.floor_size))
        figures.append(figure(case.module, case.function, size))
    return figures, floors


def judge(case: Case, figures: Sequence[float], floors: Sequence[float]) -> bool:
    """Return whether the median keeps the target."""
    value = median(figures)
    if case.judged == "ratio":
        value /= median(floors)
    return case.target is None or (value <= case.target if case.better == "less" else value >= case.target)


def spread(figures: Sequence[float]) -> str:
    """Return a median with the least and the greatest."""
    middle, least, most = (
        f"{value:,.0f}" if value >= 1000 else f"{value:.3g}" for value in (median(figures), min(figures), max(figures))
    )
    return f"{middle} ({least} to {most})"


def row(case: Case, figures: Sequence[float], floors: Sequence[float], kept: bool | None) -> list[str]:
    """Return one line of the table; `kept` is None where the bound is not checked."""
    ratio = f"{median(figures) / median(floors):.3g}" if floors and median(floors) else ""
    what = f"{case.what}, {case.unit}"
    verdict = "" if kept is None else "kept" if kept else "MISSED"
    return [case.workload, what, spread(floors) if floors else "", spread(figures), ratio, case.bound(), verdict]


def show(rows: Sequence[Sequence[str]]) -> None:
    """Print the table."""
    head = ["", "workload", "floor (spread)", "typedflow (spread)", "ratio", "target", ""]
    widths = [max(len(line[column]) for line in [head, *rows]) for column in range(len(head))]
    for line in [head, ["-" * width for width in widths], *rows]:
        print("| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |")


def main() -> int:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("only", nargs="*", help="workloads to run, all by default: W1 W3")
    parser.add_argument("--quick", action="store_true", help="tiny sizes, one round, no verdict")
    parser.add_argument("--report-only", action="store_true", help="exit with 0 even where a target is missed")
    parser.add_argument("--rounds", type=int, default=3, help="processes for each figure (3)")
    options = parser.parse_args()
    unknown = set(options.only) - {case.workload for case in CASES}
    if unknown:
        parser.error(f"no such workload: {', '.join(sorted(unknown))}")
    rows, missed = [], 0
    for case in CASES:
        if options.only and case.workload not in options.only:
            continue
        print(f"{case.workload} {case.what} …", file=sys.stderr, flush=True)
        figures, floors = measure(case, rounds=1 if options.quick else options.rounds, quick=options.quick)
        kept = None if options.quick else judge(case, figures, floors)
        missed += kept is False
        rows.append(row(case, figures, floors, kept))
    sizes = "tiny sizes, only to see that everything runs; " if options.quick else ""
    print(f"CPython {platform.python_version()}, {os.cpu_count()} cores; {sizes}medians of fresh processes in turns")
    show(rows)
    return 1 if missed and not options.report_only else 0


if __name__ == "__main__":
    sys.exit(main())
