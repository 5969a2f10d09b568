"""Who makes a request: the administrator, a user, an assumed role, or nobody in particular."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from ccoctl.lab import accounts
from ccoctl.lab.accounts import Document
from ccoctl.lab.answers import Answer, refusal
from ccoctl.lab.asked import Asked
from ccoctl.lab.sessions import Sessions

ADMINISTRATOR = "AKIALABADMINISTRATOR"
"""The access key of the bootstrap administrator, who may do everything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Somebody, and the groups of policies of which each must allow what they do."""

    arn: str
    user_id: str = ""
    policies: tuple[tuple[Document, ...], ...] = ((),)
    is_administrator: bool = False
    is_session: bool = False

    @property
    def is_anonymous(self) -> bool:
        """True for a request without credentials."""
        return not self.arn


ANONYMOUS = Principal(arn="")


def identify(asked: Asked, sessions: Sessions) -> Principal | Answer:
    """Who asks, or the answer to credentials that are nobody's, or not any more."""
    if not asked.access_key:
        return ANONYMOUS
    if asked.access_key == ADMINISTRATOR:
        arn = f"arn:aws:iam::{accounts.ACCOUNT}:user/administrator"
        return Principal(arn=arn, user_id="AIDALABADMINISTRATOR", is_administrator=True)
    session = sessions.find(asked.access_key)
    if session is not None:
        given = asked.headers.get("x-amz-security-token", "")
        if not secrets.compare_digest(given.encode(), session.token.encode()):
            return _unknown(asked)
        if sessions.expired(session):
            return _expired(asked)
        return Principal(arn=session.arn, user_id=session.user_id, policies=session.policies(), is_session=True)
    user = accounts.user_of(asked.access_key)
    if user is None:
        return _unknown(asked)
    return Principal(arn=user.arn, user_id=user.id, policies=(accounts.user_policies(user),))


def _unknown(asked: Asked) -> Answer:
    if asked.service == "s3":
        message = "The AWS Access Key Id you provided does not exist in our records."
        return refusal("s3", asked.method, 403, "InvalidAccessKeyId", message)
    message = "The security token included in the request is invalid."
    return refusal(asked.service, asked.method, 403, "InvalidClientTokenId", message)


def _expired(asked: Asked) -> Answer:
    message = "The security token included in the request is expired"
    if asked.service == "s3":
        return refusal("s3", asked.method, 400, "ExpiredToken", "The provided token has expired.")
    return refusal(asked.service, asked.method, 403, "ExpiredToken", message)
