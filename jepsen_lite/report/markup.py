"""HTML and SVG as elements, not as text: nothing that came from a run can end up as markup."""

from __future__ import annotations

from typing import TypeAlias
from xml.etree import ElementTree as ET

Element: TypeAlias = ET.Element
Child: TypeAlias = "Element | str | None"


def el(tag: str, *children: Child, **attributes: object) -> Element:
    """An element: text and elements in order; an attribute's `_` stands for `-`, but at its end."""
    names = {name.rstrip("_").replace("_", "-"): str(value) for name, value in attributes.items()}
    element = ET.Element(tag, names)
    last: Element | None = None
    for child in children:
        if child is None:
            continue
        if not isinstance(child, str):
            element.append(child)
            last = child
        elif last is None:
            element.text = (element.text or "") + child
        else:
            last.tail = (last.tail or "") + child
    return element


def svg(width: float, height: float, *children: Child, label: str) -> Element:
    """A drawing that scales with the page; *label* tells it to those who cannot see it."""
    return el(
        "svg",
        *children,
        viewBox=f"0 0 {width:g} {height:g}",
        role="img",
        aria_label=label,
        preserveAspectRatio="xMinYMin meet",
    )


def titled(shape: Element, text: str) -> Element:
    """*shape*, telling *text* where the pointer rests on it."""
    shape.append(el("title", text))
    return shape


def to_text(root: Element) -> str:
    """The element as HTML."""
    return ET.tostring(root, encoding="unicode", method="html")
