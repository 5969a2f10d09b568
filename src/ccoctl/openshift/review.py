"""Asks a cluster which rights the caller lacks, before anything is changed.

Source: Kubernetes API reference, SelfSubjectAccessReview v1 (authorization.k8s.io).
"""

from __future__ import annotations

from collections.abc import Iterable

from ccoctl.engine.attempt import read
from ccoctl.engine.call import Call, at_path
from ccoctl.engine.cloud import Cloud
from ccoctl.openshift.calls import review_access
from ccoctl.openshift.rights import Right, rights_of


def missing_rights(cluster: Cloud, calls: Iterable[Call]) -> tuple[str, ...]:
    """The rights that these calls take and the caller does not have, in words; of paths nobody can ask.

    Raises:
        CloudError: the cluster does not answer.
    """
    rights = dict.fromkeys(right for call in calls for right in rights_of(call) if not right.path)
    return tuple(_words(right) for right in rights if not _is_allowed(cluster, right))


def _is_allowed(cluster: Cloud, right: Right) -> bool:
    asked = review_access(right.verb, right.group, right.resource, right.namespace, name=right.name)
    return at_path(read(cluster, asked), "status.allowed") is True


def _words(right: Right) -> str:
    group = f".{right.group}" if right.group else ""
    place = f" in {right.namespace}" if right.namespace else ""
    return f"{right.verb} {right.resource}{group}{place}"
