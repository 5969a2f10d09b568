"""Which requests a cluster gets, by its install-config."""

from __future__ import annotations

import pytest
import yaml

from ccoctl.errors import Problems
from ccoctl.release.inclusion import Inclusion, inclusion

SELF = "include.release.openshift.io/self-managed-high-availability"
CAPABILITY = "capability.openshift.io/name"
FEATURES = "release.openshift.io/feature-set"
ADDED = "additionalEnabledCapabilities"
GATE = "release.openshift.io/feature-gate"


def read(**more: object) -> Inclusion:
    config = {"apiVersion": "v1", "metadata": {"name": "c"}, "platform": {"aws": {"region": "us-east-1"}}, **more}
    return inclusion("install-config.yaml", yaml.safe_dump(config).encode())


def test_a_plain_cluster_gets_what_is_for_its_profile_and_the_default_feature_set() -> None:
    config = read()
    assert config.cloud == "aws"
    assert config.why_not({SELF: "true", CAPABILITY: "Whatever"}) == ""
    assert config.why_not({SELF: "true", FEATURES: "Default,TechPreviewNoUpgrade"}) == ""
    assert "profile" in config.why_not({"include.release.openshift.io/ibm-cloud-managed": "true"})
    assert "profile" in config.why_not({SELF: "false"})
    assert "only for feature set TechPreviewNoUpgrade" in config.why_not(
        {SELF: "true", FEATURES: "TechPreviewNoUpgrade"}
    )


def test_requests_without_annotations_are_for_clusters_set_up_by_hand() -> None:
    assert read().why_not({}) == ""


def test_a_feature_set_gets_its_own() -> None:
    config = read(featureSet="TechPreviewNoUpgrade")
    assert config.why_not({SELF: "true", FEATURES: "CustomNoUpgrade,TechPreviewNoUpgrade"}) == ""
    assert config.why_not({SELF: "true", FEATURES: "Default"})
    assert "not known" in config.why_not({SELF: "true", FEATURES: "TechPreviewNoUpgrade,Tomorrow"})


def test_gates_that_the_config_turns_decide() -> None:
    config = read(featureSet="CustomNoUpgrade", featureGates=["Shiny=true", "Old=false"])
    assert config.why_not({SELF: "true", GATE: "Shiny"}) == ""
    assert config.why_not({SELF: "true", GATE: "-Old"}) == ""
    assert config.why_not({SELF: "true", GATE: "-Shiny"}) == "feature gate Shiny is on"
    assert config.why_not({SELF: "true", GATE: "Shiny, Old"}) == "feature gate Old is off"
    assert config.why_not({SELF: "true", GATE: "Unsaid"}) == ""


@pytest.mark.parametrize(
    ("capabilities", "asked", "included"),
    [
        ({"baselineCapabilitySet": "None"}, "CloudCredential", False),
        ({"baselineCapabilitySet": "None", ADDED: ["CloudCredential"]}, "CloudCredential", True),
        ({"baselineCapabilitySet": "None", ADDED: ["Storage"]}, "Storage+CloudCredential", False),
        ({"baselineCapabilitySet": "v4.14"}, "ImageRegistry", True),
        ({"baselineCapabilitySet": "v4.14"}, "ImageRegistry+CloudCredential", False),
        ({"baselineCapabilitySet": "v4.15"}, "ImageRegistry+CloudCredential", True),
        ({"baselineCapabilitySet": "v4.15"}, "CloudCredential+Ingress", False),
        ({"baselineCapabilitySet": "v4.20"}, "CloudCredential+Ingress", True),
        ({"baselineCapabilitySet": "v4.20"}, "OfTomorrow", False),
        ({"baselineCapabilitySet": "vCurrent"}, "OfTomorrow+CloudCredential", True),
        ({}, "CloudCredential", True),
        ({}, "", True),
    ],
)  # fmt: skip
def test_capabilities_that_are_not_enabled_leave_requests_out(
    capabilities: dict[str, object], asked: str, included: bool
) -> None:
    assert (read(capabilities=capabilities).why_not({SELF: "true", CAPABILITY: asked}) == "") is included


def test_a_platform_that_says_nothing_more_is_one() -> None:
    assert inclusion("c", b"apiVersion: v1\nplatform:\n  gcp:\n").cloud == "gcp"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a: [", "not YAML"),
        ("", "0 documents"),
        ("a: 1\n---\nb: 1\n", "2 documents"),
        ("- a\n", "must be a mapping"),
        ("apiVersion: v1beta4\nplatform: {aws: {}}\n", "must be v1"),
        ("apiVersion: v1\n", "platform is missing"),
        ("apiVersion: v1\nplatform: {aws: {}, gcp: {}}\n", "one platform, not 2"),
        ("apiVersion: v1\nplatform: {}\n", "one platform, not 0"),
        ("apiVersion: v1\nplatform: {none: {}}\n", "no CredentialsRequests for 'none'"),
        ("apiVersion: v1\nplatform: {aws: {}}\nfeatureSet: TechPreview\n", "did you mean TechPreviewNoUpgrade"),
        ("apiVersion: v1\nplatform: {aws: {}}\ncapabilities: {baselineCapabilitySet: v4.9}\n", "'v4.9' is none of"),
        ("apiVersion: v1\nplatform: {aws: {}}\ncapabilities: {additionalEnabledCapabilities: X}\n", "must be a list"),
        ("apiVersion: v1\nplatform: {aws: {}}\nfeatureGates: [Shiny]\n", "Name=true or Name=false"),
    ],
)
def test_what_is_no_install_config_is_refused_at_its_place(text: str, why: str) -> None:
    with pytest.raises(Problems) as caught:
        inclusion("install-config.yaml", text.encode())
    assert why in str(caught.value)
    assert "install-config.yaml" in str(caught.value)
