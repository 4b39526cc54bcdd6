"""`typedflow run`, `answer`, `pending` and `runs`: an execution over several commands."""

from __future__ import annotations

import re
import shlex

import pytest

from tests.cli.asking import ASKING, BIRDS, SETTINGS
from tests.cli.project import Done, Project

SMALL = """\
import asyncio
import msgspec
from typedflow import Contract, Data, Flow, FlowState, State

class Total(State):
    limit: int
    seen: list[int] = []

class Counters(FlowState):
    runs: int = 0

class Sums(Contract):
    input: list[int]
    result: int
    state: Total
    flow_state: Counters
    stream: int

class Nothing(Contract):
    input: None
    result: None

class Texts(Contract):
    input: str
    result: str

def add(data: Data[Sums, list[int]]) -> int:
    for number in data.value:
        data.put(number)
    return min(sum(data.value), data.state.limit)

def shout(data: Data[Texts, str]) -> str:
    return data.value.upper()

def rest(data: Data[Nothing, None]) -> None:
    return None

async def stay(data: Data[Nothing, None]) -> None:
    await asyncio.sleep(3600)

class Person(msgspec.Struct):
    name: str

class Cat(msgspec.Struct, tag="cat"):
    name: str

class Dog(msgspec.Struct, tag="dog"):
    name: str

class Persons(Contract):
    input: Person
    result: str

class Pets(Contract):
    input: Cat | Dog
    result: str

pets = Flow(Pets)
pets.to(lambda data: data.value.name).end()

records = Flow(Persons)
records.to(lambda data: data.value.name).end()
sums = Flow(Sums)
sums.to(add).end()
texts = Flow(Texts)
texts.to(shout).end()
nothing = Flow(Nothing)
nothing.to(rest).end()
long = Flow(Nothing, name="long")
long.to(stay).end()
unset = Flow(Texts, name="unset")
unset.to(shout)
"""


ASKING_TWICE = """
from typedflow import Contract, Data, Flow

class Twice(Contract):
    input: int
    result: int

def ask(data: Data[Twice, int]) -> int:
    return data.pause_for(data.value, interrupt_id="q")

flow = Flow(Twice)
flow.to(ask).to(ask).end()
"""


def test_the_command_that_is_printed_has_the_key_of_a_question_whose_id_is_used_again(project: Project) -> None:
    project.write("twice.py", ASKING_TWICE)
    project.run("run", "twice:flow", "--input", "1", "--id", "a")
    again = project.run("answer", "a", "q", "2", "--flow", "twice:flow")
    assert again.stdout.splitlines()[-1].strip() == "typedflow answer a 'a:ask#2@0' VALUE --flow twice:flow"
    late = project.run("answer", "a", "a:ask@0", "3", "--flow", "twice:flow")
    assert (late.code, late.stdout) == (2, "")
    assert project.run("answer", "a", "a:ask#2@0", "3", "--flow", "twice:flow").stdout == "3\n"


def asking(project: Project, *arguments: str) -> Done:
    """Start the flow that asks, with the id 'first'."""
    project.write("review.py", ASKING)
    return project.run("run", "review:flow", "--input", BIRDS, "--id", "first", *arguments)


def test_an_execution_goes_on_in_other_processes_by_the_commands_that_are_printed(project: Project) -> None:
    project.write("review.py", ASKING)
    started = project.spawn("run", "review:flow", "--input", BIRDS, "--resources", "review:tools")
    assert (started.code, started.stderr) == (3, "search: done\napprove: waits for an answer\n")
    [head, question, command] = started.stdout.splitlines()
    assert head.endswith(" waits for an answer:")
    assert question == """  approval (human), asked by step 'approve': {"found":["Sibley","Svensson"]}"""
    words = shlex.split(command.replace("VALUE", "yes"))
    assert words[0] == "typedflow"
    answered = project.spawn(*words[1:])
    assert (answered.code, answered.stdout, answered.stderr) == (0, "Sibley, Svensson\n", "write: done\n")
    listed = project.run("runs", "list")
    assert listed.stdout.split()[:2] == [words[2], "completed"]
    assert (project.folder / ".typedflow" / ".gitignore").read_text(encoding="utf-8") == "*\n"


def test_the_settings_make_the_commands_short(project: Project) -> None:
    project.write("pyproject.toml", SETTINGS)
    started = asking(project)
    assert started.stdout.splitlines()[-1].strip() == "typedflow answer first approval VALUE"
    waiting = project.run("pending")
    assert waiting.stdout.splitlines() == [
        "first  flow 'review'",
        """  approval (human), asked by step 'approve': {"found":["Sibley","Svensson"]}""",
        "    typedflow answer first approval VALUE",
    ]
    assert project.run("answer", "fi", "approve", "yes").stdout == "Sibley, Svensson\n"
    assert project.run("pending").stdout == "no execution waits for an answer\n"


def test_the_json_of_each_command_has_the_same_facts(project: Project) -> None:
    project.write("pyproject.toml", SETTINGS)
    started = asking(project, "--json")
    assert started.code == 3
    question = {
        "id": "approval",
        "type": "human",
        "step": "approve",
        "payload": {"found": ["Sibley", "Svensson"]},
        "resume_event": None,
        "answer_with": "typedflow answer first approval VALUE",
        "deadline": None,
        "since": started.document["interrupts"][0]["since"],
    }
    assert started.document == {
        "execution": "first",
        "flow": "review",
        "status": "waiting",
        "interrupts": [question],
        "due": None,
        "failure": None,
        "retry_with": None,
    }
    assert project.run("pending", "--json").document == {
        "pending": [{"execution": "first", "flow": "review", **question}],
        "after": None,
        "damaged": [],
    }
    shown = project.run("runs", "show", "first", "--json").document
    assert (shown["status"], shown["interrupts"]) == ("waiting", [question])
    assert shown["state"] == {"request": {"topic": "birds"}, "found": ["Sibley", "Svensson"]}
    [row] = project.run("runs", "list", "--json").document["executions"]
    assert (row["execution"], row["flow"], row["status"]) == ("first", "review", "waiting")
    answered = project.run("answer", "first", "approval", '"yes"', "--json").document
    assert (answered["status"], answered["result"]) == ("completed", "Sibley, Svensson")
    assert project.run("runs", "delete", "first", "--json").document == {"deleted": ["first"]}
    assert project.run("runs", "list", "--json").document == {"executions": [], "after": None, "damaged": []}


def test_show_draws_the_state_and_the_reason_of_the_wait(project: Project) -> None:
    project.write("pyproject.toml", SETTINGS)
    asking(project)
    lines = project.run("runs", "show", "first").stdout.splitlines()
    assert [*lines[:2], *lines[3:]] == [
        "first  waiting  flow 'review'",
        "├── contract Review, version 1",
        "├── state",
        "│   ├── request",
        '│   │   └── topic: "birds"',
        '│   └── found: ["Sibley","Svensson"]',
        "└── it waits for an answer:",
        "    └── approval (human), asked by step 'approve'",
        "        └── asks",
        '            └── found: ["Sibley","Svensson"]',
        "typedflow answer first approval VALUE",
    ]


def test_a_failure_names_the_line_and_the_step_and_can_be_retried(project: Project) -> None:
    project.write("pyproject.toml", SETTINGS)
    asking(project)
    failed = project.run("answer", "first", "approval", "no")
    assert (failed.code, failed.stdout) == (1, "")
    assert failed.stderr.splitlines() == [
        "write: failed (ValueError)",
        "error: ValueError: refused (review.py:31)",
        "  in step 'write' of flow 'review', execution 'first'",
        "run the failed steps again: typedflow runs retry first",
    ]
    shown = project.run("runs", "show", "first").stdout.splitlines()
    assert shown[-3:] == [
        "└── a step failed (the error is not saved); these run again:",
        "    └── step 'write'",
        "typedflow runs retry first",
    ]
    again = project.run("runs", "retry", "first", "--json")
    assert (again.code, again.document["failure"]["text"]) == (1, "refused")
    project.write("review.py", ASKING.replace('== "no"', '== "never"'))
    assert project.run("runs", "retry", "first").stdout == "Sibley, Svensson\n"


def test_an_execution_is_cancelled_and_deleted(project: Project) -> None:
    project.write("pyproject.toml", SETTINGS)
    asking(project)
    refused = project.run("runs", "delete", "first")
    assert (refused.code, refused.stderr) == (
        2,
        "error: execution 'first' is waiting, not over (cancel it, or add --force)\n",
    )
    assert project.run("runs", "cancel", "first").stdout == "first is cancelled\n"
    assert project.run("runs", "list", "--status", "waiting").stdout == "no executions\n"
    assert project.run("runs", "list", "--status", "cancelled", "--name", "review").stdout.startswith(
        "first  cancelled"
    )
    assert project.run("runs", "delete", "first").stdout == "deleted first\n"


WRONG_ANSWERS = [
    (("first", "approval", "maybe"), 2, "answered with Literal['yes', 'no'], not 'maybe' (str)"),
    (("first", "aproval", "yes"), 2, "aproval"),
    (("second", "approval", "yes"), 2, "the store has no execution 'second' (`typedflow runs list` shows what it has)"),
    (("first", "approval", "-5"), 2, "not -5 (int)"),
    (("first", "approval", "yes", "--store", "none.db"), 2, "there is no store 'none.db'"),
    (("first", "approval", "yes", "--flow", "other"), 2, "(name the flow that saved it with --flow MODULE:FLOW)"),
    (("first", "approval", '{"ok": tru}'), 2, "VALUE begins as JSON, and is none: JSON is malformed"),
    (("first", "approval", "yes", "--flow", "revieww:flow"), 2, "(did you mean 'review'?)"),
    (("first", "approval", "yes", "--resources", "review:nothing"), 2, "has no function 'nothing'"),
    (("first", "approval", "yes", "--resources", "review:raising"), 1, "failed (review.py:"),
    (("first", "approval", "yes", "--resources", "review:listing"), 2, "not [] (list)"),
    (("first", "approval", "yes", "--resources", "review:empty"), 2, "--resources MODULE:FUNCTION supplies them"),
    (("first", "approval", "yes", "--resources", "review"), 2, "is named as 'module:function'"),
]


def test_what_cannot_be_answered_changes_nothing(project: Project) -> None:
    project.write("pyproject.toml", SETTINGS)
    asking(project)
    more = "def raising():\n    raise OSError('no')\n\ndef listing():\n    return []\n\ndef empty():\n    return {}\n"
    project.write("review.py", f"{ASKING}\n{more}")
    project.write("other.py", ASKING.replace('name="review"', 'name="other"'))
    before = project.run("runs", "show", "first").stdout
    for arguments, code, text in WRONG_ANSWERS:
        done = project.run("answer", *arguments)
        assert (done.code, done.stdout) == (code, ""), (arguments, done)
        assert text in done.stderr, (arguments, done.stderr)
        assert "Traceback" not in done.stderr
        assert project.run("runs", "show", "first").stdout == before, arguments


def test_an_execution_that_asks_nothing_names_the_command_that_goes_on(project: Project) -> None:
    project.write("pyproject.toml", SETTINGS)
    asking(project)
    assert project.run("answer", "first", "approval", "no", "-q").code == 1
    failed = project.run("answer", "first", "approval", "yes")
    assert failed.code == 2
    hint = "run the failed steps again: typedflow runs retry first"
    assert failed.stderr == f"error: execution 'first' has failed: it asks nothing ({hint})\n"
    project.run("runs", "cancel", "first")
    over = project.run("answer", "first", "approval", "yes")
    assert (over.code, over.stderr) == (2, "error: execution 'first' is cancelled: it asks nothing\n")
    again = project.run("runs", "retry", "first")
    assert again.stderr.endswith(
        "(`typedflow runs show first` shows where it stands, and the command that goes on from there)\n"
    )


OVERDUE = """\
from datetime import timedelta
from typedflow import Contract, Data, Flow

class Ask(Contract):
    input: float
    result: str

def ask(data: Data[Ask, float]) -> str:
    data.pause_for(interrupt_id="ask", deadline=timedelta(seconds=data.value), default="nobody")

flow = Flow(Ask, name="ask")
flow.to(ask).end()
"""


@pytest.mark.full
def test_a_question_whose_time_is_up_names_the_command_that_goes_on(project: Project) -> None:
    project.write("pyproject.toml", '[tool.typedflow]\nflows = ["ask:flow"]\n')
    project.write("ask.py", OVERDUE)
    for command in ("run", "pending", "show"):
        early = project.run("run", "ask", "--input", "3600", "--id", command, "-q")
        assert f"typedflow answer {command} ask VALUE" in early.stdout
    project.run("run", "ask", "--input", "3", "--id", "late", "-q")
    while "typedflow runs retry late" not in (listed := project.run("pending")).stdout:
        assert "typedflow answer late ask VALUE" in listed.stdout
    assert re.search(
        r"ask \(pause\), asked by step 'ask', whose time was up at .* UTC: null\n    typedflow runs retry late",
        listed.stdout,
    )
    assert "typedflow answer late" not in project.run("runs", "show", "late").stdout
    refused = project.run("answer", "late", "ask", "me")
    assert refused.stderr.endswith("(`typedflow runs retry late` lets it go on without the answer)\n")
    assert project.run("runs", "retry", "late", "-q").stdout == "nobody\n"


def test_problems_of_a_definition_have_their_lines(project: Project) -> None:
    project.write("small.py", SMALL.replace("texts.to(shout)", "texts.to(add)"))
    done = project.run("run", "small:texts", "--input", '"a"')
    assert done.code == 2
    line = SMALL.splitlines().index("texts.to(shout).end()") + 1
    assert done.stderr.startswith(f"error: 3 problems\n  small.py:{line}: TF716: ")


def test_without_settings_the_flow_has_to_be_named(project: Project) -> None:
    asking(project, "--resources", "review:tools")
    done = project.run("answer", "first", "approval", "yes")
    assert done.code == 2
    assert "which one that is, is not known" in done.stderr
    assert "add --flow MODULE:FLOW" in done.stderr


RESULTS = [
    (("small:texts", "--input", '"a"'), "A\n"),
    (("small:texts", "--input", "given.json"), "FILE\n"),
    (("small:nothing",), "null\n"),
    (("small:sums", "--input", "[1, 2]", "--state", '{"limit": 2}'), "2\n"),
    (("small:sums", "--input", "[1, 2]", "--state", '{"limit": 9}', "--no-store"), "3\n"),
]


def test_a_result_is_printed_as_json_and_a_text_as_it_is(project: Project) -> None:
    project.write("small.py", SMALL)
    project.write("given.json", '"file"')
    for arguments, result in RESULTS:
        done = project.run("run", *arguments)
        assert (done.code, done.stdout) == (0, result), (arguments, done)
    assert project.run("run", "small:texts", "--input", "-", stdin='"b"').stdout == "B\n"
    assert len(project.run("runs", "list").stdout.splitlines()) == len(RESULTS)


def test_items_of_the_stream_go_to_stderr(project: Project) -> None:
    project.write("small.py", SMALL)
    arguments = ("run", "small:sums", "--input", "[1, 2]", "--state", '{"limit": 2}')
    assert sorted(project.run(*arguments).stderr.splitlines()) == ["1", "2", "add: done"]
    assert project.run(*arguments, "--quiet").stderr == "1\n2\n"
    done = project.run(*arguments, "--json")
    assert (done.stderr, done.document["stream"], done.document["result"]) == ("", [1, 2], 2)


WRONG_RUNS = [
    (("small:texts",), 2, "flow 'Texts' takes an input (add --input with a str as JSON; `typedflow schema"),
    (("small:texts", "--input", "b"), 2, "'b' is no file, and no JSON"),
    (("small:texts", "--input", "5"), 2, "TF806: --input: the flow starts with str, not 5 (int)"),
    (("small:texts", "--input", "missing.json"), 2, "error: --input: there is no file 'missing.json'"),
    (
        ("small:records", "--input", '{"nmae": "a"}'),
        2,
        "error: --input: Person has no field 'nmae' (did you mean 'name'?)",
    ),
    (("small:records", "--input", "{}"), 2, "'name' (str) is missing"),
    (("small:pets", "--input", '{"type": "dgo", "name": "a"}'), 2, "Cat | Dog, with 'type' one of 'cat', 'dog')"),
    (("small:pets", "--input", '{"name": "a"}'), 2, "Cat | Dog, with 'type' one of 'cat', 'dog')"),
    (("small:pets", "--input", '{"type": "dog", "name": 5}'), 2, "(start it with a value of Cat | Dog)"),
    (("small:texts", "--input", "broken.json"), 2, "the file 'broken.json' is no JSON"),
    (
        ("small:sums", "--input", "[1]"),
        2,
        """(supply it with --state '{"NAME": VALUE}', or give the field a default)""",
    ),
    (("small:sums", "--input", "[1]", "--state", "[1]"), 2, "--state is a JSON object with fields of the state"),
    (("small:sums", "--input", "[1]", "--state", '{"limt": 1}'), 2, "did you mean 'limit'?"),
    (("small:texts", "--input", '"a"', "--id", "a/b"), 2, "TF816"),
    (("small:texts", "--input", '"a"', "--store", "x.db", "--no-store"), 2, "exclude each other"),
    (("small:texts", "--input", '"a"', "--store", "mysql://x"), 2, "there is no store for 'mysql://'"),
    (("small:texts", "--input", '"a"', "--store", "broken.json"), 2, "broken.json"),
    (("small:texts", "--input", '"a"', "--timeout", "-1"), 2, "timeout"),
    (("small:texts", "--input", '"a"', "--history", "2", "--no-store"), 2, "exclude each other"),
    (("small:texts", "--input", '"a"', "--history", "none"), 2, "a number of saves from 1 on, or 'all', not 'none'"),
    (("small:texts", "--input", '"a"', "--history", "2", "--store", "x/"), 2, "a folder of files keeps no history"),
    (("small",), 2, "module 'small' has 7 flows; name one of them"),
    (("small:long", "--timeout", "0.01"), 1, "TimeoutError"),
    (("small:unset", "--input", '"a"'), 1, "NoResultError"),
]


def test_what_cannot_be_run_is_a_mistake_without_a_traceback(project: Project) -> None:
    project.write("small.py", SMALL)
    project.write("broken.json", "{" * 2000)
    for arguments, code, text in WRONG_RUNS:
        done = project.run("run", *arguments)
        assert (done.code, done.stdout) == (code, ""), (arguments, done)
        assert text in done.stderr, (arguments, done.stderr)
        assert "Traceback" not in done.stderr


def test_an_id_is_used_once(project: Project) -> None:
    project.write("pyproject.toml", SETTINGS)
    asking(project)
    done = asking(project)
    assert (done.code, done.stderr) == (
        2,
        "error: there is an execution 'first' already (choose another --id, or none)\n",
    )


def test_the_beginning_of_an_id_has_to_be_of_one_execution(project: Project) -> None:
    project.write("pyproject.toml", SETTINGS)
    project.write("review.py", ASKING)
    for id_ in ("one", "once"):
        project.run("run", "review", "--input", BIRDS, "--id", id_)
    done = project.run("runs", "show", "on")
    assert (done.code, done.stderr) == (2, "error: 2 executions begin with 'on' (they are one, once)\n")


@pytest.mark.parametrize(
    "body", ["async def tools():", "@asynccontextmanager\nasync def tools():", "@contextmanager\ndef tools():"]
)
def test_resources_are_held_open_while_the_flow_runs(project: Project, body: str) -> None:
    opening = "yield" if "context" in body else "return"
    supply = f"{body}\n    {opening} {{'library': {{'birds': ['Sibley']}}}}\n    print('closed')\n"
    head = "from contextlib import asynccontextmanager, contextmanager\n"
    source = (
        ASKING.partition("def tools")[0]
        .replace(".to(approve)", "")
        .replace("Data[Review, str]", "Data[Review, list[str]]")
    )
    project.write("review.py", f"{head}{source}{supply}")
    done = project.run("run", "review", "--input", BIRDS, "--resources", "review:tools", "--no-store", "-q")
    assert (done.code, done.stdout) == (0, "Sibley\n"), done
    assert done.stderr == ("closed\n" if "context" in body else "")


def test_what_modules_and_handlers_print_goes_to_stderr(project: Project) -> None:
    source = SMALL.replace("return data.value.upper()", "print('called')\n    return data.value.upper()")
    project.write("small.py", f"print('imported')\n{source}")
    for form in ((), ("--json",)):
        done = project.run("run", "small:texts", "--input", '"a"', "--no-store", "--quiet", *form)
        assert (done.code, done.stderr) == (0, "imported\ncalled\n")
        assert done.document["result"] == "A" if form else done.stdout == "A\n"


def test_a_folder_is_a_store_too(project: Project) -> None:
    started = asking(project, "--resources", "review:tools", "--store", "saved/")
    command = started.stdout.splitlines()[-1].strip()
    assert command == "typedflow answer first approval VALUE --flow review:flow --resources review:tools --store saved/"
    done = project.run(*shlex.split(command.replace("VALUE", "yes"))[1:])
    assert done.stdout == "Sibley, Svensson\n"


def test_what_cannot_be_read_is_named_beside_the_rest(project: Project) -> None:
    asking(project, "--resources", "review:tools", "--store", "saved/")
    [file] = [path for path in (project.folder / "saved").rglob("*") if path.is_file() and path.stat().st_size > 500]
    project.run("run", "review", "--input", BIRDS, "--resources", "review:tools", "--store", "saved/", "--id", "second")
    file.write_bytes(file.read_bytes()[:200])
    done = project.run("runs", "list", "--store", "saved/")
    assert (done.code, done.stdout.split()[:2]) == (1, ["second", "waiting"])
    assert done.stderr.startswith("error: ")
    listed = project.run("runs", "list", "--store", "saved/", "--json").document
    assert [len(listed["executions"]), len(listed["damaged"])] == [1, 1]
    assert project.run("pending", "--store", "saved/").stdout.startswith("second")


def test_pending_names_what_a_child_asks(project: Project) -> None:
    project.write("pyproject.toml", SETTINGS + "\n")
    parent = (
        "outer = Flow(Review, name='outer')\n"
        "outer.to_sub_flow(flow, capture={'input': 'value', 'resources': {'library': 'resources.library'}}).end()\n"
    )
    project.write("review.py", f"{ASKING}\n{parent}")
    project.run("run", "review:outer", "--input", BIRDS, "--id", "first")
    [question] = project.run("pending", "--json").document["pending"]
    assert (question["flow"], question["id"]) == ("outer", "approval")
    shown = project.run("runs", "show", "first")
    assert "approval (human), asked by step 'approve'" in shown.stdout
    assert "├── a child flow waits:\n" in shown.stdout
    done = project.run("answer", "first", "approval", "yes", "--flow", "review:outer")
    assert done.stderr == "review/write: done\n"
    assert done.stdout == "Sibley, Svensson\n"


SLEEPING = """\
from datetime import timedelta
from typedflow import Contract, Data, Flow

class Nap(Contract):
    input: float
    result: str

def begin(data: Data[Nap, float]) -> float:
    return data.value

def until(data: Data[Nap, float]):
    from datetime import UTC, datetime
    return datetime.now(UTC) + timedelta(seconds=data.value)

def wake(data: Data[Nap, float]) -> str:
    return "awake"

flow = Flow(Nap, name="nap")
flow.to(begin).sleep(until, name="nap").to(wake).end()
"""


def test_an_execution_that_sleeps_goes_on_when_the_time_has_come(project: Project) -> None:
    project.write("pyproject.toml", '[tool.typedflow]\nflows = ["nap:flow"]\n')
    project.write("nap.py", SLEEPING)
    asleep = project.run("run", "nap", "--input", "3600", "--id", "long", "-q")
    assert (asleep.code, asleep.stdout.splitlines()[1]) == (3, "    typedflow runs retry long")
    assert asleep.stdout.startswith("long sleeps until ")
    shown = project.run("runs", "show", "long").stdout.splitlines()
    assert shown[-3] == "└── it sleeps; then a worker goes on with it, or the command below:"
    assert shown[-2].startswith("    └── step 'nap', until ")
    assert project.run("runs", "show", "long", "--json").document["sleeps"][0]["step"] == "nap"
    early = project.run("runs", "retry", "long")
    assert (early.code, early.stdout) == (2, "")
    assert re.fullmatch(r"error: execution 'long' sleeps until .* UTC \(it goes on then\)\n", early.stderr)
    assert project.run("pending").stdout == "no execution waits for an answer\n"
    assert project.run("run", "nap", "--input", "0.3", "--id", "short", "-q").code == 3
    while (retried := project.run("runs", "retry", "short", "-q")).code == 2:
        assert "sleeps until" in retried.stderr
    assert retried.stdout == "awake\n"


def test_a_name_that_no_execution_has_is_told(project: Project) -> None:
    asking(project, "--resources", "review:tools")
    hint = "; the store has none of a flow 'revew' (did you mean 'review'?)\n"
    assert project.run("runs", "list", "--name", "revew").stdout == f"no executions{hint}"
    assert project.run("pending", "--name", "revew").stdout == f"no execution waits for an answer{hint}"
    assert project.run("runs", "list", "--name", "review", "--status", "failed").stdout == "no executions\n"
