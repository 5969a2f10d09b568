"""The chain of trust for wide screens and paper: a lane for each service account, across the three links all share."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from ccoctl.render.html import shapes
from ccoctl.render.html.links import Chain, Lane, Link, Node, lines
from ccoctl.render.html.markup import Markup, join
from ccoctl.render.html.sections import extent, services
from ccoctl.render.proof_words import identifier

WIDTH = 1120
"""Pixels, and so are all below."""
_TOP = 152
"""Where the lanes begin, below what the rails are called."""
_LANE = 44
_GAP = 22
"""Between two components."""
_RAILS = (246, 378, 510)
_RAIL = 120
_TURN = 630
"""Where the lanes leave the last rail."""
_ROLE = 694
_ROLE_WIDTH = 286
_MAY = 996
STRAYS = 12
"""Arrows that must not be there, as many as can be told apart."""


def draw(chain: Chain) -> Iterator[Markup]:
    """The shapes, the ones behind first."""
    places = _places(chain)
    bottom = height(chain)
    yield from (_rail(x, node, bottom) for x, node in zip(_RAILS, chain.nodes, strict=True))
    for x, title in ((0, "Service account"), (_ROLE, "Role"), (_MAY, "Permissions")):
        yield shapes.text(x, 30, title, "title")
    for lane, tops in zip(chain.lanes, places, strict=True):
        yield from _lane(lane, tops)
    yield from _strays(chain, places)


def height(chain: Chain) -> int:
    """Of the whole picture."""
    return _TOP + sum(max(1, len(lane.links)) * _LANE + _GAP for lane in chain.lanes) + 8


def _places(chain: Chain) -> list[list[float]]:
    """The middle of every link's lane, component by component."""
    places, top = [], float(_TOP)
    for lane in chain.lanes:
        rows = max(1, len(lane.links))
        places.append([top + _LANE * (row + 0.5) for row in range(rows)])
        top += rows * _LANE + _GAP
    return places


def _rail(x: float, node: Node, bottom: float) -> Markup:
    return shapes.tip(
        identifier(node.text) or "not known",
        shapes.box(x, 8, _RAIL, bottom - 8, f"rail {node.tone}"),
        shapes.text(x + 10, 30, node.title, "title"),
        shapes.paragraph(x + 10, 50, lines(node.text, 15, 6) if node.text else ["not known"], "fine"),
        shapes.sign(x + _RAIL - 6, 14, node.tone),
    )


def _lane(lane: Lane, tops: list[float]) -> Iterator[Markup]:
    middle = sum(tops) / len(tops)
    for link, y in zip(lane.links, tops, strict=False):
        yield _link(link, y, middle)
    yield _role(lane, middle)
    for link, y in zip(lane.links, tops, strict=False):
        if sign := shapes.sign(_TURN + 22, y + (middle - y) * 0.3, link.tone):
            yield sign
    component = lane.component
    yield shapes.tip(
        f"{extent(component)}: {services(component)}",
        shapes.text(_MAY, middle - 3, _cut(extent(component), 20), "name"),
        shapes.text(_MAY, middle + 12, _cut(services(component), 18), "fine"),
    )


def _link(link: Link, y: float, middle: float) -> Markup:
    namespace, _, name = link.account.rpartition("/")
    way = f"M238 {y:g}H{_TURN}C{_TURN + 30} {y:g} {_ROLE - 34} {middle:g} {_ROLE - 4} {middle:g}"
    return shapes.tip(
        identifier(link.account),
        shapes.text(0, y - 2, lines(name, 31, 1)[0], "name"),
        shapes.text(0, y + 13, lines(namespace, 34, 1)[0], "fine"),
        shapes.path(way, f"way {link.tone}"),
        shapes.path(f"M{_ROLE - 9} {middle - 5:g}l6 5l-6 5", f"way head {link.tone}"),
        *(shapes.dot(x + _RAIL / 2, y, f"stop {link.tone}") for x in _RAILS),
    )


def _role(lane: Lane, middle: float) -> Markup:
    component = lane.component
    tone = "missing" if lane.is_missing else lane.tone
    names = lines(component.role, 36, 2)
    return shapes.tip(
        identifier(component.role_arn or component.role),
        shapes.box(_ROLE, middle - 22, _ROLE_WIDTH, 44, f"role {tone}"),
        shapes.number(_ROLE + 8, middle, lane.number),
        shapes.paragraph(_ROLE + 38, middle + (4 if len(names) == 1 else -3), names, "fine strong"),
        shapes.text(_ROLE + 38, middle + 34, _cut(lane.flag, 44), "warning") if lane.flag else None,
        shapes.sign(_ROLE + _ROLE_WIDTH - 4, middle - 20, lane.tone),
    )


def _strays(chain: Chain, places: list[list[float]]) -> Iterator[Markup]:
    starts: dict[str, float] = {}
    ends: dict[str, float] = {}
    for lane, tops in zip(chain.lanes, places, strict=True):
        starts |= {link.account: y for link, y in zip(lane.links, tops, strict=False)}
        ends[lane.component.role] = sum(tops) / len(tops)
    for stray in islice((one for one in chain.strays if one.account in starts and one.role in ends), STRAYS):
        start, end = starts[stray.account], ends[stray.role]
        end += 12 if start > end else -12
        way = f"M{_TURN} {start:g}C{_TURN + 48} {start:g} {_ROLE - 56} {end:g} {_ROLE - 4} {end:g}"
        yield shapes.tip(
            f"{identifier(stray.account)} gets {identifier(stray.role)}",
            shapes.path(way, "way bad"),
            shapes.path(f"M{_ROLE - 9} {end - 5:g}l6 5l-6 5", "way head bad"),
            shapes.sign(_TURN + 30, (start + end) / 2, "bad"),
        )


def _cut(words: str, width: int) -> str:
    return words if len(words) <= width else f"{words[: width - 1]}…"


def picture(chain: Chain, label: str) -> Markup:
    """The whole picture."""
    frame = f"0 0 {WIDTH} {height(chain)}"
    return shapes.svg(join(*draw(chain)), frame, label, "wide")
