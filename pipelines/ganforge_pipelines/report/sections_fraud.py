"""The sections of the fraud flow's report: which arm helped and where, at what cost, whether the rows are any good and
whether anybody is exposed by them.
"""

from __future__ import annotations

from collections.abc import Iterator

from ganforge_pipelines.report.closeness import distances_chart, map_chart, pairs_chart
from ganforge_pipelines.report.content import FraudReport
from ganforge_pipelines.report.decisions import cost_chart, reliability_chart
from ganforge_pipelines.report.distributions import column_chart
from ganforge_pipelines.report.figures import arms_chart, precision_recall_chart
from ganforge_pipelines.report.layout import Part, Section, judged, keys
from ganforge_pipelines.report.tables import (
    arms_table,
    called,
    few_alarms_table,
    gates_table,
    numbers_table,
    trade_table,
)


def fraud_sections(content: FraudReport) -> list[Section]:
    """In the order they are asked for; those without parts are left out by the caller."""
    key = keys()
    return [
        Section(title="Which arm helped", lead=judged(content), parts=_arms(content, key)),
        Section(
            title="Where it helped",
            lead=f"Every threshold is a trade: find more {called(content.positive)}, or raise fewer alerts.",
            parts=_where(content, key),
        ),
        Section(
            title="Are the synthetic rows any good",
            lead=_compared(content),
            parts=_rows(content, key),
        ),
        Section(title="Is anyone exposed", lead=content.exposed, parts=_exposed(content, key)),
    ]


def _arms(content: FraudReport, key: Iterator[str]) -> list[Part]:
    if not content.arms:
        return []
    return [
        arms_chart(content.arms, measure=content.measure, key=next(key), rope=content.rope),
        arms_table(content),
    ]


def _where(content: FraudReport, key: Iterator[str]) -> list[Part]:
    positive = called(content.positive)
    parts: list[Part] = []
    if content.cost is not None:
        parts.append(cost_chart(content.cost, positive=positive, key=next(key)))
    if content.precision_recall:
        parts.append(
            precision_recall_chart(
                content.precision_recall, base_rate=content.base_rate, positive=positive, key=next(key)
            )
        )
        parts.append(trade_table(content))
    few = few_alarms_table(content)
    if few is not None:
        parts.append(few)
    if content.reliability:
        parts.append(reliability_chart(content.reliability, positive=positive, key=next(key)))
    return parts


def _compared(content: FraudReport) -> str:
    told = [content.fidelity_told] if content.fidelity_told else []
    told.append("The columns that came out worst stand first. Distance 0 is a perfect match, 1 no overlap at all.")
    if content.compared:
        told.append(f"Each comparison is of {content.compared:,} rows a side: the fewer, the higher chance's floor.")
    return " ".join(told)


def _rows(content: FraudReport, key: Iterator[str]) -> list[Part]:
    parts: list[Part] = []
    if content.fidelity:
        parts.append(numbers_table(content.fidelity, n=content.n_synthetic, beside=content.distances))
    if content.map is not None:
        parts.append(map_chart(content.map, key=next(key)))
    parts += [column_chart(each, key=next(key)) for each in content.columns]
    if content.pairs is not None:
        parts.append(pairs_chart(content.pairs, key=next(key)))
    return parts


def _exposed(content: FraudReport, key: Iterator[str]) -> list[Part]:
    parts: list[Part] = []
    if content.exposure or content.copies_dropped is not None:
        parts.append(numbers_table(content.exposure, copies=content.copies_dropped, beside=content.distances))
    if content.distances is not None:
        parts.append(distances_chart(content.distances, key=next(key)))
    if content.gates:
        parts.append(gates_table(content.gates))
    return parts
