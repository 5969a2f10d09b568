"""HTML and SVG elements as values: text is escaped unless its type says that it is markup already."""

from __future__ import annotations

from html import escape

import msgspec

from ccoctl.errors import in_line
from ccoctl.render.proof_words import identifier

_VOID = frozenset({"meta", "br"})


class Markup(msgspec.Struct, frozen=True):
    """Text that is markup. Only this module and the page's own style and script make it from a string."""

    text: str


Child = Markup | str | None
"""What an element holds; None is left out."""


def el(tag: str, *children: Child, **attributes: str | float | bool | None) -> Markup:
    """An element. Strings are escaped, and what does not print is shown by its escape.

    An attribute's `_` becomes `-`, one at its end is dropped (`class_`); None and False leave it out.
    """
    shown = "".join(_attribute(name, value) for name, value in attributes.items())
    if tag in _VOID:
        return Markup(f"<{tag}{shown}>")
    return Markup(f"<{tag}{shown}>{join(*children).text}</{tag}>")


def join(*children: Child) -> Markup:
    """One after the other, with nothing around."""
    return Markup("".join(_text(child) for child in children if child is not None))


def code(text: str, **attributes: str | None) -> Markup:
    """A name, ARN or address, breakable after its separators; look-alike letters are shown by their escapes."""
    safe = escape(identifier(text))
    for separator in ("/", ":", "-", "."):
        safe = safe.replace(separator, f"{separator}<wbr>")
    return el("code", Markup(safe), **attributes)


def hidden(text: str) -> Markup:
    """Text for those who hear the page."""
    return el("span", text, class_="unseen")


def _text(child: Markup | str) -> str:
    return child.text if isinstance(child, Markup) else escape(in_line(child))


def _attribute(name: str, value: str | float | bool | None) -> str:
    if value is None or value is False:
        return ""
    name = name.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{escape(in_line(str(value)))}"'
