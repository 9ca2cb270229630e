"""What is installed is whole: prompts, weights, templates, the sample shop. And the command line is quick."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_DATA = (".md", ".yaml", ".json", ".jsonl", ".npz", ".html", ".j2", ".css", ".js", ".svg", ".mako", ".typed")


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    out = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", out, ROOT],
        check=True,
        capture_output=True,
    )
    [wheel] = out.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_every_data_file_of_the_package_is_in_the_wheel(names: set[str]) -> None:
    source = ROOT / "src"
    wanted = {
        p.relative_to(source).as_posix() for p in source.rglob("*") if p.suffix in _DATA and p.is_file()
    }
    assert wanted
    assert wanted <= names


def test_every_prompt_is_in_the_wheel(names: set[str]) -> None:
    wanted = {f"recuerda/_prompts/{p.name}" for p in (ROOT / "prompts").glob("*.md")}
    assert wanted
    assert wanted <= names


def test_neither_tests_nor_evals_are_in_the_wheel(names: set[str]) -> None:
    assert {name.split("/")[0] for name in names} == {
        "recuerda",
        next(n for n in names if "dist-info" in n).split("/")[0],
    }


def test_help_loads_nothing_heavy() -> None:
    """Measured by what is imported, not by a clock."""
    script = (
        "import sys\nfrom typer.testing import CliRunner\nfrom recuerda.cli import app\n"
        "assert CliRunner().invoke(app, ['--help']).exit_code == 0\n"
        "heavy = {'chromadb', 'sqlalchemy', 'fastapi', 'numpy', 'langchain_openai', 'openai', 'twilio'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
