"""The page: what the proof amounts to, then the chain of trust, the exchanges, checks, findings and permissions."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from functools import cache
from importlib import resources

from ccoctl.federation.proof import Proof, Standing, Verdict
from ccoctl.render.html.chain import chain
from ccoctl.render.html.grid import exchanges
from ccoctl.render.html.markup import Markup, code, el, join
from ccoctl.render.html.sections import checks, findings, permissions, wrong
from ccoctl.render.proof_words import count, headline, identifier, open_points

_TONES = {Standing.HOLDS: "good", Standing.UNPROVEN: "open", Standing.BROKEN: "bad"}
_SIGNS = {"good": "M10 20.5 17.5 28 31 13", "open": "M20 10v13M20 28.5v1.5", "bad": "M12.5 12.5l15 15M27.5 12.5l-15 15"}


def proof_html(proof: Proof) -> str:
    """The whole report as one document: it loads nothing, and the same proof gives the same bytes."""
    sections = list(_sections(proof))
    body = el(
        "body",
        el("a", "Skip to the report", href="#report", class_="skip"),
        _header(proof),
        _contents(sections),
        el("main", *(section for _, _, section in sections), id="report"),
        el("footer", el("p", "Made by ccoctl aws verify. This page is complete in itself: it loads nothing.")),
        el("script", Markup(_asset("report.js"))),
    )
    return f"<!DOCTYPE html>\n{el('html', _head(proof), body, lang='en').text}\n"


def _head(proof: Proof) -> Markup:
    style, script = _asset("report.css"), _asset("report.js")
    policy = (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    return el(
        "head",
        el("meta", charset="utf-8"),
        el("meta", name="generator", content="ccoctl"),
        el("meta", http_equiv="Content-Security-Policy", content=policy),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("meta", name="color-scheme", content="light dark"),
        el("meta", name="referrer", content="no-referrer"),
        el("title", f"{identifier(proof.name)} {proof.standing.value}: proof of a federation"),
        el("style", Markup(style)),
    )


@cache
def _asset(name: str) -> str:
    return resources.files("ccoctl.render.html").joinpath(name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    """A source expression of Content Security Policy Level 3, section 2.3.1, for an inline element of this text."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _header(proof: Proof) -> Markup:
    tone = _TONES[proof.standing]
    sign = el(
        "svg",
        el("circle", cx=20, cy=20, r=19),
        el("path", d=_SIGNS[tone]),
        class_="sign",
        viewBox="0 0 40 40",
        aria_hidden="true",
    )
    points = open_points(proof)
    facts = {
        "Region": code(proof.region),
        "Looked at": el("time", identifier(proof.at).replace("T", " ").replace("Z", " UTC"), datetime=proof.at),
        "Issuer": code(proof.issuer or "not known"),
        "Identity provider": code(proof.provider_arn or "not known"),
        "Signing key": code(proof.kid or "not known"),
    }
    return el(
        "header",
        el("p", "Proof of a federation", class_="over"),
        el("div", sign, el("h1", f"{headline(proof)}."), class_="verdict"),
        el("p", f"{points[0].upper()}{points[1:]}.", class_="points") if points else None,
        el("p", _summary(proof), class_="summary"),
        el("dl", *(el("div", el("dt", name), el("dd", value)) for name, value in facts.items()), class_="facts"),
        class_=tone,
    )


def _summary(proof: Proof) -> str:
    accounts = {account for component in proof.components for account in component.service_accounts}
    passed = sum(check.verdict is Verdict.OK for check in proof.checks)
    right = sum(item.right for item in proof.exchanges)
    tried = f"{right:,} of {count(len(proof.exchanges), 'exchange')} as they must be"
    return " · ".join(
        [
            count(len(proof.components), "component"),
            count(len(accounts), "service account"),
            tried if proof.exchanges else "no exchange tried",
            f"{passed} of {count(len(proof.checks), 'check')} passed",
            count(len(proof.findings), "finding"),
        ]
    )


def _sections(proof: Proof) -> Iterator[tuple[str, str, Markup]]:
    if problems := wrong(proof):
        title = "What is wrong" if proof.standing is Standing.BROKEN else "What is not known"
        yield "wrong", title, _section("wrong", title, problems)
    parts = {
        "chain": ("Chain of trust", chain(proof)),
        "exchanges": ("Exchanges", exchanges(proof)),
        "checks": ("Checks", checks(proof)),
        "findings": ("Findings", findings(proof)),
        "permissions": ("Permissions", permissions(proof)),
    }
    for name, (title, content) in parts.items():
        yield name, title, _section(name, title, content)


def _section(name: str, title: str, content: Markup) -> Markup:
    return el("section", el("h2", title, id=f"{name}-title"), content, id=name, aria_labelledby=f"{name}-title")


def _contents(sections: list[tuple[str, str, Markup]]) -> Markup:
    links = (el("li", el("a", title, href=f"#{name}")) for name, title, _ in sections)
    return el("nav", el("ul", join(*links)), aria_label="Contents")
