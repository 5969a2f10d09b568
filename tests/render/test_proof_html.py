"""A proof as a page, as a parser reads it; what a browser makes of it is beside this file."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings

from ccoctl.federation.proof import Proof
from ccoctl.render.html.links import lines
from ccoctl.render.html.markup import code, el
from ccoctl.render.proof_html import proof_html
from ccoctl.render.proof_words import identifier
from tests.render import proofs

VOID = {"meta", "br", "wbr"}
ELEMENTS = {
    *("html", "head", "meta", "title", "style", "body", "header", "nav", "main", "footer", "section", "script"),
    *("h1", "h2", "h3", "p", "div", "span", "a", "b", "strong", "code", "wbr", "time", "button", "details", "summary"),
    *("ul", "ol", "li", "dl", "dt", "dd", "table", "caption", "thead", "tbody", "tr", "th", "td"),
    *("figure", "figcaption", "svg", "g", "circle", "path", "rect", "text"),
}


class Page(HTMLParser):
    """A page read: elements with their attributes, text by kind of element; unbalanced markup is an error."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)
            self.texts.setdefault(tag, []).append("")

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        for tag in set(self._open):
            self.texts[tag][-1] += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """The attributes of every element of a kind."""
        return [attributes for name, attributes in self.elements if name == tag]


def assert_harmless(page: Page) -> None:
    """Nothing runs but the page's own script, nothing is loaded, every reference leads somewhere in the page."""
    assert {tag for tag, _ in page.elements} <= ELEMENTS
    assert len(page.all("script")) == len(page.all("style")) == 1
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    for _, attributes in page.elements:
        assert not {name for name in attributes if name.startswith("on")} | (attributes.keys() & {"src", "style"})
        assert (attributes.get("href") or "#report")[1:] in ids
        for name in ("aria-labelledby", "aria-describedby"):
            assert set((attributes.get(name) or "").split()) <= set(ids)


@pytest.mark.parametrize("make", [proofs.one, proofs.seven, proofs.fifty, proofs.broken, proofs.without_key])
def test_the_page_runs_only_its_own_script_and_loads_nothing(make: object) -> None:
    assert callable(make)
    html = proof_html(make())

    assert_harmless(Page(html))
    assert not re.search(r"@import|url\(|fetch\(|XMLHttpRequest|innerHTML", html)


@settings(max_examples=60, deadline=None)
@given(proofs.proofs())
def test_any_proof_at_all_makes_a_whole_and_harmless_page(proof: Proof) -> None:
    html = proof_html(proof)

    assert_harmless(Page(html))
    html.encode()


@pytest.mark.parametrize(
    "text",
    [
        "</script><script>alert(1)</script>",
        '"><img src=x onerror=alert(1)>',
        "' onfocus='alert(1)",
        "</style><b>",
        "<!-- --!> ]]>",
        "&lt;script&gt;",
        "javascript:alert(1)",
        "a\u202egnp.exe\u0000\ud800",
    ],
)
def test_a_strangers_text_stays_text(text: str) -> None:
    page = Page(proof_html(proofs.hostile(text)))

    assert_harmless(page)
    assert page.texts["h1"] == [f"The federation of {identifier(text)} does not hold."]
    assert any(identifier(text) in told for told in page.texts["td"])


def test_what_does_not_print_and_letters_that_only_look_alike_are_seen_as_such() -> None:
    page = Page(proof_html(proofs.hostile("im\u0430ge\u202e")))

    assert "im\\u0430ge\\u202e" in page.texts["h1"][0]
    assert "\u202e" not in "".join(page.texts["body"])


def test_the_security_policy_names_the_style_and_the_script_and_allows_nothing_else() -> None:
    page = Page(proof_html(proofs.seven()))
    policy = next(attributes["content"] for attributes in page.all("meta") if attributes.get("http-equiv") is not None)
    hashes = [
        "sha256-" + base64.b64encode(hashlib.sha256(page.texts[tag][0].encode()).digest()).decode()
        for tag in ("style", "script")
    ]

    assert policy == (
        f"default-src 'none'; style-src '{hashes[0]}'; script-src '{hashes[1]}'; base-uri 'none'; form-action 'none'"
    )


def test_the_same_proof_gives_the_same_bytes() -> None:
    assert proof_html(proofs.broken()) == proof_html(proofs.broken())


def test_headings_landmarks_and_heads_of_tables_are_there_for_those_who_hear_the_page() -> None:
    page = Page(proof_html(proofs.broken()))

    assert [tag for tag, _ in page.elements if tag in ("header", "nav", "main", "footer")] == [
        "header",
        "nav",
        "main",
        "footer",
    ]
    assert page.texts["h2"] == [
        "What is wrong",
        "Chain of trust",
        "Exchanges",
        "Checks",
        "Findings",
        "Permissions",
    ]
    assert all(attributes.get("scope") for attributes in page.all("th"))
    pictures = [attributes for attributes in page.all("svg") if attributes.get("aria-hidden") != "true"]
    assert len(pictures) == 2
    assert all(attributes["role"] == "img" and attributes["aria-label"] for attributes in pictures)
    assert any(
        "5: openshift-ingress-operator/ingress-operator to role demo-openshift-ingress-operator-cloud-credentials; "
        "there is no such role; openshift-ingress-operator/ingress-operator does not get it" in item
        for item in page.texts["li"]
    )


def test_every_wrong_exchange_is_told_with_the_clouds_answer() -> None:
    page = Page(proof_html(proofs.broken()))
    told = "\n".join(page.texts["li"])

    assert "Another component's role: granted, and had to be refused" in told
    assert "refused with AccessDenied: Not authorized to perform sts:AssumeRoleWithWebIdentity" in told
    assert "no verdict: Throttling: Rate exceeded" in told
    assert "assumed-role/admin/ccoctl-verify" in told


def test_every_permission_is_there_whatever_its_length() -> None:
    proof = proofs.fifty()
    body = Page(proof_html(proof)).texts["body"][0]

    for component in proof.components:
        for permission in component.permissions:
            assert permission.condition in body
            assert all(action.rpartition(":")[2] in body for action in permission.actions)


def test_without_exchanges_no_grid_is_drawn_and_it_is_said() -> None:
    page = Page(proof_html(proofs.without_key()))

    assert page.all("button") == []
    assert page.texts["h1"] == ["What was checked of demo holds; no token was exchanged."]
    assert any("No token was exchanged" in text for text in page.texts["p"])


def test_text_in_markup_is_escaped_whatever_it_is() -> None:
    assert el("p", "<b>&\"'", title='<">').text == '<p title="&lt;&quot;&gt;">&lt;b&gt;&amp;&quot;&#x27;</p>'
    assert el("p", hidden=False, open=True, class_=None).text == "<p open></p>"
    assert code("a:<b>").text == "<code>a:<wbr>&lt;b&gt;</code>"


def test_a_name_is_broken_after_separators_and_shortened_in_its_middle() -> None:
    assert lines("demo-openshift-image-registry-installer", 20, 3) == [
        "demo-openshift-",
        "image-registry-",
        "installer",
    ]
    assert lines("demo-openshift-image-registry-installer", 20, 2) == ["demo-openshift-image", "-registry-installer"]
    assert lines("x" * 100, 10, 2) == ["xxxxxxxxx…", "xxxxxxxxxx"]
    assert lines("", 10, 2) == [""]
