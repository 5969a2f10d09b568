"""CloudFront's origin access identities, which moto does not have.

Source: CloudFront API reference 2020-05-31, the operations on CloudFrontOriginAccessIdentity.
"""

from __future__ import annotations

import secrets
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

import msgspec

from ccoctl.lab.answers import Answer, refusal
from ccoctl.lab.asked import Asked
from ccoctl.lab.operations import CLOUDFRONT_ROOT

_XMLNS = "http://cloudfront.amazonaws.com/doc/2020-05-31/"
_ROOT = f"{CLOUDFRONT_ROOT}origin-access-identity/cloudfront"
_PAGE = 100


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """One origin access identity."""

    id: str
    etag: str
    reference: str
    comment: str
    canonical_user: str


class AccessIdentities:
    """All identities of the account; `in_use` says which a distribution reads through."""

    def __init__(self) -> None:
        """There are none yet."""
        self._identities: dict[str, Identity] = {}

    def reset(self) -> None:
        """Forget all of them."""
        self._identities.clear()

    def ids(self) -> frozenset[str]:
        """Of all that are there."""
        return frozenset(self._identities)

    def principals(self, partition: str) -> frozenset[tuple[str, str]]:
        """Kinds and names that a bucket policy of the partition may call them by."""
        return frozenset(who for name in self._identities for who in self.principals_of(name, partition))

    def principals_of(self, name: str, partition: str) -> frozenset[tuple[str, str]]:
        """Kinds and names of one identity: its ARN, and its canonical user."""
        found = self._identities.get(name)
        if found is None:
            return frozenset()
        user = f"arn:{partition}:iam::cloudfront:user/CloudFront Origin Access Identity {name}"
        return frozenset({("AWS", user), ("CanonicalUser", found.canonical_user)})

    def handle(self, asked: Asked, in_use: frozenset[str]) -> Answer | None:
        """The answer to an operation on identities; None for any other."""
        name = asked.path.removeprefix(_ROOT).strip("/").partition("/")[0]
        match asked.operation:
            case "CreateCloudFrontOriginAccessIdentity":
                return self._create(asked)
            case "ListCloudFrontOriginAccessIdentities":
                return self._list(asked)
            case "GetCloudFrontOriginAccessIdentity" | "GetCloudFrontOriginAccessIdentityConfig":
                return self._get(asked, name)
            case "DeleteCloudFrontOriginAccessIdentity":
                return self._delete(asked, name, in_use)
            case _:
                return None

    def _create(self, asked: Asked) -> Answer:
        try:
            config = ET.fromstring(asked.body)  # noqa: S314 - expat expands no external entities; this is a lab # nosec B314
        except ET.ParseError as error:
            return _refuse(asked, 400, "MalformedXML", str(error))
        reference, comment = (config.findtext(f"{{{_XMLNS}}}{name}") or "" for name in ("CallerReference", "Comment"))
        there = next((item for item in self._identities.values() if item.reference == reference), None)
        if there is not None and there.comment != comment:
            return _refuse(asked, 409, "CloudFrontOriginAccessIdentityAlreadyExists", "another one has that reference")
        made = there or Identity(
            id=f"E{secrets.token_hex(6).upper()}",
            etag=f"E{secrets.token_hex(6).upper()}",
            reference=reference,
            comment=comment,
            canonical_user=secrets.token_hex(48),
        )
        self._identities[made.id] = made
        location = {"Location": f"https://cloudfront.amazonaws.com{_ROOT}/{made.id}"}
        return Answer(status=201, body=_identity(made), headers={"ETag": made.etag, **location})

    def _get(self, asked: Asked, name: str) -> Answer:
        found = self._identities.get(name)
        if found is None:
            return _missing(asked)
        body = _config(found, xmlns=True) if asked.operation.endswith("Config") else _identity(found)
        return Answer(status=200, body=body, headers={"ETag": found.etag})

    def _delete(self, asked: Asked, name: str, in_use: frozenset[str]) -> Answer:
        found = self._identities.get(name)
        if found is None:
            return _missing(asked)
        if "if-match" not in asked.headers:
            return _refuse(asked, 400, "InvalidIfMatchVersion", "The If-Match version is missing or not valid.")
        if asked.headers["if-match"] != found.etag:
            return _refuse(asked, 412, "PreconditionFailed", "The precondition in a request header is false.")
        if name in in_use:
            what = "The CloudFront origin access identity is still being used."
            return _refuse(asked, 409, "CloudFrontOriginAccessIdentityInUse", what)
        del self._identities[name]
        return Answer(status=204)

    def _list(self, asked: Asked) -> Answer:
        marker, asked_for = asked.query.get("Marker", ""), asked.query.get("MaxItems", "")
        limit = min(int(asked_for[:9]), _PAGE) if asked_for.isdecimal() and int(asked_for[:9]) else _PAGE
        after = [item for name, item in sorted(self._identities.items()) if name > marker]
        page, rest = after[:limit], after[limit:]
        items = "".join(
            f"<CloudFrontOriginAccessIdentitySummary><Id>{item.id}</Id>"
            f"<S3CanonicalUserId>{item.canonical_user}</S3CanonicalUserId><Comment>{escape(item.comment)}</Comment>"
            "</CloudFrontOriginAccessIdentitySummary>"
            for item in page
        )
        body = (
            f'<CloudFrontOriginAccessIdentityList xmlns="{_XMLNS}"><Marker>{escape(marker)}</Marker>'
            + (f"<NextMarker>{page[-1].id}</NextMarker>" if rest else "")
            + f"<MaxItems>{limit}</MaxItems><IsTruncated>{str(bool(rest)).lower()}</IsTruncated>"
            f"<Quantity>{len(page)}</Quantity>"
            + (f"<Items>{items}</Items>" if items else "")
            + "</CloudFrontOriginAccessIdentityList>"
        )
        return Answer(status=200, body=body.encode())


def _identity(item: Identity) -> bytes:
    return (
        f'<CloudFrontOriginAccessIdentity xmlns="{_XMLNS}"><Id>{item.id}</Id>'
        f"<S3CanonicalUserId>{item.canonical_user}</S3CanonicalUserId>"
        f"{_config(item, xmlns=False).decode()}</CloudFrontOriginAccessIdentity>"
    ).encode()


def _config(item: Identity, *, xmlns: bool) -> bytes:
    namespace = f' xmlns="{_XMLNS}"' if xmlns else ""
    return (
        f"<CloudFrontOriginAccessIdentityConfig{namespace}><CallerReference>{escape(item.reference)}</CallerReference>"
        f"<Comment>{escape(item.comment)}</Comment></CloudFrontOriginAccessIdentityConfig>"
    ).encode()


def _missing(asked: Asked) -> Answer:
    what = "The specified CloudFront origin access identity does not exist."
    return _refuse(asked, 404, "NoSuchCloudFrontOriginAccessIdentity", what)


def _refuse(asked: Asked, status: int, code: str, message: str) -> Answer:
    return refusal("cloudfront", asked.method, status, code, message)
