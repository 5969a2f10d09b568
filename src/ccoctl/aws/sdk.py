"""The SDK, less the work that it does again and again: nothing of what is asked or answered is changed by it.

- A session looks into every one of 400 folders for each kind of file; here the names of the folders do.
- It reads its models, a megabyte of JSON, with a parser that takes three times as long as the one that we have.
- Each new connection reads the bundle of certificate authorities anew, 16 ms; here the first one of a bundle does.
- Each call puts the same User-Agent together, a tenth of what a call costs; here it is a string.
- An object is announced (`Expect: 100-continue`) and waited for a whole round trip; ours have two thousand bytes.
- Each set of credentials wants a client, 15 ms and a connection; here a client takes them from whoever calls.
"""

from __future__ import annotations

import contextlib
import gzip
import os
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import botocore.credentials
import botocore.handlers
import botocore.loaders
import botocore.session
import msgspec

from ccoctl.aws.sts import Credentials


def session(profile: str, *, borne: bool = False) -> Any:
    """A session of the SDK.

    Args:
        profile: of the SDK's configuration; empty for its own choice.
        borne: its clients bear the credentials of the block `bearing` that a call is made in, and no others.

    Raises:
        botocore.exceptions.ProfileNotFound: there is no such profile.
    """
    made = botocore.session.Session(profile=profile or None)
    made.get_scoped_config()
    named = str(made.get_config_variable("data_path") or "")
    paths = [str(Path(path).expanduser()) for path in named.split(os.pathsep) if path]
    made.register_component("data_loader", _Loader(extra_search_paths=paths, file_loader=_Files()))
    if borne:
        made.register_component("credential_provider", _Borne())
    return made


class _Loader(botocore.loaders.Loader):  # type: ignore[misc] # botocore ships no types
    def list_available_services(self, type_name: str) -> list[str]:
        """Every folder there is: one that lacks the file that is wanted shows it when the file is read."""
        del type_name
        return sorted({name for place in self._potential_locations() for name in os.listdir(place)})  # noqa: PTH208 - names alone, of 400 folders


class _Files(botocore.loaders.JSONFileLoader):  # type: ignore[misc] # botocore ships no types
    def load_file(self, file_path: str) -> Any:
        """A file of the SDK's data, plain or compressed; None where there is none of that name."""
        plain, compressed = Path(f"{file_path}.json"), Path(f"{file_path}.json.gz")
        if plain.is_file():
            return msgspec.json.decode(plain.read_bytes())
        return msgspec.json.decode(gzip.decompress(compressed.read_bytes())) if compressed.is_file() else None


def user_agent(session: Any) -> str:
    """The SDK's own, and ours."""
    return f"{session.user_agent()} ccoctl-python"


def trim(client: Any, authorities: Authorities) -> None:
    """Take away what a client does for nothing. It must not have asked anything yet.

    None of this is what the SDK promises to have: one that keeps it elsewhere does as it always did.
    """
    if announce := getattr(botocore.handlers, "add_expect_header", None):
        client.meta.events.unregister("before-call.s3", announce)
    http: Any = getattr(getattr(client, "_endpoint", None), "http_session", None)
    if not hasattr(http, "_get_ssl_context") or not hasattr(getattr(http, "_manager", None), "connection_pool_kw"):
        return
    context = authorities.context(http._get_ssl_context)
    http._get_ssl_context = lambda: context
    http._manager.connection_pool_kw["ssl_context"] = context


class Authorities:
    """One TLS context for all clients, which reads a bundle of authorities once."""

    def __init__(self) -> None:
        """Nothing is read yet."""
        self._lock = threading.Lock()
        self._context: ssl.SSLContext | None = None

    def context(self, make: Callable[[], ssl.SSLContext]) -> ssl.SSLContext:
        """The context; the first time it is made."""
        with self._lock:
            if self._context is None:
                self._context = make()
                _reads_once(self._context)
            return self._context


def _reads_once(context: ssl.SSLContext) -> None:
    lock, read, done = threading.Lock(), context.load_verify_locations, set[Any]()

    def load(cafile: Any = None, capath: Any = None, cadata: Any = None) -> None:
        with lock:
            if (cafile, capath, cadata) not in done:
                read(cafile, capath, cadata)
                done.add((cafile, capath, cadata))

    context.load_verify_locations = load  # type: ignore[method-assign] # the one method that does it again


_of_this_thread = threading.local()


@contextlib.contextmanager
def bearing(credentials: Credentials) -> Iterator[None]:
    """Calls of a session's clients that is `borne` bear these within the block, in this thread."""
    before = getattr(_of_this_thread, "credentials", None)
    _of_this_thread.credentials = credentials
    try:
        yield
    finally:
        _of_this_thread.credentials = before


class _Borne:
    """The component of a session that says where credentials come from."""

    def load_credentials(self) -> _OfTheThread:
        """As the SDK's chain of providers does."""
        return _OfTheThread()


class _OfTheThread(botocore.credentials.Credentials):  # type: ignore[misc] # botocore ships no types
    """What a signer asks for keys."""

    def __init__(self) -> None:
        """It holds none itself."""
        super().__init__("", "")

    def get_frozen_credentials(self) -> Any:
        """Those of the block that this thread is in."""
        own: Credentials | None = getattr(_of_this_thread, "credentials", None)
        if own is None:
            raise LookupError("a call in somebody's name is made outside of `bearing`")
        return botocore.credentials.ReadOnlyCredentials(own.access_key, own.secret_key, own.session_token)


__all__ = ["Authorities", "bearing", "session", "trim", "user_agent"]
