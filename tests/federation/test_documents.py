"""An issuer's documents: they belong together or are refused, and are fetched no more often than they must be."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccoctl.errors import CcoctlError, DocumentError, SigningKeyError
from ccoctl.federation import documents as module
from ccoctl.federation.documents import IssuerCache, published
from ccoctl.federation.https import Fetched, HttpsGet
from ccoctl.signing import jwks
from ccoctl.signing.discovery import document
from ccoctl.signing.jwk import Jwk, Kid
from ccoctl.signing.jwks import Jwks
from tests.federation import forgery
from tests.federation.forgery import ISSUER
from tests.federation.servers import Server, certificates, https, saying

DISCOVERY = f"{ISSUER}/.well-known/openid-configuration"
KEYS = f"{ISSUER}/keys.json"
MINE, THEIRS = forgery.signer().jwk, forgery.signer("forger").jwk


def kid(jwk: Jwk) -> Kid:
    assert jwk.kid is not None
    return jwk.kid


def described(**changed: Any) -> bytes:
    """The issuer's discovery document with some members changed."""
    return json.dumps({**document(ISSUER, KEYS), **changed}).encode()


def listed(*keys: Jwk | Mapping[str, Any]) -> bytes:
    """A JWKS of these keys."""
    rendered = [json.loads(jwks.render(Jwks((key,))))["keys"][0] if isinstance(key, Jwk) else key for key in keys]
    return json.dumps({"keys": rendered}).encode()


class Web:
    """The world's documents, and who asked for which."""

    def __init__(self, pages: Mapping[str, bytes] | None = None, *, max_age: int | None = 60) -> None:
        self.pages = {DISCOVERY: described(), KEYS: listed(MINE)} if pages is None else dict(pages)
        self.max_age = max_age
        self.asked: list[str] = []
        self.is_down = False
        self.answering: Callable[[], object] = lambda: None

    def __call__(self, url: str, limit: int) -> Fetched:
        self.asked.append(url)
        self.answering()
        if self.is_down or url not in self.pages:
            raise DocumentError("there is no such page", where=url)
        assert len(self.pages[url]) <= limit
        return Fetched(self.pages[url], self.max_age)

    @property
    def fetches(self) -> int:
        """How often the documents were fetched, or it was tried."""
        return self.asked.count(DISCOVERY)


class Clock:
    """A clock that a test turns."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def web() -> Web:
    return Web()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def cache(web: Web, clock: Clock) -> IssuerCache:
    return IssuerCache(web, clock)


RSA = {"kty": "RSA", "kid": "a", "n": MINE.n, "e": MINE.e}
UNFIT: dict[str, tuple[Mapping[str, Any], str]] = {
    "exponent 1": ({**RSA, "e": "AQ"}, "numbers"),
    "exponent 3": ({**RSA, "e": "Aw"}, "exponent"),
    "an even exponent": ({**RSA, "e": "AQAA"}, "numbers"),
    "an endless exponent": ({**RSA, "e": "AQAB" * 100}, "too large"),
    "1024 bits": ({**RSA, "n": "_" * 170 + "8"}, "1024 bits"),
    "no modulus": ({"kty": "RSA", "kid": "a", "e": "AQAB"}, "no member n"),
    "a padded modulus": ({**RSA, "n": f"{MINE.n}=="}, "base64url"),
    "a private member": ({**RSA, "d": "AQAB"}, "secret key"),
    "primes": ({**RSA, "p": "AQAB", "q": "AQAB"}, "secret key"),
    "RSA for HS256": ({**RSA, "alg": "HS256"}, "does not fit"),
    "RSA for none": ({**RSA, "alg": "none"}, "does not fit"),
    "RSA for ES256": ({**RSA, "alg": "ES256"}, "does not fit"),
    "symmetric": ({"kty": "oct", "kid": "a"}, "symmetric"),
    "symmetric, with its key": ({"kty": "oct", "kid": "a", "k": "AQAB"}, "secret key"),
    "short coordinates": ({"kty": "EC", "kid": "a", "crv": "P-256", "x": "AQAB", "y": "AQAB"}, "coordinates"),
    "no point of the curve": ({"kty": "EC", "kid": "a", "crv": "P-256", "x": "A" * 43, "y": "A" * 43}, "numbers"),
    "no type": ({"kid": "a"}, "kty"),
    "a kid that is a number": ({**RSA, "kid": 1}, "kid"),
}


class TestPublished:
    def test_the_keys_are_those_that_the_discovery_document_names(self, web: Web) -> None:
        found = published(ISSUER, web)

        assert web.asked == [DISCOVERY, KEYS]
        assert list(found.keys) == [MINE.kid]
        assert found.discovery.jwks_uri == KEYS
        assert found.jwks.keys == (MINE,)

    def test_an_issuer_with_a_path_is_asked_below_it(self) -> None:
        issuer = "https://d111111abcdef8.cloudfront.net/a/b"
        where = f"{issuer}/.well-known/openid-configuration"
        web = Web({where: described(issuer=issuer, jwks_uri=f"{issuer}/k"), f"{issuer}/k": listed(MINE)})

        assert published(issuer, web).discovery.issuer == issuer

    @pytest.mark.parametrize(
        ("ages", "kept"),
        [((60, 30), 30), ((None, None), 300), ((None, 400), 300), ((0, 60), 0), ((10**6, 10**6), 3600)],
    )
    def test_they_may_be_kept_as_long_as_both_sources_allow(
        self, ages: tuple[int | None, int | None], kept: float
    ) -> None:
        of_url = dict(zip((DISCOVERY, KEYS), ages, strict=True))
        pages = Web().pages

        found = published(ISSUER, lambda url, _limit: Fetched(pages[url], of_url[url]))
        assert found.max_age == kept

    @pytest.mark.parametrize(
        "issuer",
        [
            "http://demo-oidc.s3.us-east-1.amazonaws.com",
            f"{ISSUER}/",
            f"{ISSUER}?a",
            f"{ISSUER}#a",
            "https://user@demo-oidc.s3.us-east-1.amazonaws.com",
            "https://",
            "demo-oidc.s3.us-east-1.amazonaws.com",
            "https://dem\u043e-oidc.s3.us-east-1.amazonaws.com",
            "https://demo\n.example.com",
            "",
        ],
    )
    def test_an_issuer_that_is_no_plain_https_url_is_not_asked(self, issuer: str, web: Web) -> None:
        with pytest.raises(DocumentError, match="The issuer"):
            published(issuer, web)
        assert web.asked == []

    @pytest.mark.parametrize(
        "host",
        [
            "127.0.0.1",
            "10.0.0.1",
            "172.16.9.9",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "224.0.0.1",
            "255.255.255.255",
            "[::1]",
            "[::]",
            "[fe80::1]",
            "[fd00::1]",
            "[ff02::1]",
            "[::ffff:10.0.0.1]",
            "[::10.0.0.1]",
            "[64:ff9b::a00:1]",
            "[2002:a00:1::]",
            "127.1",
            "2130706433",
            "0x7f.1",
            "0x7f000001",
            "0177.0.0.1",
            "127.0.0.1.",
            "10.0.0.256",
            "a.0x",
        ],
    )
    def test_a_private_address_is_not_asked_however_it_is_written(self, host: str, web: Web) -> None:
        with pytest.raises(DocumentError, match="address"):
            published(f"https://{host}", web)
        assert web.asked == []

    @pytest.mark.parametrize("host", ["93.184.215.14", "[2606:2800:220:1::1]", "localhost", "1e100.net", "0xa.example"])
    def test_public_addresses_and_names_are(self, host: str, web: Web) -> None:
        with pytest.raises(DocumentError, match="no such page"):
            published(f"https://{host}", web)
        assert web.asked == [f"https://{host}/.well-known/openid-configuration"]

    @pytest.mark.parametrize(
        "changed",
        [
            {"issuer": f"{ISSUER}/"},
            {"issuer": ISSUER.upper().replace("HTTPS", "https")},
            {"issuer": "https://evil.example.com"},
            {"issuer": f"{ISSUER}:443"},
            {"issuer": ISSUER.replace("https", "http")},
            {"issuer": None},
            {"jwks_uri": KEYS.replace("https", "http")},
            {"jwks_uri": "https://evil.example.com/keys.json"},
            {"jwks_uri": f"{ISSUER}.evil.example.com/keys.json"},
            {"jwks_uri": f"{ISSUER}:8443/keys.json"},
            {"jwks_uri": f"{ISSUER}@evil.example.com/keys.json"},
            {"jwks_uri": "https://169.254.169.254/latest/meta-data"},
            {"jwks_uri": "https://127.0.0.1:6443/openid/v1/jwks"},
            {"jwks_uri": "https://[::1]/keys.json"},
            {"jwks_uri": "file:///etc/passwd"},
            {"jwks_uri": "data:application/json,{}"},
            {"jwks_uri": "/keys.json"},
            {"jwks_uri": f"{KEYS}\n"},
            {"jwks_uri": f"{KEYS}?a"},
            {"jwks_uri": None},
            {"jwks_uri": [KEYS]},
            {"response_types_supported": []},
            {"subject_types_supported": None},
            {"id_token_signing_alg_values_supported": "RS256"},
        ],
        ids=str,
    )
    def test_a_discovery_document_that_is_another_issuers_or_points_elsewhere_is_refused(
        self, web: Web, changed: dict[str, Any]
    ) -> None:
        web.pages[DISCOVERY] = described(**changed)
        for url in ("https://evil.example.com/keys.json", "https://169.254.169.254/latest/meta-data"):
            web.pages[url] = listed(THEIRS)

        with pytest.raises((DocumentError, SigningKeyError)):
            published(ISSUER, web)
        assert web.asked == [DISCOVERY], "nobody else is asked"

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"<!DOCTYPE html><title>Sign in</title>",
            b"[]",
            b"null",
            b'{"issuer": "a", "issuer": "b"}',
            b"\xff\xfe{\x00}\x00",
            b"\xef\xbb\xbf{}",
            b"\x1f\x8b\x08\x00",
            described()[:-1],
            described() + b"{}",
            b"[" * 60000,
            b'{"a":' * 10000,
            b'{"a": NaN}',
            b'{"a": 1e999}',
        ],
        ids=lambda body: repr(body[:20]),
    )
    @pytest.mark.parametrize("url", [DISCOVERY, KEYS])
    def test_what_is_no_such_document_is_refused(self, web: Web, url: str, body: bytes) -> None:
        web.pages[url] = body

        with pytest.raises(SigningKeyError):
            published(ISSUER, web)

    @pytest.mark.parametrize("name", UNFIT)
    def test_a_set_with_one_key_that_nobody_should_publish_is_refused(self, web: Web, name: str) -> None:
        key, why = UNFIT[name]
        web.pages[KEYS] = listed(MINE, key)

        with pytest.raises(SigningKeyError, match=why):
            published(ISSUER, web)

    def test_two_keys_of_one_kid_are_refused(self, web: Web) -> None:
        web.pages[KEYS] = listed(MINE, {"kty": "RSA", "kid": MINE.kid, "n": THEIRS.n, "e": THEIRS.e})

        with pytest.raises(SigningKeyError, match="have the kid"):
            published(ISSUER, web)

    def test_hundreds_of_keys_are_refused(self, web: Web) -> None:
        web.pages[KEYS] = listed(*({"kty": "RSA", "kid": str(n), "n": MINE.n, "e": MINE.e} for n in range(101)))

        with pytest.raises(SigningKeyError, match="101 keys"):
            published(ISSUER, web)

    def test_a_key_without_a_kid_checks_nothing(self, web: Web) -> None:
        web.pages[KEYS] = listed({"kty": "RSA", "n": MINE.n, "e": MINE.e})

        assert published(ISSUER, web).keys == {}

    def test_the_documents_of_a_real_api_server_belong_together_once_they_are_on_one_host(self, shared: Path) -> None:
        """As it serves them itself, its jwks_uri is its own address: such a document must not be taken as it is."""
        folder = shared / "fixtures/kube-apiserver-1.36"
        served = (folder / "openid-configuration.json").read_bytes()
        web = Web({DISCOVERY: served, KEYS: (folder / "jwks.json").read_bytes()})
        with pytest.raises(DocumentError, match="another host"):
            published(ISSUER, web)

        web.pages[DISCOVERY] = json.dumps({**json.loads(served), "jwks_uri": KEYS}).encode()
        assert len(published(ISSUER, web).keys) == 1

    @given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode), st.sampled_from([DISCOVERY, KEYS]))
    def test_no_bytes_end_in_another_error(self, body: bytes, url: str) -> None:
        web = Web()
        web.pages[url] = body
        with pytest.raises(CcoctlError):
            published(ISSUER, web)


class TestCache:
    def test_documents_are_fetched_once_and_kept(self, cache: IssuerCache, web: Web, clock: Clock) -> None:
        for _ in range(100):
            assert kid(MINE) in cache.keys(ISSUER, kid(MINE))
            clock.now += 0.5
        assert web.fetches == 1

    @pytest.mark.parametrize(("says", "kept"), [(60, 60), (None, 300), (10**6, 3600), (0, 1)])
    def test_and_no_longer_than_their_source_allows(
        self, cache: IssuerCache, web: Web, clock: Clock, says: int | None, kept: int
    ) -> None:
        web.max_age = says
        cache.keys(ISSUER, kid(MINE))
        clock.now += kept - 0.1
        cache.keys(ISSUER, kid(MINE))
        assert web.fetches == 1

        clock.now += 0.2
        cache.keys(ISSUER, kid(MINE))
        assert web.fetches == 2

    def test_a_retired_key_is_gone_with_the_next_fetch(self, cache: IssuerCache, web: Web, clock: Clock) -> None:
        cache.keys(ISSUER, kid(MINE))
        web.pages[KEYS] = listed(THEIRS)
        clock.now += 61

        assert kid(MINE) not in cache.keys(ISSUER, kid(MINE))

    def test_a_rotation_is_seen_at_once(self, cache: IssuerCache, web: Web) -> None:
        cache.keys(ISSUER, kid(MINE))
        web.pages[KEYS] = listed(MINE, THEIRS)

        assert kid(THEIRS) in cache.keys(ISSUER, kid(THEIRS))
        assert web.fetches == 2

    def test_a_kid_that_the_fresh_documents_do_not_have_is_not_looked_for_twice(
        self, cache: IssuerCache, web: Web
    ) -> None:
        assert kid(THEIRS) not in cache.keys(ISSUER, kid(THEIRS))
        assert web.fetches == 1

    def test_nobody_can_make_it_fetch_without_end(self, cache: IssuerCache, web: Web, clock: Clock) -> None:
        web.max_age = 3600
        cache.keys(ISSUER, kid(MINE))
        for number in range(10_000):  # a thousand seconds of ten forged kids each
            cache.keys(ISSUER, Kid(f"forged {number}"))
            clock.now += 0.1

        assert web.fetches <= 1 + module.BURST + 1000 / module.INTERVAL

    def test_a_rotation_is_seen_even_then(self, cache: IssuerCache, web: Web, clock: Clock) -> None:
        for number in range(100):
            cache.keys(ISSUER, Kid(f"forged {number}"))
        web.pages[KEYS] = listed(MINE, THEIRS)
        assert kid(THEIRS) not in cache.keys(ISSUER, kid(THEIRS)), "the allowance is spent"

        clock.now += module.INTERVAL
        assert kid(THEIRS) in cache.keys(ISSUER, kid(THEIRS))

    def test_one_issuers_forgers_cost_another_nothing(self, cache: IssuerCache, web: Web) -> None:
        other = "https://other.example.com"
        web.pages[f"{other}/.well-known/openid-configuration"] = described(issuer=other, jwks_uri=f"{other}/k")
        web.pages[f"{other}/k"] = listed(THEIRS)
        cache.keys(other, kid(THEIRS))
        for number in range(100):
            cache.keys(ISSUER, Kid(f"forged {number}"))
        web.pages[f"{other}/k"] = listed(THEIRS, MINE)

        assert kid(MINE) in cache.keys(other, kid(MINE))
        assert kid(THEIRS) not in cache.keys(ISSUER, kid(THEIRS)), "their keys are their own"

    def test_a_failure_is_remembered_shortly(self, cache: IssuerCache, web: Web, clock: Clock) -> None:
        web.is_down = True
        for _ in range(100):
            with pytest.raises(DocumentError, match="no such page"):
                cache.keys(ISSUER, kid(MINE))
        assert web.fetches == 1

        web.is_down = False
        clock.now += module.LEAST_AGE
        assert kid(MINE) in cache.keys(ISSUER, kid(MINE))

    def test_stale_documents_are_not_good_for_want_of_better_ones(
        self, cache: IssuerCache, web: Web, clock: Clock
    ) -> None:
        cache.keys(ISSUER, kid(MINE))
        web.is_down = True
        clock.now += 61

        with pytest.raises(DocumentError):
            cache.keys(ISSUER, kid(MINE))

    def test_good_ones_outlive_a_failed_look_for_an_unknown_kid(self, cache: IssuerCache, web: Web) -> None:
        cache.keys(ISSUER, kid(MINE))
        web.is_down = True

        assert kid(MINE) in cache.keys(ISSUER, Kid("unknown"))
        assert kid(MINE) in cache.keys(ISSUER, kid(MINE))

    def test_forgetting_fetches_anew(self, cache: IssuerCache, web: Web) -> None:
        cache.keys(ISSUER, kid(MINE))
        cache.forget()
        cache.keys(ISSUER, kid(MINE))

        assert web.fetches == 2

    def test_many_at_once_fetch_once(self, cache: IssuerCache, web: Web) -> None:
        together = threading.Barrier(16)
        failures: list[BaseException] = []

        def ask() -> None:
            try:
                together.wait(10)
                assert kid(MINE) in cache.keys(ISSUER, kid(MINE))
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=ask) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
        assert failures == []
        assert web.fetches == 1

    def test_whoever_waits_for_an_unknown_kid_keeps_nobody_else_waiting(self, cache: IssuerCache, web: Web) -> None:
        cache.keys(ISSUER, kid(MINE))
        asked, answer = threading.Event(), threading.Event()

        def hang() -> None:
            asked.set()
            answer.wait(10)

        web.answering = hang
        forger = threading.Thread(target=cache.keys, args=(ISSUER, Kid("forged")))
        forger.start()
        assert asked.wait(10)

        assert kid(MINE) in cache.keys(ISSUER, kid(MINE)), "this would wait if it needed the forger's answer"
        assert forger.is_alive()
        answer.set()
        forger.join(10)

    @given(st.lists(st.tuples(st.floats(0, 30), st.booleans(), st.booleans()), max_size=60))
    def test_however_it_is_asked_fetches_are_bounded(self, asked: list[tuple[float, bool, bool]]) -> None:
        """One for each time that documents are stale, one a second for failures, and the allowance for unknown kids."""
        web, clock = Web(), Clock()
        cache = IssuerCache(web, clock)
        for number, (pause, is_forged, is_down) in enumerate(asked):
            clock.now += pause
            web.is_down = is_down
            try:
                keys = cache.keys(ISSUER, Kid(f"forged {number}") if is_forged else kid(MINE))
            except DocumentError:
                continue
            assert list(keys) == [MINE.kid]
        passed = clock.now - 1000
        failures = passed / module.LEAST_AGE
        assert web.fetches <= 2 + passed / 60 + failures + module.BURST + passed / module.INTERVAL


def test_documents_of_a_real_server_are_fetched_compared_and_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    made = certificates(tmp_path)

    def answer(server: Server, connection: Any) -> None:
        issuer = f"https://localhost:{server.port}"
        is_keys = b"/keys.json" in server.requests[-1]
        body = listed(MINE) if is_keys else described(issuer=issuer, jwks_uri=f"{issuer}/keys.json")
        length = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nCache-Control: max-age=9\r\n\r\n"
        saying(length.encode() + body)(server, connection)

    clock = Clock()
    with https(made.chain, answer) as server:
        cache = IssuerCache(HttpsGet(ca_bundle=str(made.bundle)), clock)
        assert list(cache.keys(f"https://localhost:{server.port}", kid(MINE))) == [MINE.kid]
        cache.keys(f"https://localhost:{server.port}", kid(MINE))
        assert len(server.requests) == 2
        clock.now += 9
        cache.keys(f"https://localhost:{server.port}", kid(MINE))
        assert len(server.requests) == 4
