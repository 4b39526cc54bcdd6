"""The command: it ends where a person has to allow something, and goes on with the answer."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest

from examples.agent.__main__ import main


@pytest.fixture(autouse=True)
def no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())


def test_a_conversation_in_two_processes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = str(tmp_path / "agent.db")
    assert main(["--store", store]) == 3
    said = capsys.readouterr().out
    assert "[read_note] Review: Ann and Bea." in said
    [words] = re.findall(r"--resume (\S+) --answer (\S+)", said)
    assert main(["--store", store, "--resume", words[0], "--answer", words[1]]) == 0
    said = capsys.readouterr().out
    assert "mail to bea@example.org: The review is on Friday at ten." in said
    assert "Done: Bea knows" in said


def test_an_unknown_conversation_is_an_error_of_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--store", str(tmp_path / "agent.db"), "--resume", "unknown"]) == 2
    assert capsys.readouterr().err.startswith("error: TF921: ")


def test_an_answer_is_yes_no_or_always(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--resume", "a", "--answer", "call-5=perhaps"])
    assert "'perhaps' is not yes, no or always" in capsys.readouterr().err
