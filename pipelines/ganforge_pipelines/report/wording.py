"""Numbers and names as people read them: .81 · −.01 · 2.4 % · 9,847 · 1 min 20 s.

Everything that comes from data (column names, categories, file names) passes `clean` before it is drawn; the
template escapes it for HTML besides.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Sequence
from typing import Any

from ganforge_pipelines.report.parts import Figure, Unit

MINUS = "\N{MINUS SIGN}"
NO_BREAK = "\N{NO-BREAK SPACE}"
ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"


def score(value: float) -> str:
    """A number that usually lies in [0, 1], without its leading nought: .81, .009, 1.00, 12.4, −.30."""
    size = abs(value)
    if not math.isfinite(value):
        return "–"
    if size == 0:
        return "0"
    if size >= 10_000 or size < 0.0005:
        return _signed(f"{value:.2g}")
    decimals = 0 if size >= 100 else 1 if size >= 10 else 2 if size >= 0.0995 else 3
    return _bare(f"{value:.{decimals}f}")


def difference(value: float) -> str:
    """A change, always with its sign: +.02, −.004, ±0."""
    if not math.isfinite(value):
        return "–"
    decimals = 2 if abs(value) >= 0.00995 else 3
    text = _bare(f"{value:+.{decimals}f}")
    return "±0" if not text.strip("+.0" + MINUS) else text


def differences(values: Sequence[float]) -> list[str]:
    """Changes that stand side by side, with the same number of decimals: −.004 and +.044."""
    if any(not math.isfinite(each) for each in values):
        return [difference(each) for each in values]
    decimals = 3 if any(0 < abs(each) < 0.00995 for each in values) else 2
    return [_bare(f"{each:+.{decimals}f}") for each in values]


def points(value: float, *, unit: bool = True) -> str:
    """A change of a share in percentage points, with its sign: .021 is +2.1 points."""
    if not math.isfinite(value):
        return "–"
    return _bare(f"{100 * value:+.1f}") + (" points" if unit else "")


def margin(value: float, *, shares: bool = False) -> str:
    """Half the width of what counts as no difference: .01, or of shares 1 point."""
    if not shares:
        return score(value).rstrip("0") or "0"
    return f"{100 * value:g}{NO_BREAK}point" + ("" if math.isclose(value, 0.01) else "s")


def accuracy(value: float) -> str:
    """A share of right answers to a tenth of a per cent: 91.4 %."""
    return f"{100 * value:.1f}{NO_BREAK}%" if math.isfinite(value) else "–"


def probability(value: float) -> str:
    """With its noun, and never certain: a probability of .93, a probability below .01."""
    size = "below .01" if value < 0.01 else "above .99" if value > 0.99 else "of " + _bare(f"{value:.2f}")
    return f"a probability {size}"


def share(value: float) -> str:
    """A share as per cent: .0088 is .88 %, .024 is 2.4 %, .81 is 81 %."""
    if not math.isfinite(value):
        return "–"
    percent = 100 * value
    size = abs(percent)
    decimals = 0 if size >= 10 or size == 0 else 1 if size >= 0.995 else 2
    text = _bare(f"{percent:.{decimals}f}")
    if size and not text.strip("0." + MINUS):
        text = f"<{NO_BREAK}.01" if percent > 0 else f">{NO_BREAK}{MINUS}.01"
    return f"{text}{NO_BREAK}%"


def count(value: float) -> str:
    """A whole number with commas: 9,847."""
    return f"{value:,.0f}".replace("-", MINUS) if math.isfinite(value) else "–"


def in_unit(value: float | int | str, unit: Unit) -> str:
    """`value` written as its unit asks; text stays as it is."""
    if isinstance(value, str) or unit == "text":
        return clean(str(value), longest=80)
    return {"score": score, "difference": difference, "points": points, "share": share, "count": count}[unit](value)


def interval(figure: Figure) -> str:
    """As in: between .76 and .85; nothing where there is no interval."""
    if figure.low is None or figure.high is None:
        return ""
    ends = [figure.low, figure.high]
    if figure.unit == "difference":
        return "between {} and {}".format(*differences(ends))
    if figure.unit == "points":
        return "between {} and {}".format(*(points(each, unit=False) for each in ends))
    return "between {} and {}".format(*(in_unit(each, figure.unit) for each in ends))


def seconds(value: float) -> str:
    """A duration: 1.4 s, 38 s, 4 min 20 s, 2 h 5 min."""
    if value < 9.95:
        return f"{value:.1f}{NO_BREAK}s"
    whole = round(value)
    if whole < 60:
        return f"{whole}{NO_BREAK}s"
    if whole < 3600:
        return f"{whole // 60}{NO_BREAK}min" + (f" {whole % 60}{NO_BREAK}s" if whole % 60 else "")
    minutes = round(value / 60)
    return f"{minutes // 60}{NO_BREAK}h" + (f" {minutes % 60}{NO_BREAK}min" if minutes % 60 else "")


def number(value: float) -> str:
    """A value of the data's own scale, for the ends of bins: 1,250 · 3.2 · .04 · 1.2e+08."""
    size = abs(value)
    if not math.isfinite(value):
        return "–"
    if size and (size >= 1e7 or size < 1e-3):
        return _signed(f"{value:.2g}")
    if size >= 1000 or value == int(value):
        return count(value)
    return _bare(f"{value:.3g}" if size < 100 else f"{value:.0f}")


def clean(text: Any, *, longest: int = 60) -> str:
    """Text from data, safe to draw: control and direction-changing characters out, shortened in the middle.

    Lone surrogates, which no UTF-8 file can hold, become the replacement character.
    """
    kept = "".join(_visible(each) for each in str(text))
    kept = " ".join(kept.split()) or "(blank)"
    if len(kept) <= longest:
        return kept
    head = (longest - 1) * 2 // 3
    return kept[:head].rstrip() + ELLIPSIS + kept[len(kept) - (longest - 1 - head) :].lstrip()


def glued(text: str) -> str:
    """The same sentence, with every number bound to its per cent sign."""
    return re.sub(r"(?<=\d) ?%", f"{NO_BREAK}%", text)


def on_axis(value: float) -> str:
    """A share at a tick: 2.5 %, 5 %, 10 %."""
    return f"{_bare(f'{100 * value:.6g}')}{NO_BREAK}%"


def quoted(name: str) -> str:
    """A name in quotes where it would be lost among the words around it: a number, or several words with "and"."""
    return f"“{name}”" if " and " in name or not name[:1].isalpha() else name


def listed(names: list[str]) -> str:
    """Names in a row: a; a and b; a, b and c."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}" if names else ""


def _visible(character: str) -> str:
    category = unicodedata.category(character)
    if category in ("Cc", "Zl", "Zp"):
        return " "
    if category == "Cf":
        return ""
    return "\N{REPLACEMENT CHARACTER}" if category in ("Cs", "Cn", "Co") else character


def _bare(text: str) -> str:
    """Without the nought before the point, with a true minus."""
    sign, digits = (text[0], text[1:]) if text[:1] in "+-" else ("", text)
    if digits.startswith("0."):
        digits = digits[1:]
    if not digits.strip("0."):
        sign = "+" if sign == "+" else ""
        digits = "0" if "." not in text else digits
    return sign.replace("-", MINUS) + digits


def _signed(text: str) -> str:
    return text.replace("-", MINUS)
