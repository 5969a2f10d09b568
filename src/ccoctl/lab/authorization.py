"""Who may do what: the policies of users, roles and buckets, enforced on every request.

moto's own enforcement checks other actions than AWS does in several places and none for CloudFront. This table is
written from the Service Authorization Reference, independently of `ccoctl.aws.permissions`, which it checks.
"""

from __future__ import annotations

from urllib.parse import unquote

from ccoctl.aws.evaluate import Question, Verdict, decide
from ccoctl.lab import accounts, buckets
from ccoctl.lab.answers import Answer, refusal
from ccoctl.lab.asked import Asked
from ccoctl.lab.models import prefix_of
from ccoctl.lab.operations import CLOUDFRONT_ROOT
from ccoctl.lab.principals import Principal

_S3_ACTIONS = {
    "HeadBucket": "ListBucket",
    "ListObjects": "ListBucket",
    "ListObjectsV2": "ListBucket",
    "ListObjectVersions": "ListBucketVersions",
    "ListBuckets": "ListAllMyBuckets",
    "HeadObject": "GetObject",
    "DeleteObjects": "DeleteObject",
    "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
    "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
    "DeletePublicAccessBlock": "PutBucketPublicAccessBlock",
    "DeleteBucketTagging": "PutBucketTagging",
    "DeleteBucketOwnershipControls": "PutBucketOwnershipControls",
    "GetBucketEncryption": "GetEncryptionConfiguration",
    "PutBucketEncryption": "PutEncryptionConfiguration",
    "DeleteBucketEncryption": "PutEncryptionConfiguration",
    "DeleteAccountPublicAccessBlock": "PutAccountPublicAccessBlock",
    "CreateMultipartUpload": "PutObject",
    "UploadPart": "PutObject",
    "CompleteMultipartUpload": "PutObject",
    "ListParts": "ListMultipartUploadParts",
}


def needed_actions(asked: Asked) -> tuple[str, ...]:
    """The IAM actions that a request needs, all of them."""
    match asked.service, asked.operation:
        case "sts", "GetCallerIdentity":
            return ()  # allowed to everybody, whatever a policy says (STS API reference)
        case "s3", "PutObject" if asked.headers.get("x-amz-tagging"):
            return ("s3:PutObject", "s3:PutObjectTagging")
        case "s3", "CreateBucket" if asked.headers.get("x-amz-acl"):
            return ("s3:CreateBucket", "s3:PutBucketAcl")
        case "s3", operation:
            return (f"s3:{_S3_ACTIONS.get(operation, operation)}",)
        case "cloudfront", "CreateDistributionWithTags":
            return ("cloudfront:CreateDistribution", "cloudfront:TagResource")
        case "iam", "CreateRole" if _has_tags(asked):
            return ("iam:CreateRole", "iam:TagRole")
        case "iam", "CreateOpenIDConnectProvider" if _has_tags(asked):
            return ("iam:CreateOpenIDConnectProvider", "iam:TagOpenIDConnectProvider")
        case service, operation:
            return (f"{prefix_of(service)}:{operation}",)


def _has_tags(asked: Asked) -> bool:
    return any(name.startswith("Tags.") for name in asked.form)


def authorize(asked: Asked, principal: Principal, *, now: float) -> Answer | None:
    """None when the request may go on, else the answer that AWS gives."""
    if asked.operation == "DeleteObjects":
        return None  # looks at each key by itself
    resource = resource_of(asked)
    needed = [(action, resource) for action in needed_actions(asked)]
    if asked.service == "s3" and (source := asked.headers.get("x-amz-copy-source")):
        name = unquote(source.partition("?")[0]).lstrip("/")
        needed.append(("s3:GetObject", f"arn:{asked.partition}:s3:::{name}"))
    for action, on in needed:
        if not may(principal, action, on, asked, now=now):
            return _denied(asked, principal, action, on)
    return None


def may(principal: Principal, action: str, resource: str, asked: Asked, *, now: float) -> bool:
    """True when the principal's own policies or the bucket's allow it, and none denies it."""
    question = Question(
        action=action,
        resource=resource,
        context=_context(asked, principal, now),
    )
    own = [decide(group, question).verdict for group in principal.policies]
    if Verdict.DENIED in own:
        return False
    of_bucket = buckets.decision(asked, principal, question) if resource.startswith("arn:") else Verdict.NOT_ALLOWED
    if of_bucket is Verdict.DENIED:
        return False
    return of_bucket is Verdict.ALLOWED or all(verdict is Verdict.ALLOWED for verdict in own)


def _context(asked: Asked, principal: Principal, now: float) -> dict[str, tuple[str, ...]]:
    context: dict[str, tuple[str, ...]] = {
        "aws:requestedregion": (asked.region,),
        "aws:currenttime": (str(int(now)),),
        "aws:epochtime": (str(int(now)),),
        "aws:securetransport": (str(asked.is_secure).lower(),),
    }
    if not principal.is_anonymous:
        context |= {
            "aws:principalarn": (principal.role_arn or principal.arn,),
            "aws:principalaccount": (accounts.ACCOUNT,),
            "aws:userid": (principal.user_id,),
        }
    if asked.service == "s3" and "prefix" in asked.query:
        context["s3:prefix"] = (asked.query["prefix"],)
    return context


def _denied(asked: Asked, principal: Principal, action: str, resource: str) -> Answer:
    if asked.service == "s3" and principal.is_anonymous:
        return refusal("s3", asked.method, 403, "AccessDenied", "Access Denied")
    if principal.is_anonymous:
        what = "Request is missing Authentication Token"
        return refusal(asked.service, asked.method, 403, "MissingAuthenticationToken", what)
    message = (
        f"User: {principal.arn} is not authorized to perform: {action} on resource: {resource} "
        f"because no identity-based policy allows the {action} action"
    )
    if asked.service == "ec2":
        return refusal("ec2", asked.method, 403, "UnauthorizedOperation", message)
    return refusal(asked.service, asked.method, 403, "AccessDenied", message)


def resource_of(asked: Asked) -> str:
    """The ARN of what a request is about; `*` where it is about nothing that the lab knows an ARN of."""
    account = f"arn:{asked.partition}:iam::{accounts.ACCOUNT}"
    if asked.service == "s3" and asked.bucket:
        return f"arn:{asked.partition}:s3:::{asked.bucket}" + (f"/{asked.key}" if asked.key else "")
    if asked.service == "cloudfront":
        return _of_cloudfront(asked)
    if asked.service != "iam":
        return "*"
    if role := asked.form.get("RoleName"):
        path = asked.form.get("Path") or _path_of(role, asked.partition)
        return f"{account}:role{path}{role}"
    if url := asked.form.get("Url"):
        return f"{account}:oidc-provider/{url.removeprefix('https://')}"
    if user := asked.form.get("UserName"):
        return f"{account}:user{asked.form.get('Path', '/')}{user}"
    return asked.form.get("OpenIDConnectProviderArn") or asked.form.get("PolicyArn") or "*"


def _of_cloudfront(asked: Asked) -> str:
    if asked.operation in {"ListTagsForResource", "TagResource", "UntagResource"}:
        return asked.query.get("Resource", "*")
    kind, _, rest = asked.path.removeprefix(CLOUDFRONT_ROOT).partition("/")
    name = rest.removeprefix("cloudfront/").partition("/")[0]
    if kind == "origin-access-identity" and rest == "cloudfront":
        name = ""
    account = f"arn:{asked.partition}:cloudfront::{accounts.ACCOUNT}"
    return f"{account}:{kind}/{name}" if name else "*"


def _path_of(role: str, partition: str) -> str:
    there = tuple(accounts.iam(partition).roles.values())  # at once: others are made while we look
    found = next((item for item in there if item.name == role), None)
    return found.path if found is not None else "/"
