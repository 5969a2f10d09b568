"""The thumbprint of an issuer's host, looked up at real TLS servers and proxies on loopback."""

from __future__ import annotations

import datetime
import hashlib
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ccoctl.aws import thumbprint as module
from ccoctl.aws.thumbprint import thumbprint

START = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
END = datetime.datetime(2099, 1, 1, tzinfo=datetime.UTC)


@dataclass(frozen=True)
class Authority:
    """A certificate with its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def thumbprint(self) -> str:
        return hashlib.sha1(self.certificate.public_bytes(serialization.Encoding.DER)).hexdigest().upper()


def issued(name: str, by: Authority | None = None, *, ca: bool = True) -> Authority:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    signer = by or Authority(certificate=None, key=key)  # type: ignore[arg-type] # it signs itself
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by.certificate.subject if by else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(START)
        .not_valid_after(END)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.key.public_key()), critical=False)
    )
    if ca:
        usage = dict.fromkeys(
            (
                *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement"),
                *("encipher_only", "decipher_only"),
            ),
            False,
        )
        builder = builder.add_extension(x509.KeyUsage(key_cert_sign=True, crl_sign=True, **usage), critical=True)
    else:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
    return Authority(builder.sign(signer.key, hashes.SHA256()), key)


@dataclass(frozen=True)
class Host:
    """A running TLS server for `localhost`, and what it serves."""

    port: int
    root: Path
    intermediate: Authority


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    root = issued("root")
    intermediate = issued("intermediate", root)
    leaf = issued("localhost", intermediate, ca=False)
    private = leaf.key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (tmp_path / "served.pem").write_bytes(leaf.pem + intermediate.pem + private)
    (tmp_path / "root.pem").write_bytes(root.pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "served.pem")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        monkeypatch.setattr(module, "HTTPS_PORT", port)
        for name in ("HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy", "AWS_CA_BUNDLE"):
            monkeypatch.delenv(name, raising=False)
        serving = threading.Thread(target=_serve, args=(listening, context), daemon=True)
        serving.start()
        yield Host(port, tmp_path / "root.pem", intermediate)
        listening.shutdown(socket.SHUT_RDWR)
        serving.join()


def _serve(listening: socket.socket, context: ssl.SSLContext) -> None:
    while True:
        try:
            connection, _ = listening.accept()
        except OSError:
            return
        try:
            with connection, context.wrap_socket(connection, server_side=True) as secured:
                secured.recv(1)
        except OSError:
            continue


def test_it_is_the_sha_1_of_the_certificate_furthest_up_the_served_chain(host: Host) -> None:
    assert thumbprint("localhost", ca_bundle=str(host.root)) == {"Thumbprints": [host.intermediate.thumbprint]}


def test_the_bundle_of_the_environment_counts(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_CA_BUNDLE", str(host.root))

    assert "Thumbprints" in thumbprint("localhost")


def test_a_certificate_that_nobody_trusts_gives_none(host: Host) -> None:
    assert "certificate verify failed" in str(thumbprint("localhost")["Skipped"])


def test_a_host_that_is_not_there_gives_none(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    monkeypatch.setattr(module, "HTTPS_PORT", port)

    assert "could not be reached" in str(thumbprint("localhost")["Skipped"])


class Proxy:
    """An HTTP proxy that tunnels to loopback, or answers something else."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer
        self.asked = b""
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://user:p%40ss@127.0.0.1:{self.listening.getsockname()[1]}"
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self) -> None:
        connection, _ = self.listening.accept()
        with connection:
            while b"\r\n\r\n" not in self.asked:
                self.asked += connection.recv(4096)
            connection.sendall(self._answer)
            if b" 200 " in self._answer:
                self._tunnel(connection)

    def _tunnel(self, connection: socket.socket) -> None:
        port = int(self.asked.split(b" ")[1].rpartition(b":")[2])
        with socket.create_connection(("127.0.0.1", port)) as there:
            back = threading.Thread(target=_pump, args=(there, connection), daemon=True)
            back.start()
            _pump(connection, there)
            back.join()

    def close(self) -> None:
        self.thread.join(timeout=10)
        self.listening.close()


def _pump(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        return


def test_it_goes_through_the_proxy_with_its_password(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    proxy = Proxy(b"HTTP/1.1 200 Connection established\r\nVia: test\r\n\r\n")
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)

    found = thumbprint("localhost", ca_bundle=str(host.root))
    proxy.close()

    assert found == {"Thumbprints": [host.intermediate.thumbprint]}
    assert proxy.asked.startswith(f"CONNECT localhost:{host.port} HTTP/1.1\r\n".encode())
    assert b"Proxy-Authorization: Basic dXNlcjpwQHNz\r\n" in proxy.asked


def test_a_proxy_that_refuses_gives_none(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    proxy = Proxy(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)

    skipped = str(thumbprint("localhost", ca_bundle=str(host.root))["Skipped"])
    proxy.close()

    assert "407" in skipped
    assert "p%40ss" not in skipped


def test_a_proxy_that_is_none_gives_none_and_is_not_quoted(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://user:Hunter2pw/x@127.0.0.1:3128")

    skipped = str(thumbprint("localhost", ca_bundle=str(host.root))["Skipped"])
    assert skipped == "localhost could not be reached: HTTPS_PROXY is no address of an HTTP proxy"


def test_who_never_answers_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setattr(module, "HTTPS_PORT", silent.getsockname()[1])

        assert "did not answer within" in str(thumbprint("localhost")["Skipped"])
