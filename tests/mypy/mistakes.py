"""The mistakes that are planted in copies of the example: what is changed, and where and as what mypy reports it."""

from __future__ import annotations

from typing import Final

from tests.mypy.copies import Mistake


def planted(name: str, module: str, old: str, new: str, at: str, number: str, code: str, says: str = "") -> Mistake:
    """Make a row of the table."""
    return Mistake(name, module, old, new, at, number, code, says)


def capture(name: str, old: str, new: str, number: str, says: str = "", at: str = "") -> Mistake:
    """Make a row of a mistake in what the example hands to its child; it is at the `|` of the new text."""
    return Mistake(name, "flow", old, new.replace("|", ""), at or new, number, "typedflow-capture", says)


def write_back(name: str, mapping: str, number: str, says: str = "") -> Mistake:
    """Make a row of a mistake in what the example takes back from its child."""
    new = f"{RESOURCES}write_back={mapping},\n"
    return Mistake(name, "flow", RESOURCES, new.replace("|", ""), mapping, number, "typedflow-write-back", says)


def in_handler(name: str, statement: str, number: str, code: str, says: str = "") -> Mistake:
    """Make a row of a mistake in a statement that the example's first handler gains."""
    new = f"{REQUEST}    {statement}\n"
    return Mistake(name, "handlers", REQUEST, new.replace("|", ""), statement, number, code, says)


def in_variant(name: str, old: str, new: str, number: str, code: str, says: str = "", at: str = "") -> Mistake:
    """Make a row of a mistake in the variant; it is at the `|` of the new text."""
    return Mistake(name, "variant", old, new.replace("|", ""), at or new, number, code, says)


CHILD: Final = "build_classification(),\n        capture=|{"
INPUT: Final = '"input": "value",\n'
STATE: Final = '"state": {"policy": "state.policy"},\n'
RESOURCES: Final = '"resources": {"catalog": "resources.catalog"},\n        },\n'
REQUEST: Final = "    data.state.request = data.value\n"
STEPS: Final = "flow.to(read).to(normalise).to(assess).end()\n"
FINDINGS: Final = "    findings: list[Finding] = []\n"
KEEPS: Final = "    state: ClassificationState\n"
NORMALISED: Final = "    return Licensed(data.value, identify(data.value))\n"

RESOURCE, PATH, STATES, FLOW, EVENT = (f"typedflow-{name}" for name in ("resource", "path", "state", "flow", "event"))

MISTAKES: Final[tuple[Mistake, ...]] = (
    # resources
    in_handler("misspelt_resource", 'data.require_resource(|"catalogue")', "TF101", RESOURCE, "'catalog'?"),
    in_handler("misspelt_resource_attribute", "|data.resources.catalogue", "", "attr-defined", '"catalog"?'),
    in_handler("resource_of_another_class", 'data.set_resource("catalog", |data.value)', "TF103", RESOURCE),
    # paths and writes
    in_handler("misspelt_field", 'data.state.get(|"polcy")', "TF202", PATH, "'policy'?"),
    in_handler("misspelt_nested_field", 'data.state.get(|"request.polcy")', "TF202", PATH, "'policy'?"),
    in_handler("misspelt_attribute", "|data.state.polcy", "", "attr-defined", '"policy"?'),
    in_handler("misspelt_counter", 'data.flow_state.set(|"allowd", 1)', "TF202", PATH, "'allowed'?"),
    in_handler("path_through_a_text", 'data.state.get(|"request.policy.allowed")', "TF203", PATH),
    in_handler("malformed_path", 'data.state.get(|"request..policy")', "TF201", PATH),
    in_handler("set_of_the_wrong_type", 'data.state.set("policy", |data.value)', "TF601", STATES),
    in_handler("assignment_of_the_wrong_type", "data.state.policy = |data.value.policy", "", "assignment"),
    in_handler("append_of_the_wrong_type", 'data.state.append("findings", |data.value)', "TF601", STATES),
    in_handler("append_to_no_list", 'data.state.append(|"policy", "MIT")', "TF206", PATH),
    in_handler("write_into_a_frozen_record", 'data.state.set(|"policy.allowed", frozenset({"MIT"}))', "TF205", PATH),
    planted(
        "delete_without_a_default",
        "classification",
        NORMALISED,
        f'    data.state.delete("policy")\n{NORMALISED}',
        'data.state.delete(|"policy")',
        "TF207",
        PATH,
    ),
    planted(
        "undeclared_layer",
        "classification",
        NORMALISED,
        f"    data.flow_state\n{NORMALISED}",
        "data.|flow_state",
        "TF611",
        STATES,
    ),
    # capture
    capture("misspelt_target_scope", INPUT, '|"inputs": "value",\n', "TF301", "'input'?"),
    capture("missing_input", INPUT, "", "TF310", at=CHILD),
    capture("missing_state", STATE, "", "TF311", at=CHILD),
    capture("misspelt_target", STATE, '"state": {|"polcy": "state.policy"},\n', "TF304", "'policy'?"),
    capture("misspelt_source", STATE, '"state": {"policy": |"state.polcy"},\n', "TF304", "'policy'?"),
    capture("misspelt_source_scope", STATE, '"state": {"policy": |"stat.policy"},\n', "TF301", "'state'?"),
    capture("source_out_of_bounds", STATE, '"state": {"policy": |"resources.catalog"},\n', "TF302"),
    capture("source_of_the_wrong_type", STATE, '"state": {"policy": |"value"},\n', "TF306"),
    capture("source_that_may_be_none", STATE, '"state": {"policy": |"state.request"},\n', "TF306"),
    capture("input_of_the_wrong_type", INPUT, '"input": |"state.policy",\n', "TF306"),
    capture("malformed_source", STATE, '"state": {"policy": |"state.policy."},\n', "TF303"),
    capture("source_that_is_no_text", STATE, '"state": {"policy": |3},\n', "TF313"),
    capture(
        "targets_in_conflict",
        STATE,
        '"state": {"policy": "state.policy", |"policy.allowed": "state.policy.allowed"},\n',
        "TF308",
    ),
    capture("duplicate_target", STATE, '"state": {"policy": "state.policy", |"policy": "state.policy"},\n', "TF309"),
    capture(
        "duplicate_scope",
        STATE,
        f'{STATE}            "runtime_data": {{|"policy": "state.policy"}},\n',
        "TF309",
        at='"runtime_data": {|"policy": "state.policy"}',
    ),
    capture(
        "layer_that_the_child_lacks",
        STATE,
        f'{STATE[:-1]} "flow_state": {{|"allowed": "flow_state.allowed"}},\n',
        "TF314",
    ),
    capture(
        "misspelt_resource_to_capture",
        '{"catalog": "resources.catalog"}',
        '{"catalog": |"resources.catalogs"}',
        "TF304",
    ),
    capture(
        "misspelt_resource_of_the_child",
        '{"catalog": "resources.catalog"}',
        '{|"catalogs": "resources.catalog"}',
        "TF304",
    ),
    # write_back
    write_back("resources_in_write_back", '{"value": "result", |"resources": {"catalog": "result"}}', "TF410"),
    write_back("misspelt_write_back", '{"value": "result", "state": {|"findngs": "result"}}', "TF404", "'findings'?"),
    write_back("misspelt_result", '{"value": |"result.rulin"}', "TF404", "'ruling'?"),
    write_back("write_back_of_the_wrong_type", '{"value": "result", "state": {"policy": |"result"}}', "TF406"),
    write_back("write_back_of_a_state", '{"value": "result", "state": {"policy": |"state.policy"}}', "TF402"),
    write_back(
        "write_back_into_a_frozen_record", '{"value": "result", "state": {|"policy.denied": "result"}}', "TF415"
    ),
    in_variant(
        "write_back_that_breaks_the_next_step",
        "capture=CAPTURE)",
        'capture=CAPTURE, write_back={"value": |"result.ruling"})',
        "TF411",
        "typedflow-write-back",
    ),
    # the flow
    planted(
        "step_with_another_value",
        "classification",
        STEPS,
        "flow.to(read).to(assess).end()\n",
        "to(read).to(|assess)",
        "TF701",
        FLOW,
    ),
    planted(
        "end_with_another_value",
        "classification",
        STEPS,
        "flow.to(read).to(normalise).end()\n",
        "to(normalise).|end()",
        "TF702",
        FLOW,
    ),
    planted(
        "end_inside_a_block",
        "classification",
        STEPS,
        STEPS.replace(".end()", ".match().case(1).end()"),
        "case(1).|end()",
        "TF721",
        FLOW,
    ),
    planted(
        "block_that_is_not_open",
        "classification",
        STEPS,
        STEPS.replace(".end()", ".end_match()"),
        "to(assess).|end_match()",
        "TF704",
        FLOW,
    ),
    planted(
        "for_each_over_a_record",
        "classification",
        STEPS,
        STEPS.replace(".end()", ".for_each().end_for_each()"),
        "to(assess).|for_each()",
        "TF709",
        FLOW,
    ),
    in_variant("step_of_another_contract", "flow.to(announce)", "flow.to(|handlers.prepare)", "TF716", FLOW),
    # classes
    planted(
        "state_that_cannot_be_saved",
        "contracts",
        FINDINGS,
        f"{FINDINGS}    catalog: Catalog | None = None\n",
        "catalog: |Catalog | None",
        "TF603",
        STATES,
    ),
    planted(
        "resources_in_a_state",
        "contracts",
        FINDINGS,
        f"{FINDINGS}    needs: AuditResources | None = None\n",
        "needs: |AuditResources | None",
        "TF604",
        STATES,
    ),
    planted(
        "reserved_field", "contracts", FINDINGS, f"{FINDINGS}    append: int = 0\n", "|append: int = 0", "TF608", STATES
    ),
    planted(
        "part_of_the_wrong_kind",
        "classification",
        KEEPS,
        f"{KEEPS}    flow_state: ClassificationResources\n",
        "flow_state: |ClassificationResources",
        "TF605",
        STATES,
    ),
    planted(
        "misspelt_part",
        "classification",
        KEEPS,
        f"{KEEPS}    streem: str\n",
        "|streem: str",
        "TF607",
        STATES,
        "'stream'",
    ),
    planted(
        "part_with_a_value", "classification", KEEPS, f'{KEEPS}    stream: str = ""\n', "|stream: str", "TF613", STATES
    ),
    in_variant("missing_part", "    result: Verdict\n", "", "TF606", STATES, at="|class Asked(Contract"),
    in_variant("version", "(Contract, version=2)", "(Contract, version=|0)", "TF614", STATES),
    in_variant("option", "Answers(State)", "Answers(State, |tag=True)", "TF609", STATES, at="tag=|True"),
    # events
    in_variant("misspelt_event", '"ruled", Ruling(', '|"ruld", Ruling(', "TF501", EVENT, "'ruled'?"),
    in_variant(
        "wrong_payload",
        'Ruling(Verdict.REVIEW, "nobody looked at it yet")',
        "|Verdict.REVIEW",
        "TF502",
        EVENT,
        "Ruling",
        at='"ruled", |Verdict.REVIEW',
    ),
    in_variant("missing_payload", 'execution.emit("stopped")', 'execution.emit(|"ruled")', "TF502", EVENT),
    in_variant("misspelt_trigger", 'flow.when("ruled")', 'flow.when(|"ruld")', "TF501", EVENT, "'ruled'?"),
    in_variant("undeclared_trigger", '{"state": "policy"}', '{"state": |"polcy"}', "TF202", PATH, "'policy'?"),
    in_variant("misspelt_resume_event", 'resume_event="ruled"', 'resume_event=|"ruld"', "TF501", EVENT, "'ruled'?"),
    in_variant("step_behind_an_event", '"ruled").to(noted)', '"ruled").to(|first)', "TF701", FLOW),
    in_variant("stream_item", "data.put(data.value.policy)", "data.put(|data.value)", "", "arg-type"),
    in_variant("early_result", 'set_result(Report("", Counts(), ()))', "set_result(|data.value)", "", "arg-type"),
    in_variant(
        "pause_without_an_answer",
        "def ask(data: Data[Watched, Assessment]) -> Ruling:",
        "def ask(data: Data[Watched, Assessment]) -> NoReturn:",
        "TF720",
        FLOW,
        at="to(|ask)",
    ),
    in_variant(
        "binding",
        '"state": {"policy": "state.policy"}',
        '"state": {"policy": "state.polcy"}',
        "TF304",
        "typedflow-capture",
        "'policy'?",
        at="capture=|CAPTURE",
    ),
    # starts
    in_variant("start_value", "flow.start(request,", "flow.start(|request.policy,", "", "arg-type"),
    in_variant(
        "unknown_runtime_resource",
        'request, runtime_resources={"catalog":',
        'request, runtime_resources={|"catalogue":',
        "TF101",
        RESOURCE,
        "'catalog'?",
    ),
    in_variant(
        "runtime_resource_of_another_class",
        'request, runtime_resources={"catalog": InstalledCatalog()',
        'request, runtime_resources={"catalog": |request',
        "TF103",
        RESOURCE,
    ),
    in_variant(
        "unknown_resource_of_a_flow", "_resources(catalog=", "_resources(|catalogs=", "TF101", RESOURCE, "'catalog'?"
    ),
    in_variant(
        "resource_of_a_flow_of_another_class",
        "_resources(catalog=InstalledCatalog()",
        "_resources(catalog=|request",
        "TF103",
        RESOURCE,
    ),
)

LEFT_TO_THE_RUN: Final[tuple[Mistake, ...]] = (
    # the child's flow may have its own, set in any module
    capture("missing_resource", '"resources": {"catalog": "resources.catalog"},\n', "", "TF312", at=CHILD),
    # what begins an execution may come from anywhere too
    in_variant(
        "missing_runtime_resource",
        '{"catalog": InstalledCatalog()})\n    execution',
        "{})\n    execution",
        "TF102",
        RESOURCE,
        at="|{})",
    ),
)
"""What mypy cannot know: it says nothing of these."""
