"""What IAM demands of roles and moto lets pass: names are unique whatever their case.

Source: IAM user guide, "IAM and AWS STS quotas", names.
"""

from __future__ import annotations

from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.iam.models import iam_backends
from moto.utilities.utils import get_partition

from ccoctl.lab.answers import Answer, refusal
from ccoctl.lab.asked import Asked


def check(asked: Asked) -> Answer | None:
    """The refusal of a role whose name is taken in another case; None for everything else."""
    if asked.operation != "CreateRole":
        return None
    name = asked.form.get("RoleName", "")
    there = iam_backends[DEFAULT_ACCOUNT_ID][get_partition(asked.region)].roles.values()
    if any(role.name.lower() == name.lower() for role in there):
        return refusal("iam", asked.method, 409, "EntityAlreadyExists", f"Role with name {name} already exists.")
    return None
