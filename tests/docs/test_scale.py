"""docs/scale.md against the code: its commands, settings and files exist."""

import re
from importlib import import_module
from pathlib import Path

import pytest

from recuerda.settings import Settings

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "scale.md").read_text("utf-8")


def commands() -> list[tuple[str, str]]:
    """(module, the rest of the line) of every `python -m`."""
    return re.findall(r"^python -m (\S+)(.*?)(?: +#.*)?$", PAGE, re.MULTILINE)


@pytest.mark.parametrize(("module", "options"), commands())
def test_every_command_is_taken(
    module: str, options: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--help` after the options as written: an unknown one is refused, nothing is run."""
    monkeypatch.setattr("sys.argv", [module, "--help"])
    with pytest.raises(SystemExit, match="0"):
        import_module(module).main()
    shown = capsys.readouterr().out
    for option in re.findall(r"--[a-z-]+", options):
        assert option in shown, option


def test_there_are_commands() -> None:
    assert {module for module, _ in commands()} >= {
        "evals.bench.units",
        "evals.bench.load",
        "evals.bench.streams",
    }


def test_every_setting_named_exists() -> None:
    for name in re.findall(r"RECUERDA_([A-Z_]+)", PAGE):
        assert name.lower() in Settings.model_fields, name


def test_it_is_linked_from_the_readme() -> None:
    assert "(docs/scale.md)" in (ROOT / "README.md").read_text("utf-8")
