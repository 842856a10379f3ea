"""Prometheus metrics: requests, tokens by what became of them, times, the queue, the trace store."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from ..controllers.episode import Episode
from ..core.events import Asked
from ..core.ledger import AUXILIARY

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)


class Metrics:
    """The server's own metrics, in a registry of their own: several servers may live in one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "flyball_requests", "Requests by route and outcome.", ["route", "outcome"], registry=self.registry
        )
        self.tokens = Counter("flyball_tokens", "Tokens by what became of them.", ["kind"], registry=self.registry)
        self.edits = Counter("flyball_edits", "Edits by controller.", ["controller"], registry=self.registry)
        self.tool_calls = Counter(
            "flyball_tool_calls",
            "Calls of the server's tools by what came of them.",
            ["tool", "status"],
            registry=self.registry,
        )
        self.side_calls = Counter(
            "flyball_side_calls",
            "Questions to auxiliary models and probes, by who asked.",
            ["by", "model", "outcome"],
            registry=self.registry,
        )
        self.side_seconds = Histogram(
            "flyball_side_call_seconds", "Side calls.", ["by", "model"], buckets=_SECONDS, registry=self.registry
        )
        self.seconds = Histogram(
            "flyball_request_seconds", "Whole requests.", ["route"], buckets=_SECONDS, registry=self.registry
        )

    def watch(self, name: str, help: str, read: Callable[[], float]) -> None:
        """A gauge that is read when somebody asks."""
        Gauge(name, help, registry=self.registry).set_function(read)

    def count(self, route: str, outcome: str, seconds: float) -> None:
        """One request has ended."""
        self.requests.labels(route, outcome).inc()
        self.seconds.labels(route).observe(seconds)

    def count_side_call(self, event: Asked) -> None:
        """One side call has ended."""
        self.side_calls.labels(event.by, event.model, "ok" if event.error is None else "error").inc()
        self.side_seconds.labels(event.by, event.model).observe(event.seconds)

    def count_tokens(self, episode: Episode) -> None:
        """The tokens of an episode that has ended."""
        self.tokens.labels("prompt").inc(episode.prompt_tokens)
        self.tokens.labels("auxiliary").inc(episode.ledger.spent(AUXILIARY))
        for trial in episode.trials:
            tally = trial.trajectory.tally()
            self.tokens.labels("kept").inc(tally.sampled)
            self.tokens.labels("thinking").inc(tally.thinking)
            self.tokens.labels("injected").inc(tally.injected - trial.trajectory.environment)
            self.tokens.labels("environment").inc(trial.trajectory.environment)
            self.tokens.labels("dropped").inc(tally.dropped)
