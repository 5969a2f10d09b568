"""The chain of trust for narrow screens: the links that all share one below the other, then a branch for each role."""

from __future__ import annotations

from collections.abc import Iterator

from ccoctl.render.html import shapes
from ccoctl.render.html.links import Chain, Lane, Node, lines
from ccoctl.render.html.markup import Markup, join
from ccoctl.render.html.sections import extent
from ccoctl.render.proof_words import identifier

WIDTH = 344
"""Pixels, and so are all below."""
_ARROW = 18
"""From one of the shared links to the next."""
_RAIL = 14
_LEFT = 34


def picture(chain: Chain, label: str) -> Markup:
    """The whole picture."""
    tops = list(_tops(chain))
    frame = f"0 0 {WIDTH} {tops[-1] + 4}"
    shown = [*_nodes(chain), *_rail(chain, tops), *(_lane(lane, y) for lane, y in zip(chain.lanes, tops, strict=False))]
    return shapes.svg(join(*shown), frame, label, "narrow")


def _tops(chain: Chain) -> Iterator[int]:
    """Where each lane begins, and where the last one ends."""
    top = sum(map(_node_height, chain.nodes)) + 2 * _ARROW + 16
    for lane in chain.lanes:
        yield top
        top += _height(lane) + 12
    yield top


def _height(lane: Lane) -> int:
    return 60 + 32 * len(lane.links) + (shapes.LINE if lane.flag else 0)


def _nodes(chain: Chain) -> Iterator[Markup]:
    top = 0
    for index, node in enumerate(chain.nodes):
        if index:
            yield shapes.path(f"M{WIDTH // 2} {top - _ARROW + 2}v14m-4 -5l4 5l4 -5", "way head idle")
        yield _node(node, top)
        top += _node_height(node) + _ARROW


def _node_height(node: Node) -> int:
    return 40 + shapes.LINE * len(lines(node.text, 46, 2))


def _node(node: Node, top: float) -> Markup:
    return shapes.tip(
        identifier(node.text) or "not known",
        shapes.box(0.5, top + 0.5, WIDTH - 1, _node_height(node) - 1, f"rail {node.tone}"),
        shapes.text(12, top + 22, node.title, "title"),
        shapes.paragraph(12, top + 42, lines(node.text, 46, 2) if node.text else ["not known"], "fine"),
        shapes.sign(WIDTH - 18, top + 17, node.tone),
    )


def _rail(chain: Chain, tops: list[int]) -> Iterator[Markup]:
    if chain.lanes:
        yield shapes.path(f"M{_RAIL} {tops[0] - 16}V{tops[len(chain.lanes) - 1] + 26}", "way idle")


def _lane(lane: Lane, top: int) -> Markup:
    component = lane.component
    tone = "missing" if lane.is_missing else lane.tone
    role = lines(component.role, 36, 2)
    told: list[Markup | None] = [
        shapes.box(_LEFT, top + 0.5, WIDTH - _LEFT - 1, _height(lane), f"role {tone}"),
        shapes.path(f"M{_RAIL} {top + 26}H{_LEFT - 3}m-6 -5l6 5l-6 5", "way head idle"),
        shapes.number(_LEFT + 10, top + 19, lane.number),
        shapes.paragraph(_LEFT + 40, top + (23 if len(role) == 1 else 18), role, "fine strong"),
        shapes.sign(WIDTH - 14, top + 4, lane.tone),
    ]
    y = top + 50
    for link in lane.links:
        namespace, _, name = link.account.rpartition("/")
        told += [
            shapes.dot(_LEFT + 17, y - 1, f"stop {link.tone}"),
            shapes.text(_LEFT + 40, y, lines(name, 34, 1)[0], "name"),
            shapes.text(_LEFT + 40, y + shapes.LINE, lines(namespace, 38, 1)[0], "fine"),
            shapes.sign(_LEFT + 17, y - 1, link.tone),
        ]
        y += 32
    told.append(shapes.text(_LEFT + 40, y + 2, f"May: {extent(component)}"[:44], "may"))
    if lane.flag:
        told.append(shapes.text(_LEFT + 40, y + 2 + shapes.LINE, lane.flag[:44], "warning"))
    return shapes.tip(identifier(component.role_arn or component.role), *told)
