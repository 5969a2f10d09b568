"""The client ids of OIDC providers, which moto knows no way to change.

Source: IAM API reference, AddClientIDToOpenIDConnectProvider and RemoveClientIDFromOpenIDConnectProvider: both are done
when there is nothing to do.
"""

from __future__ import annotations

from ccoctl.lab.accounts import iam
from ccoctl.lab.answers import REQUEST_ID, Answer, refusal
from ccoctl.lab.asked import Asked

_XMLNS = "https://iam.amazonaws.com/doc/2010-05-08/"
_ADD, _REMOVE = "AddClientIDToOpenIDConnectProvider", "RemoveClientIDFromOpenIDConnectProvider"


def handle(asked: Asked) -> Answer | None:
    """The answer to an operation on client ids; None for any other."""
    if asked.service != "iam" or asked.operation not in {_ADD, _REMOVE}:
        return None
    arn, client = asked.form.get("OpenIDConnectProviderArn", ""), asked.form.get("ClientID", "")
    found = iam(asked.partition).open_id_providers.get(arn)
    if found is None:
        message = f"OpenIDConnect Provider not found for arn {arn[:200]}"
        return refusal("iam", asked.method, 404, "NoSuchEntity", message)
    others = [name for name in found.client_id_list if name != client]
    if asked.operation == _REMOVE:
        found.client_id_list = others
    elif client not in found.client_id_list:
        found.client_id_list = [*others, client]
    metadata = f"<ResponseMetadata><RequestId>{REQUEST_ID}</RequestId></ResponseMetadata>"
    body = f'<{asked.operation}Response xmlns="{_XMLNS}">{metadata}</{asked.operation}Response>'
    return Answer(status=200, body=body.encode())
