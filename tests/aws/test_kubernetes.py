"""What a cluster that is no OpenShift is given: flags of its API servers, annotated service accounts, pods to try."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from ccoctl.aws import kubernetes
from ccoctl.aws.desired import Flavor
from ccoctl.aws.plans import all_of_it
from ccoctl.credentialsrequest.model import CredentialsRequest
from ccoctl.engine.call import with_placeholders
from ccoctl.engine.plan import Plan, WriteFile
from tests.aws.builders import ACCOUNT, HOST, KEY, REQUEST, public_account, request, settings

ROLE = f"arn:aws:iam::{ACCOUNT}:role/demo-openshift-machine-api-aws-cloud-credentials"


def plan(*requests: CredentialsRequest, **options: Any) -> Plan:
    wanted = settings(flavor=Flavor.KUBERNETES, **options)
    return all_of_it(wanted, requests or (REQUEST,), KEY, public_account()).plan


def files(drawn: Plan) -> dict[str, str]:
    """What is written, by path."""
    works = [step.work for step in drawn.steps if isinstance(step.work, WriteFile)]
    return {str(work.path): str(with_placeholders(work.content)) for work in works}


def test_there_are_flags_and_for_each_service_account_itself_and_a_pod_and_no_manifest_of_openshift() -> None:
    assert set(files(plan(request(service_accounts=("controllers", "other"))))) == {
        "kubernetes/kube-apiserver.flags",
        "kubernetes/openshift-machine-api-controllers-serviceaccount.yaml",
        "kubernetes/openshift-machine-api-controllers-pod.yaml",
        "kubernetes/openshift-machine-api-other-serviceaccount.yaml",
        "kubernetes/openshift-machine-api-other-pod.yaml",
    }


def test_the_account_is_the_same_for_either_flavor() -> None:
    def of_account(flavor: Flavor) -> list[str]:
        drawn = all_of_it(settings(flavor=flavor), (REQUEST,), KEY, public_account()).plan
        return [step.id for step in drawn.steps if not isinstance(step.work, WriteFile)]

    assert of_account(Flavor.KUBERNETES) == of_account(Flavor.OPENSHIFT)


def test_the_flags_name_the_issuer_and_its_keys() -> None:
    text = files(plan())["kubernetes/kube-apiserver.flags"]
    flags = [line for line in text.splitlines() if not line.startswith("#")]

    assert flags == [
        "--service-account-signing-key-file=/etc/kubernetes/pki/sa.key",
        "--service-account-key-file=/etc/kubernetes/pki/sa.pub",
        f"--service-account-issuer=https://{HOST}",
        f"--service-account-jwks-uri=https://{HOST}/keys.json",
    ]


def test_a_service_account_is_annotated_with_its_role() -> None:
    account = yaml.safe_load(files(plan())["kubernetes/openshift-machine-api-controllers-serviceaccount.yaml"])

    assert (account["kind"], account["metadata"]["namespace"]) == ("ServiceAccount", "openshift-machine-api")
    assert account["metadata"]["annotations"] == {
        "eks.amazonaws.com/role-arn": ROLE,
        "eks.amazonaws.com/audience": "sts.amazonaws.com",
        "eks.amazonaws.com/sts-regional-endpoints": "true",
        "eks.amazonaws.com/token-expiration": "3600",
    }


def test_a_pod_finds_role_and_token_without_a_webhook() -> None:
    own = request(token_path="/var/run/secrets/own/token")
    spec = yaml.safe_load(files(plan(own))["kubernetes/openshift-machine-api-controllers-pod.yaml"])["spec"]
    (container,), (volume,) = spec["containers"], spec["volumes"]

    assert spec["serviceAccountName"] == "controllers"
    assert {item["name"]: item["value"] for item in container["env"]} == {
        "AWS_ROLE_ARN": ROLE,
        "AWS_WEB_IDENTITY_TOKEN_FILE": "/var/run/secrets/own/token",
        "AWS_REGION": "us-east-1",
        "AWS_STS_REGIONAL_ENDPOINTS": "regional",
    }
    assert container["volumeMounts"] == [{"name": "token", "mountPath": "/var/run/secrets/own", "readOnly": True}]
    assert volume["projected"]["sources"] == [
        {"serviceAccountToken": {"audience": "sts.amazonaws.com", "expirationSeconds": 3600, "path": "token"}}
    ]


def test_where_roles_take_one_audience_tokens_are_for_that_one() -> None:
    told = "".join(files(plan(bind_audience=True)).values())

    assert "audience: openshift" in told
    assert "sts.amazonaws.com" not in told


@pytest.mark.parametrize("name", ["on", "0x1", "1e3", "null"])
def test_a_name_that_yaml_would_read_as_something_else_stays_a_name(name: str) -> None:
    found = files(plan(request(service_accounts=(name,))))
    account = yaml.safe_load(found[f"kubernetes/openshift-machine-api-{name}-serviceaccount.yaml"])

    assert account["metadata"]["name"] == name


def test_a_service_account_of_two_requests_cannot_be_annotated_with_both_roles() -> None:
    (problem,) = kubernetes.problems((REQUEST, request(name="another")))

    assert "openshift-machine-api/controllers is also in the request for" in problem.what
    assert kubernetes.problems((REQUEST, request("openshift-ingress", "cloud"))) == ()
