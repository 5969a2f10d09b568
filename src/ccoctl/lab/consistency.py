"""What was made a moment ago is not seen everywhere yet.

Source: IAM user guide, "Changes that I make are not always immediately visible"; users report MalformedPolicy with
"Invalid principal in policy", NoSuchEntity and AccessDenied for up to a minute.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable

from ccoctl.lab.answers import Answer, refusal
from ccoctl.lab.asked import Asked

_IDENTITY = re.compile(rb"<(?:Id|S3CanonicalUserId)>(\w+)</")
_TEXT = re.compile(r'"([^"]{1,512})"')
_TRUST = {"CreateRole": "AssumeRolePolicyDocument", "UpdateAssumeRolePolicy": "PolicyDocument"}
_NAMES_ROLE = frozenset(
    {"PutRolePolicy", "UpdateAssumeRolePolicy", "UpdateRole", "AttachRolePolicy", "TagRole", "GetRole", "GetRolePolicy"}
)


class Consistency:
    """Remembers what is new, for as many seconds as it takes to be seen."""

    def __init__(self, seconds: float, clock: Callable[[], float]) -> None:
        """Nothing is new yet. `clock` gives seconds that never go back; with 0 seconds everything is seen at once."""
        self._seconds = seconds
        self._clock = clock
        self._made: dict[str, float] = {}
        self._lock = threading.Lock()

    def reset(self) -> None:
        """Nothing is new."""
        with self._lock:
            self._made.clear()

    def is_fresh(self, name: str) -> bool:
        """True when something of that name is too new to be seen."""
        made = self._made.get(name)
        return made is not None and self._clock() - made < self._seconds

    def check(self, asked: Asked) -> Answer | None:
        """The refusal of a request that names something new; None for every other."""
        if not self._seconds:
            return None
        if asked.operation == "PutBucketPolicy" and self._names_fresh(asked.body.decode("utf-8", "replace")):
            return refusal("s3", asked.method, 400, "MalformedPolicy", "Invalid principal in policy")
        trust = asked.form.get(_TRUST.get(asked.operation, ""), "")
        if self._names_fresh(trust):
            return refusal("iam", asked.method, 400, "MalformedPolicyDocument", "Invalid principal in policy")
        role = asked.form.get("RoleName", "")
        if asked.operation in _NAMES_ROLE and self.is_fresh(role):
            message = f"The role with name {role} cannot be found."
            return refusal("iam", asked.method, 404, "NoSuchEntity", message)
        return None

    def after(self, asked: Asked, answer: Answer) -> None:
        """Remember what a request made."""
        if not self._seconds or answer.status >= 300:
            return
        match asked.operation:
            case "CreateRole":
                names = [asked.form.get("RoleName", "")]
            case "CreateOpenIDConnectProvider":
                names = [asked.form.get("Url", "").removeprefix("https://")]
            case "CreateCloudFrontOriginAccessIdentity":
                names = [found.decode() for found in _IDENTITY.findall(answer.body)]
            case "DeleteRole":
                self._made.pop(asked.form.get("RoleName", ""), None)
                return
            case "DeleteOpenIDConnectProvider":
                self._made.pop(asked.form.get("OpenIDConnectProviderArn", "").partition("/")[2], None)
                return
            case _:
                return
        with self._lock:
            for name in names:
                self._made.setdefault(name, self._clock())  # to ask for it again makes nothing new

    def _names_fresh(self, text: str) -> bool:
        return any(self.is_fresh(name) for found in _TEXT.findall(text) for name in _named(found))


def _named(text: str) -> tuple[str, ...]:
    """The role or the origin access identity that a principal of a policy names."""
    role = text.rpartition("/")[2] if ":role/" in text else ""
    identity = text.rpartition(" ")[2] if ":iam::cloudfront:" in text else ""
    user = text if len(text) > 64 else ""  # longer than any name: a canonical user
    return (role, identity, user)
