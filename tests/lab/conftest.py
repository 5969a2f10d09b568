"""An AWS whose clock the tests move."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from ccoctl.lab.conditions import Conditions
from ccoctl.lab.server import EmbeddedAws, embedded_aws
from tests.lab.clients import Clock, Cluster

Serve = Callable[..., EmbeddedAws]


@pytest.fixture
def clock() -> Clock:
    """It stands still until a test moves it."""
    return Clock()


@pytest.fixture
def serve(clock: Clock) -> Iterator[Serve]:
    """Starts an AWS that goes by the test's clock, under the conditions that are named."""
    with ExitStack() as running:
        yield lambda **conditions: running.enter_context(embedded_aws(Conditions(**conditions), clock=clock))


@pytest.fixture
def aws(serve: Serve) -> EmbeddedAws:
    """An AWS that goes by the test's clock; a distribution is deployed a minute after it was changed."""
    return serve(distribution_delay=60)


@pytest.fixture
def cluster(aws: EmbeddedAws, clock: Clock) -> Cluster:
    """An issuer, its provider and a role."""
    return Cluster(aws, clock).set_up()
