"""From content to one self-contained HTML file: no network, no scripts, one template for the three families.

The page refuses the network by its own policy (Content-Security-Policy), escapes every text (Jinja2 autoescape), and
is the same byte for byte for the same content.
"""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup, escape

from ganforge.files import write_whole
from ganforge_pipelines.report import wording
from ganforge_pipelines.report.content import Report, check_content
from ganforge_pipelines.report.parts import Figure
from ganforge_pipelines.report.sections import Section, Strips, sections_of, training_sections
from ganforge_pipelines.report.tables import Table

_NOTICES_SHOWN = 8


def render(content: Report) -> str:
    """The whole page. Raises `InputError` for real rows or pictures that `show_rows` does not allow."""
    check_content(content)
    environment = _environment()
    return environment.get_template("report.html.j2").render(
        page=content,
        style=Markup(_text("report.css")),
        title=wording.clean(content.title or "ganforge report", longest=100),
        figures=[_figure(each) for each in content.figures],
        notices=[_told(each, 400) for each in content.notices],
        notices_shown=_NOTICES_SHOWN,
        sections=sections_of(content),
        training=training_sections(content),
        parameters=[(each.name, _literal(each.value), _literal(each.default)) for each in content.parameters],
        stages=[
            (each.name, "already done" if each.cached else wording.seconds(each.seconds)) for each in content.stages
        ],
        total=wording.seconds(sum(each.seconds for each in content.stages if not each.cached)),
        kind=_kind,
        clean=wording.clean,
        told=_told,
    )


def write_report(content: Report, path: str | Path) -> Path:
    """Write the page to `path`, whole or not at all."""
    page = render(content)
    with write_whole(path) as temporary:
        temporary.write_text(page, encoding="utf-8")
    return Path(path)


@cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.PackageLoader("ganforge_pipelines.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _text(name: str) -> str:
    return (Path(__file__).parent / "templates" / name).read_text(encoding="utf-8")


def _figure(figure: Figure) -> dict[str, str]:
    return {
        "label": wording.clean(figure.label, longest=80),
        "value": wording.in_unit(figure.value, figure.unit),
        "interval": wording.interval(figure),
        "note": wording.glued(wording.clean(figure.note, longest=160)) if figure.note else "",
    }


def _told(text: str, longest: int) -> Markup:
    """A sentence for the page: `what is quoted so` is set as code; everything is escaped before."""
    escaped = str(escape(wording.glued(wording.clean(text, longest=longest))))
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", escaped))


def _kind(part: object) -> str:
    return "table" if isinstance(part, Table) else "strips" if isinstance(part, Strips) else "chart"


def _literal(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return wording.clean(text, longest=160)


__all__ = ["Section", "render", "write_report"]
