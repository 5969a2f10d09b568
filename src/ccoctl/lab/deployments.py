"""Distributions take a while to be deployed, after they are made and after each update.

Source: CloudFront developer guide, "Create, update, and delete distributions"; no update takes a name out of the DNS.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from moto.cloudfront.models import Distribution, cloudfront_backends
from moto.moto_api import state_manager

from ccoctl.lab.accounts import ACCOUNT

PARTITIONS = ("aws", "aws-cn")
"""Those with a CloudFront."""
_NEVER = {"progression": "manual", "times": 2**31}
"""moto's own transition: it is this module that knows when a distribution is deployed."""


class Deployments:
    """When each distribution is deployed."""

    def __init__(self, seconds: float, clock: Callable[[], float]) -> None:
        """`clock` gives seconds that never go back."""
        self._seconds = seconds
        self._clock = clock
        self._due: dict[str, float] = {}
        self._resolvable: set[str] = set()
        self.reset()

    def reset(self) -> None:
        """There are none."""
        state_manager.set_transition("cloudfront::distribution", _NEVER)
        self._due.clear()
        self._resolvable.clear()

    def settle(self) -> None:
        """Bring every distribution's status up to date."""
        now = self._clock()
        for found in distributions():
            due = self._due.setdefault(found.distribution_id, now + self._seconds)
            if now >= due and found.status != "Deployed":
                found.status = "Deployed"
                self._resolvable.add(found.distribution_id)

    def begin(self, found: Distribution) -> None:
        """A distribution was changed."""
        found.status = "InProgress"
        self._due[found.distribution_id] = self._clock() + self._seconds

    def is_resolvable(self, found: Distribution) -> bool:
        """True when the distribution's name is in the DNS: it was deployed once."""
        return found.distribution_id in self._resolvable


def distributions() -> Iterator[Distribution]:
    """Every distribution of the account."""
    for partition in PARTITIONS:
        yield from cloudfront_backends[ACCOUNT][partition].distributions.values()
