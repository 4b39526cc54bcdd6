"""`typedflow config`: a flow as a document."""

from __future__ import annotations

import json

import pytest

from tests.cli.asking import ASKING
from tests.cli.project import Project


def test_a_config_is_equal_in_two_processes(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.write("review.py", ASKING)
    texts = set()
    for seed in ("1", "2"):
        monkeypatch.setenv("PYTHONHASHSEED", seed)
        done = project.spawn("config", "review:flow")
        assert (done.code, done.stderr) == (0, "")
        texts.add(done.stdout)
    [text] = texts
    assert [node["handler"] for node in json.loads(text)["nodes"][:3]] == ["search", "approve", "write"]
    assert str(project.folder) not in text
    assert project.run("config", "review", "--json").stdout == text
    assert project.run("config", "review", "--format", "yaml").stdout.startswith(
        "format: typedflow.config/1\nflow: review\n"
    )


def test_a_flow_that_cannot_be_exported_is_told_without_a_traceback(project: Project) -> None:
    project.write("review.py", ASKING.replace(".to(search)", ".to(search).to(lambda data: data.value)"))
    done = project.run("config", "review")
    assert (done.code, done.stdout) == (2, "")
    assert done.stderr.startswith("error: TF760: step 'lambda' of flow 'review': the handler is a lambda")
