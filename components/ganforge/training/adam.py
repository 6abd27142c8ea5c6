"""Adam (Kingma & Ba 2015, arXiv:1412.6980) for networks so small that bookkeeping costs as much as arithmetic."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn


class FusedAdam(torch.optim.Adam):
    """`torch.optim.Adam(fused=True)`, bit for bit, with its state and its checkpoints, in half the time on a CPU.

    What is saved is bookkeeping: torch sorts the parameters by device and type at every step, and counts each one's
    steps by a conversion of its own. Here that is done once. Wherever the two could differ (a parameter without a
    gradient, a sharded one, a loss scaler), torch's own step is taken.
    """

    def __init__(self, params: Any, **options: Any) -> None:
        super().__init__(params, **{**options, "fused": True})
        self._forget()

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self._forget()

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One move; see `torch.optim.Adam.step`."""
        gradients = None if closure is not None or self._is_scaled() else self._gradients()
        if gradients is None:
            plain = torch.optim.Adam.step
            plain = getattr(plain, "__wrapped__", plain) if hasattr(plain, "hooked") else plain  # or hooks run twice
            loss = plain(self, closure)
            self._prepare()
            return loss
        for (group, parameters, means, squares, counts), each in zip(self._ready, gradients, strict=True):
            torch._foreach_add_(counts, self._one)  # pyright: ignore[reportPrivateImportUsage]
            torch._fused_adam_(  # pyright: ignore[reportPrivateImportUsage]
                parameters,
                each,
                means,
                squares,
                [],
                counts,
                lr=group["lr"],
                beta1=group["betas"][0],
                beta2=group["betas"][1],
                weight_decay=group["weight_decay"],
                eps=group["eps"],
                amsgrad=False,
                maximize=False,
            )
        return None

    def _forget(self) -> None:
        self._ready: list[tuple[dict[str, Any], list[Tensor], list[Tensor], list[Tensor], list[Tensor]]] = []
        self._one = torch.ones(())

    def _is_scaled(self) -> bool:
        return getattr(self, "grad_scale", None) is not None or getattr(self, "found_inf", None) is not None

    def _gradients(self) -> list[list[Tensor]] | None:
        """A list of them for each group, or None where torch's own step must be taken."""
        if len(self._ready) != len(self.param_groups):
            return None
        gradients = []
        for group, parameters, _, _, counts in self._ready:
            # a checkpoint that is loaded puts other tensors in the place of those that are known
            known = self.state.get(parameters[0], {}).get("step") is counts[0]
            found = [each.grad for each in parameters if each.grad is not None]
            if not known or len(found) < len(group["params"]):
                return None
            gradients.append(found)
        return gradients

    def _prepare(self) -> None:
        """Look up what the next steps need, if they can be taken here."""
        self._ready = []
        for group in self.param_groups:
            parameters = group["params"]
            states = [self.state.get(each, {}) for each in parameters]
            kinds = {(type(each), each.dtype, each.device.type) for each in parameters}
            plain = kinds <= {(nn.Parameter, torch.float32, "cpu"), (nn.Parameter, torch.float64, "cpu")}
            if len(kinds) != 1 or not plain or not all("step" in each for each in states):
                return
            if group["amsgrad"] or group["maximize"] or not isinstance(group["lr"], float):
                return
            means, squares, counts = ([each[name] for each in states] for name in ("exp_avg", "exp_avg_sq", "step"))
            self._ready.append((group, parameters, means, squares, counts))
