"""Values as bytes, and back: arrays and JSON in one npz. Nothing in such bytes is ever executed.

What a computation returns is held exactly, types included: Python's own scalars, lists, tuples and dicts,
numpy arrays and scalars, pandas tables, and dataclasses of this package with such fields.
"""

from __future__ import annotations

import dataclasses
import io
import json
import sys
import zipfile
from typing import Any

import numpy as np
import pandas as pd

_PLAIN = (type(None), bool, int, float, str)
_KINDS = "biufcSUmM"  # of arrays that hold no objects
_STRUCTURE = "structure"


def pack(value: Any) -> bytes:
    """Return a value as bytes.

    Raises
    ------
    TypeError
        If it holds something else than this format does; the message says what, and where.
    """
    arrays: list[np.ndarray] = []
    structure = json.dumps(_encode(value, "value", arrays)).encode()
    stream = io.BytesIO()
    named = {f"a{place}": array for place, array in enumerate(arrays)}
    np.savez_compressed(
        stream, allow_pickle=False, **{_STRUCTURE: np.frombuffer(structure, np.uint8)}, **named
    )
    return stream.getvalue()


def unpack(content: bytes) -> Any:
    """Return the value that `pack` was given.

    Raises
    ------
    ValueError
        If the bytes are none that `pack` made.
    """
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            arrays = [file[f"a{place}"] for place in range(len(file.files) - 1)]
            structure = json.loads(file[_STRUCTURE].tobytes())
    except (EOFError, KeyError, OSError, TypeError, zipfile.BadZipFile) as error:
        msg = f"no npz of this package: {error}"
        raise ValueError(msg) from error
    return _decode(structure, arrays)


def _encode(value: Any, where: str, arrays: list[np.ndarray]) -> Any:
    """Return JSON for a value, its arrays appended to ``arrays``; all but plain scalars are tagged lists."""
    kind = type(value)

    def inside(part: Any, name: object) -> Any:
        return _encode(part, f"{where}.{name}", arrays)

    def array(values: np.ndarray) -> int:
        arrays.append(values)
        return len(arrays) - 1

    if kind in _PLAIN:
        return value
    if kind in (list, tuple):
        return [kind.__name__, [inside(part, place) for place, part in enumerate(value)]]
    if kind is dict:
        return ["dict", [[inside(k, "key"), inside(part, k)] for k, part in value.items()]]
    if isinstance(value, np.generic) and value.dtype.kind in _KINDS:
        return ["scalar", array(np.asarray(value))]
    if kind is np.ndarray and value.dtype.kind in _KINDS:
        return ["array", array(value)]
    if kind is np.ndarray and value.dtype == object:
        flat = value.ravel().tolist()
        if all(type(part) is str for part in flat):  # a name stands thousands of times in a table
            codes, words = pd.factorize(value.ravel())
            return ["words", list(value.shape), array(codes), words.tolist()]
        kinds = {type(part) for part in flat}
        if len(kinds) == 1 and isinstance(flat[0], np.generic) and flat[0].dtype.kind in _KINDS:
            return ["scalars", list(value.shape), array(np.array(flat))]
        return ["objects", list(value.shape), [inside(part, "object") for part in flat]]
    if kind is pd.RangeIndex:
        return ["range", value.start, value.stop, value.step, inside(value.name, "name")]
    if kind is pd.MultiIndex:
        levels = [inside(level, "level") for level in value.levels]
        codes = [array(np.asarray(part)) for part in value.codes]
        return ["multi", levels, codes, inside(list(value.names), "names")]
    if kind in (pd.Index, pd.CategoricalIndex):
        return ["index", inside(value.array, "values"), inside(value.name, "name")]
    if kind is pd.Categorical:
        return ["categories", array(value.codes), inside(value.categories, "categories"), value.ordered]
    if kind is pd.arrays.NumpyExtensionArray:
        return inside(value.to_numpy(), "values")
    if kind is pd.Series and not value.attrs:
        content = inside(value.array, "values")
        return ["series", content, inside(value.index, "index"), inside(value.name, "name")]
    if kind is pd.DataFrame and not value.attrs:
        columns = [inside(value.iloc[:, place].array, name) for place, name in enumerate(value.columns)]
        return ["frame", columns, inside(value.index, "index"), inside(value.columns, "columns")]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        name = f"{kind.__module__}:{kind.__qualname__}"
        if _class_of(name) is kind and all(field.init for field in dataclasses.fields(value)):
            fields = {f.name: inside(getattr(value, f.name), f.name) for f in dataclasses.fields(value)}
            return ["class", name, fields]
    msg = (
        f"{where} is a {kind.__module__}.{kind.__qualname__}, which a checkpoint cannot hold: {value!r:.100}"
    )
    raise TypeError(msg)


def _decode(node: Any, arrays: list[np.ndarray]) -> Any:
    if type(node) in _PLAIN:
        return node

    def back(part: Any) -> Any:
        return _decode(part, arrays)

    def objects(shape: list[int], flat: list) -> np.ndarray:
        values = np.empty(len(flat), dtype=object)
        for place, part in enumerate(flat):  # numpy would take lists and tuples apart
            values[place] = part
        return values.reshape(shape)

    match node:
        case ["list", parts]:
            return [back(part) for part in parts]
        case ["tuple", parts]:
            return tuple(back(part) for part in parts)
        case ["dict", pairs]:
            return {back(k): back(part) for k, part in pairs}
        case ["scalar", place]:
            return arrays[place][()]
        case ["array", place]:
            return arrays[place]
        case ["words", shape, place, words]:
            return np.asarray(words, dtype=object)[arrays[place]].reshape(shape)
        case ["scalars", shape, place]:
            return objects(shape, list(arrays[place]))
        case ["objects", shape, flat]:
            return objects(shape, [back(part) for part in flat])
        case ["range", start, stop, step, name]:
            return pd.RangeIndex(start, stop, step, name=back(name))
        case ["multi", levels, codes, names]:
            parts = [back(level) for level in levels]
            return pd.MultiIndex(parts, [arrays[place] for place in codes], names=back(names))
        case ["index", values, name]:
            content = back(values)
            return pd.Index(content, dtype=content.dtype, name=back(name), tupleize_cols=False)
        case ["categories", place, categories, ordered]:
            return pd.Categorical.from_codes(arrays[place], back(categories), ordered=ordered)
        case ["series", values, index, name]:
            content = back(values)
            return pd.Series(content, back(index), dtype=content.dtype, name=back(name))
        case ["frame", columns, index, names]:
            content = dict(enumerate(back(column) for column in columns))
            table = pd.DataFrame(content, index=back(index), columns=range(len(content)))
            return table.set_axis(back(names), axis=1)
        case ["class", name, fields]:
            if (kind := _class_of(name)) is not None:
                return kind(**{field: back(part) for field, part in fields.items()})
    msg = f"no value that this version can read: {node!r:.100}"
    raise ValueError(msg)


def _class_of(name: str) -> type | None:
    """Return a dataclass of this package by its name; only what is imported already is looked at."""
    module, _, path = name.partition(":")
    found: Any = sys.modules.get(module) if module.startswith("helpers.") else None
    for part in path.split("."):
        found = getattr(found, part, None)
    return found if isinstance(found, type) and dataclasses.is_dataclass(found) else None
