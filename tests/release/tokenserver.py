"""A token server on loopback, whose tokens a registry takes."""

from __future__ import annotations

import datetime
import json
import threading
from base64 import b64encode
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from joserfc import jwt
from joserfc.jwk import ECKey

from ccoctl.federation.clock import WallClock


class TokenServer:
    """A token server on loopback, as the distribution project describes it."""

    def __init__(self, folder: Path) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.bundle = folder / "token.pem"
        self._certificate = _self_signed(self._key)
        self.bundle.write_bytes(self._certificate.public_bytes(serialization.Encoding.PEM))
        self.asked: list[dict[str, list[str]]] = []
        self.logins: list[str] = []
        self.refuses = False
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def realm(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/token"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)

    def token(self, scope: str, actions: list[str]) -> str:
        now = int(WallClock().now())
        _, name, _ = scope.split(":")
        claims = {
            "iss": "issuer",
            "sub": "",
            "aud": "registry",
            "exp": now + 300,
            "nbf": now - 10,
            "iat": now,
            "jti": "1",
            "access": [{"type": "repository", "name": name, "actions": actions}],
        }
        der = b64encode(self._certificate.public_bytes(serialization.Encoding.DER)).decode()
        key = ECKey.import_key(self._pem())
        return jwt.encode({"alg": "ES256", "typ": "JWT", "x5c": [der]}, claims, key)

    def _pem(self) -> bytes:
        private = serialization.PrivateFormat.PKCS8
        return self._key.private_bytes(serialization.Encoding.PEM, private, serialization.NoEncryption())

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer(parse_qs(urlsplit(self.path).query))

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                self._answer(parse_qs(body))

            def _answer(self, form: dict[str, list[str]]) -> None:
                outer.asked.append(form)
                outer.logins.append(self.headers.get("Authorization", ""))
                body: dict[str, Any] = {"token": outer.token(form["scope"][0], ["pull"])}
                data = json.dumps(body).encode()
                self.send_response(401 if outer.refuses else 200)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: object) -> None:
                pass

        return Handler


def _self_signed(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tokens")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    start, end = (datetime.datetime(year, 1, 1, tzinfo=datetime.UTC) for year in (2020, 2099))
    return builder.not_valid_before(start).not_valid_after(end).sign(key, hashes.SHA256())
