"""The README against the code: what it says must be so.

`python -m tests.docs.test_readme` writes the settings' table anew.
"""

import re
from pathlib import Path

from recuerda.cli import app
from recuerda.settings import Settings

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
_TABLE = re.compile(r"(<!-- settings -->\n).*?(<!-- /settings -->)", re.DOTALL)


def settings_table() -> str:
    rows = ["| variable | default | what it is |", "| --- | --- | --- |"]
    for name, field in Settings.model_fields.items():
        default = "" if field.default_factory else field.default
        if isinstance(default, tuple):
            default = ",".join(default)
        shown = {"": "", "None": "", "()": "", "True": "true"}.get(str(default), str(default))
        rows.append(f"| `{name.upper()}` | {f'`{shown}`' if shown else ''} | {field.description} |")
    return "\n".join(rows) + "\n"


def test_the_settings_table_is_that_of_the_code() -> None:
    assert settings_table() in README.read_text("utf-8")


def test_every_setting_is_described() -> None:
    assert all(field.description for field in Settings.model_fields.values())


def test_every_command_named_exists() -> None:
    known = {c.name or c.callback.__name__ for c in app.registered_commands if c.callback}
    known |= {str(group.typer_instance.info.name) for group in app.registered_groups if group.typer_instance}
    shell = "\n".join(re.findall(r"```sh(.*?)```", README.read_text("utf-8"), re.DOTALL))
    named = set(re.findall(r"\brecuerda ([a-z]+)", shell))
    assert named
    assert named <= known


def test_every_file_named_exists() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", README.read_text("utf-8")):
        assert (ROOT / target).exists(), target


def test_every_module_of_the_map_exists() -> None:
    [tree] = re.findall(r"```\n(prompts/.*?)```", README.read_text("utf-8"), re.DOTALL)
    package = ROOT / "src" / "recuerda"
    for line in tree.split("src/recuerda/\n")[1].splitlines():
        for name in re.match(r"  ((?:[a-z]+/? )+)", line + " ").group(1).split():  # type: ignore[union-attr]
            assert (package / name).exists() or (package / f"{name}.py").exists(), name


if __name__ == "__main__":
    README.write_text(
        _TABLE.sub(lambda m: m[1] + settings_table() + m[2], README.read_text("utf-8")), "utf-8"
    )
