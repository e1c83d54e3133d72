"""The server's metrics for Prometheus."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from stepprove.lean_project.pool.pool import PoolStats

_COUNTERS = {
    "answered": "Snippets that Lean answered",
    "timeouts": "Snippets that ran out of time",
    "crashes": "Snippets on which Lean died, retries included",
    "memory_kills": "Snippets that took too much memory",
    "cancelled": "Snippets whose client left",
    "refused": "Snippets refused because too many waited",
    "retried": "Second and later attempts after a crash",
    "recycled": "Processes replaced because they had grown",
    "replaced": "Processes replaced for whatever reason",
    "header_hits": "Headers found elaborated",
    "header_misses": "Headers elaborated",
    "prefix_hits": "Snippets sent where their beginning had been",
    "busy_seconds": "Engine time spent on snippets",
    "waited_seconds": "Time that snippets waited for an engine",
}
_GAUGES = {
    "engines": "Lean processes",
    "running": "Snippets being elaborated",
    "waiting": "Snippets that wait for an engine",
}


class Metrics:
    """The registry of one server."""

    def __init__(self, stats: Callable[[], PoolStats]) -> None:
        self.registry = CollectorRegistry()
        self.registry.register(_Pool(stats))
        self.seconds = Histogram(
            "stepprove_snippet_seconds",
            "Engine time of a snippet",
            ["outcome"],
            registry=self.registry,
            buckets=(0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300),
        )


class _Pool(Collector):
    def __init__(self, stats: Callable[[], PoolStats]) -> None:
        self._stats = stats

    def describe(self) -> Iterable[Metric]:
        """Describe nothing, since the pool starts after the registry."""
        return ()

    def collect(self) -> Iterable[Metric]:
        """The pool's present counts."""
        stats = self._stats()
        for name, words in _COUNTERS.items():
            yield CounterMetricFamily(f"stepprove_pool_{name}", words, value=getattr(stats, name))
        for name, words in _GAUGES.items():
            yield GaugeMetricFamily(f"stepprove_pool_{name}", words, value=getattr(stats, name))
        yield GaugeMetricFamily(
            "stepprove_pool_memory_bytes",
            "Resident memory of all Lean processes",
            value=stats.memory_mb * 1e6,
        )
