"""Values as bytes and back: exactly what it was, or an error; never code."""

from __future__ import annotations

import dataclasses
import io
import math
import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal, assert_index_equal, assert_series_equal

from helpers.data.types import Provenance, SourceFile
from helpers.packed import pack, unpack

NAMES = pd.Index(["b", "a"], name="line")
LEVELS = pd.MultiIndex.from_tuples([("x", 1), ("y", 2)], names=["drug", None])
FRAMES = {
    "mixed": pd.DataFrame({"name": ["a", "b"], "n": [1, 2], "x": [0.1, math.nan], "f": [True, False]}),
    "named": pd.DataFrame(np.eye(2, dtype=np.float32), index=NAMES, columns=LEVELS),
    "unsorted range": pd.DataFrame({0: [1.0, 2.0, 3.0]}).iloc[::2],
    "categories": pd.DataFrame({"c": pd.Categorical(["u", None], ["v", "u"], ordered=True)}),
    "objects": pd.DataFrame({"o": pd.Series([("a", 1), None], dtype=object)}),
    "scalars": pd.DataFrame({"s": pd.Series([np.str_("a"), np.str_("")], dtype=object)}),
    "same names": pd.DataFrame([[1, "a"], [2, "b"]], columns=["k", "k"]),
    "no rows": pd.DataFrame({"a": pd.Series([], dtype=object), "b": pd.Series([], dtype=int)}),
    "no columns": pd.DataFrame(index=NAMES),
    "nothing": pd.DataFrame(),
    "categorical index": pd.DataFrame({"a": [1, 2]}, index=pd.CategoricalIndex(["p", "q"], name="i")),
}  # fmt: skip


@pytest.mark.parametrize("name", FRAMES)
def test_tables(name):
    table = FRAMES[name]
    again = unpack(pack(table))
    assert_frame_equal(again, table, check_exact=True, check_column_type="exact", check_index_type="exact")
    assert_index_equal(again.index, table.index, exact=True)
    for place in range(table.shape[1]):
        before, after = (list(t.iloc[:, place]) for t in (table, again))
        assert [type(value) for value in before] == [type(value) for value in after]


def test_series_and_indexes():
    series = pd.Series([1.5, 2.5], index=LEVELS, name=("a", 1))
    assert_series_equal(unpack(pack(series)), series, check_exact=True)
    for index in (NAMES, LEVELS, pd.RangeIndex(2, 9, 3, name="r"), pd.Index([1.0, 2.0])):
        assert_index_equal(unpack(pack(index)), index, exact=True)


ARRAYS = [
    np.arange(6, dtype=np.int16).reshape(2, 3)[:, ::-1],
    np.asfortranarray(np.ones((2, 3))),
    np.array(["a", "bcd"]),
    np.array(["2020-01-01"], dtype="datetime64[D]"),
    np.array([[("a", [1]), None], [0.5, "x"]], dtype=object),
    np.array(["a", "a", "b"], dtype=object),
    np.zeros((0, 3)),
    np.array(1.0),
]


@pytest.mark.parametrize("array", ARRAYS, ids=lambda array: f"{array.dtype} {array.shape}")
def test_arrays(array):
    again = unpack(pack(array))
    assert (again.dtype, again.shape) == (array.dtype, array.shape)
    assert again.tolist() == array.tolist()


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
values = st.recursive(
    scalars,
    lambda part: st.lists(part) | st.tuples(part, part) | st.dictionaries(scalars | st.tuples(scalars), part),
    max_leaves=12,
)


@given(values)
def test_what_python_holds(value):
    assert repr(unpack(pack(value))) == repr(value)  # unlike ==, it tells 1, 1.0 and True apart, and sees nan


def test_scalars_of_numpy_keep_their_type():
    for value in (np.float32(0.1), np.int64(3), np.bool_(True), np.str_("a")):
        again = unpack(pack(value))
        assert (type(again), again) == (type(value), value)


def test_dataclasses_of_the_package():
    value = {"p": Provenance("panel", (SourceFile("a.csv", "ab" * 32),), ("a note",))}
    assert unpack(pack(value)) == value


@dataclasses.dataclass
class Stranger:
    x: int


class Bomb:
    fired = False

    def __reduce__(self):
        return setattr, (Bomb, "fired", True)


@pytest.mark.parametrize(
    "value",
    [Bomb(), {1}, Stranger(1), lambda: 0, pd.Timestamp(0), np.array([Bomb()], dtype=object), 1j,
     pd.DataFrame({"a": pd.array([1, None], dtype="Int64")})],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_what_it_cannot_hold_is_an_error_that_says_where(value):
    with pytest.raises(TypeError, match=r"value\.table\S* is a .*, which a checkpoint cannot hold"):
        pack({"table": value})


def test_nothing_is_executed():
    pickles = io.BytesIO()
    np.savez(pickles, allow_pickle=True, structure=np.array([Bomb()], dtype=object))
    pack_like = io.BytesIO()
    structure = np.frombuffer(b'["class", "subprocess:Popen", {"args": "false"}]', np.uint8)
    np.savez(pack_like, structure=structure)
    for content in (pickle.dumps(Bomb()), pickles.getvalue(), pack_like.getvalue(), b"", b"PK"):
        with pytest.raises(ValueError):
            unpack(content)
    assert not Bomb.fired
