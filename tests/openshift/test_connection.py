"""The way to an API server, as a kubeconfig has it."""

from __future__ import annotations

import base64
import datetime
import functools
import json
import os
import tempfile
import traceback
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ccoctl.errors import ProxyError
from ccoctl.openshift.connection import ApiConnection
from tests.federation.test_proxies import NAMES, UNFIT
from tests.openshift import http
from tests.openshift.apiserver import write_kubeconfig
from tests.openshift.http import reply

BEGUN = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)


def client_pair() -> tuple[bytes, bytes]:
    """The certificate and the key of an administrator, PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "system:admin")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(BEGUN)
        .not_valid_after(BEGUN + datetime.timedelta(days=3650))
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    return certificate.public_bytes(serialization.Encoding.PEM), pem


class TestThroughAProxyThatIsNone:
    @pytest.fixture(autouse=True)
    def _environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in NAMES:
            monkeypatch.delenv(name, raising=False)

    @pytest.mark.parametrize("proxy", UNFIT)
    @pytest.mark.parametrize("name", ["HTTPS_PROXY", "ALL_PROXY"])
    def test_nobody_is_asked_and_its_password_not_told(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, proxy: str
    ) -> None:
        monkeypatch.setenv(name, proxy)
        with pytest.raises(ProxyError, match=f"^{name} is no address of an HTTP proxy") as raised:
            ApiConnection(write_kubeconfig(tmp_path / "kubeconfig", "https://api.example.com:6443"))

        assert "unter2" not in "".join(traceback.format_exception(raised.value))

    def test_a_cluster_that_needs_none_is_asked(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HTTPS_PROXY", UNFIT[0])
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        with http.listening(lambda _: reply(200, {})) as address:
            connection = ApiConnection(write_kubeconfig(tmp_path / "kubeconfig", address))
            assert connection.send("GET", "/version", query={}, headers={}).status == 200
            connection.close()


def test_the_key_of_a_kubeconfig_never_reaches_a_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not hasattr(os, "memfd_create"):
        pytest.skip("this system has no files in memory (memfd_create)")
    certificate, key = (base64.b64encode(pem).decode() for pem in client_pair())
    user = {"client-certificate-data": certificate, "client-key-data": key}
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(
        json.dumps(
            {
                "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:6443"}}],
                "users": [{"name": "u", "user": user}],
                "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
                "current-context": "x",
            }
        )
    )
    (tmp_path / "temporary").mkdir()
    kept = functools.partial(tempfile.NamedTemporaryFile, delete=False, dir=tmp_path / "temporary")
    monkeypatch.setattr("lightkube.config.models.tempfile.NamedTemporaryFile", kept)
    ApiConnection(kubeconfig).close()
    written = [path.read_text() for path in (tmp_path / "temporary").iterdir()]

    assert len(written) == 1, "the certificate alone"
    assert "PRIVATE KEY" not in written[0]
