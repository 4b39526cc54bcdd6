"""An audit that waits for a person: the commands are processes of their own, and some of them are killed.

Where only what is printed matters, or what a process has left behind, the last command is run in the test's process.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from examples.license_audit.__main__ import main
from examples.license_audit.contracts import Tally
from examples.license_audit.records import Assessment, Decision, Distribution, Identified, Ruling, Source, Verdict
from examples.license_audit.review import Review, ask, name_interrupt, record
from typedflow.stores import SQLiteStore
from typedflow.testing import PauseSignal, make_data

ROOT: Final = Path(__file__).parents[2]
WAITING: Final = 3
# Comes to the nth time that it passes a point between two steps, and kills or stops itself there.
DYING: Final = """
import itertools, os, signal, sys
from typedflow.execution import failpoints
from examples.license_audit.__main__ import main
name, point, nth = sys.argv[1:4]
left = itertools.count(int(nth) - 1, -1)
failpoints.reach = lambda at: at == point and next(left) == 0 and os.kill(os.getpid(), getattr(signal, name))
sys.exit(main(sys.argv[4:]))
"""
QUESTIONS: Final = """\
  beta   beta 2, LGPL-3.0-only: the policy asks to review LGPL-3.0-only; see COPYING
  gamma  gamma 3, (not understood): the licence was not understood: License 'ask the author'
"""
REPORT: Final = """\
verdict  distribution  version  licence           why
-------  ------------  -------  ----------------  ---
denied   gamma         3        (not understood)  the licence was not understood: License 'ask the author'; denied in \
review
allowed  alpha         1        MIT
allowed  beta          2        LGPL-3.0-only     the policy asks to review LGPL-3.0-only; allowed in review: a \
library: unchanged

3 distributions: 1 denied, 0 to review, 2 allowed (policy 'policy.toml')
"""
DECISIONS: Final = ("--decide", "beta=allow:a library: unchanged", "--decide", "gamma=deny")


class Place:
    """A folder with distributions, a policy and a store, and the commands that are run in it."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self.capsys = capsys
        self.store = folder / "audits.db"
        (folder / "policy.toml").write_text('allowed = ["MIT"]\nreview = ["LGPL-3.0-only"]\n', encoding="utf-8")
        self.install("alpha", "1", "License-Expression: MIT")
        self.install("beta", "2", "License-Expression: LGPL-3.0-only", "License-File: COPYING")
        self.install("gamma", "3", "License: ask the author")

    def install(self, name: str, version: str, *lines: str) -> None:
        info = self.folder / "site" / f"{name}-{version}.dist-info"
        info.mkdir(parents=True)
        text = "\n".join([f"Name: {name}", f"Version: {version}", *lines, ""])
        (info / "METADATA").write_text(text, encoding="utf-8")

    def popen(self, *arguments: str, program: tuple[str, ...] = ("-m", "examples.license_audit")) -> Any:
        return subprocess.Popen(
            [sys.executable, *program, "--store", "audits.db", *arguments],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str, **options: Any) -> tuple[int, str, str]:
        with self.popen(*arguments, **options) as process:
            out, err = process.communicate()
        return process.returncode, out, err

    def here(self, *arguments: str) -> tuple[int, str, str]:
        """Run a command in this process, which is quicker."""
        self.capsys.readouterr()
        code = main(["--store", "audits.db", *arguments])
        return code, *self.capsys.readouterr()

    def begin(self, **options: Any) -> tuple[int, str, str]:
        return self.run("--path", "site", "--policy", "policy.toml", **options)

    def begun(self) -> str:
        """Begin an audit here and give its id."""
        assert self.here("--path", "site", "--policy", "policy.toml")[0] == WAITING
        return self.only()

    def only(self) -> str:
        """Return the id of the only audit in the store."""
        (entry,) = asyncio.run(self.entries())
        return str(entry.execution_id)

    async def entries(self) -> Any:
        async with SQLiteStore(self.store) as store:
            return await store.list()

    def tally(self) -> dict[str, int]:
        """Return what the store has counted."""

        async def read() -> bytes | None:
            async with SQLiteStore(self.store) as store:
                return await store.get_flow_state("license_audit")

        stored = asyncio.run(read())
        if stored is None:
            return Tally().to_dict()
        fields: dict[str, Any] = json.loads(stored)
        del fields["$typedflow"]  # the header: which contract wrote it
        return fields

    def questions(self, audit: str, shown: str) -> str:
        """Return what is printed while questions are open."""
        asked = len(shown.splitlines())
        first = shown.split()[0]
        return (
            f"audit {audit} waits for {asked} decision{'s' * (asked > 1)}:\n{shown}decide with: python -m "
            f"examples.license_audit --store audits.db --resume {audit} --decide {first}=allow|deny[:note]\n"
        )


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Place:
    monkeypatch.chdir(tmp_path)
    return Place(tmp_path, capsys)


def dying(point: str, nth: int, name: str = "SIGKILL") -> tuple[str, ...]:
    return ("-c", DYING, name, point, str(nth))


def test_an_audit_waits_in_the_store_and_goes_on_with_the_decisions(place: Place) -> None:
    code, out, err = place.begin()
    audit = place.only()
    assert (code, out, err) == (WAITING, place.questions(audit, QUESTIONS), "")
    assert place.tally() == {"allowed": 1, "review": 0, "denied": 0}

    beta, gamma = DECISIONS[:2], DECISIONS[2:]
    still = "".join(QUESTIONS.splitlines(keepends=True)[1:])
    assert place.run("--resume", audit, *beta) == (WAITING, place.questions(audit, still), "")
    assert place.run("--resume", audit, *gamma) == (1, REPORT, "")
    assert place.tally() == {"allowed": 2, "review": 0, "denied": 1}


def test_the_report_of_a_finished_audit_is_printed_again(place: Place) -> None:
    audit = place.begun()
    assert place.here("--resume", audit, *DECISIONS) == (1, REPORT, "")
    assert place.here("--resume", audit) == (1, REPORT, "")
    assert place.tally() == {"allowed": 2, "review": 0, "denied": 1}


def test_the_audits_in_a_store_are_listed(place: Place) -> None:
    finished = place.begun()
    place.here("--resume", finished, *DECISIONS)
    _, _, err = place.here("alfa", "--path", "site", "--policy", "policy.toml")
    assert err == "error: no distribution 'alfa' is installed (did you mean 'alpha'?)\n"
    place.begin()
    code, out, err = place.here("--list")
    assert (code, err) == (0, "")
    assert [line.split()[0] for line in out.splitlines()] == ["completed", "failed", "waiting"]
    assert out.splitlines()[0].split()[1] == finished


@pytest.mark.parametrize(
    "decision, message",
    [
        (
            "beta=maybe",
            "TF810: step 'ask' of flow 'review': interrupt 'beta' is answered with Decision, and 'answer' in it is "
            "Literal['allow', 'deny'], not 'maybe' (str) (it is still pending: answer it again)",
        ),
        (
            "betta=allow",
            "TF807: execution 'AUDIT' of flow 'license_audit': there is no interrupt 'betta' (did you mean 'beta'?)",
        ),
    ],
)
def test_a_wrong_decision_is_refused_and_the_question_stays(place: Place, decision: str, message: str) -> None:
    audit = place.begun()
    refused = (2, place.questions(audit, QUESTIONS), f"error: {message.replace('AUDIT', audit)}\n")
    assert place.here("--resume", audit, "--decide", decision) == refused
    assert place.here("--resume", audit) == (WAITING, place.questions(audit, QUESTIONS), "")


def test_a_wrong_decision_does_not_keep_a_right_one_from_being_taken(place: Place) -> None:
    audit = place.begun()
    code, out, err = place.here("--resume", audit, "--decide", "gamma=no", *DECISIONS[:2])
    assert (code, out) == (2, place.questions(audit, QUESTIONS.splitlines(keepends=True)[1]))
    assert err.startswith("error: TF810: ")


def test_a_decision_is_taken_once(place: Place) -> None:
    audit = place.begun()
    place.here("--resume", audit, *DECISIONS[:2])
    code, out, err = place.run("--resume", audit, "--decide", "beta=deny")
    assert (code, out) == (2, place.questions(audit, QUESTIONS.splitlines(keepends=True)[1]))
    assert "interrupt 'beta' was answered already" in err
    code, out, err = place.here("--resume", audit, "--decide", "gamma=deny", "--decide", "gamma=allow")
    assert (code, out) == (2, REPORT)
    assert "the execution is completed" in err


def test_of_two_processes_that_decide_at_the_same_time_one_is_refused(place: Place) -> None:
    audit = place.begun()
    with place.popen("--resume", audit, *DECISIONS[2:], program=dying("run.entered", 1, "SIGSTOP")) as late:
        os.waitpid(late.pid, os.WUNTRACED)
        first = place.here("--resume", audit, *DECISIONS)
        late.send_signal(signal.SIGCONT)
        out, err = late.communicate()
    assert first == (1, REPORT, "")
    assert (late.returncode, out) == (2, "")
    assert err.startswith(f"error: TF951: execution '{audit}': ")
    assert place.here("--resume", audit) == (1, REPORT, "")


@pytest.mark.parametrize(
    "point, nth", [("save.stored", 1), ("child.entered", 2), ("step.ended", 7), ("save.encoded", 2), ("save.stored", 2)]
)
@pytest.mark.thin(3)
def test_an_audit_that_is_killed_is_brought_to_its_end(place: Place, point: str, nth: int) -> None:
    assert place.begin(program=dying(point, nth)) == (-signal.SIGKILL, "", "")
    assert place.here("--resume", place.only(), *DECISIONS) == (1, REPORT, "")
    assert place.tally() == {"allowed": 2, "review": 0, "denied": 1}


@pytest.mark.parametrize(
    "point, nth, kept",
    [
        pytest.param("answer.taken", 1, False, marks=pytest.mark.full),
        ("save.encoded", 1, False),
        ("save.stored", 1, True),
        pytest.param("step.ended", 1, True, marks=pytest.mark.full),
        pytest.param("child.left", 1, True, marks=pytest.mark.full),
        ("save.encoded", 2, True),
        pytest.param("save.stored", 2, True, marks=pytest.mark.full),
    ],
)
@pytest.mark.thin(3)
def test_a_decision_outlives_its_process_once_it_is_saved(place: Place, point: str, nth: int, kept: bool) -> None:
    audit = place.begun()
    killed = place.run("--resume", audit, *DECISIONS[:2], program=dying(point, nth))
    assert killed == (-signal.SIGKILL, "", "")
    left = DECISIONS[2:] if kept else DECISIONS
    assert place.here("--resume", audit, *left) == (1, REPORT, "")
    assert place.tally() == {"allowed": 2, "review": 0, "denied": 1}


def test_questions_are_printed_as_json_on_request(place: Place) -> None:
    code, out, _ = place.here("--path", "site", "--policy", "policy.toml", "--json", "beta")
    assert code == WAITING
    assert json.loads(out) == {
        "execution": place.only(),
        "report": None,
        "questions": {
            "beta": {
                "distribution": "beta",
                "version": "2",
                "licence": "LGPL-3.0-only",
                "reason": "the policy asks to review LGPL-3.0-only",
                "license_files": ["COPYING"],
            }
        },
        "refusals": [],
    }


def test_an_audit_without_questions_is_reported_at_once(place: Place) -> None:
    code, out, err = place.here("--path", "site", "--policy", "policy.toml", "alpha")
    assert (code, err) == (0, "")
    assert "\n1 distribution: 0 denied, 0 to review, 1 allowed " in out


def test_what_an_audit_goes_by_is_kept_with_it(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    assert place.begin(program=dying("child.entered", 3))[0] == -signal.SIGKILL
    audit = place.only()
    (place.folder / "policy.toml").unlink()
    monkeypatch.chdir(ROOT)  # the folder with the distributions is found from anywhere
    assert main(["--store", str(place.store), "--resume", audit, *DECISIONS]) == 1


def test_an_audit_that_failed_can_be_resumed_once_its_cause_is_gone(place: Place) -> None:
    assert place.here("--path", "site", "--policy", "later.toml", "alpha")[0] == 2
    (place.folder / "policy.toml").rename(place.folder / "later.toml")
    assert place.here("--resume", place.only())[0] == 0


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--list"], "--list and --resume need --store"),
        (["--resume", "a"], "--list and --resume need --store"),
        (["--store", "none.db", "--list"], "there is no file 'none.db'"),
        (["--decide", "a=allow"], "--decide needs --resume"),
        (["--store", __file__, "--resume", "a", "beta"], "are those of the audit that is resumed"),
        (["--store", __file__, "--resume", "a", "--decide", "a"], "'a' is not id=allow or id=deny, with a :note or"),
    ],
)
def test_options_that_do_not_go_together_are_refused(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert message in capsys.readouterr().err


def test_an_unknown_audit_and_a_file_that_is_no_store_are_refused_in_words(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    audit = place.begun()
    assert main(["--store", str(place.store), "--resume", audit[:8]]) == 2
    assert main(["--store", str(place.folder / "policy.toml"), "--list"]) == 2
    unknown, no_store = capsys.readouterr().err.splitlines()
    assert unknown.startswith(f"error: TF921: the store has no execution '{audit[:8]}'")
    assert no_store.startswith("error: TF953: ")


# -- the child flow alone


def assessed(name: str) -> Assessment:
    license = Identified("LGPL-3.0-only", Source.EXPRESSION)
    return Assessment(Distribution(name, "2"), license, Ruling(Verdict.REVIEW, "the policy asks"))


@pytest.mark.parametrize(
    "decision, verdict, reason",
    [
        (Decision("allow"), Verdict.ALLOWED, "the policy asks; allowed in review"),
        (Decision("deny", "not here"), Verdict.DENIED, "the policy asks; denied in review: not here"),
    ],
)
def test_a_finding_says_what_was_decided(decision: Decision, verdict: Verdict, reason: str) -> None:
    found = record(make_data(Review, decision, state={"assessment": assessed("beta")}))
    assert (found.verdict, found.reason, found.decision) == (verdict, reason, decision)


def test_a_question_goes_by_the_canonical_name() -> None:
    with pytest.raises(PauseSignal) as caught:
        ask(make_data(Review, "Zope.Interface", state={"assessment": assessed("Zope.Interface")}))
    assert (caught.value.interrupt.id, caught.value.interrupt.type) == ("zope-interface", "licence-review")


@pytest.mark.parametrize("name", ["über", "a b", "", "-a", "a" * 129])
def test_a_name_that_is_no_id_gets_an_id_of_its_own(name: str) -> None:
    assert name_interrupt(name) is None
