"""Which rights the caller lacks, as the cluster says."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from ccoctl.openshift import calls
from ccoctl.openshift.cluster import KubeCluster
from ccoctl.openshift.review import missing_rights
from tests.federation import forgery
from tests.federation.forgery import ISSUER, NOW
from tests.openshift.access import User
from tests.openshift.apiserver import ApiServer, serving, write_kubeconfig


def test_what_is_missing_is_named_and_asked_for_by_name(tmp_path: Path) -> None:
    server = ApiServer(key=forgery.rsa_key(), issuer=ISSUER, now=NOW)
    rules = [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["patch"], "resourceNames": ["mine"]}]
    server.users["limited"] = User("limited", in_namespaces={"ns": rules})
    asked = [
        calls.apply_secret("ns", "mine", {}),
        calls.delete_secret("ns", "mine"),
        calls.set_issuer(""),
        calls.get_keys(),
    ]
    with serving(server, tmp_path / "admin"):
        kubeconfig = write_kubeconfig(tmp_path / "limited", server.address, "limited")
        with closing(KubeCluster(kubeconfig)) as cluster:
            missing = missing_rights(cluster, asked)

    assert missing == (
        "create secrets in ns",
        "delete secrets in ns",
        "patch authentications.config.openshift.io",
    )


def test_who_may_do_everything_lacks_nothing(tmp_path: Path) -> None:
    server = ApiServer(key=forgery.rsa_key(), issuer=ISSUER, now=NOW)
    with serving(server, tmp_path / "admin") as kubeconfig, closing(KubeCluster(kubeconfig)) as cluster:
        assert missing_rights(cluster, [calls.apply_secret("ns", "mine", {})]) == ()
