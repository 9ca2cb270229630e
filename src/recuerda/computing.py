"""Where to compute: short work here and now, long work in a thread.

One thread of Python computes at a time anyway. Handing the interpreter to another for a few milliseconds of
work and back was measured to cost as much as a quarter of a turn; beyond those, others would wait.
"""

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

SHORT = 1000  # characters of text; about 10 ms of reading them


async def computed(size: int, work: Callable[P, T], /, *given: P.args, **named: P.kwargs) -> T:
    """`work(...)` over so many characters."""
    if size > SHORT:
        return await asyncio.to_thread(work, *given, **named)
    await asyncio.sleep(0)  # whoever is ready comes first: several such steps would add up
    return work(*given, **named)
