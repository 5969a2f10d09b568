"""The plan of an order, for an account as it was found; a dry run's account is an empty one.

Apart from `aws_create`, whose half that asks and calls a cloud a dry run does not need.
"""

from __future__ import annotations

from typing import assert_never

import msgspec

from ccoctl.aws import plans
from ccoctl.aws.plans import Drawn
from ccoctl.aws.resources import Account
from ccoctl.errors import Problem, Problems
from ccoctl.signing.jwk import Jwk
from ccoctl.workflows.aws_keys import Keys, keys_for
from ccoctl.workflows.aws_order import Checked, Part


class Prepared(msgspec.Struct, frozen=True, kw_only=True):
    """A plan that is ready, with the keys that it publishes."""

    checked: Checked
    keys: Keys
    drawn: Drawn
    notes: tuple[str, ...] = ()


def prepare_dry(checked: Checked) -> Prepared:
    """The plan of an empty account; nobody is asked anything, and its number is known only from a provider's ARN."""
    keys = keys_for(checked.order)
    number = checked.order.provider_arn.split(":")[4] if checked.order.part is Part.IAM_ROLES else ""
    drawn = drawn_for(checked, keys.public, Account(id=number))
    return Prepared(checked=checked, keys=keys, drawn=drawn, notes=(*checked.notes, *keys.notes))


def drawn_for(checked: Checked, key: Jwk | None, found: Account) -> Drawn:
    """The plan of an order's part, with the key that it publishes."""
    match checked.order.part:
        case Part.ALL:
            return plans.all_of_it(checked.settings, checked.requests, key, found)
        case Part.IDENTITY_PROVIDER:
            return plans.identity_provider(checked.settings, key, found)
        case Part.IAM_ROLES:
            if checked.trusted is None:
                raise Problems((Problem("--identity-provider-arn", "is needed"),))
            return plans.iam_roles(checked.settings, checked.requests, checked.trusted, found)
        case _:
            assert_never(checked.order.part)
