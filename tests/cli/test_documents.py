"""`typedflow config` and `schema`: a flow as a document, and the JSON Schema of its parts."""

from __future__ import annotations

import json

import pytest

from tests.cli.asking import ASKING
from tests.cli.project import Project


@pytest.mark.full
def test_a_config_is_equal_in_two_processes(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.write("review.py", ASKING)
    monkeypatch.setenv("PYTHONHASHSEED", "1")  # of the other process
    done = project.spawn("config", "review:flow")
    assert (done.code, done.stderr) == (0, "")
    text = done.stdout
    assert project.run("config", "review:flow").stdout == text
    assert [node["handler"] for node in json.loads(text)["nodes"][:3]] == ["search", "approve", "write"]
    assert str(project.folder) not in text
    assert project.run("config", "review", "--json").stdout == text
    assert project.run("config", "review", "--format", "yaml").stdout.startswith(
        "format: typedflow.config/1\nflow: review\n"
    )


def test_a_flow_that_cannot_be_exported_is_a_mistake(project: Project) -> None:
    project.write("review.py", ASKING.replace(".to(search)", ".to(search).to(lambda data: data.value)"))
    done = project.run("config", "review")
    assert (done.code, done.stdout) == (2, "")
    assert done.stderr.startswith("error: review.py:35: TF760: step 'lambda' of flow 'review': the handler is a lambda")


PARTS = """
class Approval(msgspec.Struct):
    ok: bool

class Votes(Events):
    approved: Approval
    closed: None

class Wide(Contract):
    input: int
    result: Approval
    events: Votes
    stream: object

def ask(data: Data[Wide, int]) -> NoReturn:
    data.pause_for()

def take(data: Data[Wide, Approval]) -> Approval:
    return data.value

def see(data: Data[Wide, Approval]) -> None: ...

def loose(data: Data[Wide, int]):
    data.pause_for()

wide = Flow(Wide)
wide.to(ask).to(take).end()
loose_end = wide.to(loose)
"""


def test_the_schema_of_each_part_is_printed(project: Project) -> None:
    head = "from typing import NoReturn\nfrom typedflow import Events\n"
    project.write("review.py", f"{head}{ASKING}{PARTS}")
    done = project.spawn("schema", "review:flow.input")
    assert (done.code, done.stderr) == (0, "")
    assert done.document == {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$ref": "#/$defs/Request",
        "$defs": {
            "Request": {
                "title": "Request",
                "type": "object",
                "properties": {"topic": {"type": "string"}},
                "required": ["topic"],
            }
        },
    }
    whole = project.run("schema", "review:flow").document
    assert list(whole["properties"]) == ["input", "result", "state"]
    assert set(whole["$defs"]) == {"Request", "Notes"}
    answer = project.run("schema", "review:flow.answer.approve", "--json").document
    assert answer == {"$schema": whole["$schema"], "enum": ["no", "yes"]}
    for part in ("events.approved", "answer.ask", "result"):
        assert project.run("schema", f"review:wide.{part}").document["$ref"] == "#/$defs/Approval"
    assert project.run("schema", "review:wide.answer.loose").document == {"$schema": whole["$schema"]}


WRONG = [
    ("review:flow.inputs", "flow 'review' has no part 'inputs' (did you mean 'input'?)"),
    ("review:flow.answer.aprove", "flow 'review' has no step 'aprove' (did you mean 'approve'?)"),
    ("review:flw.input", "module 'review' has no flow 'flw' (did you mean 'flow'?)"),
    ("revew", "there is no module 'revew' (did you mean 'review'?)"),
]


def test_a_module_with_one_flow_is_enough(project: Project) -> None:
    project.write("review.py", ASKING)
    assert project.run("schema", "review").stdout == project.run("schema", "review:flow").stdout


def test_an_unknown_part_is_a_mistake(project: Project) -> None:
    project.write("review.py", ASKING)
    for target, text in WRONG:
        done = project.run("schema", target)
        assert (done.code, done.stdout, done.stderr) == (2, "", f"error: {text}\n")
