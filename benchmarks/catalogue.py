"""Every workload with its sizes, its unit and its target, in the order of the table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Case:
    """One line of the table: a function of a workload's module at one size."""

    workload: str
    what: str
    module: str
    unit: str
    size: int
    quick: int
    """The size of a smoke run."""
    target: float | None = None
    function: str = "typedflow"
    floor: str | None = "floor"
    """What it is compared with: the function of the module that does the same without typedflow."""
    floor_size: int | None = None
    """The size of what it is compared with, where that is another."""
    better: Literal["less", "more"] = "less"
    judged: Literal["figure", "ratio"] = "figure"
    """What the target bounds: the figure, or its ratio to the floor."""

    def bound(self) -> str:
        """Return the target as the table shows it."""
        if self.target is None:
            return ""
        sign = "<=" if self.better == "less" else ">="
        return f"{sign} {self.target:,.10g} {self.unit if self.judged == 'figure' else 'x floor'}"


WAKERS = {"polled": "polled", "notified": "notified", "by_jobs": "by procrastinate"}

CASES = (
    *(
        Case("W1", f"chain of {size:,} steps", "w01_chain", "µs/step", size, quick, 5)
        for size, quick in ((10, 3), (100, 4), (1000, 5), (10_000, 6))
    ),
    *(
        Case("W1", f"build {size:,} nodes", "w01_chain", "µs/node", size, quick, 20, "build", None)
        for size, quick in ((100, 3), (10_000, 6))
    ),
    Case("W2", "loop of 2 nodes", "w02_loop", "µs/iteration", 20_000, 20, 10),
    Case("W2", "memory of the loop", "w02_loop", "KiB more for 10x", 20_000, 200, 64, "growth", None),
    *(
        Case("W3", f"for_each over {size:,}", "w03_for_each", "µs/item", size, quick, 12)
        for size, quick in ((10, 3), (1000, 4), (10_000, 5))
    ),
    Case("W4", "sub_flow of 2 steps", "w04_sub_flow", "µs/call", 2000, 5, 60),
    Case("W5", "1,000 executions of 5 steps", "w05_executions", "executions/s", 1000, 5, 20_000, better="more"),
    *(
        Case(
            "W6", f"{what} of {size} State", "w06_snapshot", "ms", orders, 3, target, function, floor,
            judged="ratio",
        )
        for size, orders, target in (("a 1 KB", 3, None), ("a 100 KB", 250, 1.5), ("a 5.7 MB", 14_000, 1.5))
        for what, function, floor in (
            ("save", "save", "raw_save"),
            ("save again", "save_again", "raw_save"),
            ("load", "load", "raw_load"),
        )
    ),
    *(
        Case(
            "W6", f"load of {what}", "w06_keys", "ms", 50_000, 20, 1.5, function, f"raw_{function}", judged="ratio"
        )
        for what, function in (
            ("50,000 keys of UUID", "uuids"), ("50,000 keys of Decimal", "decimals"), ("50,000 tuples", "tuples")
        )
    ),
    # 3,000 steps/s where sqlite3 alone commits 5,300 times a second: the disk decides over both.
    Case("W7", "chain on SQLite", "w07_durable_chain", "steps/s", 20, 1, 0.57, better="more", judged="ratio"),
    # 75 ms more where Python, msgspec and asyncio alone take 50: on another machine both change alike.
    Case("W8", "import of all names", "w08_import", "ms", 5, 1, 2.5, judged="ratio"),
    Case("W9", "a paused execution", "w09_paused", "bytes", 10_000, 20, 2000),
    Case(
        "W10", "100 KB of state, against none", "w10_state", "µs/step", 100_000, 1000, 1.25,
        floor="typedflow", floor_size=0, judged="ratio",
    ),
    Case(
        "G6", "state.get of a scalar in 100,000", "g06_path_read", "µs/step", 100_000, 200, 1.5,
        floor="typedflow", floor_size=100, judged="ratio",
    ),
    Case(
        "G1", "a saved step beside 5 MB, against 1 KB", "g01_large_state", "µs/step", 5_000_000, 1000, 3,
        floor="typedflow", floor_size=1000, judged="ratio",
    ),
    # Beside it the same with 100 items: flat.
    Case(
        "G2", "append by path to 5 MB, saved", "g02_long_lists", "µs/step", 100_000, 200, 1000, "by_path",
        floor="by_path", floor_size=100,
    ),
    Case(
        "G2", "append by attribute to 5 MB, saved", "g02_long_lists", "µs/step", 100_000, 200, 1.5, "by_attribute",
        judged="ratio",
    ),
    Case(
        "G3", "a saved item of 5,000, against 500", "g03_saved_items", "µs/item", 5000, 20, 1.25,
        floor="typedflow", floor_size=500, judged="ratio",
    ),
    Case("G11", "first 50 that wait of 100,000", "g11_list_page", "µs", 100_000, 200, 2000),
    # One msgspec encode and a loop over the classes of the same container, in the same run.
    *(
        Case(work, what, "g07_containers", "µs/step", 100_000, 200, 1.5, function, floor, judged="ratio")
        for work, what, function, floor in (
            ("G6", "len(state.items) of 100,000", "length_read", "floor"),
            ("G6", "iteration over 100,000", "iteration", "floor"),
            ("G7", "state.items.append(x), 100,000", "append", "floor"),
            ("G7", "state.table[k] = x, 100,000", "new_key", "floor_of_table"),
        )
    ),
    *(
        Case("G5", f"5,000 {what}, each", "g05_pauses", "µs", 5000, 20, target, function, None)
        for what, function, target in (("pauses", "pauses", 30), ("pauses in children", "pauses_in_children", 30))
    ),
    # Against 500 of them: flat.
    *(
        Case(
            "G4", f"5,000 {what}, against 500", "g05_pauses", "µs each", 5000, 20, 1.5, function,
            floor=function, floor_size=500, judged="ratio",
        )
        for what, function in (
            ("answers", "answers"),
            ("answers to children", "answers_in_children"),
            ("answers, each saved", "saved_answers"),
            ("answers to children, each saved", "saved_answers_in_children"),
        )
    ),
    Case("G8", "state.set of 1,000 new keys", "g08_new_keys", "µs/key", 1000, 20, 15),
    Case("G8", "state.set of 20,000 new keys", "g08_new_keys", "µs/key", 20_000, 50, 15),
    # 1 MB of JSON.
    Case("G9", "capture of 22,000 Structs into a state", "g09_capture", "ms", 22_000, 50, 7, "changeable"),
    Case("G9", "capture of them as an input", "g09_capture", "ms", 22_000, 50, 7, "as_input"),
    Case("G9", "capture of 22,000 frozen Structs", "g09_capture", "ms", 22_000, 50, 0.1, "frozen"),
    Case("G10", "validate() of 3,000 child nodes", "g10_validate", "ms/node", 3000, 20, 0.1, floor=None),
    Case("G10", "first execution after it", "g10_validate", "ms/node", 3000, 20, 0.1, "first_execution", None),
    # PostgreSQL. The floor is procrastinate alone, with the same commits.
    *(
        Case("W11", f"6 saved steps, {name}", "w11_workers", "executions/s", 400, 4, function=function, better="more")
        for function, name in WAKERS.items()
    ),
    *(
        Case("W11", f"{what}, {name}", "w11_workers", "ms", 50, 2, None, f"{function}_{end}", f"floor_{end}")
        for end, what in (
            ("latency", "submit to taken, p50"), ("latency_99", "submit to taken, p99"),
            ("lateness", "timer behind its time, p50"), ("lateness_99", "timer behind its time, p99"),
        )
        for function, name in WAKERS.items()
    ),
    Case("G12", "create_execution with a store, 32 nodes", "g12_create", "µs", 32, 4, 10),
)  # fmt: skip
