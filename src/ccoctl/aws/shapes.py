"""What an answer of AWS must hold for us to go on with it: members that are there, of their form, about what was asked.

Names and ARNs out of answers go into trust policies, Secrets and files, so they are held to what AWS can answer.

Source: the API references of IAM, STS, CloudFront and S3; IAM user guide, "IAM identifiers" and "IAM and AWS STS
quotas".
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator, Mapping

import msgspec

from ccoctl.aws.answers import BrokenError
from ccoctl.engine.call import Answer, Call, at_path

_DEEPEST = 32
"""Levels of an answer with the policies in it, which have six themselves."""
_PLAIN = (str, bool, int, float, bytes, datetime.datetime, type(None))

_NUMBER = r"[0-9]{12}"
_IAM_ARN = re.compile(rf"arn:(aws[a-z-]{{0,30}}):(?:iam|sts)::({_NUMBER}):[\x21-\x7e]{{1,1024}}")
_NAME = re.compile(r"[\w+=,.@-]{1,128}", re.ASCII)
_ID = re.compile(r"[A-Za-z0-9]{1,64}")
_HOST = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,62})\.){1,10}[a-z]{2,63}")
_VISIBLE = re.compile(r"[\x21-\x7e]{1,1024}")
_KEY = re.compile(r"[^\x00-\x1f\x7f]{1,1024}")
_ANY_ARN = re.compile(r"arn:aws[\x21-\x7e]{1,1024}")

_NEEDED: Mapping[str, Mapping[str, re.Pattern[str]]] = {
    "GetCallerIdentity": {"Account": re.compile(_NUMBER), "Arn": _IAM_ARN},
    "GetRole": {"Role.RoleName": _NAME, "Role.Arn": _IAM_ARN},
    "CreateRole": {"Role.RoleName": _NAME, "Role.Arn": _IAM_ARN},
    "GetRolePolicy": {"RoleName": _NAME, "PolicyName": _NAME},
    "CreateOpenIDConnectProvider": {"OpenIDConnectProviderArn": _IAM_ARN},
    "GetOpenIDConnectProvider": {"Url": _VISIBLE},
    "GetDistribution": {"Distribution.Id": _ID, "Distribution.DomainName": _HOST, "Distribution.ARN": _ANY_ARN},
    "CreateDistributionWithTags": {
        "Distribution.Id": _ID,
        "Distribution.DomainName": _HOST,
        "Distribution.ARN": _ANY_ARN,
    },
    "GetCloudFrontOriginAccessIdentity": {"CloudFrontOriginAccessIdentity.Id": _ID, "ETag": _VISIBLE},
    "CreateCloudFrontOriginAccessIdentity": {"CloudFrontOriginAccessIdentity.Id": _ID},
    "GetOriginAccessControl": {"OriginAccessControl.Id": _ID, "ETag": _VISIBLE},
    "CreateOriginAccessControl": {"OriginAccessControl.Id": _ID},
    "GetObject": {"ETag": _VISIBLE},
}
"""By operation: members, and what they look like."""
_LISTED: Mapping[str, tuple[str, str, re.Pattern[str]]] = {
    "ListRoles": ("Roles", "RoleName", _NAME),
    "ListOpenIDConnectProviders": ("OpenIDConnectProviderList", "Arn", _IAM_ARN),
    "ListDistributions": ("DistributionList.Items", "Id", _ID),
    "ListCloudFrontOriginAccessIdentities": ("CloudFrontOriginAccessIdentityList.Items", "Id", _ID),
    "ListOriginAccessControls": ("OriginAccessControlList.Items", "Id", _ID),
    "ListObjectsV2": ("Contents", "Key", _KEY),
}
"""By operation: the list, and what each of its entries has."""
_ALWAYS = frozenset({"ListRoles", "ListOpenIDConnectProviders"})
"""Whose list is there though it be empty: an answer without it does not say that there is nothing."""
_ECHOED = (
    ("GetRole", "RoleName", "Role.RoleName"),
    ("CreateRole", "RoleName", "Role.RoleName"),
    ("GetRolePolicy", "RoleName", "RoleName"),
    ("GetRolePolicy", "PolicyName", "PolicyName"),
    ("GetDistribution", "Id", "Distribution.Id"),
    ("GetCloudFrontOriginAccessIdentity", "Id", "CloudFrontOriginAccessIdentity.Id"),
    ("GetOriginAccessControl", "Id", "OriginAccessControl.Id"),
)
"""Operation, parameter, and the member of the answer that repeats it."""
_ARNS = {
    "GetCallerIdentity": "Arn",
    "GetRole": "Role.Arn",
    "CreateRole": "Role.Arn",
    "CreateOpenIDConnectProvider": "OpenIDConnectProviderArn",
}


class Seen(msgspec.Struct):
    """Whose account the answers so far were about: there is only one."""

    account: tuple[str, str] = ("", "")
    """Partition and number; empty until somebody says it."""

    def checked(self, call: Call, answer: Answer) -> Answer:
        """The same answer.

        Raises:
            BrokenError: it lacks what it must hold, or is about something or somebody else.
        """
        _check_values(answer)
        for path, form in _NEEDED.get(call.operation, {}).items():
            _check(at_path(answer, path), path, form)
        _check_list(call.operation, answer)
        for operation, parameter, path in _ECHOED:
            said = str(at_path(answer, path))
            # IAM does not tell names apart by their case
            if operation == call.operation and said.lower() != str(call.parameters[parameter]).lower():
                raise BrokenError(f"the answer is about another {parameter}: {_shown(said)}")
        self._check_account(call, answer)
        return answer

    def _check_account(self, call: Call, answer: Answer) -> None:
        path = _ARNS.get(call.operation)
        found = _IAM_ARN.fullmatch(str(at_path(answer, path))) if path else None
        if found is None:
            return
        account = found[1], found[2]
        if self.account[1] and account != self.account:
            raise BrokenError(
                f"{_shown(found[0])} is in another account than {':'.join(self.account)}, which was asked"
            )
        name = str(call.parameters.get("RoleName", ""))
        if name and not re.search(rf":role/(?:.*/)?{re.escape(name)}$", found[0], re.IGNORECASE):
            raise BrokenError(f"{_shown(found[0])} is no ARN of role {name}")
        self.account = account


def _check(value: object, path: str, form: re.Pattern[str]) -> None:
    if value is None:
        raise BrokenError(f"the answer has no {path}")
    if not (isinstance(value, str) and form.fullmatch(value)):
        raise BrokenError(f"the answer's {path} cannot be one: {_shown(value)}")


def _check_list(operation: str, answer: Answer) -> None:
    if operation not in _LISTED:
        return
    path, member, form = _LISTED[operation]
    entries = at_path(answer, path)
    if entries is None and operation in _ALWAYS:
        raise BrokenError(f"the answer has no {path}")
    for entry in entries if isinstance(entries, list) else []:
        _check(entry.get(member) if isinstance(entry, Mapping) else None, f"{path}.{member}", form)


def _check_values(answer: Answer) -> None:
    """Plain values, text that can be written, and no deeper than honest ones."""
    level: list[object] = [answer]
    for _ in range(_DEEPEST):
        if not level:
            return
        level = [inner for value in level for inner in _inner(value)]
    raise BrokenError(f"the answer nests deeper than {_DEEPEST} levels")


def _inner(value: object) -> Iterator[object]:
    match value:
        case Mapping():
            yield from value
            yield from value.values()
        case list():
            yield from value
        case str() if not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value):
            raise BrokenError("the answer holds text that is no Unicode")
        case _ if not isinstance(value, _PLAIN):
            raise BrokenError("the answer says something twice that can be said once")


def _shown(value: object) -> str:
    return ascii(str(value)[:100])


__all__ = ["Seen"]
