"""What a registered model takes and gives, in MLflow's words, so that `mlflow models serve` knows too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ganforge.data.schema import Schema


def signature_of(takes: Schema | tuple[int, int, int] | None, model: Path) -> Any:
    """An MLflow signature for a model folder that takes rows of a schema, or pictures (C, H, W); None for
    neither.

    Numbers are declared without a type: MLflow would refuse a whole number where it was told of a double,
    and the first column of prices without cents would be turned away. So are times of day, of which MLflow
    knows nothing. Our own schema checks every value on scoring.
    """
    if takes is None:
        return None
    import numpy as np
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, TensorSpec
    from mlflow.types import Schema as MLflowSchema
    from mlflow.types.schema import AnyType

    if isinstance(takes, Schema):
        dates = [each.name for each in takes.columns if each.kind == "datetime" and not each.of_day]
        inputs = MLflowSchema(
            [
                ColSpec(DataType.datetime if each.name in dates else AnyType(), each.name, required=True)
                for each in takes.columns
            ]
        )
    else:
        inputs = MLflowSchema([TensorSpec(np.dtype(np.uint8), (-1, *takes), "pixels")])
    return ModelSignature(
        inputs=inputs, outputs=MLflowSchema([ColSpec(DataType.double, name) for name in _answers(model)])
    )


def _answers(model: Path) -> list[str]:
    from ganforge.artifacts import read_artifact

    artifact = read_artifact(model)
    if artifact.kind in ("classifier", "picture-classifier"):
        classes = (
            artifact.extra["classes"] if "classes" in artifact.extra else artifact.documents["pictures"]["classes"]
        )
        return ["probability"] if len(classes) == 2 and artifact.kind == "classifier" else [str(k) for k in classes]
    return ["score"]
