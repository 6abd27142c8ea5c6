"""A user's schema file as the plain values in it: JSON, or YAML in which 14:30 is a text."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ganforge.errors import InputError

_BASE_60 = re.compile(r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?")


def read_document(path: str | Path) -> Mapping[Any, Any]:
    """What stands in a file of .json or of YAML; `InputError` for one that is not there or says something else than
    column: kind."""
    import yaml

    path = Path(path)
    if not path.is_file():
        raise InputError(f"no such schema file: {path}")
    try:
        text = path.read_text(encoding="utf-8")
        document = json.loads(text) if path.suffix == ".json" else yaml.load(text, Loader=_loader())
    except (UnicodeDecodeError, json.JSONDecodeError, yaml.YAMLError) as error:
        raise InputError(f"{path} is not a schema in JSON or YAML: {' '.join(str(error).split())}") from error
    if not isinstance(document, Mapping):
        raise InputError(f"{path} does not say column: kind, line by line; for example `zip_code: categorical`")
    return document


@functools.cache
def _loader() -> Any:
    """YAML's safe loader, as YAML 1.2 has it for numbers with colons: 1.1 takes 14:30 for 870, minutes of base 60."""
    import yaml

    class Loader(yaml.SafeLoader):
        def construct_object(self, node: Any, deep: bool = False) -> Any:
            """As YAML's own, whose errors for a value that does not suit its tag (`!!int 06:30`) are Python's."""
            try:
                return super().construct_object(node, deep)
            except (ValueError, LookupError, AttributeError) as error:
                said = f"{node.value!r} does not suit its tag {node.tag}; leave the tag out"
                raise yaml.constructor.ConstructorError(None, None, said, node.start_mark) from error

        yaml_implicit_resolvers = {  # noqa: RUF012
            first: [("tag:yaml.org,2002:str", re.compile(f"(?:{_BASE_60.pattern})$")), *known]
            if first in "-+0123456789"
            else known
            for first, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
        }

    return Loader
