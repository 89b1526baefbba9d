from __future__ import annotations

import numpy as np
import pytest

from helpers.errors import DataError
from helpers.studies.refdnn.files import (
    read_annotation,
    read_expression,
    read_fingerprints,
    read_response,
)

HEADER = "Sample Name\tCOSMIC identifier" + "\tx" * 7 + "\tCancer Type (matching TCGA label)\tMSI\tM\tG"


@pytest.fixture
def write(tmp_path):
    def write(text: str):
        path = tmp_path / "file"
        path.write_bytes(text.encode())
        return path

    return write


def test_response_keeps_order_and_repeats(write):
    table = read_response(
        write("Drug,Cell,Label,LN_IC50\nB,l1,Resistance,2.5\nA,l1,Sensitivity,-1\nB,l1,Sensitivity,0\n")
    )
    assert table["drug"].tolist() == ["B", "A", "B"]
    assert table["resistant"].tolist() == [1, 0, 0]
    assert table["value"].tolist() == [2.5, -1, 0]


def test_response_without_values_and_with_numeric_names(write):
    table = read_response(write("Drug,Cell,Label\r\n681640,906794,Sensitivity\r\nA,906794,Resistance\r\n"))
    assert table["line"].tolist() == ["906794", "906794"]
    assert table["drug"].tolist() == ["681640", "A"]
    assert table["value"].isna().all()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "cannot be read as the table"),
        ("Drug,Cell\nA,l1\n", "lacks the column.*Label"),
        ("Drug,Cell,Label\nA,l1,Resistance\nA,,Sensitivity\n", "1 row.*first line 3"),
        ("Drug,Cell,Label\nA,l1,R\nA,l2,S\n", "Resistance and one other word"),
        ("Drug,Cell,Label\nA,l1,Resistance\nA,l2,S\nA,l3,T\n", "Resistance and one other word"),
        ("Drug,Cell,Label,LN_IC50\nA,l1,Resistance,high\n", "column LN_IC50"),
    ],
)
def test_response_refuses(write, text, message):
    with pytest.raises(DataError, match=message):
        read_response(write(text))


def test_expression_of_ccle_takes_genes_from_the_column_gene(write):
    table, renamed = read_expression(
        write(",Gene,22RV1_PROSTATE,5637_URINARY_TRACT\n0,1,2.5,3\n1,7157,4,5\n")
    )
    assert table.index.tolist() == ["22RV1_PROSTATE", "5637_URINARY_TRACT"]
    assert table.columns.tolist() == ["1", "7157"]
    assert renamed == 0
    np.testing.assert_array_equal(table.to_numpy(), np.array([[2.5, 4], [3, 5]], np.float32))


def test_expression_of_gdsc_takes_genes_from_the_first_column(write):
    table, _ = read_expression(write(",906794,1240123\n10,2.5,3\n100,4,5\n"))
    assert table.index.tolist() == ["906794", "1240123"]
    assert table.columns.tolist() == ["10", "100"]


def test_expression_with_a_repeated_gene_keeps_both_under_two_ids(write):
    table, renamed = read_expression(write("Gene,a\n7,1\n8,2\n7,3\n"))
    assert table.columns.tolist() == ["7", "8", "7.2"]
    assert renamed == 1


@pytest.mark.parametrize("text", ["", "Gene\n7\n", "Gene,a\n7,\n8,1\n", "Gene,a\n7,high\n"])
def test_expression_refuses(write, text):
    with pytest.raises(DataError):
        read_expression(write(text))


def test_fingerprints(write):
    table = read_fingerprints(write("Name,FP1,FP2\nB-1,0,1\n17,1,1\n"))
    assert table.index.tolist() == ["B-1", "17"]
    assert table.dtypes.unique() == [np.uint8]
    assert table.to_numpy().tolist() == [[0, 1], [1, 1]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Name,FP1\nA,2\n", "only 0 and 1"),
        ("Name,FP1\nA,\nB,1\n", "only 0 and 1"),
        ("Name,FP1\nA,0.5\n", "only 0 and 1"),
        ("Name,FP1\nA,1\nA,1\n", "'A' stands twice"),
        ("Drug,FP1\nA,1\n", "lacks the column.*Name"),
    ],
)
def test_fingerprints_refuse(write, text, message):
    with pytest.raises(DataError, match=message):
        read_fingerprints(write(text))


def test_annotation_pools_what_has_no_type(write):
    rows = [
        f"{name}\t{line}" + "\ty" * 7 + f"\t{kind}\tm\tr\ta"
        for name, line, kind in [
            ("A253", "1", "LUAD"),
            ("B", "2", ""),
            ("NA", "3", "NA"),
            ("D", "4", "UNABLE TO CLASSIFY"),
            ("E", "5", " SKCM "),
        ]
    ]
    totals = "TOTAL:\t\t1001" + "\t" * 10
    table = read_annotation(write("\r\n".join([HEADER, *rows, totals]) + "\r\n"))
    assert table["cancer_type"].to_dict() == {
        "1": "LUAD",
        "2": "others",
        "3": "others",
        "4": "others",
        "5": "SKCM",
    }
    assert table.loc["3", "name"] == ""
    assert table.loc["1", "name"] == "A253"


def test_annotation_refuses_a_repeated_line(write):
    row = "A\t1" + "\ty" * 7 + "\tLUAD\tm\tr\ta\n"
    with pytest.raises(DataError, match="'1' stands twice"):
        read_annotation(write(f"{HEADER}\n{row}{row}"))
