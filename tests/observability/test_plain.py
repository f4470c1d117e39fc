"""Numbers that are counted plainly read as Prometheus' own do, letter by letter."""

from __future__ import annotations

from typing import Any, cast

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.openmetrics import exposition as openmetrics

from gateway.observability.plain import PlainCounter, PlainHistogram

BOUNDS = (0.001, 0.0025, 0.5, 1.0, 10.0)
LABELS = ("kind", "outcome")


def same(one: CollectorRegistry, other: CollectorRegistry) -> None:
    assert generate_latest(one) == generate_latest(other)
    assert cast(Any, openmetrics).generate_latest(one) == cast(Any, openmetrics).generate_latest(other)


def test_a_counter_reads_as_prometheus_own() -> None:
    theirs, ours = CollectorRegistry(), CollectorRegistry()
    counter = Counter("a_b", "What it is.", LABELS, registry=theirs)
    plain = PlainCounter("a_b", "What it is.", LABELS, ours)
    same(theirs, ours)
    counter.labels("query", "ok")
    plain.labels("query", "ok")
    same(theirs, ours)
    for kind, amount in (("query", 1), ("mutation", 123_456_789), ("query", 2), ('a "b"', 7)):
        counter.labels(kind, "ok").inc(amount)
        plain.labels(kind, "ok").value += amount
    same(theirs, ours)
    assert b'a_b_total{kind="query",outcome="ok"} 3.0' in generate_latest(ours)


def test_a_histogram_reads_as_prometheus_own() -> None:
    theirs, ours = CollectorRegistry(), CollectorRegistry()
    histogram = Histogram("a_seconds", "What it is.", ("kind",), buckets=BOUNDS, registry=theirs)
    plain = PlainHistogram("a_seconds", "What it is.", ("kind",), BOUNDS, ours)
    same(theirs, ours)
    histogram.labels("none")
    plain.labels("none")
    for value in (0.0, 0.0009, *BOUNDS, 0.3, 9.99, 10.01, 3600.0, 0.1, 0.2):
        histogram.labels("query").observe(value)
        plain.labels("query").observe(value)
    same(theirs, ours)
    assert b'a_seconds_bucket{kind="query",le="+Inf"} 13.0' in generate_latest(ours)
