"""What a chain of steps says of the value that it carries, and of the blocks that are open."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, reveal_type

from review import Review, log, long, raw, report, search, size

from typedflow import Data, Flow


def gathered(data: Data[Review, dict[str, Any]]) -> None: ...


def tomorrow(data: Data[Review, str]) -> datetime:
    return datetime.now(UTC) + timedelta(days=1)


flow = Flow(Review)
hits = flow.to(search)
reveal_type(hits)  # R: Process[Review, list[str]]
reveal_type(hits.for_each().to(raw))  # R: Process[Review, bytes, Each[Never, None]]
reveal_type(hits.to(log))  # R: Process[Review, str]
reveal_type(hits.side_branch(log))  # R: Process[Review, list[str]]
hits.side_branch(size)  # E
reveal_type(hits.sleep(timedelta(hours=1)))  # R: Process[Review, list[str]]
reveal_type(hits.for_each().sleep(tomorrow))  # R: Process[Review, str, Each[Never, None]]
hits.sleep(tomorrow)  # E
hits.sleep(5)  # E
flow.to(size)  # E
hits.to(size)  # E

# The end takes the contract's result.
sizes = hits.for_each().to(size).end_for_each()
sizes.to(report).end()
sizes.end()  # E[plugin, pyright, ty, pyrefly]
hits.for_each().to(size).end()  # E

# A block that is not open cannot be closed.
hits.end_for_each()  # E
hits.end_match()  # E
hits.end_condition()  # E
hits.case("x")  # E
hits.for_each().end_match()  # E
sizes.for_each().for_each()  # E

# Branches give their union, or one value each.
each = hits.for_each()
no_else = each.match().case(long).to(size).case("x").to(raw).end_match()
reveal_type(no_else)  # R: Process[Review, int | bytes | str, Each[Never, None]]
with_else = each.match().case(long).to(size).case_else().to(raw).end_match()
reveal_type(with_else)  # R: Process[Review, int | bytes, Each[Never, None]]
hit_first = each.match(mode="hit_first").case("x").to(size).end_match()
reveal_type(hit_first)  # R: Process[Review, int | str, Each[Never, None]]
hit_all = each.match(mode="hit_all").case("x").to(size).case("y").to(raw).end_match()
reveal_type(hit_all)  # R: Process[Review, list[int | bytes], Each[Never, None]]
hit_all_or_else = each.match(mode="hit_all").case("x").to(size).case_else().to(raw).end_match()
reveal_type(hit_all_or_else)  # R: Process[Review, list[int | bytes], Each[Never, None]]
hit_one = each.match(mode="hit_all").case("x").to(size).end_match()
reveal_type(hit_one)  # R: Process[Review, list[int], Each[Never, None]]
if_else = each.if_condition(long).to(size).else_condition().to(raw).end_condition()
reveal_type(if_else)  # R: Process[Review, int | bytes, Each[Never, None]]
elif_only = each.if_condition(long).to(size).elif_condition(long).to(raw).end_condition()
reveal_type(elif_only)  # R: Process[Review, int | bytes | str, Each[Never, None]]
pair = each.batch().branch(size).branch(raw).end_batch()
reveal_type(pair)  # R: Process[Review, tuple[int, bytes], Each[Never, None]]
each.match(mode="hit_some")  # E
each.match().end_match()  # E
each.batch().branch(search)  # E

# Blocks nest both ways.
reveal_type(pair.end_for_each())  # R: Process[Review, list[tuple[int, bytes]]]
reveal_type(no_else.end_for_each())  # R: Process[Review, list[int | bytes | str]]
reveal_type(if_else.end_for_each())  # R: Process[Review, list[int | bytes]]
looped = hits.match().case("x").for_each().to(size).end_for_each().case_else().end_match()
reveal_type(looped)  # R: Process[Review, list[int] | list[str]]

# Listeners: a name, a list or a tuple of names, or a mapping; only the plugin knows what they carry.
reveal_type(flow.when("approved"))  # R[plugin]: Process[Review, bool]  # R: Process[Review, Any]
flow.when(["approved"]).to(gathered)
flow.when(("approved",)).to(gathered)
flow.when({"event": "approved", "state": ["topic"]}).to(gathered)
flow.when({"event": ("approved",)}, mode="or")
flow.when("approved", mode=None)
flow.when(["approved", 3])  # E
flow.when({"event": 3})  # E
flow.when(3)  # E
flow.when("approved", mode="nor")  # E
