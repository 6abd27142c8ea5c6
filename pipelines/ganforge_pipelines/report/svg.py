"""A Matplotlib figure as inline SVG that takes its colours and fonts from the page.

Figures are drawn in the stand-in colours below; on the way out each becomes a CSS variable, so that the same
picture follows light, dark and print. Text stays text. Identifiers that nothing points to are dropped, the
others are numbered after the chart's key: unique on the page, equal from run to run.
"""

from __future__ import annotations

import io
import re
import warnings
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

INK, MUTED, LINE, SHADE, ACCENT, PAPER = "#010101", "#020202", "#030303", "#040404", "#050505", "#060606"
_VARIABLES = {
    INK: "var(--ink)",
    MUTED: "var(--muted)",
    LINE: "var(--line)",
    SHADE: "var(--shade)",
    ACCENT: "var(--accent)",
    PAPER: "var(--paper)",
}

WIDTH = 380
"""Units of the drawing's width. Shown at 330–460 CSS pixels, so that 12 units of text are 10–15 pixels."""

_STYLE: dict[str, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "ganforge",
    "text.parse_math": False,
    "font.size": 12,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": MUTED,
    "axes.labelsize": 12,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.unicode_minus": True,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelsize": 12,
    "ytick.labelsize": 12,
    "xtick.major.size": 3,
    "ytick.major.size": 3,
    "grid.color": LINE,
    "grid.linewidth": 0.8,
    "legend.frameon": False,
    "legend.fontsize": 12,
    "legend.labelcolor": INK,
    "text.color": INK,
    "figure.dpi": 72,
    "lines.solid_capstyle": "round",
}

_NAMESPACE = re.compile(r"^\{[^}]*\}")
_POINTER = re.compile(r"url\(#([^)]+)\)")
_DECIMALS = re.compile(r"-?\d+\.\d{3,}")
_FONT = re.compile(r"font-family:[^;]*;?\s*")


@dataclass(frozen=True, kw_only=True)
class Chart:
    """A picture with its title, which says what to see, and a line on how to read it."""

    title: str
    svg: Markup
    note: str = ""


@contextmanager
def canvas(*, height: float, width: float = WIDTH) -> Iterator[tuple[Figure, Axes]]:
    """A figure with one pair of axes in the page's style; the caller's Matplotlib settings stay as they are."""
    with mpl.rc_context(), warnings.catch_warnings():
        # Text is set in the reader's own fonts; a letter that Matplotlib's lacks only costs a pixel of layout.
        warnings.filterwarnings("ignore", message="Glyph .* missing from", category=UserWarning)
        mpl.rcdefaults()
        for name, value in _STYLE.items():
            mpl.rcParams[name] = value  # type: ignore[index]
        figure = Figure(figsize=(width / 72, height / 72), layout="constrained")
        FigureCanvasSVG(figure)
        figure.patch.set_visible(False)
        axes = figure.add_subplot()
        axes.patch.set_visible(False)
        yield figure, axes


def inline(figure: Figure, *, key: str, label: str) -> Markup:
    """The figure as an `<svg>`. `key` makes its identifiers unique on the page; `label` is what is read aloud."""
    stream = io.StringIO()
    figure.savefig(stream, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    root = ET.fromstring(stream.getvalue())  # our own output, never a user's file
    for parent in list(root.iter()):
        for child in list(parent):
            if _bare(child.tag) in ("metadata", "style"):
                parent.remove(child)
    pointed = list(dict.fromkeys(_pointers(root)))
    names = {old: f"{key}-{k}" for k, old in enumerate(pointed)}
    for element in root.iter():
        element.tag = _bare(element.tag)
        element.attrib = {_bare(name): value for name, value in element.attrib.items()}
        _tidy(element, names)
    size = root.get("viewBox", "")
    root.attrib = {"viewBox": size, "role": "img", "aria-label": label, "class": "chart"}
    return Markup(ET.tostring(root, encoding="unicode"))


def _pointers(root: ET.Element) -> Iterator[str]:
    for element in root.iter():
        for name, value in element.attrib.items():
            if _bare(name) == "href" and value.startswith("#"):
                yield value[1:]
            yield from _POINTER.findall(value)


def _tidy(element: ET.Element, names: dict[str, str]) -> None:
    attributes: dict[str, str] = {}
    for name, value in element.attrib.items():
        if name == "id":
            if value in names:
                attributes["id"] = names[value]
            continue
        if name == "transform" and value.startswith("rotate(-0 "):
            continue
        if name == "href":
            value = f"#{names[value[1:]]}"
        value = _POINTER.sub(lambda found: f"url(#{names[found[1]]})", value)
        if name == "style":
            value = _FONT.sub("", value)
            for stand_in, variable in _VARIABLES.items():
                value = value.replace(stand_in, variable)
        if name in ("d", "x", "y", "width", "height", "transform"):
            value = _DECIMALS.sub(lambda found: f"{float(found[0]):.2f}", value)
            value = value.replace("\n", "").strip()
        attributes[name] = value
    element.attrib = attributes
    if element.text and not element.text.strip():
        element.text = None
    if element.tail and not element.tail.strip():
        element.tail = None


def _bare(name: str) -> str:
    return _NAMESPACE.sub("", name)
