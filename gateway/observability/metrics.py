"""Every metric that is counted as things happen. docs/operations.md explains them; a test compares.

Labels come from the configuration and from closed lists, never from callers: their number is bounded, and
nothing personal can be in them.
"""

from __future__ import annotations

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)

from gateway.observability.plain import PlainCounter, PlainHistogram

disable_created_metrics()

REGISTRY = CollectorRegistry()
"""Of the process, whatever number of gateways it runs."""

ProcessCollector(registry=REGISTRY)
PlatformCollector(registry=REGISTRY)
GCCollector(registry=REGISTRY)

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

# Operations

OPERATIONS = PlainCounter(
    "fieldgate_operations",
    "GraphQL operations, by kind and outcome.",
    ("kind", "outcome"),
    registry=REGISTRY,
)
OPERATION_ERRORS = Counter(
    "fieldgate_operation_errors",
    "GraphQL operations with at least one error of a code.",
    ("kind", "code"),
    registry=REGISTRY,
)
OPERATION_SECONDS = PlainHistogram(
    "fieldgate_operation_duration_seconds",
    "Time from a parsed request to its answer; of subscriptions, until they began.",
    ("kind",),
    buckets=_SECONDS,
    registry=REGISTRY,
)
RATE_LIMITED = Counter(
    "fieldgate_rate_limited",
    "Requests refused because their caller asked too much.",
    registry=REGISTRY,
)
CONNECTIONS_REFUSED = Counter(
    "fieldgate_connections_refused",
    "Connections for which there was no room.",
    ("outcome",),
    registry=REGISTRY,
)
PLAN_FALLBACKS = Counter(
    "fieldgate_plan_fallbacks",
    "Operations executed field by field because no plan could be made for them.",
    ("reason",),
    registry=REGISTRY,
)

# Systems

LOADS = PlainCounter(
    "fieldgate_upstream_loads",
    "Pieces of work asked of a connection: a load, a page, a write, a fetch of changes.",
    ("connection", "work", "resource"),
    registry=REGISTRY,
)
CALLS = PlainCounter(
    "fieldgate_upstream_calls",
    "HTTP requests sent to a connection, by the class of the answer's status.",
    ("connection", "status"),
    registry=REGISTRY,
)
CALL_SECONDS = PlainHistogram(
    "fieldgate_upstream_call_duration_seconds",
    "Time of an HTTP request to a connection.",
    ("connection",),
    buckets=_SECONDS,
    registry=REGISTRY,
)
CALL_BYTES = PlainCounter(
    "fieldgate_upstream_received_bytes",
    "Bytes of the bodies that a connection answered, decompressed.",
    ("connection",),
    registry=REGISTRY,
)
FAULTS = Counter(
    "fieldgate_upstream_faults",
    "Pieces of work that failed, by the code that callers see and the fault that it stands for.",
    ("connection", "code", "fault"),
    registry=REGISTRY,
)

# Commands

COMMANDS_ACCEPTED = Counter(
    "fieldgate_commands_accepted",
    "Writes that were made durable.",
    ("kind",),
    registry=REGISTRY,
)
COMMAND_ATTEMPTS = Counter(
    "fieldgate_command_attempts",
    "Attempts of commands, by the status they led to.",
    ("kind", "status"),
    registry=REGISTRY,
)

# Events

MESSAGES = Counter(
    "fieldgate_event_messages",
    "Messages of the systems that were verified and handed to the inbox, duplicates included.",
    ("connection", "way"),
    registry=REGISTRY,
)
EVENTS = Counter(
    "fieldgate_events",
    "Business events that this gateway read from the log.",
    ("connection", "type"),
    registry=REGISTRY,
)
EVENT_AGE = Histogram(
    "fieldgate_event_age_seconds",
    "Time from what happened in a system until the gateway had worked it off.",
    ("connection",),
    buckets=(0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0, 7200.0, 86400.0),
    registry=REGISTRY,
)

# Streams

SUBSCRIPTIONS = Gauge(
    "fieldgate_subscriptions",
    "Subscriptions under way.",
    registry=REGISTRY,
)
DELIVERIES = Counter(
    "fieldgate_subscription_deliveries",
    "Events handed to subscribers who follow live, one for each of them.",
    registry=REGISTRY,
)
SLOW_CONSUMERS = Counter(
    "fieldgate_slow_consumers",
    "Subscribers that were closed because they did not read.",
    ("transport",),
    registry=REGISTRY,
)
