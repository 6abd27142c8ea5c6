"""A fitted CTGAN as a folder's tensors and documents, and back."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import torch

from ganforge.artifacts import Artifact
from ganforge.data.codec import Codec
from ganforge.data.constrained import Constrained
from ganforge.data.constraints import KEY
from ganforge.errors import ArtifactError
from ganforge.gans.ctgan import CTGANGame
from ganforge.synthesis.bank import ConditionBank
from ganforge.synthesis.quantiles import QuantileMaps


class _NewGame(Protocol):
    def __call__(self, codec: Codec, *, columns: int) -> CTGANGame: ...


def contents(
    game: CTGANGame,
    codec: Codec,
    bank: ConditionBank,
    maps: QuantileMaps | None,
    constrained: Constrained | None,
) -> dict[str, Any]:
    """Keyword arguments of `write_artifact`."""
    generator = {f"generator.{name}": each for name, each in game.generator.state_dict().items()}
    quantiles = {} if maps is None else {"quantiles": torch.from_numpy(np.stack([maps.generated, maps.real]))}
    return {
        "tensors": {
            **generator,
            **quantiles,
            "frequencies": torch.from_numpy(bank.frequencies),
            "conditions": torch.from_numpy(bank.vectors),
        },
        "documents": {
            "codec": codec.to_json(),
            "conditions": {"columns": game.conditions.columns},
            **({} if constrained is None else {KEY: constrained.to_json()}),
        },
    }


def restored(
    artifact: Artifact, new_game: _NewGame
) -> tuple[Codec, CTGANGame, ConditionBank, QuantileMaps | None, Constrained | None]:
    """What `contents` was made of. new_game: networks of the right make, untrained.

    Raises `ArtifactError` where the weights do not fit them.
    """
    tensors = artifact.tensors()
    codec = Codec.from_json(artifact.documents["codec"])
    game = new_game(codec, columns=int(artifact.documents["conditions"]["columns"]))
    bank = ConditionBank(game.conditions, tensors.pop("frequencies").numpy(), tensors.pop("conditions").numpy())
    quantiles = tensors.pop("quantiles", None)
    maps = None if quantiles is None else QuantileMaps(codec.layout, *quantiles.numpy())
    try:
        game.generator.load_state_dict({name.removeprefix("generator."): each for name, each in tensors.items()})
    except RuntimeError as error:
        raise ArtifactError(
            f"{artifact.folder}: the weights do not fit the parameters in model.json; it was put together "
            "from different models; save the model again"
        ) from error
    constrained = Constrained.from_json(artifact.documents[KEY]) if KEY in artifact.documents else None
    return codec, game, bank, maps, constrained
