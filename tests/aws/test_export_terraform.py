"""Terraform's JSON: documented arguments, references that lead somewhere, texts that stay as they are."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs
from msgspec.structs import replace

from ccoctl.aws.desired import Settings
from ccoctl.aws.export_names import labels
from ccoctl.aws.export_terraform import terraform
from ccoctl.aws.export_terraform_values import literal
from ccoctl.aws.export_whole import whole
from ccoctl.aws.resources import Account, OriginAccess
from ccoctl.credentialsrequest.model import (
    AwsProviderSpec,
    AwsStatement,
    CredentialsRequest,
    PolicyCondition,
    SecretRef,
)
from tests.aws.builders import (
    ACCOUNT,
    FRONT,
    HOST,
    KEY,
    bucket,
    distribution,
    private_account,
    provider,
    public_account,
    request,
    role,
    settings,
)

REQUESTS = (request(), request("openshift-image-registry", "installer"))
EMPTY = Account(id=ACCOUNT)
CASES: dict[str, tuple[dict[str, Any], Account]] = {
    "public": ({}, EMPTY),
    "private with an identity": ({"private": True}, EMPTY),
    "private with a control": ({"private": True, "access": OriginAccess.OAC}, EMPTY),
    "public and there": ({}, public_account()),
    "private and there": ({"private": True}, private_account()),
    "with a control and there": ({"private": True}, private_account(OriginAccess.OAC)),
    "with everything": (
        {"role_path": "/a/b/", "boundary": f"arn:aws:iam::{ACCOUNT}:policy/b", "max_session_duration": 7200},
        EMPTY,
    ),
    "served by others": ({"issuer_url": "https://oidc.example.com/prod"}, EMPTY),
}
every_case = pytest.mark.parametrize("case", CASES.values(), ids=CASES)

META = {"depends_on": None, "lifecycle": None}
TAGS = {"tags": None}
ARGUMENTS: dict[str, dict[str, Any]] = {
    "aws_s3_bucket": {
        "bucket": None,
        "bucket_prefix": None,
        "force_destroy": None,
        "object_lock_enabled": None,
        **TAGS,
    },
    "aws_s3_bucket_public_access_block": {
        "bucket": True,
        "block_public_acls": None,
        "block_public_policy": None,
        "ignore_public_acls": None,
        "restrict_public_buckets": None,
    },
    "aws_s3_bucket_policy": {"bucket": True, "policy": True},
    "aws_s3_object": {
        "bucket": True,
        "key": True,
        "content": None,
        "content_type": None,
        "cache_control": None,
        "etag": None,
        **TAGS,
    },
    "aws_iam_openid_connect_provider": {"url": True, "client_id_list": True, "thumbprint_list": None, **TAGS},
    "aws_iam_role": {
        "assume_role_policy": True,
        "name": None,
        "description": None,
        "path": None,
        "permissions_boundary": None,
        "max_session_duration": None,
        **TAGS,
    },
    "aws_iam_role_policy": {"name": None, "policy": True, "role": True},
    "aws_cloudfront_origin_access_identity": {"comment": None},
    "aws_cloudfront_origin_access_control": {
        "name": True,
        "description": None,
        "origin_access_control_origin_type": True,
        "signing_behavior": True,
        "signing_protocol": True,
    },
    "aws_cloudfront_distribution": {
        "comment": None,
        "enabled": True,
        "price_class": None,
        "origin": {
            "domain_name": True,
            "origin_id": True,
            "connection_attempts": None,
            "connection_timeout": None,
            "origin_access_control_id": None,
            "s3_origin_config": {"origin_access_identity": None},
        },
        "default_cache_behavior": {
            "allowed_methods": True,
            "cached_methods": True,
            "target_origin_id": True,
            "viewer_protocol_policy": True,
            "cache_policy_id": None,
            "compress": None,
        },
        "restrictions": {"geo_restriction": {"restriction_type": True, "locations": None}},
        "viewer_certificate": {"cloudfront_default_certificate": None},
        **TAGS,
    },
}
"""Arguments of the resources, as far as they are ours: True for required ones, a mapping for a block.

Source: the section "Argument Reference" of website/docs/r/<name without aws_>.html.markdown in
hashicorp/terraform-provider-aws, read in November 2026.
"""
ATTRIBUTES = {
    "aws_s3_bucket": {"id"},
    "aws_iam_openid_connect_provider": {"arn"},
    "aws_iam_role": {"arn", "name"},
    "aws_cloudfront_origin_access_identity": {"id"},
    "aws_cloudfront_origin_access_control": {"id"},
    "aws_cloudfront_distribution": {"arn", "domain_name"},
}
"""What other resources may refer to; the section "Attribute Reference" of the same pages."""
REFERENCE = re.compile(r"(?<!\$)\$\{([a-z0-9_]+)\.([a-z0-9_]+)\.([a-z_]+)\}")
NAME = re.compile(r"[a-z][a-z0-9_]*")


def configuration(case: tuple[dict[str, Any], Account], requests: tuple[CredentialsRequest, ...] = REQUESTS) -> Any:
    options, account = case
    return json.loads(terraform(whole(settings(**options), requests, KEY, account)).main.text)


def resources(body: Any) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for kind, labelled in body["resource"].items():
        for label, arguments in labelled.items():
            yield kind, label, arguments


def texts(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case Mapping():
            for key, item in value.items():
                yield from texts(key)
                yield from texts(item)
        case list():
            for item in value:
                yield from texts(item)


def check(kind: str, given_: Mapping[str, Any], documented: Mapping[str, Any]) -> None:
    assert set(given_) <= set(documented), kind
    for name, what in documented.items():
        assert what is not True or name in given_, f"{kind} needs {name}"
        if isinstance(what, dict) and name in given_:
            check(f"{kind}.{name}", given_[name], what)


@every_case
def test_every_argument_is_one_that_the_provider_documents(case: tuple[dict[str, Any], Account]) -> None:
    for kind, _, arguments in resources(configuration(case)):
        check(kind, {name: value for name, value in arguments.items() if name not in META}, ARGUMENTS[kind])


@every_case
def test_every_reference_leads_to_a_resource_and_an_attribute_of_it(case: tuple[dict[str, Any], Account]) -> None:
    body = configuration(case)
    there = {(kind, label) for kind, label, _ in resources(body)}

    for text in texts(body):
        for kind, label, attribute in REFERENCE.findall(text):
            assert (kind, label) in there
            assert attribute in ATTRIBUTES[kind]
    for _, _, arguments in resources(body):
        assert {tuple(name.split(".")) for name in arguments.get("depends_on", ())} <= there
    assert {tuple(block["to"].split(".")) for block in body.get("import", ())} <= there


@every_case
def test_labels_are_names(case: tuple[dict[str, Any], Account]) -> None:
    assert all(NAME.fullmatch(label) for _, label, _ in resources(configuration(case)))


def test_it_is_kept_to_the_account_and_region_that_were_looked_at() -> None:
    assert configuration(CASES["public"])["provider"] == {
        "aws": {"region": "us-east-1", "allowed_account_ids": [ACCOUNT]}
    }


def test_nothing_is_imported_into_an_empty_account() -> None:
    assert "import" not in configuration(CASES["public"])


def test_what_is_there_is_imported_by_the_ids_that_the_provider_documents() -> None:
    found = {block["to"]: block["id"] for block in configuration(CASES["private and there"])["import"]}

    role = "demo-openshift-machine-api-aws-cloud-credentials"
    assert found == {
        "aws_s3_bucket.issuer": "demo-oidc",
        "aws_s3_bucket_public_access_block.issuer": "demo-oidc",
        "aws_s3_bucket_policy.issuer": "demo-oidc",
        "aws_cloudfront_origin_access_identity.issuer": "E1",
        "aws_cloudfront_distribution.issuer": "D1",
        "aws_s3_object.openid_configuration": "demo-oidc/.well-known/openid-configuration",
        "aws_s3_object.keys": "demo-oidc/keys.json",
        "aws_iam_openid_connect_provider.issuer": f"arn:aws:iam::{ACCOUNT}:oidc-provider/{FRONT}",
        "aws_iam_role.role_openshift_machine_api_aws_cloud_credentials": role,
        "aws_iam_role_policy.role_openshift_machine_api_aws_cloud_credentials": f"{role}:{role}",
    }


def test_a_distribution_that_is_there_is_left_as_it_is_and_keys_are_left_to_the_rotation() -> None:
    made = configuration(CASES["private and there"])["resource"]

    assert made["aws_cloudfront_distribution"]["issuer"]["lifecycle"] == {"ignore_changes": "all"}
    assert made["aws_s3_object"]["keys"]["lifecycle"] == {"ignore_changes": ["content", "etag"]}
    new = configuration(CASES["private with an identity"])["resource"]
    assert "lifecycle" not in new["aws_cloudfront_distribution"]["issuer"]


def test_policies_are_the_ones_of_create_all() -> None:
    made = configuration(CASES["public"])["resource"]["aws_iam_role"]["role_openshift_image_registry_installer"]

    trust = json.loads(made["assume_role_policy"])["Statement"][0]
    assert trust["Principal"] == {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/{HOST}"}
    assert trust["Condition"]["StringEquals"] == {
        f"{HOST}:sub": ["system:serviceaccount:openshift-image-registry:controllers"]
    }


def test_tags_and_settings_that_others_gave_stay() -> None:
    account = public_account()
    role = next(iter(account.roles.values()))
    changed = replace(role, tags={**role.tags, "team": "a", "aws:cloudformation:stack-name": "s"}, boundary="arn:b")
    roles = {role.name: changed}

    made = configuration(({}, replace(account, roles=roles)), REQUESTS[:1])["resource"]["aws_iam_role"]

    (found,) = made.values()
    assert found["tags"] == {**role.tags, "team": "a"}
    assert found["permissions_boundary"] == "arn:b"


def test_what_looks_like_a_template_in_a_policy_stays_a_text() -> None:
    arn = "arn:aws:s3:::${aws:PrincipalTag/team}/%{if}/*"
    spec = AwsProviderSpec(statements=(AwsStatement(effect="Allow", actions=("s3:GetObject",), resource=arn),))

    made = configuration(CASES["private with an identity"], (structs.replace(request(), spec=spec),))

    (policy,) = made["resource"]["aws_iam_role_policy"].values()
    assert unescaped(policy["policy"]).count(arn) == 1
    assert REFERENCE.findall(policy["policy"]) == []


HOSTILE = "${path.cwd}%{if true}$${aws_iam_role.x.arn}"
"""What Terraform would work out, wherever it took a text for a template."""
HOSTILE_TAGS = {HOSTILE: HOSTILE}
HOSTILE_OPTIONS: dict[str, dict[str, Any]] = {
    "public": {},
    "private with an identity": {"private": True, "access": OriginAccess.OAI},
    "private with a control": {"private": True, "access": OriginAccess.OAC},
    "shared": {"shared": HOSTILE},
    "served by others": {"issuer_url": f"https://oidc.example.com/{HOSTILE}"},
}


def hostile_request() -> CredentialsRequest:
    """A request with such a text wherever one can be."""
    condition: PolicyCondition = {HOSTILE: {HOSTILE: (HOSTILE,), "aws:x": HOSTILE}}
    statement = AwsStatement(effect=HOSTILE, actions=(HOSTILE,), resource=HOSTILE, condition=condition)
    made = request(HOSTILE, HOSTILE, service_accounts=(HOSTILE,))
    return structs.replace(made, name=HOSTILE, namespace=HOSTILE, spec=AwsProviderSpec(statements=(statement,)))


def hostile_account(wanted: Settings) -> Account:
    """The account in which all of it is there, and others have added such texts to it."""
    found = public_account(wanted)
    made = role(wanted, hostile_request(), wanted.bucket_host)
    front = distribution(wanted)
    audiences, tags = frozenset({"openshift", HOSTILE}), HOSTILE_TAGS
    keys = {"keys": [{"kid": HOSTILE, HOSTILE: [HOSTILE]}]}
    return replace(
        found,
        bucket=replace(bucket(wanted), tags=tags),
        documents={
            key: replace(item, tags=tags, body=keys if key == "keys.json" else item.body)
            for key, item in found.documents.items()
        },
        distribution=replace(front, id=HOSTILE, tags=tags) if wanted.private or wanted.shared else None,
        providers=tuple(
            replace(provider(wanted, host), audiences=audiences, tags=tags)
            for host in (wanted.bucket_host, f"{FRONT}{wanted.path}", wanted.issuer_url.removeprefix("https://"))
        ),
        roles={made.name: replace(made, tags=tags, boundary=HOSTILE, path=f"/{HOSTILE}/")},
    )


@pytest.mark.parametrize("is_there", [False, True], ids=["new", "there"])
@pytest.mark.parametrize("options", HOSTILE_OPTIONS.values(), ids=HOSTILE_OPTIONS)
def test_no_text_of_a_stranger_is_worked_out_by_terraform(options: dict[str, Any], is_there: bool) -> None:
    wanted = settings(name=HOSTILE, tags=HOSTILE_TAGS, boundary=HOSTILE, role_path=f"/{HOSTILE}/", **options)
    account = hostile_account(wanted) if is_there or wanted.shared else EMPTY

    body = json.loads(terraform(whole(wanted, (hostile_request(),), KEY, account)).main.text)

    there = {(kind, label) for kind, label, _ in resources(body)}
    for text in texts(body):
        for sequence in worked_out(text):
            reference = REFERENCE.fullmatch(sequence)
            assert reference is not None, text
            assert (reference[1], reference[2]) in there, text
    if is_there:
        provider = body["resource"]["aws_iam_openid_connect_provider"]["issuer"]
        assert HOSTILE in map(unescaped, provider["client_id_list"])


def worked_out(text: str) -> list[str]:
    """The sequences of a text that begin a template and are not escaped."""
    return re.findall(r"[$%]\{[^}]*\}?", text.replace("$${", " ").replace("%%{", " "))


@given(st.text(alphabet='${}%ab\\"', max_size=30))
def test_every_text_comes_through_terraforms_templates_as_it_was(text: str) -> None:
    assert unescaped(literal(text)) == text


def unescaped(text: str) -> str:
    """What Terraform makes of a text without sequences that begin a template."""
    return text.replace("$${", "${").replace("%%{", "%{")


@given(st.lists(st.tuples(*[st.text(alphabet="ab-.", min_size=1, max_size=6)] * 2), unique=True, max_size=12))
def test_secrets_never_share_a_label(pairs: list[tuple[str, str]]) -> None:
    secrets = [SecretRef(namespace=namespace, name=name) for namespace, name in pairs]

    made = labels(secrets)

    assert len(set(made.values())) == len(secrets)
    assert made == labels(reversed(secrets))
    assert all(NAME.fullmatch(label) for label in made.values())
