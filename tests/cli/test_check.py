"""`typedflow check`: problems of flows and contracts, with file and line, in four forms."""

from __future__ import annotations

import msgspec
import pytest

from tests.cli.asking import ASKING
from tests.cli.project import Project
from typedflow.cli.findings import Checked, Finding
from typedflow.cli.reports import ReportFormat, render_report

HEAD = """\
import msgspec
from typedflow import Contract, Data, Flow, State

class Request(msgspec.Struct):
    topic: str

class Review(Contract):
    input: Request
    result: str

def search(data: Data[Review, Request]) -> list[str]:
    return [data.value.topic]

def write(data: Data[Review, list[str]]) -> str:
    return data.value[0]

"""
SOUND = HEAD + "flow = Flow(Review)\nflow.to(search).to(write).end()\n"
WRONG = (
    HEAD
    + """\
flow = Flow(Review)
flow.to(search).to(search).end()
flow.when("approved").to(write)
"""
)


def test_a_sound_module_has_no_problems(project: Project) -> None:
    project.write("review.py", SOUND)
    done = project.spawn("check", "review")
    assert (done.code, done.stdout, done.stderr) == (0, "1 flow, 1 contract checked: no problems\n", "")


def test_problems_have_number_file_line_and_hint(project: Project) -> None:
    project.write("review.py", WRONG)
    done = project.run("check", "review")
    assert done.code == 1
    assert (
        done.stdout
        == """\
review.py:18: TF701: flow 'Review': step 'search#2' takes Request, and gets list[str]
    hint: annotate its parameter Data[…, list[str]], or put a step in between that makes Request of it
review.py:18: TF702: step 'end' of flow 'Review': end() sets the result of contract 'Review', str, and gets list[str]
    hint: add a step before end() that returns str
review.py:19: TF503: step 'when approved' of flow 'Review': contract 'Review' declares no events
    hint: add an Events class to Review: `events: ReviewEvents`
1 flow, 1 contract checked: 3 problems
"""
    )


def test_each_form_has_the_same_problems(project: Project) -> None:
    project.write("review.py", WRONG)
    document = project.run("check", "review", "--json").document
    assert document == project.run("check", "review", "--format", "json").document
    assert document["ok"] is False
    assert (document["flows"], document["contracts"]) == (["review:flow"], ["review:Review"])
    places = [(problem["code"], problem["file"], problem["line"]) for problem in document["problems"]]
    log = project.run("check", "review", "--format", "sarif").document
    results = log["runs"][0]["results"]
    shown = [result["locations"][0]["physicalLocation"] for result in results]
    assert places == [
        (result["ruleId"], at["artifactLocation"]["uri"], at["region"]["startLine"])
        for result, at in zip(results, shown, strict=True)
    ]
    assert {rule["id"] for rule in log["runs"][0]["tool"]["driver"]["rules"]} == {code for code, *_ in places}
    annotations = project.run("check", "review", "--format", "github").stdout.splitlines()
    assert [line.partition("::")[2].partition("::")[0] for line in annotations] == [
        f"error file={file},line={line},title={code}" for code, file, line in places
    ]


def test_an_annotation_is_one_line_whatever_a_problem_holds() -> None:
    finding = Finding("TF1", "50% of\nit", "a: b, c", "", "a,b:c.py", 3)
    shown = render_report(Checked(problems=[finding]), ReportFormat.GITHUB)
    assert shown == "::error file=a%2Cb%3Ac.py,line=3,title=TF1::50%25 of%0Ait%0Aa: b, c\n"


def test_sarif_has_a_uri_for_every_file_and_no_place_where_none_is_known() -> None:
    findings = [Finding("TF701", "x", "", "", file, line) for file, line in [("/a b/c.py", 0), ("", 0)]]
    log = msgspec.json.decode(render_report(Checked(problems=findings), ReportFormat.SARIF))
    [placed, unplaced] = log["runs"][0]["results"]
    assert placed["locations"] == [{"physicalLocation": {"artifactLocation": {"uri": "file:///a%20b/c.py"}}}]
    assert "locations" not in unplaced


RAISING = [
    ("import msgspec\n\nclass Ab(msgspec.Struct:\n", 3, "import", "SyntaxError: "),
    ("x = 1\nimport no_such_package\n", 2, "import", "No module named 'no_such_package'"),
    ("def f():\n    raise ValueError('no')\n\nf()\n", 2, "import", "ValueError: no"),
    ("import json\n\njson.loads('{')\n", 3, "import", "JSONDecodeError"),
    ("import sys\nsys.exit('bye')\n", 2, "import", "SystemExit: bye"),
    (HEAD + "class Empty(Contract):\n    input: int\n", 17, "TF606", "result"),
    (HEAD + "flow = Flow(Review)\nflow.to(\n    'nobody',\n)\n", 18, "TF706", "'nobody'"),
]


@pytest.mark.parametrize("source, line, code, text", RAISING)
def test_a_module_that_raises_is_a_problem_at_its_line(
    project: Project, source: str, line: int, code: str, text: str
) -> None:
    project.write("broken.py", source)
    project.write("review.py", SOUND)
    done = project.run("check", "broken", "review", "--json")
    assert done.code == 1
    [problem] = done.document["problems"]
    assert (problem["file"], problem["line"], problem["code"]) == ("broken.py", line, code)
    assert text in problem["text"]
    assert done.document["flows"] == ["review:flow"]  # the others are checked all the same


def test_a_migration_that_is_missing_is_a_problem_of_its_contract(project: Project) -> None:
    source = "from typedflow import Contract\n\nclass Old(Contract, version=4):\n    input: int\n    result: int\n"
    project.write("old.py", source + "\nOld.migrate(1)(dict)\n")
    done = project.run("check", "old", "--json")
    assert done.code == 1
    assert [(each["code"], each["where"]) for each in done.document["problems"]] == [("TF917", "contract 'Old'")] * 2


def test_problems_of_a_child_are_reported_once(project: Project) -> None:
    project.write("review.py", WRONG + "parent = Flow(Review, name='parent')\nparent.to_sub_flow(flow).end()\n")
    document = project.run("check", "review", "review:flow", "--json").document
    assert [problem["line"] for problem in document["problems"]] == [18, 18, 19]


FACTORY = (
    HEAD
    + "def build() -> 'Flow[Review]':\n    flow = Flow(Review)\n    flow.to(search).to(write).end()\n    return flow\n"
)
TARGETS = [
    ("review", SOUND, ["review:flow"]),
    ("review:flow", SOUND, ["review:flow"]),
    ("review:Review", SOUND.replace("Flow(Review)", "Flow(Review, name='Reviews')"), None),
    ("review:Reviews", SOUND.replace("Flow(Review)", "Flow(Review, name='Reviews')"), ["review:Reviews"]),
    ("review.py", SOUND, ["review.py:flow"]),
    ("./review.py:flow", SOUND, ["./review.py:flow"]),
    ("review:build", FACTORY, ["review:build"]),
]


@pytest.mark.parametrize("target, source, flows", TARGETS)
def test_a_target_names_a_module_a_file_a_flow_or_a_function(
    project: Project, target: str, source: str, flows: list[str] | None
) -> None:
    project.write("review.py", source)
    done = project.run("check", target, "--json")
    if flows is None:
        assert done.code == 2
    else:
        assert (done.code, done.document["flows"]) == (0, flows)


MISTAKES = [
    ("revew", "there is no module 'revew' (did you mean 'review'?)"),
    ("package.revew", "there is no module 'package.revew' (did you mean 'package.review'?)"),
    ("no.such.thing", "there is no module 'no.such.thing' (modules are searched in the working directory and in the"),
    ("review:flw", "module 'review' has no flow 'flw' (did you mean 'flow'?)"),
    ("review:zzzzzzz", "module 'review' has no flow 'zzzzzzz' (its flows: 'flow')"),
    ("review:Request", "'review:Request' is no flow, but <class 'review.Request'>"),
    ("review:search", "'review:search' is no flow, and no function that returns one without an argument"),
    ("review:", "'review:' is no MODULE or MODULE:FLOW"),
    (":flow", "':flow' is no MODULE or MODULE:FLOW"),
    ("other.py", "there is no file 'other.py'"),
    ("empty", "module 'empty' has no flow at its top level (assign it to a name there: flow = Flow(…))"),
    ("factory", "module 'factory' has no flow at its top level (it has a function that returns one: 'factory:build')"),
]


def test_a_wrong_target_is_a_mistake_that_names_the_next_step(project: Project) -> None:
    project.write("review.py", SOUND)
    project.write("package/__init__.py", "")
    project.write("package/review.py", SOUND)
    project.write("empty.py", "")
    project.write("factory.py", FACTORY.replace("class Review(Contract):", "from review import Review\nclass R:"))
    for target, text in MISTAKES:
        done = project.run("check", target)
        assert (done.code, done.stdout) == (2, ""), target
        assert done.stderr.startswith(f"error: {text}"), (target, done.stderr)
        assert "Traceback" not in done.stderr
        assert project.run("check", target, "--json").document["error"]["text"]


SETTINGS = [
    ("[tool.typedflow]\nstor = 'x'", "has an unknown key 'stor' (did you mean 'store'?)"),
    ("[tool.typedflow]\nstore = 3", "'store' is a text, not 3 (int)"),
    ("[tool.typedflow]\nflows = 'review:flow'", "'flows' is a list of texts"),
    ("[tool]\ntypedflow = 1", "is a table, not 1 (int)"),
    ("[tool", "cannot read"),
]


def test_wrong_settings_are_a_mistake(project: Project) -> None:
    project.write("review.py", SOUND)
    for text, expected in SETTINGS:
        project.write("pyproject.toml", text)
        done = project.run("check", "review")
        assert (done.code, expected in done.stderr) == (2, True), (text, done)


def test_without_the_extra_it_is_named(project: Project) -> None:
    program = "import sys; sys.modules['typer'] = None; from typedflow.cli.main import main; main()"
    done = project.spawn(python=("-W", "error", "-c", program))
    assert (done.code, done.stdout) == (2, "")
    assert done.stderr == ("error: 'typer' is not installed; the command line needs it: pip install 'typedflow[cli]'\n")


RESULTS = [
    ("flow.to(search).to(write)", True),
    ("flow.to(search).to(write).end()", False),
    ("flow.to(search).to(lambda data: data.set_result(''))", False),
    ("flow.to(search).to(finish)", False),
    ("flow.to(search).to(str)", False),
    ("flow.to(Finish())", False),
    ("flow.to(Count())", True),
]
SETTING = """
def finish(data):
    put(data)

def put(data):
    data.set_result("")

class Finish:
    def __call__(self, data):
        data.set_result("")

class Count:
    def __call__(self, data):
        return 1

flow = Flow(Review)
"""


def test_a_result_that_nothing_sets_is_a_warning(project: Project) -> None:
    for chain, is_warned in RESULTS:
        project.write("review.py", f"{HEAD}{SETTING}{chain}\n")
        done = project.run("check", "review")
        assert (done.code, "warning: TF726: flow 'Review': no end() and no set_result()" in done.stdout) == (
            0,
            is_warned,
        ), chain
    assert done.stdout.startswith("review.py:32: warning: TF726")
    assert done.stdout.endswith("1 flow, 1 contract checked: 1 warning\n")
    assert project.run("check", "review", "--format", "github").stdout.startswith("::warning file=review.py,line=32")
    [result] = project.run("check", "review", "--format", "sarif").document["runs"][0]["results"]
    assert result["level"] == "warning"


def test_without_a_target_the_flows_of_the_settings_are_checked(project: Project) -> None:
    project.write("pyproject.toml", '[tool.typedflow]\nflows = ["review:flow"]\n')
    project.write("review.py", ASKING)
    done = project.run("check")
    assert (done.code, done.stdout) == (0, "1 flow, 0 contracts checked: no problems\n")
