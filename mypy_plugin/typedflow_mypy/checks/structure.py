"""What takes the wiring of a whole flow to see, as it is written in one scope of one module.

Only what is certain is reported: where a flow is handed on, another place may close, name or supply.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final, NamedTuple

from mypy.nodes import Context

from typedflow.rules import flows
from typedflow.rules.problems import Problem
from typedflow_mypy.reading.sources import FUNCTIONS, Program, Scope

_OPENED_BY: Final[Mapping[str, str]] = {
    "for_each": "for_each",
    "batch": "batch",
    "match": "match",
    "if_condition": "if",
}
_CLOSED_BY: Final[Mapping[str, str]] = {
    "end_for_each": "for_each",
    "end_batch": "batch",
    "end_match": "match",
    "end_condition": "if",
}
_HANDLED: Final = frozenset({"to", "side_branch", "branch"})
_NAMED: Final = frozenset({"to", "side_branch", "to_sub_flow", "sleep", *_OPENED_BY})
_STARTS: Final = frozenset({"start", "async_start"})
_SUPPLIES: Final = frozenset({"update_runtime_resources", "set_runtime_resource"})
_CHUNK: Final = re.compile(rb"\.(to|side_branch|branch)\(\s*[\"']")
_NAME: Final = re.compile(rb"\bname\s*=\s*[\"']([^\"']*)[\"']")

Found = tuple[Problem, Context]


class Link(NamedTuple):
    """One call of a chain."""

    method: str
    member: ast.Attribute
    call: ast.Call


class Chain(NamedTuple):
    """The calls that follow a name, and what becomes of the last one's value."""

    links: tuple[Link, ...]
    end: ast.AST
    """The node that the last value is a part of."""


def may_be_wrong(source: bytes) -> bool:
    """Return False if the text alone tells that no check of a flow's wiring finds anything: it is not parsed then."""
    names = _NAME.findall(source)
    closing = {block: call for call, block in _CLOSED_BY.items()}
    pairs = [(f".{opens}(".encode(), f".{closing[block]}(".encode()) for opens, block in _OPENED_BY.items()]
    return (
        any(source.count(opens) != source.count(closes) for opens, closes in pairs)
        or b"resume_event" in source
        or b".branch(" in source
        or len(names) != len(set(names))
        or _CHUNK.search(source) is not None
    )


def may_start(source: bytes) -> bool:
    """Return False if the text alone tells that no flow is started where it is made."""
    return b".start(" in source or b".async_start(" in source


class Wiring:
    """The uses of one flow in its module."""

    def __init__(self, program: Program, scope: Scope, name: str) -> None:
        self._program = program
        self._scope = scope
        self._name = name
        self._uses = list(program.reads_in(scope, name))
        self._is_bound_once = program.times_bound(scope, name) == 1

    def check(self) -> Iterator[Found]:
        """Find blocks that no chain closes, names used twice, chunks that are not registered, events out of a block."""
        if not self._is_bound_once:
            return
        chains = [self._chain(use) for use in self._uses if self._runs_here(use)]
        for chain in chains:
            yield from self._open_block(chain)
            yield from self._events_out_of_blocks(chain)
            yield from _branches_of_one_name(chain)
        yield from self._names_used_twice(chains)
        yield from self._unknown_chunks(chains)

    def missing_at_start(self, required: Mapping[str, Callable[[], Problem]]) -> Iterator[Found]:
        """Find starts, in the scope of the flow, before which nothing in the module supplies a required resource."""
        if not required or not self._is_bound_once:
            return
        supplied: set[str] = set()
        starts: list[Link] = []
        for use in self._uses:
            links = self._chain(use).links
            if not links:
                return  # it is handed on
            first = links[0]
            if first.method in _SUPPLIES:
                keys = _keys_given(first)
                if keys is None:
                    return
                supplied |= keys
            elif first.method in _STARTS and self._runs_here(use):
                starts.append(first)
        for start in starts:
            given = _display_keys(next((k.value for k in start.call.keywords if k.arg == "runtime_resources"), None))
            if given is None or any(keyword.arg is None for keyword in start.call.keywords):
                continue
            for key, problem in required.items():
                if key not in supplied and key not in given:
                    yield problem(), place_of(start.member)

    def _runs_here(self, use: ast.AST) -> bool:
        """Return True if a name is read by the scope itself, not by a function or a class in it, and in no loop."""
        here = self._program.parents[use]
        while here is not self._scope:
            if isinstance(here, (*FUNCTIONS, ast.Lambda, ast.ClassDef, ast.For, ast.While, ast.AsyncFor, ast.Try)):
                return False
            if isinstance(here, ast.With) and any("raises" in ast.dump(item.context_expr) for item in here.items):
                return False  # a test of what is wrong
            here = self._program.parents[here]
        return True

    def _chain(self, use: ast.AST) -> Chain:
        links: list[Link] = []
        here = use
        while True:
            member = self._program.parents[here]
            call = self._program.parents.get(member)
            if not isinstance(member, ast.Attribute) or not isinstance(call, ast.Call) or call.func is not member:
                return Chain(tuple(links), member)
            links.append(Link(member.attr, member, call))
            here = call

    def _open_block(self, chain: Chain) -> Iterator[Found]:
        if not isinstance(chain.end, ast.Expr) or (chain.links and chain.links[-1].method == "end"):  # TF721
            return
        for link in _stack_of(chain.links)[-1:]:
            yield flows.unclosed_block_problem(_OPENED_BY[link.method]), place_of(link.member)

    def _events_out_of_blocks(self, chain: Chain) -> Iterator[Found]:
        for index, link in enumerate(chain.links):
            stack = _stack_of(chain.links[:index])
            handler = _handler_of(link)
            if not stack or link.method not in _HANDLED or not isinstance(handler, ast.Name):
                continue
            event = self._event_of(handler.id)
            if event is not None:
                yield flows.resume_event_inside_problem(_OPENED_BY[stack[-1].method], event), place_of(handler)

    def _event_of(self, name: str) -> str | None:
        """Return the event by which the one function of a name lets its pause be answered, if it is certain."""
        found = self._program.functions.get((self._program.tree, name), ())
        if len(found) != 1 or self._program.times_bound(self._program.tree, name) != 1:
            return None
        for node in ast.walk(found[0]):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "pause_for":
                given = next((keyword.value for keyword in node.keywords if keyword.arg == "resume_event"), None)
                if isinstance(given, ast.Constant) and isinstance(given.value, str):
                    return given.value
        return None

    def _names_used_twice(self, chains: list[Chain]) -> Iterator[Found]:
        seen: set[str] = set()
        for chain in chains:
            if not self._is_unconditional(chain):
                continue
            for link in chain.links:
                for keyword in link.call.keywords if link.method in _NAMED else ():
                    value = keyword.value
                    if keyword.arg != "name" or not isinstance(value, ast.Constant) or not isinstance(value.value, str):
                        continue
                    if value.value in seen:
                        yield flows.duplicate_name_problem("node", value.value), place_of(value)
                    seen.add(value.value)

    def _is_unconditional(self, chain: Chain) -> bool:
        """Return True if a chain is a statement of the scope, or assigned by one."""
        statement: ast.AST = chain.end
        while not isinstance(statement, ast.stmt):
            statement = self._program.parents[statement]
        return self._program.parents[statement] is self._scope

    def _unknown_chunks(self, chains: list[Chain]) -> Iterator[Found]:
        known: set[str] = set()
        for use in self._uses:
            found = self._registered(use)
            if found is None:
                return
            known |= found
        for chain in chains:
            for link in chain.links:
                handler = _handler_of(link) if link.method in _HANDLED else None
                if isinstance(handler, ast.Constant) and isinstance(handler.value, str) and handler.value not in known:
                    yield flows.unknown_chunk_problem(handler.value, sorted(known)), place_of(handler)

    def _registered(self, use: ast.AST) -> set[str] | None:
        """Return the chunks that one use of the flow registers; None if it may register any."""
        member = self._program.parents[use]
        if not isinstance(member, ast.Attribute):
            return None
        if member.attr != "chunk":
            return set()
        call = self._program.parents[member]
        if isinstance(call, FUNCTIONS) and member in call.decorator_list:
            return {call.name}
        if not isinstance(call, ast.Call) or call.func is not member or len(call.args) != 1:
            return None
        given = call.args[0]
        if isinstance(given, ast.Constant) and isinstance(given.value, str):
            return {given.value}
        return {given.id} if isinstance(given, ast.Name) else None


def _branches_of_one_name(chain: Chain) -> Iterator[Found]:
    """Find branches of a batch that have one name, by `name=` or as they are the same handler."""
    seen: set[str] = set()
    for link in chain.links:
        if link.method == "batch":
            seen = set()
        given = next((keyword.value for keyword in link.call.keywords if keyword.arg == "name"), _handler_of(link))
        if link.method != "branch" or not isinstance(given, (ast.Name, ast.Constant)):
            continue
        name = given.id if isinstance(given, ast.Name) else given.value
        if not isinstance(name, str):
            continue
        if name in seen:
            yield flows.duplicate_branch_problem(name), place_of(given)
        seen.add(name)


def _stack_of(links: tuple[Link, ...]) -> list[Link]:
    """Return the calls that opened the blocks which are open behind the last call, the innermost last."""
    stack: list[Link] = []
    for link in links:
        if link.method in _OPENED_BY:
            stack.append(link)
        elif link.method in _CLOSED_BY and stack:
            stack.pop()
    return stack


def _handler_of(link: Link) -> ast.expr | None:
    if link.call.args:
        return link.call.args[0]
    return next((keyword.value for keyword in link.call.keywords if keyword.arg == "handler"), None)


def _keys_given(link: Link) -> set[str] | None:
    """Return the keys that a call supplies; None if it may be any."""
    args, keywords = link.call.args, link.call.keywords
    if link.method == "set_runtime_resource":
        key = args[0] if args else None
        return {key.value} if isinstance(key, ast.Constant) and isinstance(key.value, str) else None
    named = {keyword.arg for keyword in keywords if keyword.arg is not None}
    if len(named) != len(keywords):
        return None
    shown = _display_keys(args[0]) if args else set()
    return None if shown is None else named | shown


def _display_keys(given: ast.expr | None) -> set[str] | None:
    """Return the keys of a mapping that is written out; none of what is left out, None for anything else."""
    if given is None:
        return set()
    if not isinstance(given, ast.Dict):
        return None
    keys = {key.value for key in given.keys if isinstance(key, ast.Constant) and isinstance(key.value, str)}
    return keys if len(keys) == len(given.keys) else None


def place_of(node: ast.expr) -> Context:
    """Return where mypy reports a part of a program; of a call in a chain, its name."""
    where = Context()
    if isinstance(node, ast.Attribute):
        where.line = node.end_lineno or node.lineno
        where.column = (node.end_col_offset or 0) - len(node.attr)
    else:
        where.line, where.column = node.lineno, node.col_offset
    where.end_line, where.end_column = node.end_lineno, node.end_col_offset
    return where
