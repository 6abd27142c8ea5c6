"""The model card: what a registered version is, in Markdown, for MLflow's page of it and for whoever finds the file.

After Mitchell et al. (2019, doi:10.1145/3287560.3287596): what it is, what it was trained on, what it reaches and how
surely, what it is for, what it is not for. Nothing in it is a row of the data.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import jinja2

from ganforge_pipelines.report.parts import Figure
from ganforge_pipelines.report.wording import clean, in_unit, interval


@dataclass(frozen=True, kw_only=True)
class ModelCard:
    """Plain values; what is left empty is left out of the card."""

    name: str
    version: int
    alias: str
    """What it was registered as."""
    reason: str
    what: str
    """What it is, in a sentence or two."""
    verdict: str
    """The sentence of the judgement."""
    data: Mapping[str, str]
    """Label → value, as they are to be read: file, hashes, rows, period."""
    figures: tuple[Figure, ...]
    since: str = ""
    """What has become of its alias since: "version 3 has become champion"."""
    threshold: str = ""
    gates: tuple[str, ...] = ()
    """What the privacy and fidelity gates said, a sentence each."""
    intended: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()
    parts: Mapping[str, str] = field(default_factory=dict)
    """What is promoted and rolled back together: part → what it is."""
    lineage: Mapping[str, str] = field(default_factory=dict)
    bring_back: str = ""
    """Lines of code, as they are to be typed."""
    versions: Mapping[str, str] = field(default_factory=dict)
    licence: str = ""

    @property
    def sentence(self) -> str:
        """What stands beside the version in the registry."""
        told = [f"{each.label} {in_unit(each.value, each.unit)}" for each in self.figures[:1]]
        return " ".join(f"{each[:1].upper()}{each[1:].rstrip('.')}." for each in (self.what, *told, self.verdict))


def render_card(card: ModelCard) -> str:
    """The card in Markdown; what comes from data cannot become markup."""
    return (
        _environment()
        .get_template("model_card.md.j2")
        .render(
            card=card,
            figures=[
                (
                    markdown(each.label),
                    in_unit(each.value, each.unit) + (f" ({told})" if (told := interval(each)) else ""),
                    markdown(each.note) if each.note else "",
                )
                for each in card.figures
            ],
        )
    )


def markdown(text: Any, longest: int = 600) -> str:
    """Text for a line or a cell: what Markdown or HTML would take for markup is escaped."""
    escaped = re.sub(r"([\\`*\[\]|<>#])", r"\\\1", clean(text, longest=longest))
    return re.sub(r"(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])", r"\_", escaped)  # within a word it is none


def code(text: Any) -> str:
    """Text set as code."""
    return f"`{clean(text, longest=200).replace('`', chr(39))}`"


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("ganforge_pipelines.report"),
        autoescape=False,  # Markdown: every text passes `markdown` or `code`
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"markdown": markdown, "code": code}
    return environment
