"""AWS, an issuer as the world sees it, and a running cluster as one cloud: a Call's service says who performs it."""

from __future__ import annotations

from ccoctl.engine.call import Answer, Call
from ccoctl.engine.cloud import Cloud
from ccoctl.errors import CloudError, DocumentError, ErrorKind, SigningKeyError
from ccoctl.federation.documents import published
from ccoctl.federation.https import Get
from ccoctl.signing import jwks

ISSUER = "issuer"
"""The service of Calls to an issuer; `GetKeys` is the only operation."""
CLUSTER = "kubernetes"


class Reach:
    """Everything that a plan may have to reach; may be used from several threads at a time, as its parts may."""

    def __init__(self, aws: Cloud, *, get: Get | None = None, cluster: Cloud | None = None) -> None:
        """Nothing is asked yet.

        Args:
            aws: performs every Call that is for nobody else.
            get: fetches an issuer's documents; None where no plan looks at one.
            cluster: a running cluster; None where none was named.
        """
        self._aws = aws
        self._get = get
        self._cluster = cluster

    def perform(self, call: Call) -> Answer:
        """The parsed answer.

        Raises:
            CloudError: whoever was asked refused or did not answer, or there is nobody to ask.
        """
        if call.service == ISSUER:
            return self._keys(call)
        if call.service != CLUSTER:
            return self._aws.perform(call)
        if self._cluster is None:
            raise _unreachable(call, "no cluster was named", "Name one with --kubeconfig.")
        return self._cluster.perform(call)

    def _keys(self, call: Call) -> Answer:
        """What an issuer publishes: `Issuer`, `Algorithms`, the key set as `Set`, its `Kids` in order, and `AreSeen`.

        `AreSeen` is True when every kid of the parameter `Kids` is published. Documents that cannot be had, or do not
        belong together, are no error, because a Wait is what asks most: the answer has no kids then and a `Problem`.
        """
        if self._get is None:
            raise _unreachable(call, "nothing fetches an issuer's documents here", "")
        try:
            documents = published(str(call.parameters["Url"]), self._get)
        except (DocumentError, SigningKeyError) as error:
            return {"Issuer": "", "Kids": [], "AreSeen": False, "Problem": error.what}
        kids = [str(key.kid) for key in documents.jwks.keys if key.kid is not None]
        wanted = call.parameters.get("Kids")
        asked = [str(kid) for kid in wanted] if isinstance(wanted, list | tuple) else []
        return {
            "Issuer": documents.discovery.issuer,
            "Algorithms": list(documents.discovery.algorithms),
            "Set": jwks.document(documents.jwks),
            "Kids": kids,
            "AreSeen": set(asked) <= set(kids),
        }


def _unreachable(call: Call, what: str, remedy: str) -> CloudError:
    return CloudError(
        f"{call.name}: {what}", kind=ErrorKind.PERMANENT, code="Unreachable", operation=call.name, remedy=remedy
    )


__all__ = ["CLUSTER", "ISSUER", "Reach"]
