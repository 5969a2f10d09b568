"""Who makes a request: the administrator, a user, an assumed role, or nobody in particular."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

import msgspec

from ccoctl.lab import accounts, signatures
from ccoctl.lab.accounts import Document
from ccoctl.lab.answers import Answer, refusal
from ccoctl.lab.asked import Asked
from ccoctl.lab.sessions import Session, Sessions

ADMINISTRATOR = "AKIALABADMINISTRATOR"
"""The access key of the bootstrap administrator, who may do everything."""
ADMINISTRATOR_SECRET = "lab"  # noqa: S105 - it opens nothing but the lab, on loopback # nosec B105
_EVERYTHING: Mapping[str, Any] = {"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody, and the groups of policies of which each must allow what they do."""

    arn: str
    user_id: str = ""
    policies: tuple[tuple[Document, ...], ...] = ((),)
    """Their own first; the others, a boundary or a session's policies, can only take away."""
    role_arn: str = ""
    """The role that was assumed; empty for whoever is no session."""

    @property
    def is_anonymous(self) -> bool:
        """True for a request without credentials."""
        return not self.arn

    @property
    def is_session(self) -> bool:
        """True for an assumed role."""
        return bool(self.role_arn)


ANONYMOUS = Principal(arn="")


def identify(asked: Asked, sessions: Sessions, now: float) -> Principal | Answer:
    """Who asks, or the answer to credentials that are nobody's, or not any more.

    `now` is what signatures are dated by, in seconds since 1970.
    """
    if not asked.access_key:
        return ANONYMOUS
    if asked.access_key == ADMINISTRATOR:
        arn = f"arn:{asked.partition}:iam::{accounts.ACCOUNT}:user/administrator"
        administrator = Principal(arn=arn, user_id="AIDALABADMINISTRATOR", policies=((_EVERYTHING,),))
        return signatures.check(asked, ADMINISTRATOR_SECRET, now) or administrator
    session = sessions.find(asked.access_key)
    if session is not None:
        return _of_session(asked, session, sessions, now)
    found = accounts.user_of(asked.access_key)
    if found is None:
        return _unknown(asked)
    user, secret = found
    return signatures.check(asked, secret, now) or Principal(
        arn=user.arn, user_id=user.id, policies=accounts.user_policies(user)
    )


def _of_session(asked: Asked, session: Session, sessions: Sessions, now: float) -> Principal | Answer:
    if not secrets.compare_digest(asked.token.encode(), session.token.encode()):
        return _unknown(asked, "InvalidToken", "The provided token is malformed or otherwise invalid.")
    if sessions.expired(session):
        return _expired(asked)
    return signatures.check(asked, session.secret_key, now) or Principal(
        arn=session.arn, user_id=session.user_id, policies=session.policies(), role_arn=session.grant.role_arn
    )


def _unknown(
    asked: Asked,
    code: str = "InvalidAccessKeyId",
    message: str = "The AWS Access Key Id you provided does not exist in our records.",
) -> Answer:
    """S3 has words of its own; every other service says the same of any credentials that it does not know."""
    if asked.service == "s3":
        return refusal("s3", asked.method, 400 if code == "InvalidToken" else 403, code, message)
    if asked.service == "ec2":
        message = "AWS was not able to validate the provided access credentials"
        return refusal("ec2", asked.method, 401, "AuthFailure", message)
    message = "The security token included in the request is invalid."
    return refusal(asked.service, asked.method, 403, "InvalidClientTokenId", message)


def _expired(asked: Asked) -> Answer:
    if asked.service == "s3":
        return refusal("s3", asked.method, 400, "ExpiredToken", "The provided token has expired.")
    if asked.service == "ec2":
        return refusal("ec2", asked.method, 400, "RequestExpired", "Request has expired.")
    message = "The security token included in the request is expired"
    return refusal(asked.service, asked.method, 403, "ExpiredToken", message)
