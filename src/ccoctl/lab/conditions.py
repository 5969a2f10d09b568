"""How the embedded AWS behaves."""

from __future__ import annotations

import msgspec


class Weather(msgspec.Struct, frozen=True, kw_only=True):
    """How often what goes wrong; each a share of the requests, from 0 to 1."""

    throttle: float = 0.0
    server_errors: float = 0.0
    """Answers of the status 500."""
    unavailable: float = 0.0
    """Answers of the status 503."""
    connection_resets: float = 0.0
    """Half of them before the request is carried out, half of them after it."""
    lost_answers: float = 0.0
    """Requests that are carried out, and whose connection breaks before the answer."""
    only: tuple[str, ...] = ("*",)
    """The requests that all of these shares are of: `service:Operation` with the wildcards of a shell."""
    deny: tuple[str, ...] = ()
    """IAM actions, with IAM's wildcards, that nobody may do."""
    seed: int = 0
    """The n-th of several equal requests fares alike in every run with the same one."""

    @property
    def is_fair(self) -> bool:
        """True when no request fails by chance."""
        return not any((self.throttle, self.server_errors, self.unavailable, self.connection_resets, self.lost_answers))


class Conditions(msgspec.Struct, frozen=True, kw_only=True):
    """How this AWS behaves."""

    enforce_iam: bool = False
    latency: float = 0.0
    """Seconds before each call is looked at."""
    distribution_delay: float = 0.2
    """Seconds until a distribution is deployed."""
    eventual_consistency: float = 0.0
    """Seconds until what was made is seen everywhere."""
    weather: Weather = msgspec.field(default_factory=Weather)
    clock_ahead: float = 0.0
    """Seconds that its clock is ahead of this machine's, or behind where they are negative."""
