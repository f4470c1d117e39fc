"""Counters and histograms for what happens with every request: plain numbers, counted on the loop's thread.

``prometheus_client`` takes a lock and checks its arguments for each number, which is a tenth of the work of a
point query. Here a count is an addition; what Prometheus reads is made of it when it is read.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence

from prometheus_client import CollectorRegistry, Metric
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector
from prometheus_client.utils import (
    INF,
    floatToGoString,  # pyright: ignore[reportUnknownVariableType]
)


class Count:
    """What was counted under one set of labels. Whoever counts adds to ``value``."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0


class PlainCounter(Collector):
    """A counter with labels."""

    def __init__(
        self, name: str, documentation: str, labels: Sequence[str], registry: CollectorRegistry
    ) -> None:
        self._name, self._documentation, self._labels = name, documentation, labels
        self._counts: dict[tuple[str, ...], Count] = {}
        registry.register(self)

    def labels(self, *values: str) -> Count:
        """The count of these labels, which is shown from now on."""
        return self._counts.setdefault(values, Count())

    def collect(self) -> Iterable[Metric]:
        family = CounterMetricFamily(self._name, self._documentation, labels=self._labels)
        for values, count in self._counts.items():
            family.add_metric(values, count.value)
        yield family


class Spread:
    """What was observed under one set of labels: how many values up to each bound, and their sum."""

    __slots__ = ("_bounds", "counts", "sum")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def observe(self, value: float) -> None:
        self.counts[bisect_left(self._bounds, value)] += 1
        self.sum += value


class PlainHistogram(Collector):
    """A histogram with labels. ``buckets``: their upper bounds, but for infinity, in order."""

    def __init__(
        self,
        name: str,
        documentation: str,
        labels: Sequence[str],
        buckets: Sequence[float],
        registry: CollectorRegistry,
    ) -> None:
        self._name, self._documentation, self._labels = name, documentation, labels
        self._bounds = buckets
        self._spreads: dict[tuple[str, ...], Spread] = {}
        registry.register(self)

    def labels(self, *values: str) -> Spread:
        """The spread of these labels, which is shown from now on."""
        return self._spreads.setdefault(values, Spread(self._bounds))

    def collect(self) -> Iterable[Metric]:
        family = HistogramMetricFamily(self._name, self._documentation, labels=self._labels)
        names = [floatToGoString(bound) for bound in (*self._bounds, INF)]
        for values, spread in self._spreads.items():
            buckets: list[tuple[str, float]] = []
            up_to = 0
            for name, count in zip(names, spread.counts, strict=True):
                up_to += count
                buckets.append((name, up_to))
            family.add_metric(values, buckets, spread.sum)
        yield family
