"""The environment's proxies: those that can be used, and how the others are told without their passwords."""

from __future__ import annotations

import pytest

from ccoctl.errors import ProxyError
from ccoctl.federation.proxies import are_fit, check_proxies, proxy_for

PASSWORD = "Hunter2pw"
UNFIT = [
    "http://user:Hunter2pw/x@proxy.example:3128",
    "http://user:Hunter2pw#x@proxy.example:3128",
    "http://user:Hunter2pw?x@proxy.example:3128",
    "http://user:2/Hunter2pw@proxy.example:3128",
    "http://user:Hunter2pw@x@proxy.example:3128",
    "http://user:Hunter2[pw@proxy.example:3128",
    "http://user:Hunter2]pw@proxy.example:3128",
    "http://user:Hunter2pw@proxy.example:port",
    "http://user:Hunter2pw@proxy.example:99999",
    "http://user:Hunter2pw@proxy.example:3128\r",
    "http://user:Hunter2pw\u00e9@proxy.example:3128",
    "http://user:Hunter2pw\u2100@proxy.example:3128",
    "http://user:Hunter2pw@",
    "HTTP://user:Hunter2pw@proxy.example:3128",
    "socks5://user:Hunter2pw@proxy.example:1080",
    "socks5h://user:Hunter2pw@proxy.example:1080",
    "Hunter2pw://proxy.example",
    "//user:Hunter2pw@proxy.example:3128",
    "user:Hunter2pw/x@proxy.example:3128",
]


pytestmark = pytest.mark.usefixtures("no_proxies")


@pytest.mark.parametrize(
    ("proxy", "url"),
    [
        ("http://proxy.example:3128", "http://proxy.example:3128"),
        ("https://user:p%2Fw@proxy.example", "https://user:p%2Fw@proxy.example"),
        ("proxy.example:3128/", "http://proxy.example:3128/"),
        ("http://[2001:db8::1]:3128", "http://[2001:db8::1]:3128"),
        ("user:pass word@127.0.0.1:9", "http://user:pass word@127.0.0.1:9"),
    ],
)
def test_an_http_proxy_is_taken_as_it_is(proxy: str, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy)

    assert proxy_for("https") == url
    assert proxy_for("http") == ""
    assert are_fit()


@pytest.mark.parametrize("proxy", UNFIT)
def test_what_is_no_address_of_one_is_refused_and_never_quoted(proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", proxy)
    with pytest.raises(ProxyError) as raised:
        check_proxies("https://api.example:6443")

    assert not are_fit()
    assert raised.value.what == "https_proxy is no address of an HTTP proxy"
    assert "%2F" in raised.value.remedy
    assert "SOCKS is not supported" in raised.value.remedy
    assert "unter2" not in str(raised.value)
    assert raised.value.__context__ is None


def test_the_variable_that_counts_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        with monkeypatch.context() as patch:
            patch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
            patch.setenv(name, "socks5://127.0.0.1:1080")
            with pytest.raises(ProxyError, match=f"^{name} is"):
                check_proxies("https://api.example")


def test_of_a_reader_that_knows_no_other_variable_only_its_own_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:1080")

    check_proxies("https://api.example", kinds=("https",))
    with pytest.raises(ProxyError, match="ALL_PROXY"):
        check_proxies("https://api.example")


@pytest.mark.parametrize("exempt", ["*", "api.example", ".example", "api.example:6443", "other,api.example"])
def test_a_host_that_needs_no_proxy_needs_no_good_one(exempt: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "socks5://127.0.0.1:1080")
    monkeypatch.setenv("NO_PROXY", exempt)

    check_proxies("https://someone:secret@api.example:6443/path")
