"""Whatever a loader, data class or step is given, it answers or refuses with this project's error."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from helpers.bounds import check_number
from helpers.data.binarise import binarise
from helpers.data.bulk import load_bulk
from helpers.data.cells import line_labels, load_cells, normalise, quality_control
from helpers.data.cells_twin import simulate_cell_set, simulate_panel
from helpers.data.join import match
from helpers.data.pair_types import take_genes
from helpers.data.pairs import load_pairs
from helpers.data.pairs_twin import simulate_pairs
from helpers.data.readers import KINDS, read
from helpers.data.readers.cells import label_cells
from helpers.data.types import Provenance, ResponseData
from helpers.errors import DataError, HelpersError

CELLS = simulate_cell_set("twin", 4, 10, 0)
PANEL = simulate_panel("GDSC2", 0)
PAIRS, _ = simulate_pairs("twin", n_lines=5, effects={"shift": 4})
DRUG = PANEL.response.columns[0]
LOADERS = ((load_cells, "breast-atlas"), (load_bulk, "GDSC2"), (load_pairs, "transigen"))


def with_count(value: float):
    cells = CELLS.copy()
    counts = cells.X.toarray().astype(float)
    counts[0, 0] = value
    cells.X = counts
    return cells


def bare():
    return type(CELLS)(CELLS.X)


@pytest.mark.parametrize("load", LOADERS, ids=lambda one: one[0].__name__)
@pytest.mark.parametrize(
    ("name", "data", "seed"),
    [
        *(("nope", "simulated", 0), (None, "simulated", 0), (3, "simulated", 0), (["x"], "simulated", 0)),
        *(("", "x", 0), ("", None, 0), ("", "simulated", -1), ("", "simulated", 1.5), ("", "simulated", "a")),
        ("", "simulated", None),
    ],
)
def test_loaders(load, name, data, seed):
    call, known = load
    with pytest.raises(HelpersError):
        call(known if name == "" else name, data, seed=seed)


@pytest.mark.parametrize("value", [-1, np.nan, np.inf])
@pytest.mark.parametrize("step", [normalise, quality_control])
def test_steps_refuse_what_are_no_counts(step, value):
    with pytest.raises(DataError, match="needs counts, found negative or infinite ones or NaN"):
        step(with_count(value))


@pytest.mark.parametrize("step", [normalise, quality_control])
@pytest.mark.parametrize("cells", [None, pd.DataFrame([[1]]), [1, 2]])
def test_steps_refuse_what_are_no_cells(step, cells):
    with pytest.raises(DataError, match="needs cells as AnnData, got"):
        step(cells)


@pytest.mark.parametrize(
    ("step", "settings", "message"),
    [
        *((normalise, {"target_sum": bad}, "target_sum must be a number") for bad in (-1, 0, np.nan, "x")),
        *((normalise, {"base": bad}, "base must be a number") for bad in (1, 0, -2, "e")),
        *((quality_control, {"max_mito": bad}, r"max_mito .* from 0 to 1") for bad in (20, -1, np.nan)),
        *((quality_control, {"min_genes": bad}, "min_genes must be a whole") for bad in (-1, 1.5, "a")),
        (quality_control, {"min_cells": None}, "min_cells must be a whole"),
    ],
)
def test_settings_of_steps(step, settings, message):
    with pytest.raises(DataError, match=message):
        step(CELLS, **settings)


@pytest.mark.parametrize(
    ("cells", "panel", "drug", "options"),
    [
        *((CELLS, PANEL, None, {}), (CELLS, None, DRUG, {}), (CELLS, PANEL, DRUG, {"what": "x"})),
        (bare(), PANEL, DRUG, {}),
    ],
)
def test_line_labels(cells, panel, drug, options):
    with pytest.raises(DataError):
        line_labels(cells, panel, drug, **options)


def response_data(**changes) -> ResponseData:
    lines, drugs = ["a", "b", "c", "d"], ["X", "Y"]
    pairs = [(line, drug) for drug in drugs for line in lines]
    response = pd.DataFrame(pairs, columns=["line", "drug"])
    tables = {
        "name": "own",
        "expression": pd.DataFrame(np.arange(8.0).reshape(4, 2), lines, ["TP53", "EGFR"]),
        "response": response.assign(resistant=[0, 0, 1, 1] * 2, value=[-2.0, -1, 1, 2] * 2),
        "fingerprints": pd.DataFrame([[0, 1], [1, 0]], drugs),
        "lines": pd.DataFrame({"cancer_type": "LUAD"}, lines),
        "drugs": pd.DataFrame({"pathway": "unknown"}, drugs),
        "provenance": Provenance("own"),
    }
    return ResponseData(**(tables | changes))


GOOD = response_data()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"lines": pd.concat([GOOD.lines, GOOD.lines[:1]])}, "lines has duplicated row ids, first .'a'"),
        ({"drugs": pd.concat([GOOD.drugs, GOOD.drugs[:1]])}, "drugs has duplicated row ids, first .'X'"),
        ({"lines": GOOD.lines.assign(cancer_type=np.nan)}, "4 row.s. have no cancer_type, .*write 'unknown'"),
        ({"lines": GOOD.lines.assign(cancer_type="")}, "have no cancer_type"),
        ({"lines": GOOD.lines.assign(cancer_type=3)}, "have no cancer_type"),
        ({"lines": None}, "lines must be a DataFrame"),
        ({"response": GOOD.response[:0]}, "response has no row"),
        ({"response": GOOD.response[["line", "line", "drug", "resistant", "value"]]}, "duplicated columns"),
        ({"expression": GOOD.expression + 1j}, "expression holds text in 2 column"),
        ({"provenance": None}, "provenance must be a Provenance, got None"),
    ],
)
def test_response_data(changes, message):
    with pytest.raises(DataError, match=message):
        response_data(**changes)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (("own", "abc"), "files must be a tuple of SourceFile"),
        (("own", (), "abc"), "notes must be a tuple of str"),
        ((None,), "unknown tier None"),
    ],
)
def test_provenance(fields, message):
    with pytest.raises(DataError, match=message):
        Provenance(*fields)


@pytest.mark.parametrize("lines", [None, "ACH-1", [], ["nope"]])
def test_a_panel_of_lines_that_are_not_there(lines):
    with pytest.raises(DataError):
        PANEL.subset(lines)


@pytest.mark.parametrize(
    "change",
    [
        {"singleton_lines": None},
        {"singleton_lines": ["a"]},
        {"pairs": PAIRS.pairs.assign(dose="high")},
        {"pairs": PAIRS.pairs.assign(dose=-1.0)},
        {"pairs": PAIRS.pairs.assign(time=np.inf)},
        {"pairs": PAIRS.pairs.assign(smiles=np.nan)},
        {"pre": 2 ** (PAIRS.pre + 20)},  # linear
    ],
    ids=lambda change: str(next(iter(change))),
)
def test_pairs(change):
    with pytest.raises(DataError):
        replace(PAIRS, **change)


@pytest.mark.parametrize(
    ("table", "genes"), [(PAIRS.pre, None), (PAIRS.pre.to_numpy(), ["a"]), (PAIRS.pre, ["nope"])]
)
def test_take_genes(table, genes):
    with pytest.raises(DataError):
        take_genes(table, genes if genes is None else pd.Index(genes), "profiles")


@pytest.mark.parametrize(
    "values",
    [
        *(None, np.ones((3, 3)), pd.DataFrame(), pd.DataFrame({"d": list("abcde")})),
        pd.DataFrame({"d": [1, 2, np.inf, 3]}),
        pd.DataFrame(np.eye(3), columns=["a", "a", "b"]),
        pd.DataFrame(np.eye(3), index=["a", "a", "b"]),
    ],
)
def test_binarise(values):
    with pytest.raises(DataError):
        binarise(values)


@pytest.mark.parametrize(("asked", "known"), [(None, None), (["a"], ["a"]), (pd.DataFrame(), None)])
def test_match(asked, known):
    with pytest.raises(DataError):
        match(asked, known, "line")


@pytest.mark.parametrize(
    "labels",
    [
        [1, 0],
        pd.Series([1, 0], [CELLS.obs_names[0]] * 2),
        pd.Series(2.0, CELLS.obs_names),
        pd.Series("R", CELLS.obs_names),
    ],
    ids=["list", "twice", "two", "words"],
)
def test_label_cells(labels):
    with pytest.raises(DataError):
        label_cells(CELLS.copy(), labels)


FILES = {
    "empty": b"",
    "binary": bytes(range(256)) * 10,
    "zeros": bytes(100),
    "one column": b"a\n",
    "header": b"a,b\n",
    "json": b'{"a": 1}',
    "open quote": b'a,"b\n1,2\n',
    "page": b"<html>",
    "hdf": b"\x89HDF\r\n\x1a\nxxxx",
    "zip": b"PK\3\4xxxx",
    "empty zip": b"PK\5\6" + bytes(18),
    "parquet": b"PAR1xxxx",
    "gzip": b"\x1f\x8bxxxx",
    "old excel": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1xx",
    "r": b"X\nxxxx",
}


@pytest.mark.parametrize("content", FILES.values(), ids=FILES)
@pytest.mark.parametrize("kind", KINDS)
def test_files_that_are_something_else(tmp_path, kind, content):
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(DataError, match="file"):
        read(path, kind)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_file(tmp_path, kind):
    for source in (tmp_path / "nope", None, tmp_path, 3):
        with pytest.raises(DataError):
            read(source, kind)
    (tmp_path / "x.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"without the option.s. nonsense"):
        read(tmp_path / "x.csv", kind, nonsense=1)


@pytest.mark.parametrize("value", [True, "1", None, np.nan, 2, -1, [1]])
def test_check_number(value):
    with pytest.raises(DataError, match=r"level must be a number from 0 to 1; got"):
        check_number("level", value, 0, 1)
    check_number("level", np.float32(0.5), 0, 1)
    check_number("count", np.int64(3), 0, whole=True)
