"""What several commands take, and the settings they make of it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

if TYPE_CHECKING:
    from recuerda.settings import Settings

COMMAND_LINE = "command line"  # who did it, in the audit log
DataDir = Annotated[Path | None, typer.Option("--data-dir", help="Folder of everything Recuerda writes.")]
Host = Annotated[str | None, typer.Option("--host", help="Address to listen on.")]
Port = Annotated[int | None, typer.Option("--port", help="Port to listen on; 0 takes a free one.")]
EngineName = Annotated[Literal["embedded", "llm"], typer.Option("--engine", help="Which extractor.")]


def settings(**given: Any) -> "Settings":
    from pydantic import ValidationError

    from recuerda.errors import SetupError
    from recuerda.settings import Settings

    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        wrong = "; ".join(
            f"RECUERDA_{'_'.join(map(str, e['loc'])).upper()}: {e['msg']}" for e in error.errors()
        )
        raise SetupError(f"A setting cannot be used: {wrong}") from error
