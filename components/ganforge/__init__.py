"""ganforge: GANs that make scarce data less scarce, find what does not belong, and say whether it helped.

    from ganforge import CTGAN, DCGAN, FAnoGAN, GANSampler, judge

Names are loaded on first use (PEP 562), so that `import ganforge` costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOMES = {
    "CTGAN": "ganforge.synthesis.ctgan",
    "DCGAN": "ganforge.synthesis.dcgan",
    "FAnoGAN": "ganforge.detectors.f_anogan",
    "TunedCTGAN": "ganforge.synthesis.ctgan",
    "GANSampler": "ganforge.downstream.samplers",
    "Images": "ganforge.data.images",
    "SynthesizerSampler": "ganforge.downstream.samplers",
    "Table": "ganforge.data.table",
    "fidelity": "ganforge.quality.resemblance",
    "judge": "ganforge.downstream.verdict",
    "judge_images": "ganforge.downstream.picture_verdict",
    "privacy": "ganforge.quality.exposure",
}

__all__ = [
    "CTGAN",
    "DCGAN",
    "FAnoGAN",
    "GANSampler",
    "Images",
    "SynthesizerSampler",
    "Table",
    "TunedCTGAN",
    "__version__",
    "fidelity",
    "judge",
    "judge_images",
    "privacy",
]

if TYPE_CHECKING:
    from ganforge.data.images import Images
    from ganforge.data.table import Table
    from ganforge.detectors.f_anogan import FAnoGAN
    from ganforge.downstream.picture_verdict import judge_images
    from ganforge.downstream.samplers import GANSampler, SynthesizerSampler
    from ganforge.downstream.verdict import judge
    from ganforge.quality.exposure import privacy
    from ganforge.quality.resemblance import fidelity
    from ganforge.synthesis.ctgan import CTGAN, TunedCTGAN
    from ganforge.synthesis.dcgan import DCGAN


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'ganforge' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
