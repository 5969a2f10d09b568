"""The few SVG shapes that the pictures are made of. Colours and fonts are the style sheet's."""

from __future__ import annotations

from collections.abc import Iterable

from ccoctl.render.html.links import WORDS
from ccoctl.render.html.markup import Markup, el, join

LINE = 14
"""Pixels from one line of small text to the next."""
_SIGNS = {"bad": "M-3.5 -3.5l7 7M3.5 -3.5l-7 7", "open": "M0 -4.5v5M0 3.5v.8"}


def svg(content: Markup, frame: str, label: str, kind: str) -> Markup:
    """A picture, described by the list of words beside it."""
    return el("svg", content, viewBox=frame, role="img", aria_label=label, aria_describedby=WORDS, class_=kind)


def text(x: float, y: float, words: str, kind: str, anchor: str | None = None) -> Markup:
    """One line of text on its baseline."""
    return el("text", words, x=_n(x), y=_n(y), class_=kind, text_anchor=anchor)


def paragraph(x: float, y: float, words: Iterable[str], kind: str) -> Markup:
    """Lines of text, one below the other."""
    return join(*(text(x, y + LINE * index, line, kind) for index, line in enumerate(words)))


def box(x: float, y: float, width: float, height: float, kind: str) -> Markup:
    """A box with round corners."""
    return el("rect", x=_n(x), y=_n(y), width=_n(width), height=_n(height), rx=8, class_=kind)


def path(way: str, kind: str) -> Markup:
    """A line."""
    return el("path", d=way, class_=kind)


def dot(x: float, y: float, kind: str) -> Markup:
    """Where a lane passes through a rail."""
    return el("circle", cx=_n(x), cy=_n(y), r=3.5, class_=kind)


def sign(x: float, y: float, tone: str) -> Markup | None:
    """A cross for what is wrong, an exclamation mark for what is not known; nothing for the rest."""
    if tone not in _SIGNS:
        return None
    shapes = (el("circle", r=9), el("path", d=_SIGNS[tone]))
    return el("g", *shapes, transform=f"translate({_n(x)} {_n(y)})", class_=f"sign {tone}")


def number(x: float, y: float, value: int) -> Markup:
    """A component's number in its badge."""
    width = 12 + 7 * len(str(value))
    badge = el("rect", x=_n(x), y=_n(y - 9), width=width, height=18, rx=9, class_="badge")
    return join(badge, text(x + width / 2, y + 4, str(value), "count", "middle"))


def tip(words: str, *shapes: Markup | None) -> Markup:
    """Shapes with their full name for those who point at them."""
    return el("g", el("title", words), *shapes)


def _n(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
