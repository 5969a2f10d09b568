"""Which manifests of a release a cluster gets, by its install-config: `oc adm release extract --included`.

Source: pkg/manifest/manifest.go of openshift/library-go (`Include`), extract_tools.go of openshift/oc
(`findClusterIncludeConfigFromInstallConfig`), and the capability sets of openshift/api's config/v1.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from ccoctl.credentialsrequest.cursor import Cursor, shortened, shown, suggestion
from ccoctl.credentialsrequest.document import documents
from ccoctl.errors import Problem, Problems

PROFILE = "self-managed-high-availability"
"""The cluster profile that openshift-install makes; an install-config cannot ask for another."""
KINDS: Mapping[str, str] = {
    "alibabacloud": "AlibabaCloudProviderSpec",
    "aws": "AWSProviderSpec",
    "azure": "AzureProviderSpec",
    "gcp": "GCPProviderSpec",
    "ibmcloud": "IBMCloudProviderSpec",
    "nutanix": "NutanixProviderSpec",
    "openstack": "OpenStackProviderSpec",
    "ovirt": "OvirtProviderSpec",
    "powervs": "IBMCloudPowerVSProviderSpec",
    "vsphere": "VSphereProviderSpec",
}
"""The provider spec's kind for each `--cloud`."""
_CAPABILITY = "capability.openshift.io/name"
_FEATURE_SET = "release.openshift.io/feature-set"
_FEATURE_GATE = "release.openshift.io/feature-gate"
_INCLUDE = f"include.release.openshift.io/{PROFILE}"
_FEATURE_SETS = frozenset(
    {"Default", "CustomNoUpgrade", "DevPreviewNoUpgrade", "LatencySensitive", "OKD", "TechPreviewNoUpgrade"}
)
_SINCE: Mapping[str, int] = {
    "MachineAPI": 11,
    "baremetal": 11,
    "marketplace": 11,
    "openshift-samples": 11,
    "CSISnapshot": 12,
    "Console": 12,
    "Insights": 12,
    "Storage": 12,
    "NodeTuning": 13,
    "Build": 14,
    "DeploymentConfig": 14,
    "ImageRegistry": 14,
    "CloudCredential": 15,
    "OperatorLifecycleManager": 15,
    "CloudControllerManager": 16,
    "Ingress": 16,
    "OperatorLifecycleManagerV1": 18,
}
"""Each capability, and the minor version of the first set (v4.11 and so on) that holds it."""
_SET = re.compile(r"v4\.([1-9][0-9])")
_FIRST_SET = 11
_CURRENT = "vCurrent"


class Capabilities(msgspec.Struct, frozen=True, kw_only=True):
    """The optional parts that a cluster has."""

    enabled: frozenset[str]
    newer_too: bool
    """Those that this tool does not know are enabled, too: the set is that of the release itself."""


class Inclusion(msgspec.Struct, frozen=True, kw_only=True):
    """What an install-config says about the manifests that its cluster gets."""

    cloud: str
    feature_set: str = "Default"
    capabilities: Capabilities | None = None
    """None where it says nothing: then the cluster has all of them."""
    gates: Mapping[str, bool] | None = None
    """Feature gates that it turns on or off by name."""

    def why_not(self, annotations: Mapping[str, str]) -> str:
        """Why a manifest with these annotations is left out; empty when it is not."""
        if not annotations:  # `oc` takes requests without any: they are for clusters set up by hand
            return ""
        return (
            self._by_feature_set(annotations)
            or self._by_gates(annotations)
            or _by_profile(annotations)
            or self._by_capabilities(annotations)
        )

    def _by_feature_set(self, annotations: Mapping[str, str]) -> str:
        if (asked := annotations.get(_FEATURE_SET)) is None:
            return ""
        sets = set(asked.split(","))
        if unknown := sets - _FEATURE_SETS:
            return f"feature set {shown(min(unknown))} is not known"
        return "" if self.feature_set in sets else f"only for feature set {asked}"

    def _by_gates(self, annotations: Mapping[str, str]) -> str:
        """What an install-config says of gates decides; of the others only the release knows, so they do not."""
        gates = self.gates or {}
        for gate in (word.strip() for word in annotations.get(_FEATURE_GATE, "").split(",")):
            name = gate.removeprefix("-")
            if name in gates and gates[name] is gate.startswith("-"):
                return f"feature gate {shown(name)} is {'on' if gates[name] else 'off'}"
        return ""

    def _by_capabilities(self, annotations: Mapping[str, str]) -> str:
        if self.capabilities is None or not annotations.get(_CAPABILITY):
            return ""
        missing = [
            name
            for name in annotations[_CAPABILITY].split("+")
            if name not in self.capabilities.enabled and not (self.capabilities.newer_too and name not in _SINCE)
        ]
        return f"needs {shown(' and '.join(missing))}, which is not enabled" if missing else ""


def _by_profile(annotations: Mapping[str, str]) -> str:
    return "" if annotations.get(_INCLUDE) == "true" else f"not for clusters of the profile {PROFILE}"


def inclusion(file: str, data: bytes) -> Inclusion:
    """What an install-config says.

    Raises:
        Problems: it is none, or says what cannot be.
    """
    text = documents(file, data)
    problems = list(text.problems)
    if not problems and len(text.documents) != 1:
        problems.append(Problem(file, f"holds {len(text.documents)} documents; an install-config is one"))
    if problems:
        raise Problems(tuple(problems))
    cursor = Cursor(file, 1, text.documents[0].root, problems)
    top = cursor.members(required=("apiVersion", "platform"))
    if (version := cursor.peek("apiVersion")) != "v1" and "apiVersion" in top:
        top["apiVersion"].complain(f"must be v1, not {shortened(version)!r}")
    read = Inclusion(
        cloud=_cloud(top.get("platform")),
        feature_set=_feature_set(top.get("featureSet")),
        capabilities=_capabilities(top.get("capabilities")),
        gates=_gates(top.get("featureGates")),
    )
    if problems:
        raise Problems(tuple(problems))
    return read


def _cloud(platform: Cursor | None) -> str:
    if platform is None:
        return ""
    platform.members()  # complains where it is no mapping; one that says nothing of its platform names it all the same
    named = list(platform.value.data) if isinstance(platform.value.data, Mapping) else []
    if len(named) != 1:
        platform.complain(f"must name one platform, not {len(named)}")
        return ""
    if named[0] not in KINDS:
        platform.complain(f"there are no CredentialsRequests for {shortened(named[0])!r}{suggestion(named[0], KINDS)}")
    return named[0]


def _feature_set(given: Cursor | None) -> str:
    name = given.text() if given is not None else ""
    if given is not None and name and name not in _FEATURE_SETS:
        given.complain(f"there is no feature set {shortened(name)!r}{suggestion(name, _FEATURE_SETS)}")
    return name or "Default"


def _capabilities(given: Cursor | None) -> Capabilities | None:
    if given is None:
        return None
    members = given.members()
    baseline = members["baselineCapabilitySet"].text() if "baselineCapabilitySet" in members else _CURRENT
    listed = members.get("additionalEnabledCapabilities")
    more = {item.text() for item in listed.items()} if listed is not None else set()
    highest = 99 if baseline == _CURRENT else 0
    if numbered := _SET.fullmatch(baseline):
        highest = int(numbered[1])
    if baseline not in {_CURRENT, "None"} and highest < _FIRST_SET:
        members["baselineCapabilitySet"].complain(
            f"{shortened(baseline)!r} is none of None, v4.{_FIRST_SET} and later, {_CURRENT}"
        )
    enabled = {name for name, since in _SINCE.items() if since <= highest}
    return Capabilities(enabled=frozenset(enabled | more), newer_too=baseline == _CURRENT)


def _gates(given: Cursor | None) -> Mapping[str, bool]:
    """`featureGates: [Name=true, …]`, which the feature set CustomNoUpgrade takes."""
    gates = {}
    for item in given.items() if given is not None else ():
        name, equals, value = item.text().partition("=")
        if not equals or value.lower() not in {"true", "false"}:
            item.complain("must be Name=true or Name=false")
        gates[name] = value.lower() == "true"
    return gates
