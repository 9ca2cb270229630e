"""The sliding minute."""

import tracemalloc

import pytest

from recuerda.access import limits
from recuerda.access.limits import Limit, network
from recuerda.errors import TooMany


class Clock:
    def __init__(self) -> None:
        self.time = 600.0

    def monotonic(self) -> float:
        return self.time


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(limits, "time", made)
    return made


def passes(limit: Limit, times: int, name: str = "a") -> int:
    done = 0
    for _ in range(times):
        try:
            limit.count(name)
        except TooMany:
            break
        done += 1
    return done


def test_a_name_has_its_number_a_minute(clock: Clock) -> None:
    limit = Limit("", 10)
    assert passes(limit, 20) == 10
    assert passes(limit, 20, "b") == 10
    clock.time += 120
    assert passes(limit, 20) == 10


def test_no_burst_at_the_turn_of_a_minute(clock: Clock) -> None:
    limit = Limit("", 10)
    clock.time += 59
    assert passes(limit, 20) == 10
    clock.time += 2  # another minute began, but the ten were two seconds ago
    assert passes(limit, 20) <= 1
    clock.time += 29
    assert 4 <= passes(limit, 20) <= 6


@pytest.mark.parametrize("into", [0.0, 20.0, 59.5])
@pytest.mark.parametrize("pause", [0.0, 30.0, 70.0])
@pytest.mark.parametrize("most", [1, 7, 60])
def test_who_waits_as_told_is_let_in(clock: Clock, into: float, pause: float, most: int) -> None:
    limit = Limit("", most)
    clock.time += into
    passes(limit, most)
    clock.time += pause
    for _ in range(3 * most):
        try:
            limit.count("a")
        except TooMany as refused:
            wait = refused.extra["retry_after"]
            assert isinstance(wait, int)
            assert 1 <= wait <= 120
            clock.time += wait
            limit.count("a")  # raises when it was told too little


def test_zero_is_without_limit(clock: Clock) -> None:
    assert passes(Limit("", 0), 1000) == 1000


def test_quiet_names_are_forgotten(clock: Clock) -> None:
    limit = Limit("", 10)
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for minute in range(20):
        for n in range(2000):
            limit.count(f"{minute} {n}")
        clock.time += 60
    held = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert held < 3 * 2000 * 250  # two minutes' names, not twenty's


@pytest.mark.parametrize(
    ("address", "counted_as"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        (None, ""),
        ("unix socket", "unix socket"),
    ],
)
def test_an_address_is_a_household(address: str | None, counted_as: str) -> None:
    assert network(address) == counted_as
