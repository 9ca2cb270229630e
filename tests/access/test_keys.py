"""`recuerda keys`, as somebody at a terminal uses it."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

from recuerda.access import audit, keys
from recuerda.access.rights import Scope
from recuerda.db import Database
from tests.conftest import make_settings


def run(data: Path, *words: str, status: int = 0) -> tuple[str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "recuerda", "keys", *words, "--data-dir", str(data)],
        capture_output=True,
        text=True,
        env={**os.environ, "COLUMNS": "200"},
        check=False,
    )
    assert done.returncode == status, done.stderr
    return done.stdout, done.stderr


def test_keys_at_the_terminal(tmp_path: Path) -> None:
    made, _ = run(tmp_path, "create", "web-shop", "--scope", "chat", "--scope", "tokens", "--days", "90")
    _, error = run(tmp_path, "create", "web-shop", "--scope", "chat", status=2)
    assert "already" in error
    _, error = run(tmp_path, "create", "other", status=2)
    assert "customers:write" in error  # says what there is
    _, error = run(tmp_path, "create", "Not A Name", "--scope", "chat", status=2)
    assert "small letters" in error
    rotated, _ = run(tmp_path, "rotate", "web-shop", "--overlap", "1")
    listed, _ = run(tmp_path, "list")
    assert "chat tokens" in listed
    assert "the old secret until" in listed
    run(tmp_path, "revoke", made.strip()[:16])
    assert "revoked" in run(tmp_path, "list")[0]
    _, error = run(tmp_path, "rotate", "web-shop", status=2)
    assert "Create another" in error
    assert "There is no key nope" in run(tmp_path, "revoke", "nope", status=2)[1]
    assert made != rotated
    for file in tmp_path.rglob("*"):  # no secret is kept anywhere
        if file.is_file():
            content = file.read_bytes()
            assert made.strip()[17:].encode() not in content
            assert rotated.strip()[17:].encode() not in content

    async def look() -> None:
        db = Database(make_settings(tmp_path).database)
        async with db.read() as session:
            key = await keys.get(session, "web-shop")
            assert key.scopes == [Scope.CHAT, Scope.TOKENS]
            entries = await audit.find(session)
        await db.close()
        assert [e.action for e in entries] == ["key.revoke", "key.rotate", "key.create"]
        assert {(e.actor, e.target) for e in entries} == {("command line", key.id)}

    asyncio.run(look())
