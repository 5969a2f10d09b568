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
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ccoctl.errors import ClusterError, ProxyError
from ccoctl.openshift.connection import ApiConnection, shown
from tests.federation.test_proxies import UNFIT
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


@pytest.mark.usefixtures("no_proxies")
class TestThroughAProxyThatIsNone:
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


SECRET = "S3CRET-part-of-it"


def kubeconfig_of(path: Path, user: object, server: str = "https://127.0.0.1:1") -> Path:
    """A kubeconfig of that user."""
    document = yaml.safe_load(write_kubeconfig(path, server).read_text())
    document["users"][0]["user"] = user
    path.write_text(json.dumps(document))
    return path


def refused(kubeconfig: Path) -> str:
    """What is told of a kubeconfig that cannot be used; neither that nor a traceback holds the secret."""
    with pytest.raises(ClusterError) as raised:
        ApiConnection(kubeconfig)
    assert SECRET not in "".join(traceback.format_exception(raised.value))
    return str(raised.value)


@pytest.mark.parametrize(
    ("user", "what"),
    [
        ({"token": f"{SECRET}\n"}, "token"),
        ({"token": f"{SECRET}\r"}, "token"),
        ({"token": f"a b\r{SECRET}"}, "token"),
        ({"token": f"abc {SECRET}"}, "token"),
        ({"token": f"{SECRET}\u00e9"}, "token"),
        ({"token": f"\x00{SECRET}"}, "token"),
        ({"username": "me", "password": f"{SECRET}\n"}, "password"),
        ({"username": f"{SECRET}\r", "password": "x"}, "username"),
    ],
)
def test_a_credential_that_no_header_can_hold_is_refused_and_not_quoted(
    tmp_path: Path, user: dict[str, str], what: str
) -> None:
    assert f"the {what} of its user has a line end" in refused(kubeconfig_of(tmp_path / "kubeconfig", user))


def test_a_password_may_have_blanks_and_letters_of_any_language(tmp_path: Path) -> None:
    ApiConnection(kubeconfig_of(tmp_path / "kubeconfig", {"username": "m e", "password": "p\u00e4ss word"})).close()


@pytest.mark.parametrize("token", [f"x: {SECRET}", f'"abc{SECRET}', f"@{SECRET}", f"[{SECRET}"])
def test_a_file_that_is_no_yaml_is_not_quoted_by_a_traceback(tmp_path: Path, token: str) -> None:
    (tmp_path / "kubeconfig").write_text(f"users:\n- name: u\n  user:\n    token: {token}\n")

    assert "it is not YAML on line" in refused(tmp_path / "kubeconfig")


@pytest.mark.parametrize(
    ("server", "told"),
    [
        (f"https://admin:{SECRET}/x@127.0.0.1:1", "its server is no address of a web server"),
        (f"https://admin:{SECRET}#x@127.0.0.1:1", "its server is no address of a web server"),
        (f"ftp://admin:{SECRET}@127.0.0.1:1", "its server, ftp:, is no address of a web server"),
        (f"socks5://admin:{SECRET}@127.0.0.1:1", "its server, socks5:, is no address of a web server"),
        (f"admin:{SECRET}@127.0.0.1:1", "is no address of a web server"),
        (f"/{SECRET}", "its server is no address of a web server"),
    ],
)
def test_a_server_that_is_none_is_told_by_its_scheme_alone(tmp_path: Path, server: str, told: str) -> None:
    assert told in refused(write_kubeconfig(tmp_path / "kubeconfig", server))


def test_the_password_in_a_servers_address_is_not_shown(tmp_path: Path) -> None:
    connection = ApiConnection(write_kubeconfig(tmp_path / "kubeconfig", f"https://me:{SECRET}@127.0.0.1:1/api"))

    assert connection.server == "https://127.0.0.1:1/api"
    assert connection._http.base_url.password == SECRET
    connection.close()


@pytest.mark.parametrize(
    "said",
    [
        f"Illegal header value b'Bearer a b\\r{SECRET}'",
        f"Illegal header value b'Bearer abc\\n{SECRET} {SECRET}' there",
        f"the plugin said: token={SECRET}",
    ],
)
def test_what_is_shown_of_a_header_is_nothing_of_its_value(said: str) -> None:
    assert SECRET not in shown(said)


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
