"""Prometheus counters and clocks of the road itself. Label values are few and never name a person."""

from __future__ import annotations

import functools

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

REGISTRY = CollectorRegistry()

sends = Counter(
    "suicha_sends_total", "Attempts to tell somebody", ["platform", "kind", "outcome"], registry=REGISTRY
)
inbound = Counter(
    "suicha_inbound_total", "Events taken in", ["platform", "kind", "outcome"], registry=REGISTRY
)
of_inbound = functools.cache(inbound.labels)  # the few there are, found once
handled = Histogram("suicha_handle_seconds", "From dispatch to answered", ["kind"], registry=REGISTRY)
ticks = Histogram("suicha_tick_seconds", "One fixed tick", ["job"], registry=REGISTRY)
waiting = Gauge("suicha_notices_waiting", "Notices due and not yet sent", registry=REGISTRY)
