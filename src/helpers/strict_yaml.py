"""YAML without silent losses (PyYAML keeps the last of two equal keys), and what is wrong in a file."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError


def read_yaml(path: Path) -> Any:
    """Read a YAML file with plain types only.

    Raises
    ------
    ValueError
        If the file is no UTF-8, no valid YAML, or a mapping names one key twice; the message says
        where.
    OSError
        If it cannot be read.
    """
    try:
        # A safe loader: plain types only.
        return yaml.load(path.read_text(encoding="utf-8"), Loader=_UniqueKeys)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(" ".join(str(error).split())) from error


def problems(error: ValidationError, separator: str = "; ", most: int = 5) -> str:
    """Say what pydantic found wrong, and where: ``claims.0.id: Field required``."""
    lines = (
        f"{'.'.join(map(str, one['loc'])) or 'entry'}: {one['msg'].removeprefix('Value error, ')}"
        for one in error.errors()[:most]
    )
    return separator.join(lines)


class _UniqueKeys(yaml.CSafeLoader):  # ten times as fast as the one in Python
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                problem = f"the key {key!r} stands twice in one mapping"
                raise yaml.constructor.ConstructorError(None, None, problem, key_node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep)
