"""Debian's `docker-registry` on loopback, and pushing images to it."""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import ssl
import subprocess
import threading
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.release.images import Built

PROGRAM = "docker-registry"


@dataclass
class Registry:
    """A running registry."""

    host: str
    scheme: str = "http"
    authorities: Path | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    """That a push is sent with."""

    def push(self, repository: str, tag: str, image: Built) -> str:
        """Give an image a tag, and its full name back."""
        for digest, data in image.blobs.items():
            place = self._send("POST", f"/v2/{repository}/blobs/uploads/", b"")["Location"]
            join = "&" if "?" in place else "?"
            self._send("PUT", f"{place}{join}digest={digest}", data, "application/octet-stream")
        for media_type, manifest in image.manifests:
            from tests.release.images import digest as digest_of

            self._send("PUT", f"/v2/{repository}/manifests/{digest_of(manifest)}", manifest, media_type)
        self._send("PUT", f"/v2/{repository}/manifests/{tag}", image.manifest, image.media_type)
        return f"{self.host}/{repository}:{tag}"

    def _send(self, method: str, path: str, data: bytes, kind: str = "") -> Mapping[str, str]:
        url = path if "://" in path else f"{self.scheme}://{self.host}{path}"
        headers = {**self.headers, **({"Content-Type": kind} if kind else {})}
        sent = urllib.request.Request(url, data=data, method=method, headers=headers)
        context = ssl.create_default_context(cafile=self.authorities) if self.authorities else None
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), *([urllib.request.HTTPSHandler(context=context)] if context else [])
        )
        with opener.open(sent, timeout=30) as answer:
            return dict(answer.headers.items())


@contextlib.contextmanager
def registry(
    folder: Path, *, auth: Mapping[str, Any] | None = None, chain: Path | None = None, authorities: Path | None = None
) -> Iterator[Registry]:
    """A registry with its files in a folder; skipped aloud where Debian's package is not installed."""
    if (program := shutil.which(PROGRAM)) is None:
        pytest.skip(f"Debian's package {PROGRAM} is not installed (apt-get install {PROGRAM})")
    port = _free_port()
    tls = {"tls": {"certificate": str(chain), "key": str(chain)}} if chain else {}
    configuration = {
        "version": 0.1,
        "log": {"level": "error", "accesslog": {"disabled": True}},
        "storage": {"filesystem": {"rootdirectory": str(folder / "storage")}},
        "http": {"addr": f"127.0.0.1:{port}", **tls},
        **({"auth": dict(auth)} if auth else {}),
    }
    file = folder / "config.yml"
    file.write_text(yaml.safe_dump(configuration))
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([program, "serve", str(file)], stdout=log, stderr=log)
        try:
            _await(process, port, folder / "log")
            name = "localhost" if chain else "127.0.0.1"
            yield Registry(f"{name}:{port}", "https" if chain else "http", authorities)
        finally:
            process.terminate()
            process.wait(20)


def basic(user: str, password: str) -> dict[str, str]:
    """The header of a login."""
    return {"Authorization": f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"}


def write_logins(file: Path, logins: Mapping[str, str]) -> Path:
    """A file of logins, `user:password` by registry or repository."""
    auths = {key: {"auth": b64encode(login.encode()).decode()} for key, login in logins.items()}
    file.write_text(json.dumps({"auths": auths}))
    return file


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


def _await(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    pause = threading.Event()
    for _ in range(200):
        if process.poll() is not None:
            break
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        pause.wait(0.05)
    pytest.fail(f"{PROGRAM} did not start: {log.read_text()[-2000:]}")
