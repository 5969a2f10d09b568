"""What is wrong, the checks, the findings and each role's permissions."""

from __future__ import annotations

from collections.abc import Iterator

from ccoctl.federation.proof import Check, Component, Exchange, Finding, Permission, Proof, Verdict
from ccoctl.render.html.markup import Markup, code, el, join
from ccoctl.render.proof_matrix import mark_of
from ccoctl.render.proof_words import SEVERITIES, answer, count, kind_of

SHOWN = 20
"""Wrong exchanges that are seen at once; the rest is folded."""
UNFOLDED = 8
"""Components whose permissions are seen at once."""

_TONES = {Verdict.OK: "good", Verdict.WRONG: "bad", Verdict.UNKNOWN: "open"}


def wrong(proof: Proof) -> Markup | None:
    """Every check and exchange that is not as it must be, with what was seen; None where there is none."""
    items = [_wrong_check(check) for check in proof.checks if check.verdict is not Verdict.OK]
    items += [_wrong_exchange(item) for item in proof.exchanges if not item.right]
    if not items:
        return None
    first, rest = items[:SHOWN], items[SHOWN:]
    more = el("details", el("summary", f"{count(len(rest), 'more')[:-1]}"), el("ul", *rest, class_="wrongs"))
    return join(el("ul", *first, class_="wrongs"), more if rest else None)


def _wrong_check(check: Check) -> Markup:
    kind = "Check" if check.verdict is Verdict.WRONG else "Not checked"
    return _problem(_TONES[check.verdict], kind, check.name, check.detail)


def _wrong_exchange(exchange: Exchange) -> Markup:
    tone = "bad" if exchange.answered else "open"
    tried = el("p", code(exchange.service_account), " → ", code(exchange.role), class_="tried")
    what = f"{kind_of(exchange)}: {mark_of(exchange).value}"
    return _problem(tone, "Exchange", what, answer(exchange), tried)


def _problem(tone: str, kind: str, what: str, seen: str, tried: Markup | None = None) -> Markup:
    head = el("p", el("span", kind, class_="tag"), " ", el("strong", what))
    return el("li", head, tried, el("p", seen, class_="seen"), class_=tone)


def checks(proof: Proof) -> Markup:
    """One line for each check."""
    if not proof.checks:
        return el("p", "Nothing was checked.", class_="note")
    rows = (
        el(
            "tr",
            el("td", el("span", check.verdict.value, class_=f"tag {_TONES[check.verdict]}")),
            el("th", check.name, scope="row"),
            el("td", check.detail),
        )
        for check in proof.checks
    )
    return _table(("Verdict", "Check", "What was seen"), rows, "checks")


def findings(proof: Proof) -> Markup:
    """The findings, the worst first."""
    if not proof.findings:
        return el("p", "None: every role is as narrow as its manifest asks for.", class_="note")
    ordered = [one for severity in SEVERITIES for one in proof.findings if one.severity is severity]
    intro = el("p", "These work, and yet deserve a look. They do not count against the verdict.", class_="note")
    return join(intro, _table(("Severity", "Where", "What, and the way out"), map(_finding, ordered), "findings"))


def _finding(finding: Finding) -> Markup:
    remedy = el("span", finding.remedy, class_="remedy") if finding.remedy else None
    return el(
        "tr",
        el("td", el("span", finding.severity.value, class_=f"tag {finding.severity.value}")),
        el("th", code(finding.where), scope="row"),
        el("td", finding.what, remedy),
    )


def permissions(proof: Proof) -> Markup:
    """What each role may do, statement by statement."""
    if not proof.components:
        return el("p", "There is no component.", class_="note")
    is_open = len(proof.components) <= UNFOLDED
    return join(*(_component(number, one, is_open) for number, one in enumerate(proof.components, 1)))


def _component(number: int, component: Component, is_open: bool) -> Markup:
    title = el(
        "h3",
        el("span", str(number), class_="number"),
        code(component.role),
        el("span", extent(component), class_="extent"),
    )
    facts = {
        "Secret": code(component.secret),
        "Role": code(component.role_arn) if component.role_arn else el("span", "no such role", class_="tag bad"),
        "Assumed by": el("ul", *(el("li", code(account)) for account in component.service_accounts)),
    }
    return el(
        "details",
        el("summary", title),
        el("dl", *(el("div", el("dt", name), el("dd", value)) for name, value in facts.items()), class_="facts"),
        _table(("Effect", "Actions", "Resource", "Condition"), map(_permission, component.permissions), "statements")
        if component.permissions
        else el("p", "It may do nothing.", class_="note"),
        open=is_open,
        class_="component",
    )


def extent(component: Component) -> str:
    """How much a role may do, in a few words."""
    resources = sorted({one.resource for one in component.permissions})
    actions = {action for one in component.permissions for action in one.actions}
    if not actions:
        return "no permissions"
    where = resources[0] if len(resources) == 1 else count(len(resources), "resource")
    return f"{count(len(actions), 'action')} on {where}"


def services(component: Component) -> str:
    """The services that a role may use."""
    return ", ".join(sorted({action.partition(":")[0] for one in component.permissions for action in one.actions}))


def _permission(permission: Permission) -> Markup:
    tone = "allow" if permission.effect == "Allow" else "deny"
    condition = code(permission.condition) if permission.condition else el("span", "none", class_="none")
    return el(
        "tr",
        el("th", el("span", permission.effect, class_=tone), scope="row"),
        el("td", *(_actions(permission.actions))),
        el("td", code(permission.resource), data_label="Resource"),
        el("td", condition, data_label="Condition"),
    )


def _actions(actions: tuple[str, ...]) -> Iterator[Markup]:
    by_service: dict[str, list[str]] = {}
    for action in actions:
        service, colon, name = action.partition(":")
        by_service.setdefault(service + colon, []).append(name)
    for service, names in by_service.items():
        yield el("p", el("b", code(service)), " ", *_listed(names), class_="actions")


def _listed(names: list[str]) -> Iterator[Markup | str]:
    for index, name in enumerate(names):
        if index:
            yield ", "
        yield code(name, class_="wild" if "*" in name else None)


def _table(heads: tuple[str, ...], rows: Iterator[Markup] | map[Markup], name: str) -> Markup:
    head = el("thead", el("tr", *(el("th", one, scope="col") for one in heads)))
    return el("div", el("table", head, el("tbody", *rows)), class_=f"table {name}")
