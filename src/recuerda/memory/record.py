"""What is known of the index besides the index: its embedder, its shards, and whether it was closed well.

Chroma survives being closed; being killed while it writes breaks it, quietly at times. So a clean close
notes the size and time of every file, and an index whose files are as noted is trusted without a probe.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

_NAME = "recuerda.json"


@dataclass(frozen=True, slots=True)
class Record:
    embedder: str
    shards: int
    memories: int | None = None  # in SQL at the clean close
    files: Mapping[str, list[int]] | None = None  # name -> size in bytes, time in ns

    @classmethod
    def load(cls, folder: Path) -> "Record | None":
        """None when there is none, or it cannot be read: the index is then not trusted."""
        try:
            return cls(**json.loads((folder / _NAME).read_text()))
        except (OSError, ValueError, TypeError):
            return None

    def save(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        fresh = folder / f"{_NAME}.new"
        fresh.write_text(json.dumps(asdict(self)))
        fresh.replace(folder / _NAME)

    def closed(self, folder: Path, memories: int) -> "Record":
        return replace(self, memories=memories, files=_files(folder))

    def opened(self) -> "Record":
        return replace(self, memories=None, files=None)

    def trusts(self, folder: Path, memories: int) -> bool:
        return self.files is not None and self.memories == memories and self.files == _files(folder)


def _files(folder: Path) -> dict[str, list[int]]:
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.name.startswith(_NAME) and not path.name.endswith(("-wal", "-shm")):
            status = path.stat()
            found[str(path.relative_to(folder))] = [status.st_size, status.st_mtime_ns]
    return found
