"""The exchange matrix as a grid that a pointer, a finger and a keyboard can ask for the cloud's answers."""

from __future__ import annotations

from collections.abc import Iterator

from ccoctl.federation.proof import Exchange, Proof
from ccoctl.render.html.markup import Markup, code, el, hidden, join
from ccoctl.render.proof_matrix import Cell, Mark, Matrix, Row, mark_of, matrix
from ccoctl.render.proof_words import NO_EXCHANGES, answer, identifier

_LEGEND = tuple(Mark)[::-1]
"""The worst first."""
_HINT = "Point at a cell, tap it, or move through the cells with the arrow keys: here is what the cloud answered."

MANY = 20
"""Roles that paper has room for at their usual size."""
_REGION = "Exchange matrix, scrollable"


def exchanges(proof: Proof) -> Markup:
    """The grid with its legend and every answer word for word; where no token was tried, a sentence that says so."""
    if not proof.exchanges:
        return el("p", NO_EXCHANGES, class_="note")
    answers, grid = _Answers(proof.exchanges), matrix(proof)
    kind = "scroll many" if len(grid.roles) > MANY else "scroll"
    intro = (
        "A row is a service account whose token was handed to STS, a column the role that it asked for, by the number "
        "of its component. Each must get its own role and be refused every other; the last rows are tokens that no "
        "role may take."
    )
    return join(
        el("p", intro, class_="note"),
        el(
            "div",
            el("div", _table(grid, answers), class_=kind, tabindex="0", role="region", aria_label=_REGION),
            el("p", el("span", _HINT), id="answer"),
            class_="matrix",
        ),
        _legend(proof),
        answers.list(),
    )


class _Answers:
    """The cloud's different answers, each with an id that cells point to."""

    def __init__(self, exchanges: tuple[Exchange, ...]) -> None:
        self._times: dict[str, int] = {}
        for exchange in exchanges:
            told = answer(exchange)
            self._times[told] = self._times.get(told, 0) + 1
        self._ids = {told: f"answer-{number}" for number, told in enumerate(self._times, 1)}

    def ids(self, cell: Cell) -> str | None:
        """The ids of a cell's answers."""
        return " ".join(dict.fromkeys(self._ids[answer(item)] for item in cell.exchanges)) or None

    def list(self) -> Markup:
        """Every answer, with how often it was given."""
        items = (
            el("li", el("span", told, id=self._ids[told]), el("span", f" ×{times:,}", class_="times"))
            for told, times in self._times.items()
        )
        return el("details", el("summary", "The cloud's answers, word for word"), el("ol", *items, class_="answers"))


def _table(grid: Matrix, answers: _Answers) -> Markup:
    heads = (
        el("th", el("span", str(number), aria_hidden="true"), hidden(identifier(role)), scope="col", title=role)
        for number, role in enumerate(grid.roles, 1)
    )
    corner = el("th", "Service account", scope="col")
    is_first = iter([True])
    bodies = [_body("accounts", grid.accounts, answers, is_first)]
    if grid.strangers:
        width = len(grid.roles) + 1
        title = el("tr", el("th", "Tokens that no role may take", scope="rowgroup", colspan=width), class_="group")
        bodies.append(_body("strangers", grid.strangers, answers, is_first, title))
    return el(
        "table",
        el("caption", hidden("What the cloud answered to each token, role by role")),
        el("thead", el("tr", corner, *heads)),
        *bodies,
        class_="grid",
        role="grid",
        aria_readonly="true",
    )


def _body(
    name: str, rows: tuple[Row, ...], answers: _Answers, is_first: Iterator[bool], title: Markup | None = None
) -> Markup:
    lines = (
        el(
            "tr",
            el("th", _label(row), scope="row", data_name=identifier(row.label)),
            *(_cell(cell, answers, next(is_first, False)) for cell in row.cells),
        )
        for row in rows
    )
    return el("tbody", title, *lines, class_=name)


def _label(row: Row) -> Markup:
    if row.kind is not None:
        return el("span", row.label, class_="who")
    number = el("span", ", ".join(map(str, row.numbers)), class_="number") if row.numbers else None
    namespace, _, name = row.label.rpartition("/")
    account = el("span", el("b", code(name)), el("span", code(namespace), class_="namespace"), class_="account")
    return el("span", number, account, class_="who")


def _cell(cell: Cell, answers: _Answers, is_first: bool) -> Markup:
    button = el(
        "button",
        type="button",
        class_=_class(cell.mark),
        tabindex="0" if is_first else "-1",
        aria_label=cell.mark.value,
        aria_describedby=answers.ids(cell),
    )
    return el("td", button)


def _class(mark: Mark) -> str:
    return f"mark {mark.name.lower()}"


def _legend(proof: Proof) -> Markup:
    times: dict[Mark, int] = {}
    for exchange in proof.exchanges:
        mark = mark_of(exchange)
        times[mark] = times.get(mark, 0) + 1
    items = (
        el("li", el("span", class_=_class(mark), aria_hidden="true"), f" {mark.value}: {times[mark]:,}")
        for mark in _LEGEND
        if mark in times
    )
    return el("ul", *items, class_="legend")
