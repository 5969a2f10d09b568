"""Real servers on loopback for whoever fetches documents: TLS ones that say what a test wants, and an HTTP proxy."""

from __future__ import annotations

import contextlib
import datetime
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

START = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
END = datetime.datetime(2099, 1, 1, tzinfo=datetime.UTC)


@dataclass(frozen=True)
class Certificates:
    """A certificate authority's certificate and what a server for `localhost` needs, as PEM files."""

    bundle: Path
    chain: Path


def certificates(folder: Path, *, name: str = "localhost", end: datetime.datetime = END) -> Certificates:
    """New ones; the server's is for that name and until that time."""
    root_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    root_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"root of {name}")])
    root = (
        _builder(root_name, root_name, root_key.public_key(), END)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(root_key.public_key()), critical=False)
        .sign(root_key, hashes.SHA256())
    )
    leaf = (
        _builder(x509.Name([]), root_name, key.public_key(), end)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key()), critical=False)
        .sign(root_key, hashes.SHA256())
    )
    pem, private = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    made = Certificates(folder / f"{name}-root.pem", folder / f"{name}.pem")
    made.bundle.write_bytes(root.public_bytes(pem))
    made.chain.write_bytes(leaf.public_bytes(pem) + key.private_bytes(pem, private, serialization.NoEncryption()))
    return made


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, end: datetime.datetime
) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key)
    return builder.serial_number(x509.random_serial_number()).not_valid_before(START).not_valid_after(end)


@dataclass
class Server:
    """A running server: its port, and the heads of the requests so far."""

    port: int
    stop: threading.Event
    requests: list[bytes] = field(default_factory=list)
    hung_up: threading.Event = field(default_factory=threading.Event)
    """Set once a client went away while it was being answered."""


Handler = Callable[[Server, socket.socket], None]


@contextlib.contextmanager
def serving(handler: Handler) -> Iterator[Server]:
    """A TCP server whose connections are answered by `handler`, each on a thread."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = Server(listening.getsockname()[1], threading.Event())
        threads: list[threading.Thread] = []
        accepting = threading.Thread(target=_accept, args=(listening, server, handler, threads), daemon=True)
        accepting.start()
        try:
            yield server
        finally:
            server.stop.set()
            listening.shutdown(socket.SHUT_RDWR)
            accepting.join(10)
            for thread in threads:
                thread.join(10)
            assert not any(thread.is_alive() for thread in threads)


def _accept(
    listening: socket.socket,
    server: Server,
    handler: Handler,
    threads: list[threading.Thread],
) -> None:
    while True:
        try:
            connection, _ = listening.accept()
        except OSError:
            return
        connection.settimeout(10)
        thread = threading.Thread(target=_handle, args=(server, connection, handler), daemon=True)
        threads.append(thread)
        thread.start()


def _handle(server: Server, connection: socket.socket, handler: Handler) -> None:
    try:
        with connection:
            handler(server, connection)
    except OSError:
        server.hung_up.set()


def https(chain: Path, answer: Handler) -> contextlib.AbstractContextManager[Server]:
    """A TLS server that reads a request's head and gives the rest to `answer`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)

    def handler(server: Server, connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secured:
            server.requests.append(head(secured))
            answer(server, secured)

    return serving(handler)


def saying(answer: bytes) -> Handler:
    """Says that and closes the connection."""

    def say(_server: Server, connection: socket.socket) -> None:
        connection.sendall(answer)

    return say


def endless(start: bytes, piece: bytes, *, pause: float = 0.0) -> Handler:
    """Says `piece` again and again until the client goes away, with so many seconds between two."""

    def say(server: Server, connection: socket.socket) -> None:
        connection.sendall(start)
        while not server.stop.wait(pause):
            connection.sendall(piece)

    return say


def head(connection: socket.socket) -> bytes:
    """A request's head, or an answer's."""
    text = b""
    while b"\r\n\r\n" not in text and (data := connection.recv(4096)):
        text += data
    return text


def proxy(
    answer: bytes = b"HTTP/1.1 200 Connection established\r\nVia: test\r\n\r\n", *, port: int = 0
) -> contextlib.AbstractContextManager[Server]:
    """A proxy that answers CONNECT with that, and where it says 200 tunnels to `port` on loopback."""

    def handler(server: Server, connection: socket.socket) -> None:
        server.requests.append(head(connection))
        connection.sendall(answer)
        if b" 200 " in answer:
            with socket.create_connection(("127.0.0.1", port)) as there:
                back = threading.Thread(target=_pump, args=(there, connection), daemon=True)
                back.start()
                _pump(connection, there)
                back.join(10)

    return serving(handler)


def _pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
