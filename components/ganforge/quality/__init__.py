"""Numbers about synthetic data, no opinion: fidelity beside its noise floor, privacy behind its gates.

    from ganforge.quality import fidelity, privacy

Loaded on first use (PEP 562): who needs one measure alone imports its module.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

_HOMES = {
    "Fidelity": "ganforge.quality.resemblance",
    "PaymentColumns": "ganforge.quality.behaviour",
    "Privacy": "ganforge.quality.exposure",
    "fidelity": "ganforge.quality.resemblance",
    "privacy": "ganforge.quality.exposure",
}

__all__ = ["Fidelity", "PaymentColumns", "Privacy", "fidelity", "privacy"]

if TYPE_CHECKING:
    from ganforge.quality.behaviour import PaymentColumns
    from ganforge.quality.exposure import Privacy, privacy
    from ganforge.quality.resemblance import Fidelity, fidelity


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'ganforge.quality' has no attribute {name!r}")
