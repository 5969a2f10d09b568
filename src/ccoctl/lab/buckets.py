"""What S3 does with buckets and moto does not: public access blocks, policies, regions, and ownership of objects.

Source: S3 user guide, "Blocking public access to your Amazon S3 storage" and "Controlling ownership of objects and
disabling ACLs" (the defaults of April 2023); S3 API reference, "Error responses".
"""

from __future__ import annotations

from typing import Any

from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.iam.access_control import PermissionResult
from moto.s3.models import FakeBucket, PublicAccessBlock, s3_backends
from moto.s3control.models import s3control_backends
from msgspec.structs import replace

from ccoctl.aws.conditions import Context
from ccoctl.aws.evaluate import Question, Verdict, decide
from ccoctl.lab import bucket_policies
from ccoctl.lab.answers import Answer, refusal
from ccoctl.lab.asked import Asked
from ccoctl.lab.principals import Principal

_OWN_ACLS = frozenset({"", "private", "bucket-owner-full-control"})
"""What a bucket without ACLs takes, as it says nothing new."""
_ENFORCED = "BucketOwnerEnforced"
_ANYWHERE = frozenset({"CreateBucket", "ListBuckets", "GetBucketLocation"})
"""Asked of any region."""


def mend() -> None:
    """Let moto not decide who may do what: it looks at no conditions, and `ccoctl.lab.authorization` has done so."""

    def permit(self: FakeBucket, action: str, resource: str) -> Any:  # noqa: ARG001 - moto's own signature
        return PermissionResult.PERMITTED

    patched: Any = FakeBucket  # the only way in
    patched.get_permission = permit


def exists(asked: Asked) -> bool:
    """True when the request's bucket is there."""
    return _find(asked) is not None


def check(asked: Asked, identities: frozenset[tuple[str, str]]) -> Answer | None:
    """The refusal of what S3 would not do and moto would; None for everything else."""
    found = _find(asked)
    if asked.operation == "CreateBucket":
        return _check_acl_of_new(asked)
    if found is None:
        return None
    match asked.operation:
        case "PutBucketPolicy":
            return _check_policy(asked, found, identities)
        case "PutObject" | "PutObjectAcl" | "PutBucketAcl" if not _has_acls(found):
            if asked.headers.get("x-amz-acl", "") not in _OWN_ACLS:
                return _refuse(asked, 400, "AccessControlListNotSupported", "The bucket does not allow ACLs")
    return None


def check_place(asked: Asked, *, is_global: bool) -> Answer | None:
    """The answer to whoever asks for a bucket that is not there, or is in another region; None where it is here.

    Args:
        asked: the request.
        is_global: it came to the bucket's global name, which leads a stranger to the bucket's region.
    """
    if asked.service != "s3" or not asked.bucket or asked.operation in _ANYWHERE:
        return None
    found = _find(asked)
    if found is None:
        return _refuse(asked, 404, "NoSuchBucket", "The specified bucket does not exist")
    if found.region_name == asked.region or (is_global and not asked.access_key):
        return None
    message = (
        "The bucket you are attempting to access must be addressed using the specified endpoint. "
        "Please send all future requests to this endpoint."
    )
    return replace(
        _refuse(asked, 301, "PermanentRedirect", message), headers={"x-amz-bucket-region": str(found.region_name)}
    )


def created(asked: Asked) -> None:
    """A new bucket blocks all public access, and has no ACLs unless it was asked for them."""
    found = _find(asked)
    if found is not None:
        found.public_access_block = PublicAccessBlock("True", "True", "True", "True")
        found.ownership_rule = found.ownership_rule or _ENFORCED  # type: ignore[assignment] # moto keeps the word alone


def deleted(asked: Asked) -> None:
    """A bucket's tags go with it: moto would give them to the next one of its name."""
    s3_backends[DEFAULT_ACCOUNT_ID][asked.partition].tagger.delete_all_tags_for_resource(_arn(asked))


def decision(asked: Asked, principal: Principal, question: Question) -> Verdict:
    """What the bucket's own policy says, as far as its public access block lets it speak to strangers."""
    found = _find(asked) if asked.service == "s3" else None
    if found is None:
        return Verdict.NOT_ALLOWED
    document = bucket_policies.parse(found.policy)
    verdict = bucket_policies.verdict(document, principal, question)
    if verdict is Verdict.ALLOWED and principal.is_anonymous and _is_closed(found, document):
        return Verdict.NOT_ALLOWED
    return verdict


def reads_for(partition: str, bucket: str, key: str, who: frozenset[tuple[str, str]], context: Context) -> bool:
    """True when a bucket's policy lets a part of AWS itself read an object; nobody in particular may be told, too.

    Args:
        partition: of the bucket.
        bucket: its name.
        key: the object's; empty to ask whether the bucket may be listed.
        who: kinds and names of the principal; empty for everybody.
        context: values of condition keys.
    """
    found = s3_backends[DEFAULT_ACCOUNT_ID][partition].buckets.get(bucket)
    if found is None:
        return False
    document = bucket_policies.parse(found.policy)
    question = Question(
        action="s3:GetObject" if key else "s3:ListBucket",
        resource=f"arn:{partition}:s3:::{bucket}" + (f"/{key}" if key else ""),
        principals=who,
        context=context,
    )
    return decide([document], question).allowed and not (not who and _is_closed(found, document))


def _find(asked: Asked) -> FakeBucket | None:
    return s3_backends[DEFAULT_ACCOUNT_ID][asked.partition].buckets.get(asked.bucket)


def _arn(asked: Asked) -> str:
    return f"arn:{asked.partition}:s3:::{asked.bucket}"


def _check_policy(asked: Asked, found: FakeBucket, identities: frozenset[tuple[str, str]]) -> Answer | None:
    arn = _arn(asked)
    if flaw := bucket_policies.problem(asked.body, arn, identities):
        return _refuse(asked, 400, "MalformedPolicy", flaw)
    blocked = any(block.block_public_policy for block in _blocks(found))
    if blocked and bucket_policies.is_public(bucket_policies.parse(asked.body)):
        message = (
            f"User is not authorized to perform: s3:PutBucketPolicy on resource: {arn} because public policies are "
            "blocked by the BlockPublicPolicy block public access setting."
        )
        return _refuse(asked, 403, "AccessDenied", message)
    return None


def _check_acl_of_new(asked: Asked) -> Answer | None:
    owned = asked.headers.get("x-amz-object-ownership", _ENFORCED) == _ENFORCED
    if owned and asked.headers.get("x-amz-acl", "") not in _OWN_ACLS:
        message = "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting"
        return _refuse(asked, 400, "InvalidBucketAclWithObjectOwnership", message)
    return None


def _has_acls(found: FakeBucket) -> bool:
    """True when objects of a bucket may have ACLs."""
    return str(found.ownership_rule) != _ENFORCED


def _blocks(found: FakeBucket) -> list[PublicAccessBlock]:
    """The bucket's public access block and the account's, as far as they are there."""
    of_account = s3control_backends[DEFAULT_ACCOUNT_ID][found.partition].public_access_block
    return [block for block in (found.public_access_block, of_account) if block is not None]


def _is_closed(found: FakeBucket, document: Any) -> bool:
    """True when a public policy opens the bucket to nobody outside of the account."""
    return bucket_policies.is_public(document) and any(block.restrict_public_buckets for block in _blocks(found))


def _refuse(asked: Asked, status: int, code: str, message: str) -> Answer:
    return refusal("s3", asked.method, status, code, message)
