"""The path grammar, and what may be read, written, appended to and deleted at the end of a path."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.rules.shapes import TextShape, shape
from typedflow.rules.paths import (
    Resolution,
    check_append,
    check_delete,
    check_read,
    check_write,
    parse_path,
    resolve,
)
from typedflow.rules.problems import Problem

STATE = shape("ReviewState")
GRAMMAR = "a path is field names joined by dots, like 'request.topic'"

segments = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,5}", fullmatch=True)
anything = st.text() | st.integers() | st.none() | st.binary() | st.lists(st.text())


def text_of(found: object) -> str:
    assert isinstance(found, Problem)
    return found.render()


def found_at(found: object) -> Resolution[TextShape]:
    assert isinstance(found, Resolution)
    return found


# -- the grammar


@given(st.lists(segments, min_size=1, max_size=6))
def test_a_path_is_the_names_that_were_joined(names: list[str]) -> None:
    assert parse_path(".".join(names)) == tuple(names)


@given(anything)
def test_any_value_is_a_path_or_a_problem(given_: object) -> None:
    path = parse_path(given_)
    assert isinstance(path, Problem) or ".".join(path) == given_


@pytest.mark.parametrize(
    "text, message",
    [
        ("", f"TF201: a path cannot be empty ({GRAMMAR})"),
        (".", f"TF201: '.' is not a path: segment 1 is empty ({GRAMMAR})"),
        ("a.", f"TF201: 'a.' is not a path: segment 2 is empty ({GRAMMAR})"),
        ("a..b", f"TF201: 'a..b' is not a path: segment 2 is empty ({GRAMMAR})"),
        ("a b", f"TF201: 'a b' is not a path: 'a b' is not a name ({GRAMMAR})"),
        ("a.b-c", f"TF201: 'a.b-c' is not a path: 'b-c' is not a name ({GRAMMAR})"),
        ("a\n", f"TF201: 'a\\n' is not a path: 'a\\n' is not a name ({GRAMMAR})"),
        ("ä", f"TF201: 'ä' is not a path: 'ä' is not a name ({GRAMMAR})"),
        (
            "tags.0",
            "TF201: 'tags.0' is not a path: '0' is not a name (a path has no indexes: read the list, then index it)",
        ),
        (5, f"TF201: a path is a str, not 5 (int) ({GRAMMAR})"),
        (None, f"TF201: a path is a str, not None ({GRAMMAR})"),
    ],
)
def test_what_is_no_path_is_named_with_the_segment_at_fault(text: object, message: str) -> None:
    assert text_of(parse_path(text)) == message


# -- reading


@pytest.mark.parametrize(
    "path, declared, read",
    [
        ("count", "int", "int"),
        ("request", "Request | None", "Request | None"),
        ("request.topic", "str", "str | None"),
        ("request.author", "Author | None", "Author | None"),
        ("request.author.name", "str", "str | None"),
        ("request.author.email", "str | None", "str | None"),
        ("first.meta.any_key", "str", "str"),
        ("notes.ada.name", "str", "str"),
        ("anything.at.all", "Any", "Any"),
    ],
)
def test_a_path_leads_to_a_type(path: str, declared: str, read: str) -> None:
    found = found_at(check_read(STATE, path))
    assert (found.declared.render(), found.shape.render()) == (declared, read)


@pytest.mark.parametrize(
    "path, maybe_none, owner",
    [
        ("request", "", "ReviewState"),
        ("request.topic", "'request'", "Request"),
        ("request.author.name", "'request'", "Author"),
        ("first.author.name", "'first.author'", "Author"),
        ("first.meta.a", "", ""),
    ],
)
def test_a_path_knows_what_it_goes_through(path: str, maybe_none: str, owner: str) -> None:
    found = found_at(check_read(STATE, path))
    assert (found.maybe_none, found.owner) == (maybe_none, owner)


@pytest.mark.parametrize("root, shown", [("", "the value"), ("value", "'value'")])
def test_the_whole_may_be_none(root: str, shown: str) -> None:
    found = found_at(check_read(shape("Request | None"), "topic", root=root))
    assert found.maybe_none == shown


def test_the_empty_path_is_the_whole() -> None:
    found = found_at(resolve(STATE, ()))
    assert (found.path, found.shape, found.field) == ((), STATE, None)


@pytest.mark.parametrize(
    "path, message",
    [
        ("topik", "TF202: ReviewState has no field 'topik' (its fields: 'request', 'first', 'point', 'drafts', 'seen', "
         "'maybe', 'notes', 'count' and 4 more)"),
        ("request.topik", "TF202: Request has no field 'topik', in 'request.topik' (did you mean 'topic'?)"),
        ("first.maxItems", "TF202: Request has no field 'maxItems', in 'first.maxItems' "
         "(that is its name in the encoding: use the Python name 'limit')"),
        ("count.x", "TF203: 'count.x' leads nowhere: 'count' is int, which has no fields (end the path at 'count')"),
        ("mixed.x", "TF203: 'mixed.x' leads nowhere: 'mixed' is int | str, which has no fields "
         "(end the path at 'mixed')"),
        ("drafts.first", "TF203: 'drafts.first' leads nowhere: 'drafts' is list[str], which has no fields "
         "(end the path at 'drafts')"),
    ],
)  # fmt: skip
def test_a_path_that_leads_nowhere_says_where_it_ends(path: str, message: str) -> None:
    assert text_of(check_read(STATE, path)) == message


def test_a_type_without_fields_and_a_record_without_any_differ() -> None:
    assert text_of(check_read(shape("int"), "x", root="value")) == (
        "TF203: 'x' leads nowhere: 'value' is int, which has no fields"
    )
    assert text_of(check_read(shape("Empty"), "x")) == "TF202: Empty has no field 'x' (it declares no fields)"


# -- writing


@pytest.mark.parametrize(
    "path, value",
    [
        ("count", "int"),
        ("score", "int"),
        ("request", "None"),
        ("request", "Request"),
        ("first.topic", "str"),
        ("first.author", "None"),
        ("point", "Point"),
        ("first.meta.k", "str"),
        ("anything.x", "Logger"),
        ("count", None),
    ],
)
def test_a_fitting_write_is_allowed(path: str, value: str | None) -> None:
    assert isinstance(check_write(STATE, path, value and shape(value)), Resolution)  # type: ignore[arg-type]  # "" never


@pytest.mark.parametrize(
    "path, value, message",
    [
        ("count", "str", "TF601: 'count' of state takes int, not str"),
        ("count", "int | None", "TF601: 'count' of state takes int, not int | None"),
        ("first.meta.k", "int", "TF601: 'first.meta.k' of state takes str, not int"),
        ("request.topic", "str",
         "TF204: 'request.topic' cannot be written through 'request', which may be None (write 'request' as a whole)"),
        ("point.x", "int", "TF205: 'point.x' cannot be written: Point is read-only (write 'point' as a whole)"),
        ("first.topik", "str", "TF202: Request has no field 'topik', in 'first.topik' (did you mean 'topic'?)"),
        ("", "str", f"TF201: a path cannot be empty ({GRAMMAR})"),
    ],
)  # fmt: skip
def test_a_write_that_cannot_be_is_refused(path: str, value: str, message: str) -> None:
    assert text_of(check_write(STATE, path, shape(value), root="state")) == message


def test_a_field_of_a_read_only_whole_is_refused() -> None:
    assert text_of(check_write(shape("Point"), "x", root="value")) == (
        "TF205: 'x' cannot be written: Point is read-only (write 'value' as a whole)"
    )


@pytest.mark.parametrize("check", [check_write, check_delete])
@pytest.mark.parametrize("key", ["lang", "depth"])
def test_a_key_that_is_read_only_is_written_with_the_whole(check: Callable[..., object], key: str) -> None:
    assert text_of(check(shape("Options"), key, root="value")) == (
        f"TF205: '{key}' cannot be written: key '{key}' of Options is ReadOnly (write 'value' as a whole)"
    )
    assert isinstance(check_read(shape("Options"), key), Resolution)
    assert isinstance(check_write(shape("Options"), "size"), Resolution)


# -- appending


@pytest.mark.parametrize(
    "path, value",
    [("drafts", "str"), ("seen", "int"), ("drafts", None), ("first.tags", "str"), ("anything", "int")],
)
def test_append_takes_an_item_of_a_list_or_set(path: str, value: str | None) -> None:
    assert isinstance(check_append(STATE, path, shape(value) if value else None), Resolution)


@pytest.mark.parametrize(
    "path, value, message",
    [
        ("drafts", "int", "TF601: 'drafts[...]' takes str, not int"),
        ("count", "int", "TF206: 'count' cannot be appended to: it is int, no list or set (set replaces a value of "
         "any type)"),
        ("maybe", "str", "TF204: 'maybe' cannot be appended to: it may be None "
         "(set 'maybe' to a list, or declare it as a list with the default [])"),
        ("request.tags", "str", "TF204: 'request.tags' cannot be appended to through 'request', which may be None "
         "(write 'request' as a whole)"),
        ("draft", "str", "TF202: ReviewState has no field 'draft' (did you mean 'drafts'?)"),
    ],
)  # fmt: skip
def test_append_to_anything_else_is_refused(path: str, value: str, message: str) -> None:
    assert text_of(check_append(STATE, path, shape(value))) == message


# -- deleting


@pytest.mark.parametrize("path", ["count", "request", "first.limit", "first.meta.k", "notes.ada", "anything.x"])
def test_delete_needs_a_default_or_a_dict(path: str) -> None:
    assert isinstance(check_delete(STATE, path), Resolution)


@pytest.mark.parametrize(
    "path, message",
    [
        ("key", "TF207: 'key' cannot be deleted: field 'key' of ReviewState has no default "
         "(set a value, or give the field a default)"),
        ("notes.ada.name", "TF207: 'notes.ada.name' cannot be deleted: field 'name' of Author has no default "
         "(set a value, or give the field a default)"),
        ("request.limit",
         "TF204: 'request.limit' cannot be written through 'request', which may be None (write 'request' as a whole)"),
        ("point.y", "TF205: 'point.y' cannot be written: Point is read-only (write 'point' as a whole)"),
        ("nope", "TF202: ReviewState has no field 'nope' (its fields: 'request', 'first', 'point', 'drafts', 'seen', "
         "'maybe', 'notes', 'count' and 4 more)"),
    ],
)  # fmt: skip
def test_a_delete_that_cannot_be_is_refused(path: str, message: str) -> None:
    assert text_of(check_delete(STATE, path)) == message


# -- all of them


@pytest.mark.parametrize("check", [check_read, check_write, check_append, check_delete])
@given(path=anything | st.lists(st.sampled_from(["request", "topic", "first", "meta", "x"])).map(".".join))
def test_a_check_of_any_path_gives_an_answer(check: Callable[[TextShape, object], object], path: object) -> None:
    assert isinstance(check(STATE, path), Resolution | Problem)
