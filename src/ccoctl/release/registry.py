"""An image in a registry.

Source: the OCI distribution specification, "Pull"; Docker's registry HTTP API v2, which it grew from.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import TypeVar

import msgspec

from ccoctl.engine.clock import Clock
from ccoctl.engine.retry import Patience, RetryPolicy, delay
from ccoctl.errors import ErrorKind, ImageError
from ccoctl.release import manifest
from ccoctl.release.content import Descriptor, Document, digest_of, verified
from ccoctl.release.credentials import Login
from ccoctl.release.reference import Image, is_digest
from ccoctl.release.tokens import Authenticator, denied
from ccoctl.release.wire import DEADLINE, LONG_DEADLINE, Answer, Wire, shown

POLICY = RetryPolicy(
    throttled=Patience(first=1.0, longest=20.0, total=120.0), transient=Patience(first=0.5, longest=8.0, total=15.0)
)
_MANIFESTS = ", ".join((*manifest.INDEX_TYPES, *manifest.MANIFEST_TYPES))
_ERROR_LIMIT = 64 * 1024
Result = TypeVar("Result")


class _Error(msgspec.Struct):
    code: str = ""
    message: str = ""


class _Errors(msgspec.Struct):
    errors: list[_Error] = []


class _ChallengedError(ImageError):
    """The registry wants to be shown something; where that was done already, a refusal like others."""

    def __init__(self, refusal: ImageError, challenges: tuple[str, ...]) -> None:
        super().__init__(refusal.what, kind=refusal.kind, remedy=refusal.remedy)
        self.challenges = challenges


class RegistrySource:
    """An image that a registry serves; used by one thread at a time."""

    def __init__(
        self, image: Image, login: Login | None, wire: Wire, clock: Clock, *, policy: RetryPolicy = POLICY
    ) -> None:
        """Nothing is asked yet."""
        self.where = str(image)
        self._image = image
        self._wire = wire
        self._clock = clock
        self._policy = policy
        self._authenticator = Authenticator(image, login, wire)
        self._base = ""

    def root(self) -> Document:
        """The manifest that the reference's digest or tag leads to."""
        return self._again(lambda: self._manifest(self._image.selector, self._image.digest))

    def document(self, descriptor: Descriptor) -> Document:
        """A manifest, an index or a configuration."""
        if descriptor.size > manifest.MAX_BYTES:
            raise self._placed(ImageError(f"A manifest has {descriptor.size:,} bytes, more than any may have"))
        if descriptor.media_type in {*manifest.INDEX_TYPES, *manifest.MANIFEST_TYPES}:
            return self._again(lambda: self._manifest(descriptor.digest, descriptor.digest))
        data = self.blob(descriptor, b"".join)
        return Document(data=data, media_type=descriptor.media_type, digest=descriptor.digest)

    def blob(self, descriptor: Descriptor, take: Callable[[Iterator[bytes]], Result]) -> Result:
        """What `take` makes of a blob."""
        path = f"blobs/{descriptor.digest}"

        def taken(answer: Answer) -> Result:
            return take(verified(answer.pieces, descriptor))

        return self._again(lambda: self._asked(path, "*/*", taken, deadline=LONG_DEADLINE))

    def _manifest(self, selector: str, digest: str) -> Document:
        def taken(answer: Answer) -> Document:
            data = answer.whole(manifest.MAX_BYTES)
            claimed = digest or answer.headers.get("docker-content-digest", "")
            actual = digest_of(data, like=claimed if is_digest(claimed) else "sha256:")
            if is_digest(claimed) and actual != claimed:
                what = f"The manifest is not what its digest says: {actual} instead of {claimed}"
                raise ImageError(what, remedy="It was damaged or replaced on the way; do not trust this source.")
            return Document(data=data, media_type=answer.headers.get("content-type", ""), digest=actual)

        return self._asked(f"manifests/{selector}", _MANIFESTS, taken, deadline=DEADLINE)

    def _asked(self, path: str, accept: str, take: Callable[[Answer], Result], *, deadline: float) -> Result:
        """Ask for something of the repository, with what the registry wants to be shown; a 401 is answered once."""
        url = f"{self._root()}/v2/{self._image.repository}/{path}"
        try:
            return self._once(url, accept, take, deadline)
        except _ChallengedError as error:
            self._authenticator.satisfy(error.challenges, plain=url.startswith("http:"))
        return self._once(url, accept, take, deadline)

    def _once(self, url: str, accept: str, take: Callable[[Answer], Result], deadline: float) -> Result:
        shows = self._authenticator.authorization
        with self._wire.get(url, {"Accept": accept}, authorization=shows, deadline=deadline) as answer:
            if answer.status == 200:
                return take(answer)
            refusal = self._refusal(answer)
            # another host that we were sent to has no say in where logins go
            if answer.status == 401 and not answer.foreign:
                raise _ChallengedError(refusal, answer.challenges)
            raise refusal

    def _root(self) -> str:
        """`https://host`, or with --insecure `http://host` where nobody speaks TLS."""
        if not self._base:
            self._base = f"https://{self._image.host}"
            if self._wire.trust.insecure and not self._answers(self._base):
                self._base = f"http://{self._image.host}"
        return self._base

    def _answers(self, base: str) -> bool:
        try:
            with self._wire.get(f"{base}/v2/", {}):
                return True
        except ImageError:
            return False

    def _again(self, ask: Callable[[], Result]) -> Result:
        """Ask until there is an answer, as long as the kind of the failure may pass."""
        begun, attempt = self._clock.now(), 0
        while True:
            attempt += 1
            try:
                return ask()
            except ImageError as error:
                elapsed = self._clock.now() - begun
                pause = delay(self._policy, error.kind, attempt=attempt, elapsed=elapsed, chance=1.0)
                if pause is None:
                    raise self._placed(error) from error.__cause__
            self._clock.pause(pause, threading.Event())

    def _placed(self, error: ImageError) -> ImageError:
        error.where = error.where or self.where
        return error

    def _refusal(self, answer: Answer) -> ImageError:
        said = _said(answer.whole(_ERROR_LIMIT))
        status = f"HTTP {answer.status}{f': {said}' if said else ''}"
        match answer.status:
            case 401 | 403:
                return denied(f"The registry does not let us read this image ({status})")
            case 404:
                remedy = "Check its name; some registries say this of images that one may not see, too."
                return ImageError(f"There is no such image ({status})", kind=ErrorKind.MISSING, remedy=remedy)
            case 429:
                return ImageError(f"The registry is asked too often ({status})", kind=ErrorKind.THROTTLED)
            case 408 | 500 | 502 | 503 | 504:
                return ImageError(f"The registry fails ({status})", kind=ErrorKind.TRANSIENT)
            case _:
                return ImageError(f"The registry refuses ({status})")


def _said(body: bytes) -> str:
    """A registry's own words about an error."""
    try:
        read = msgspec.json.decode(body, type=_Errors)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return ""
    return shown("; ".join(filter(None, (one.message or one.code for one in read.errors[:3]))))
