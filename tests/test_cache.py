"""What is kept of files in memory: bounded by weight, of use also to who walks through more than fits, for threads."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlcycle._cache import Cache


def made(cache: Cache[str], keys: list[str], weight: int = 1) -> list[str]:
    """Return the keys whose values were not kept and had to be made, in a walk through some."""
    missed: list[str] = []

    def make(key: str) -> str:
        missed.append(key)
        return key.upper()

    for key in keys:
        assert cache.get(key, lambda key=key: make(key), weight) == key.upper()  # type: ignore[misc]
    return missed


@pytest.mark.parametrize(("more", "hits"), [(0, 1.0), (5, 0.85), (10, 0.75), (25, 0.5)])
def test_a_scan_of_more_than_fits_still_hits(more: int, hits: float) -> None:
    """Walking in circles through a bit more than fits finds most again, where the oldest first finds nothing."""
    cache: Cache[str] = Cache(1000)
    keys = [f"k{n}" for n in range(1000 + 10 * more)]
    assert made(cache, keys) == keys
    for _ in range(5):
        missed = made(cache, keys)
        assert 1 - len(missed) / len(keys) >= hits
        assert len(cache) == 1000


def test_what_a_walk_costs_does_not_grow(monkeypatch: pytest.MonkeyPatch) -> None:
    """To keep one more, one is drawn and forgotten, however many are kept."""
    cache: Cache[int] = Cache(500)
    for n in range(500):
        cache.put(f"{n}", n)
    drawn: list[int] = []
    draw = random.Random.randrange
    monkeypatch.setattr(random.Random, "randrange", lambda self, most: drawn.append(most) or draw(self, most))
    for n in range(500, 600):
        cache.put(f"{n}", n)
    assert drawn == [500] * 100


PUTS = st.lists(st.tuples(st.sampled_from("abcdefgh"), st.integers(0, 12)), max_size=60)


@given(PUTS)
def test_the_weight_is_bounded(puts: list[tuple[str, int]]) -> None:
    """Never above the most, which is the sum of what is kept; the newest that can be is kept, none is kept twice."""
    cache: Cache[tuple[str, int]] = Cache(10)
    for key, weight in puts:
        held = key in cache._values
        cache.put(key, (key, weight), weight)
        assert (key in cache._values) == (held or weight <= 10)
        assert sorted(cache._keys) == sorted(cache._values)
        assert cache._weight == sum(weight for _, weight in cache._values.values()) <= 10
        assert all(kept[0] == key for key, (kept, _) in cache._values.items())


def test_what_is_too_heavy_alone_is_made_each_time() -> None:
    """And forgets nothing that is kept."""
    cache: Cache[str] = Cache(10)
    made(cache, ["a", "b"], weight=5)
    assert made(cache, ["big", "big"], weight=11) == ["big", "big"]
    assert made(cache, ["a", "b"], weight=5) == []


def test_what_could_not_be_made_is_not_kept() -> None:
    """The next who asks tries again; None is a value like any other."""
    cache: Cache[str | None] = Cache(10)

    def fail() -> str:
        raise OSError("away")

    with pytest.raises(OSError, match="away"):
        cache.get("a", fail)
    assert cache.get("a", lambda: None) is None
    assert cache.get("a", fail) is None


def test_a_value_takes_the_place_of_the_one_before() -> None:
    """With its own weight; others go where it needs more room, and it stays where it is the only one."""
    cache: Cache[str] = Cache(10)
    for weight in (4, 2, 10):
        cache.put("a", f"{weight}", weight)
        cache.put("b", "b", 3)
        cache.put("a", f"{weight}", weight)
        assert (cache.known("a"), cache.known("c")) == (f"{weight}", None)
        assert cache._weight == (10 if weight == 10 else weight + 3)
    assert len(cache) == 1


def test_threads_share_it() -> None:
    """Whoever asks gets the value of that key, and the weight stays right, also while others forget."""
    cache: Cache[str] = Cache(60)

    def walk(seed: int) -> None:
        keys = [f"k{n}" for n in range(70)] * 30
        random.Random(seed).shuffle(keys)
        made(cache, keys)

    with ThreadPoolExecutor(8) as pool:
        for walked in [pool.submit(walk, seed) for seed in range(8)]:
            walked.result()
    assert sorted(cache._keys) == sorted(cache._values)
    assert len(cache) == cache._weight == 60
