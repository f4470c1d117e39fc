"""What is in use stays; what is not, goes, and never more than may be kept is kept."""

from __future__ import annotations

import random

from resolvers.recent import Recent


def test_what_is_looked_up_stays_while_others_come_and_go() -> None:
    recent: Recent[int, str] = Recent(10)
    recent.put(0, "in use")
    for key in range(1, 1_000):
        recent.put(key, str(key))
        assert recent.get(0) == "in use"
        assert recent.get(key) == str(key)
    assert recent.get(1) is None


def test_no_more_is_kept_than_may_be() -> None:
    seed = random.Random(7)
    recent: Recent[int, str] = Recent(100, len)
    kept: dict[int, str] = {}
    for _ in range(5_000):
        key = seed.randrange(40)
        if seed.random() < 0.5:
            found = recent.get(key)
            assert found is None or found == kept[key]
        else:
            kept[key] = "x" * seed.randrange(1, 60)
            recent.put(key, kept[key])
            # One that takes more than half is not kept, and what was there before is no answer any more.
            assert recent.get(key) == (kept[key] if len(kept[key]) <= 50 else None)
    assert sum(len(recent.get(key) or "") for key in range(40)) <= 100


def test_what_is_dropped_is_gone_and_makes_room() -> None:
    recent: Recent[str, str] = Recent(4)
    for _ in range(10):
        recent.put("a", "1")
        recent.drop("a")
    assert recent.get("a") is None
    recent.put("b", "2")
    recent.put("c", "3")
    assert (recent.get("b"), recent.get("c")) == ("2", "3")
