"""The plugin as a user installs it: from the wheel, in an environment of its own, cases run by pytest-mypy-plugins."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from tests.mypy.programs import STRICT, copy_library_cache
from tests.mypy.wheels import run

CASES: Final = Path(__file__).with_name("installed")
CONFIG: Final = "[mypy]\nstrict = true\nplugins = typedflow_mypy\n"


pytestmark = pytest.mark.one_python


def test_the_wheel_holds_the_plugin_and_its_marks(user: Path) -> None:
    program = "import typedflow, typedflow_mypy; print(typedflow.__file__); print(typedflow_mypy.__file__)"
    places = [Path(line) for line in run(user, "-c", program, cwd=user.parent).splitlines()]
    assert all(place.is_relative_to(user.parents[1]) for place in places)
    assert all((place.parent / "py.typed").exists() for place in places)


@pytest.mark.full
def test_the_cases_hold_for_the_installed_plugin(user: Path, tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").touch()  # the plugin finds modules beside it
    (tmp_path / "mypy.ini").write_text(CONFIG, encoding="utf-8")
    (tmp_path / "shop.py").write_text((CASES / "shop.py").read_text(encoding="utf-8"), encoding="utf-8")
    count = 0
    for path in CASES.glob("*.yml"):
        text = path.read_text(encoding="utf-8")
        count += text.count("- case: ")
        (tmp_path / f"test_{path.name}").write_text(text, encoding="utf-8")
    out = run(
        user,
        *("-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:asyncio", "--mypy-ini-file", "mypy.ini", "."),
        cwd=tmp_path,
    )
    assert f"{count} passed" in out
    assert count >= 20


PROGRAM: Final = """\
from shop import Data, Shop


def handler(data: Data[Shop, str], key: str) -> None:
    data.state.get(key)
"""
DYNAMIC: Final = (
    "program.py:5: error: TF299: the path is not a literal, so that it cannot be checked before the flow runs "
    "(write it out where it is used, as a Final name or of a Literal type)  [typedflow-dynamic]\n"
    "Found 1 error in 1 file (checked 1 source file)\n"
)
PASSED: Final = "Success: no issues found in 1 source file\n"
PYPROJECT: Final = '[tool.mypy]\nstrict = true\nplugins = ["typedflow_mypy"]\n[tool.typedflow-mypy]\n'
INI: Final = f"{CONFIG}[typedflow-mypy]\n"


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return one cache for all options, as a user has who tries one after another: the library is in it, checked."""
    return copy_library_cache(tmp_path_factory.mktemp("tried") / "cache", STRICT)


@pytest.mark.parametrize(
    "name, config, said",
    [
        ("pyproject.toml", f"{PYPROJECT}strict_dynamic_keys = true\n", DYNAMIC),
        ("mypy.ini", f"{INI}strict_dynamic_keys = true\n", DYNAMIC),
        ("setup.cfg", f"{INI}strict_dynamic_keys = true\n", DYNAMIC),
        # Each of the others would have mypy check the whole library again.
        pytest.param("pyproject.toml", f"{PYPROJECT}strict_dynamic_keys = false\n", PASSED, marks=pytest.mark.full),
        pytest.param(
            "pyproject.toml",
            f"{PYPROJECT}strict_dynamic_kyes = true\n",
            f"{PASSED}pyproject.toml: [tool.typedflow-mypy]: unrecognized option: 'strict_dynamic_kyes' "
            "(did you mean 'strict_dynamic_keys'?)\n",
            marks=pytest.mark.full,
        ),
        pytest.param(
            "mypy.ini",
            f"{INI}strict = true\n",
            f"{PASSED}mypy.ini: [typedflow-mypy]: unrecognized option: 'strict' "
            "(options: 'strict_dynamic_keys', 'report_unused')\n",
            marks=pytest.mark.full,
        ),
    ],
    ids=["pyproject_on", "ini", "setup_cfg", "pyproject_off", "pyproject_unknown", "ini_unknown"],
)
def test_the_installed_plugin_is_configured(
    user: Path, cache: Path, tmp_path: Path, name: str, config: str, said: str
) -> None:
    (tmp_path / name).write_text(config, encoding="utf-8")
    (tmp_path / "shop.py").write_text((CASES / "shop.py").read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "program.py").write_text(PROGRAM, encoding="utf-8")
    command = (user.with_name("mypy"), "--cache-dir", cache, "program.py")
    out = run(*command, cwd=tmp_path, code=1 if said == DYNAMIC else 0, both=True)
    assert out == said
