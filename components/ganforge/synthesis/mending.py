"""All that is brought to the data once a CTGAN is trained, in order: shares and obedience, ranks, distributions."""

from __future__ import annotations

from torch import Tensor

from ganforge.data.codec import Codec
from ganforge.gans.ctgan import CTGANGame
from ganforge.synthesis.bank import ConditionBank
from ganforge.synthesis.calibration import ROWS, calibrate_shares
from ganforge.synthesis.conditions import Request
from ganforge.synthesis.drawing import Drawer
from ganforge.synthesis.quantiles import QuantileMaps
from ganforge.synthesis.ranks import calibrate_ranks

_LEAST = 10  # rows that quantiles are told from, at least


def calibrate(
    game: CTGANGame, codec: Codec, bank: ConditionBank, scalars: Tensor, codes: Tensor, *, seed: int
) -> QuantileMaps:
    """Move the offsets of a trained game's last layer, and learn the quantile maps that go with them.

    game: on the CPU, in evaluation mode. scalars (N, S), codes (N, blocks): all rows, among them those that early
    stopping held out to judge the network by, which is over by then. bank: what they would be asked for.
    """
    calibrate_shares(game, codes, bank, seed=seed)
    calibrate_ranks(game, scalars, codes, bank, seed=seed)
    drawn = Drawer(game, codec, bank, None).draw(Request(n=max(min(len(codes), ROWS), _LEAST)), seed=seed)
    return QuantileMaps.fit(codec.layout, (drawn.scalars, drawn.codes), (scalars.numpy(), codes.numpy()))
