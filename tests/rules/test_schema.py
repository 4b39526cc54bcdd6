"""The texts of broken contracts and state classes."""

from __future__ import annotations

import pytest

from typedflow.rules import schema
from typedflow.rules.problems import Problem

ADD = "add `result: …` with the type, or `result: None` where there is none"
BELONGS = (
    "save what it is made from, or say how with StoredAs; "
    "what cannot be saved (a connection, a client, a logger) belongs in Resources"
)


def test_all_unknown_and_missing_parts_come_at_once() -> None:
    problems = schema.check_parts("Review", ["inptu", "result", "resource"])
    assert [problem.render() for problem in problems] == [
        "TF607: contract 'Review' has no part 'inptu' (did you mean 'input'?)",
        "TF607: contract 'Review' has no part 'resource' (did you mean 'resources'?)",
        "TF606: contract 'Review' does not say its input (add `input: …` with the type, or `input: None` where there "
        "is none)",
    ]


def test_a_contract_with_its_required_parts_is_fine() -> None:
    assert schema.check_parts("Review", ["input", "result", "state"]) == []


@pytest.mark.parametrize("name", ["get", "set", "append", "delete", "to_dict", "__init__"])
def test_a_field_cannot_have_the_name_of_a_method(name: str) -> None:
    problem = schema.check_field_name("ReviewState", name)
    assert problem is not None
    assert problem.render() == (
        f"TF608: ReviewState cannot have a field '{name}': the name is a method of every layer, or Python's own "
        f"(rename it, to '{name.strip('_')}_value' for instance)"
    )


def test_other_field_names_are_free() -> None:
    assert schema.check_field_name("ReviewState", "topic") is None


@pytest.mark.parametrize(
    "problem, message",
    [
        (
            schema.unknown_part_problem("Review", "size"),
            "TF607: contract 'Review' has no part 'size' (parts: 'input', "
            "'result', "
            "'state', 'flow_state', 'resources', 'events', 'stream')",
        ),
        (schema.missing_part_problem("Review", "result"), f"TF606: contract 'Review' does not say its result ({ADD})"),
        (
            schema.wrong_part_problem("Review", "state", "int"),
            "TF605: 'state' of contract 'Review' has to be a subclass of "
            "State, not int "
            "(declare `class ReviewState(State): …` and name it here)",
        ),
        (
            schema.wrong_part_problem("Review", "stream", "5 (int)"),
            "TF605: 'stream' of contract 'Review' has to be a type, not 5 (int) (annotate it with a type)",
        ),
        (
            schema.part_with_value_problem("Review", "input"),
            "TF613: 'input' of contract 'Review' has a value: a contract holds "
            "annotations only (write `input: …` with the type, and no `=`)",
        ),
        (
            schema.wrong_version_problem("Review", "0 (int)"),
            "TF614: the version of contract 'Review' is a whole number from 1, "
            "not 0 (int) (write `class Review(Contract, version=2)`)",
        ),
        (
            schema.not_persistable_problem("ReviewState", "db", "Connection is no type that msgspec can encode"),
            f"TF603: field 'db' of ReviewState cannot be saved: Connection is no type that msgspec can encode "
            f"({BELONGS})",
        ),
        (
            schema.not_persistable_problem("ReviewState", "a", "Lock is a lock", path="a.b"),
            f"TF603: field 'a' of ReviewState cannot be saved at 'a.b': Lock is a lock ({BELONGS})",
        ),
        (
            schema.resource_in_state_problem("ReviewState", "tools", "ReviewResources"),
            "TF604: field 'tools' of ReviewState is ReviewResources, a Resources class: resources are never saved "
            "(declare it as the contract's `resources`, read it as data.resources)",
        ),
        (
            schema.refused_option_problem("ReviewState", "frozen"),
            "TF609: ReviewState cannot be declared with frozen: a state is there to be written (leave frozen out)",
        ),
        (
            schema.refused_option_problem("ReviewState", "forbid_unknown_fields"),
            "TF609: ReviewState cannot be declared with forbid_unknown_fields=False: an unknown "
            "field in a saved state is "
            "an error, never dropped (leave forbid_unknown_fields=False out)",
        ),
        (
            schema.unresolved_problem("Review", "input", "Reqest", "name 'Reqest' is not defined"),
            "TF610: 'input' of Review is annotated 'Reqest', which cannot be resolved: name 'Reqest' is not defined "
            "(define it before the class, or import it at run time: outside of `if TYPE_CHECKING:`)",
        ),
        (
            schema.undeclared_layer_problem("Review", "state", ["result", "input"]),
            "TF611: contract 'Review' declares no state, only 'input', 'result' (add `state: …` to "
            "Review, a subclass of "
            "State)",
        ),
        (
            schema.unresolved_problem("Review", "", "", "ZeroDivisionError: division by zero"),
            "TF610: the annotations of Review cannot be evaluated: ZeroDivisionError: division by zero "
            "(define it before the class, or import it at run time: outside of `if TYPE_CHECKING:`)",
        ),
        (
            schema.unresolved_problem("Review", "input", "Gone", "ModuleNotFoundError: No module named 'gone'"),
            "TF610: 'input' of Review is annotated 'Gone', which cannot be resolved: "
            "ModuleNotFoundError: No module named "
            "'gone' (install the module that the lazy import names, or correct its name)",
        ),
        (
            schema.unresolved_problem("Review", "input", "Itself", "'Itself' is an alias that leads only to itself"),
            "TF610: 'input' of Review is annotated 'Itself', which cannot be resolved: 'Itself' is an alias that leads "
            "only to itself (put it in a container, `list[…]`, or declare a class)",
        ),
        (
            schema.unresolved_handler_problem("draft", "return", "Report", "NameError: name 'Report' is not defined"),
            "TF610: the return of step 'draft' is annotated 'Report', which cannot be resolved: "
            "NameError: name 'Report' "
            "is not defined (define it before the class, or import it at run time: outside of `if TYPE_CHECKING:`)",
        ),
        (
            schema.unresolved_handler_problem("is_short", "data", "Data[Gone, int]", "x", kind="condition"),
            "TF610: parameter 'data' of condition 'is_short' is annotated 'Data[Gone, int]', which "
            "cannot be resolved: x "
            "(define it before the class, or import it at run time: outside of `if TYPE_CHECKING:`)",
        ),
        (
            schema.unresolved_handler_problem("draft", "", "", "ZeroDivisionError: division by zero"),
            "TF610: the annotations of step 'draft' cannot be evaluated: ZeroDivisionError: division by zero "
            "(define it before the class, or import it at run time: outside of `if TYPE_CHECKING:`)",
        ),
        (
            schema.unresolved_within_problem("step 'find' returns Offer", "Offer", "price", "Decimal", "x"),
            "TF610: step 'find' returns Offer, and 'price' of Offer is annotated 'Decimal', which "
            "cannot be resolved: x "
            "(define it before the class, or import it at run time: outside of `if TYPE_CHECKING:`)",
        ),
        (
            schema.unresolved_within_problem("step 'find' returns Offers", "", "", "", "x"),
            "TF610: step 'find' returns Offers, which cannot be resolved: x "
            "(define it before the class, or import it at run time: outside of `if TYPE_CHECKING:`)",
        ),
        (
            schema.undeclared_layer_problem("Review", "stream", []),
            "TF611: contract 'Review' declares no stream (add `stream: …` to Review, a type)",
        ),
        (
            schema.not_a_contract_problem("int"),
            "TF605: a contract is a subclass of Contract, not int (declare `class …(Contract): …`)",
        ),
        (
            schema.contract_instance_problem("Review"),
            "TF605: contract 'Review' has no instances (use the class: `Flow(Review)`)",
        ),
        (
            schema.large_flow_state_problem("Counters", "all", "list[Request]"),
            "TF615: field 'all' of Counters is list[Request], which can grow: a flow_state is for flags and counters "
            "(keep what belongs to one execution in its State)",
        ),
    ],
    ids=lambda value: value.partition(" (")[0] if isinstance(value, str) else "",
)
def test_a_broken_class_is_told_what_to_change(problem: Problem, message: str) -> None:
    assert problem.render() == message


@pytest.mark.parametrize(
    "problem, message",
    [
        (
            schema.changeable_default_problem("S", "drafts", "list"),
            "TF616: field 'drafts' of S has as its default a list with something in it, and every S would share it "
            "(let a factory make it anew: `msgspec.field(default_factory=lambda: …)`)",
        ),
        (
            schema.changeable_default_problem("S", "report", "Report", is_struct=True),
            "TF616: field 'report' of S has as its default Report(…), which is not frozen, and every S would share it "
            "(let a factory make it anew: `msgspec.field(default_factory=lambda: …)`, or declare Report frozen)",
        ),
    ],
)
def test_a_default_that_can_change_is_not_shared(problem: Problem, message: str) -> None:
    assert problem.render() == message


@pytest.mark.parametrize(
    "kinds, layouts, message",
    [
        (
            {"A": "state", "B": "state"},
            {"A": ["A"], "B": ["B"]},
            "TF617: Made cannot have the bases 'A', 'B': each has "
            "fields or slots of its own (inherit from one of them, and declare the fields of the other in Made)",
        ),
        (
            {"A": "state", "M": "", "B": "flow_state"},
            {"A": [], "M": [], "B": []},
            "TF617: Made cannot be both State "
            "and FlowState: its bases are 'A', 'M', 'B' (declare one class for each kind)",
        ),
        ({"A": "state", "M": ""}, {"A": ["A"], "M": []}, None),
        ({"C": "state", "A": "state"}, {"C": ["C", "A"], "A": ["A"]}, None),
        ({"A": "state", "C": "state"}, {"A": ["A"], "C": ["C", "A"]}, None),
        ({}, {}, None),
    ],
)
def test_of_two_bases_one_has_to_build_on_the_other(
    kinds: dict[str, str], layouts: dict[str, list[str]], message: str | None
) -> None:
    problem = schema.check_bases("Made", kinds, layouts)
    assert (None if problem is None else problem.render()) == message


def test_a_generic_class_as_a_part_is_shown_as_it_is_written() -> None:
    bare, given = (schema.generic_part_problem("Made", "events", name).hint for name in ("Named", "Named[int]"))
    assert bare == "declare `class MadeEvents(Named[…]): …` with its arguments and name it here"
    assert given == "declare `class MadeEvents(Named[int]): …` with its arguments and name it here"
