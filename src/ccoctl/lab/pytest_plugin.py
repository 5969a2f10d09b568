"""Fixtures for tests against an AWS: `pytest_plugins = ["ccoctl.lab.pytest_plugin"]`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ccoctl.lab.conditions import Conditions
from ccoctl.lab.server import EmbeddedAws
from ccoctl.lab.server import embedded_aws as serve


@pytest.fixture(scope="session")
def _open_aws() -> Iterator[EmbeddedAws]:
    with serve() as aws:
        yield aws


@pytest.fixture(scope="session")
def _enforcing_aws() -> Iterator[EmbeddedAws]:
    with serve(Conditions(enforce_iam=True)) as aws:
        yield aws


@pytest.fixture
def embedded_aws(_open_aws: EmbeddedAws) -> EmbeddedAws:
    """An AWS with an empty account, in which everybody may do everything."""
    _open_aws.reset()
    return _open_aws


@pytest.fixture
def enforcing_aws(_enforcing_aws: EmbeddedAws) -> EmbeddedAws:
    """An AWS with an empty account that holds its users to their policies."""
    _enforcing_aws.reset()
    return _enforcing_aws
