"""moto as one application: it is asked under one lock, and what it answers is a value."""

from __future__ import annotations

import io
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

from ccoctl.lab.answers import Answer
from ccoctl.lab.asked import DEFAULT_REGION, asked


class Moto:
    """All of moto's services. Its models are not made for several threads at a time: the caller holds a lock."""

    def __init__(self) -> None:
        """Nothing is loaded yet."""
        self._application = DomainDispatcherApplication(create_backend_app)

    def ask(self, environ: dict[str, Any]) -> Answer:
        """What moto answers to a WSGI request."""
        said: dict[str, Any] = {}

        def start_response(status: str, headers: list[tuple[str, str]], _exc_info: Any = None) -> Any:
            said.update(status=int(status.split(" ", 1)[0]), headers=dict(headers))
            return lambda _data: None

        body = self._application(environ, start_response)
        try:
            content = b"".join(body)
        finally:
            if hasattr(body, "close"):
                body.close()
        framing = {"transfer-encoding", "connection"}
        if environ["REQUEST_METHOD"] != "HEAD":
            framing.add("content-length")
        headers = {name: value for name, value in said["headers"].items() if name.lower() not in framing}
        return Answer(status=said["status"], body=content, headers=headers)

    def read_object(self, region: str, bucket: str, key: str) -> Answer:
        """An object, whoever may read it."""
        scope = f"Credential=LAB/20200101/{region or DEFAULT_REGION}/s3/aws4_request"
        environ = {
            "REQUEST_METHOD": "GET",
            "PATH_INFO": f"/{bucket}/{key}".encode().decode("latin-1"),
            "RAW_URI": f"/{bucket}/{key}",
            "QUERY_STRING": "",
            "HTTP_HOST": "127.0.0.1",
            "HTTP_AUTHORIZATION": f"AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0",
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "wsgi.url_scheme": "http",
            "wsgi.version": (1, 0),
            "wsgi.input": io.BytesIO(),
        }
        asked(environ)
        return self.ask(environ)
