"""Every form in which people have their tables gives the right values, or one error that says what to do."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from types import SimpleNamespace

import anndata
import h5py
import numpy as np
import pandas as pd
import pytest
from scipy import io as matrix_io
from scipy import sparse

from helpers.data.cells import load_cells
from helpers.data.download import locate
from helpers.data.readers import KINDS, read
from helpers.data.readers.cells import label_cells
from helpers.data.readers.ids import text_ids
from helpers.data.registry import DataFile, Registry
from helpers.errors import DataError

Write = Callable[[Path], None]

DEPMAP_25Q2 = (
    ",SequencingID,ModelConditionID,ModelID,IsDefaultEntryForMC,IsDefaultEntryForModel,TSPAN6 (7105),"
    "TNMD (64102)\n0,CDS-010xbm,MC-1-k,ACH-001113,Yes,Yes,4.95,0.0\n"
    "1,CDS-0b4jFA,MC-2-j,ACH-001289,Yes,Yes,4.5,0.5\n2,CDS-zzzzzz,MC-2-a,ACH-001289,No,No,4.1,0.6\n"
)
PORTAL = (
    "depmap_id,cell_line_display_name,lineage_1,lineage_2,lineage_3,lineage_6,lineage_4,TSPAN6,TNMD\n"
    "ACH-001113,LC1SQSF,Lung,NSCLC,LUSC,,,4.95,0.0\n"
)
RMA = (
    "GENE_SYMBOLS\tGENE_title\tDATA.906826\tDATA.687983\tDATA.1503362\tDATA.1503362.1\n"
    "TSPAN6\ttetraspanin 6\t7.63\t7.54\t8.7\t8.1\n\t\t3.2\t3.1\t2.9\t3.0\n"
)
GCT = (
    "#1.2\n2\t2\nName\tDescription\t22RV1_PROSTATE\tKU812_LUNG\n"
    "ENSG00000223972.4\tDDX11L1\t0.5\t0.1\nENSG00000227232.4\tWASH7P\t5.0\t3.1\n"
)
GCT13 = (
    "#1.3\n2\t2\t1\t1\nid\tpr_gene_symbol\tw1\tw2\ncell_id\tna\tA375_SKIN\tMCF7_BREAST\n"
    "7157\tTP53\t7.5\t8\n1956\tEGFR\t1\t2\n"
)
SERIES = (
    '!Series_title\t"x"\n!Sample_title\t"a"\n"ID_REF"\t"GSM1"\t"GSM2"\n"TP53"\t1.5\t2\n"EGFR"\t3\t4\n!end\n'
)
PLAIN = ",TP53,EGFR\n905933,1.5,2\n905938,0.2,3\n"
GENES_FIRST = ",906794,1240123\n10,2.5,3\n100,4,5\n"
AS_PLAIN = {"905933": {"TP53": 1.5, "EGFR": 2}, "905938": {"TP53": 0.2, "EGFR": 3}}
AS_DEPMAP = {"ACH-001113": {"TSPAN6": 4.95, "TNMD": 0.0}, "ACH-001289": {"TSPAN6": 4.5, "TNMD": 0.5}}

EXPRESSION: dict[str, tuple[str | bytes | Write, dict | str]] = {
    "DepMap up to 22Q2, 24Q4": (
        ",TSPAN6 (7105),TNMD (64102)\nACH-001113,4.95,0\nACH-001289,4.5,.5\n",
        AS_DEPMAP,
    ),
    "DepMap since 25Q2": (DEPMAP_25Q2, AS_DEPMAP),
    "portal of DepMap": (PORTAL, {"ACH-001113": {"TSPAN6": 4.95, "TNMD": 0.0}}),
    "DepMap, two profiles of a model": (DEPMAP_25Q2.replace("No,No", "No,Yes"), "duplicated row ids"),
    "DepMap, symbol twice": (",TP53 (7157),TP53 (9)\nACH-000001,1,2\n", {"ACH-000001": {"TP53": 1}}),
    "GCT 1.2": (
        GCT,
        {"22RV1_PROSTATE": {"DDX11L1": 0.5, "WASH7P": 5.0}, "KU812_LUNG": {"DDX11L1": 0.1, "WASH7P": 3.1}},
    ),
    "GCT 1.3": (GCT13, {"w1": {"TP53": 7.5, "EGFR": 1}, "w2": {"TP53": 8, "EGFR": 2}}),
    "GCT without its size": ("#1.2\nName\tDescription\ta\n", "GCT file without the line of its size"),
    "RMA text": (RMA, {"906826": {"TSPAN6": 7.63}, "687983": {"TSPAN6": 7.54}, "1503362": {"TSPAN6": 8.4}}),
    "series of GEO": (SERIES, {"GSM1": {"TP53": 1.5, "EGFR": 3}, "GSM2": {"TP53": 2, "EGFR": 4}}),
    "lines x genes": (PLAIN, AS_PLAIN),
    "byte order mark and CRLF": ("\ufeff" + PLAIN.replace("\n", "\r\n"), AS_PLAIN),
    "UTF-16": (PLAIN.encode("utf-16"), AS_PLAIN),
    "float COSMIC ids": (PLAIN.replace("905933", "905933.0"), AS_PLAIN),
    "Entrez ids x COSMIC ids": (
        GENES_FIRST,
        {"906794": {"10": 2.5, "100": 4}, "1240123": {"10": 3, "100": 5}},
    ),
    "decimal commas": (PLAIN.replace(",", ";").replace(".", ","), AS_PLAIN),
    "quoted decimal commas": (',TP53,EGFR\n905933,"1,5",2\n905938,"0,2",3\n', AS_PLAIN),
    "xlsx": (lambda path: frame(AS_PLAIN).to_excel(path), AS_PLAIN),
    "parquet": (lambda path: frame(AS_PLAIN).to_parquet(path), AS_PLAIN),
    "thousands or decimals": (";TP53;EGFR\n905933;1,500;2,250\n", "decimal comma or a mark of thousands"),
    "two decimal marks": (";TP53;EGFR\n905933;1,5;2.5\n", "yet other numbers have a decimal point"),
    "unquoted decimal commas": (",TP53,EGFR\n905933,1,5,2,5\n", "names 3 columns, the rows have 5"),
    "linear": (PLAIN.replace("1.5", "1500"), "the largest expression value is 1,500, so the scale is linear"),
    "infinite": (PLAIN.replace("1.5", "inf"), "NaN or infinite values in 1 row.s., first .'905933'"),
    "missing": (PLAIN.replace("1.5", "NA"), "NaN or infinite"),
    "text": (
        PLAIN.replace("EGFR", "EGFR,x").replace("2\n", "2,abc\n").replace("3\n", "3,abd\n"),
        "text in 1 column",
    ),
    "dates for genes": (PLAIN.replace("EGFR", "2-Sep"), "a spreadsheet turned 1 gene name"),
    "dates for genes, xlsx": (
        lambda path: frame(AS_PLAIN).rename(columns={"EGFR": pd.Timestamp(2023, 3, 1)}).to_excel(path),
        "a spreadsheet turned",
    ),
    "line twice": (PLAIN.replace("905938", "905933"), "duplicated row ids, first .'905933'"),
    "gene twice in the header": (PLAIN.replace("EGFR", "TP53"), "header names a column twice, first .'TP53'"),
    "neither axis known": (",aa,bb\nx,1,2\n", "cannot tell lines from genes.*name the first column"),
    "first column names the axis": ("line,aa,bb\nx,1,2\n", {"x": {"aa": 1, "bb": 2}}),
    "log-in page": ("<!DOCTYPE html><html>sign in</html>", "a web page, not a table"),
    "empty": ("", "the file is empty"),
    "damaged gzip": (gzip.compress(PLAIN.encode())[:30], "damaged gzip"),
    "old Excel": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"0" * 99, "save it as xlsx or csv"),
}

FITS = (
    "DATASET,COSMIC_ID,CELL_LINE_NAME,SANGER_MODEL_ID,TCGA_DESC,DRUG_ID,DRUG_NAME,MIN_CONC,LN_IC50,AUC\n"
    "GDSC2,683667,PFSK-1,SIDM01132,MB,1003,Camptothecin,0.1,-1.46,0.93\n"
    "GDSC2,683667,PFSK-1,SIDM01132,MB,1003,Camptothecin,0.1,-1.3,0.70\n"
    "GDSC2,684052,A673,SIDM00848,UNCLASSIFIED,1003,Camptothecin,0.1,-4.87,0.61\n"
)
AS_FITS = {("PFSK-1", "Camptothecin"): (-1.38, 0.815, None), ("A673", "Camptothecin"): (-4.87, 0.61, None)}
PORTAL_FITS = (
    "Drug Name,Drug ID,Cell Line Name,Cosmic ID,TCGA Classification,Tissue,IC50,AUC\n"
    "Camptothecin,1003,PFSK-1,683667,MB,nervous_system,-1.46,0.93\n"
)
OWN = "line,drug,value,label\na,X,2.1,1\na,Y,-1,0\nb,X,0.3,0\nb,Y,3,1\n"
AS_OWN = {
    ("a", "X"): (2.1, None, 1),
    ("a", "Y"): (-1, None, 0),
    ("b", "X"): (0.3, None, 0),
    ("b", "Y"): (3, None, 1),
}
MATRIX = ",X_1003,Y_5\nCOSMIC_906826,1,NA\nCOSMIC_687983,2,3\n"
RISING = [(f"l{n}", "X", n / 10, n - 5) for n in range(11)]


def long(column: str, *values: object) -> str:
    return f"line,drug,{column}\n" + "".join(f"a,D{n},{value}\n" for n, value in enumerate(values))


def curves(auc: Callable[[float], float]) -> str:
    return "line,drug,AUC,LN_IC50\n" + "".join(f"{a},{b},{auc(c)},{d}\n" for a, b, c, d in RISING)


RESPONSE: dict[str, tuple[str | bytes | Write, dict, dict | str]] = {
    "fitted curves, csv": (FITS, {}, AS_FITS),
    "fitted curves, xlsx": (lambda path: table_of(FITS).to_excel(path, index=False), {}, AS_FITS),
    "export of the portal": (PORTAL_FITS, {}, {("PFSK-1", "Camptothecin"): (-1.46, 0.93, None)}),
    "own table": (OWN, {}, AS_OWN),
    "labels of the other direction": (
        "line,drug,value,label\na,X,2.1,0\na,Y,-1,1\nb,X,0.3,1\nb,Y,3,0\n",
        {},
        "lower mean of column 'value' in 2 of 2 drugs.*did you pass 1 = sensitive",
    ),
    "labels without values": (
        "line,drug,label\na,X,1\n",
        {},
        "does not say whether 1 is resistant or sensitive",
    ),
    "sensitive": (
        "line,drug,sensitive\na,X,1\nb,X,0\n",
        {},
        {("a", "X"): (None, None, 0), ("b", "X"): (None, None, 1)},
    ),
    "words": (
        "Drug,Cell,Label\nX,a,Resistance\nX,b,Sensitivity\n",
        {},
        {("a", "X"): (None, None, 1), ("b", "X"): (None, None, 0)},
    ),
    "unknown word": ("Drug,Cell,Label\nX,a,Resistance\nX,b,maybe\n", {}, "unknown label 'maybe'"),
    "both labels": (
        "line,drug,resistant\na,X,1\na,X,0\nb,X,1\n",
        {},
        {("a", "X"): (None, None, None), ("b", "X"): (None, None, 1)},
    ),
    "uM": (long("ic50_um", 1, 10), {}, {("a", "D0"): (0, None, None), ("a", "D1"): (np.log(10), None, None)}),
    "nM": (long("ic50_nm", 1000), {}, {("a", "D0"): (0, None, None)}),
    "M": (long("ic50_m", 1e-6), {}, {("a", "D0"): (0, None, None)}),
    "pIC50": (long("pIC50", 6, 5), {}, {("a", "D0"): (0, None, None), ("a", "D1"): (np.log(10), None, None)}),
    "log2": (long("log2_ic50", 3), {}, {("a", "D0"): (np.log(8), None, None)}),
    "linear values taken as log": (long("ln_ic50", 0.1, 80), {}, "are concentrations, not their logarithm"),
    "no unit": (long("IC50", 1, 2), {}, "does not say its unit or scale; name it ln_ic50"),
    "infinite fits": (
        long("ic50_um", 1, np.inf, 1e17),
        {},
        {("a", "D0"): (0, None, None), ("a", "D1"): (None, None, None), ("a", "D2"): (None, None, None)},
    ),
    "AUC": (curves(lambda x: x), {}, {("l10", "X"): (5, 1.0, None)}),
    "AAC under the name AUC": (
        curves(lambda x: 1 - x),
        {},
        "AUC falls with the IC50 in 1 of 1 drugs; .* name the column 'aac'",
    ),
    "AAC under the name AUC, alone": (
        "line,drug,auc\n" + "".join(f"l{n},X,0.1\n" for n in range(10)),
        {},
        "the median AUC is 0.1",
    ),
    "AAC": (long("aac_recomputed", 0.25), {}, {("a", "D0"): (None, 0.75, None)}),
    "AUC in percent": (long("auc", 93), {}, "expected values between 0 and 1, got up to 93"),
    "matrix": (
        MATRIX,
        {"measure": "ln_ic50"},
        {
            ("906826", "X"): (1, None, None),
            ("687983", "X"): (2, None, None),
            ("687983", "Y"): (3, None, None),
        },
    ),
    "matrix of nothing said": (
        MATRIX,
        {},
        "it is a matrix of lines x drugs; say what its values are: measure",
    ),
    "matrix, drug twice": (MATRIX.replace("Y_5", "X_1003"), {"measure": "auc"}, "names a drug twice"),
    "no drug": ("line,drug,value\na,X,1\nb,,1\n", {}, "1 row.s. name no drug, first row 3"),
    "no response": ("line,drug,dose\na,X,1\n", {}, "no column of response; name it ln_ic50"),
    "text for a number": (long("ln_ic50", 1, "high"), {}, "column 'ln_ic50' holds 'high'"),
}


def table_of(text: str) -> pd.DataFrame:
    return pd.read_csv(StringIO(text))


def frame(values: dict) -> pd.DataFrame:
    return pd.DataFrame(values).T


def written(tmp_path: Path, form: str, content: str | bytes | Write) -> Path:
    suffix = next((end for word, end in (("xlsx", ".xlsx"), ("parquet", ".parquet")) if word in form), ".txt")
    path = tmp_path / f"file{suffix}"
    if callable(content):
        content(path)
    else:
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def check_error(path: Path, kind: str, message: str, **options: str) -> None:
    with pytest.raises(DataError, match=message) as error:
        read(path, kind, **options)
    assert str(path) in str(error.value), "the message names the file"


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gz"])
@pytest.mark.parametrize("form", EXPRESSION)
def test_expression(form, packed, tmp_path):
    content, expected = EXPRESSION[form]
    path = written(tmp_path, form, content)
    if packed:
        if callable(content) or isinstance(content, bytes) or not content:
            pytest.skip("is packed already")
        path.write_bytes(gzip.compress(path.read_bytes()))
    if isinstance(expected, str):
        check_error(path, "expression matrix", expected)
        return
    found = read(path, "expression matrix")
    assert found.content.index.tolist() == list(expected)
    pd.testing.assert_frame_equal(found.content, frame(expected).astype(np.float32), check_index_type=False)
    assert found.provenance.tier == "own"
    assert found.provenance.files[0].name == path.name


@pytest.mark.parametrize("form", RESPONSE)
def test_response(form, tmp_path):
    content, options, expected = RESPONSE[form]
    path = written(tmp_path, form, content)
    if isinstance(expected, str):
        check_error(path, "response table", expected, **options)
        return
    table = read(path, "fitted curves", **options).content.set_index(["line", "drug"])
    if form == "AUC":
        table = table[-1:]
    found = {pair: (row["value"], row["auc"], row["resistant"]) for pair, row in table.iterrows()}
    assert found.keys() == expected.keys()
    for pair, values in expected.items():
        wanted = [np.nan if value is None else value for value in values]
        np.testing.assert_allclose(found[pair], wanted, atol=1e-12)


GENES: dict[str, tuple[str | bytes | Write, dict | str]] = {
    "tab, gz": (gzip.compress(b"gene\tc1\tc2\nTP53\t1\t2\n"), {"c1": {"TP53": 1}, "c2": {"TP53": 2}}),
    "symbols beside ids": (
        "ensembl\tsymbol\tc1\tc2\nENSG00000141510\tTP53\t1\t2\n",
        {"c1": {"TP53": 1}, "c2": {"TP53": 2}},
    ),
    "Latin-1": ("gene\tc1\nTP53\t1\nbeta-é\t2\n".encode("latin-1"), {"c1": {"TP53": 1, "beta-é": 2}}),
    "semicolons and decimal commas": (
        "gene;c1;c2\nTP53;1,5;2,25\n",
        {"c1": {"TP53": 1.5}, "c2": {"TP53": 2.25}},
    ),
    "blanks in names": (
        "gene,Plate 1 well 1,Plate 1 well 2\nTP53,1,2\n",
        {"Plate 1 well 1": {"TP53": 1}, "Plate 1 well 2": {"TP53": 2}},
    ),
    "blank as separator, R's corner": ("c1 c2\nTP53 1 2\n", {"c1": {"TP53": 1}, "c2": {"TP53": 2}}),
    "featureCounts": (
        "# Program:featureCounts\nGeneid\tChr\tStart\tEnd\tStrand\tLength\ta.bam\nTP53\t17\t1\t9\t+\t8\t5\n",
        {"a.bam": {"TP53": 5}},
    ),
    "cells x genes": (",TP53,ACTB\ncell1,1,2\n", {"cell1": {"TP53": 1, "ACTB": 2}}),
    "gene twice": ("gene,c1\nTP53,1\nEGFR,2\nTP53,3\n", {"c1": {"TP53": 4, "EGFR": 2}}),
    "gene named NA": ("gene,c1\nNA,1\n", {"c1": {"NA": 1}}),
    "cell twice": ("gene,c1,c1\nTP53,1,2\n", "header names a column twice, first .'c1'"),
    "dates are not summed": ("gene,c1\n1-Mar,1\n1-Mar,2\n", "a spreadsheet turned 2 gene name"),
    "negative": ("gene,c1\nTP53,-1\n", "scaled values are no gene table"),
    "missing": ("gene,c1,c2\nTP53,1,\n", "NaN or infinite values in 1 row.s., first .'c2'"),
    "text among values": ("gene,c1,c2\nTP53,1,x\n", "text in 1 column.s. of values, first .'c2'"),
}


@pytest.mark.parametrize("form", GENES)
def test_gene_tables(form, tmp_path):
    content, expected = GENES[form]
    path = written(tmp_path, form, content)
    if isinstance(expected, str):
        check_error(path, "gene table", expected)
    else:
        found = read(path, "gene table").content
        pd.testing.assert_frame_equal(found, frame(expected).astype(np.float32), check_index_type=False)


IDS = {
    "fixed length": np.array([b"5720", b"55847"]),
    "variable length": np.array(["5720", "55847"], dtype=h5py.string_dtype()),
    "integers": np.array([5720, 55847]),
}


@pytest.mark.parametrize("form", IDS)
def test_gctx(form, tmp_path):
    path = tmp_path / "plate.gctx"
    with h5py.File(path, "w") as file:
        file["0/DATA/0/matrix"] = [[0.0, 1.0], [3.0, 4.0]]
        file["0/META/ROW/id"] = IDS[form]
        file["0/META/COL/id"] = np.array(["w-µ".encode("latin-1"), b"w2"])
    found = read(path, "gctx").content
    assert found.columns.tolist() == ["5720", "55847"]
    assert found.index.tolist() == ["w-µ", "w2"]
    assert found["5720"].tolist() == [0, 3]


def h5ad(path: Path, form: str) -> None:
    counts, log = np.array([[1.0, 0], [2, 5]]), np.array([[0.7, 0], [1.1, 1.8]])
    cells = anndata.AnnData(
        sparse.csr_matrix(counts), pd.DataFrame(index=["c1", "c2"]), pd.DataFrame(index=["TP53", "EGFR"])
    )
    if form == "layer":
        cells.layers["counts"], cells.X = counts, log
    elif form == "raw":
        cells.raw, cells.X = cells.copy(), log
    elif form == "without X":
        cells.layers["counts"], cells.X = counts, None
    elif form == "empty":
        cells.X = None
    elif form == "date":
        cells.var_names = ["TP53", "1-Mar"]
    elif form == "cell twice":
        cells.obs_names = ["c1", "c1"]
    cells.write_h5ad(path)
    if form == "anndata 0.7":  # names of obs and var were columns of a compound table
        with h5py.File(path, "r+") as file:
            for part in ("obs", "var"):
                names = file[part]["_index"].asstr()[:]
                del file[part]
                file[part] = np.array([(name.encode(),) for name in names], dtype=[("index", "S4")])


@pytest.mark.parametrize("form", ["counts", "layer", "raw", "without X", "anndata 0.7"])
@pytest.mark.filterwarnings("ignore")  # anndata says that the form is old, or that names repeat
def test_h5ad(form, tmp_path):
    h5ad(tmp_path / "cells.h5ad", form)
    found = read(tmp_path / "cells.h5ad", "h5ad").content
    values = found.X.toarray() if sparse.issparse(found.X) else found.X
    np.testing.assert_array_equal(values, [[1, 0], [2, 5]])
    assert (found.obs_names.tolist(), found.var_names.tolist()) == (["c1", "c2"], ["TP53", "EGFR"])


@pytest.mark.parametrize(
    ("form", "message"),
    [("empty", "X is empty"), ("date", "a spreadsheet turned"), ("cell twice", "a cell stands twice")],
)
@pytest.mark.filterwarnings("ignore")
def test_h5ad_is_refused(form, message, tmp_path):
    h5ad(tmp_path / "cells.h5ad", form)
    check_error(tmp_path / "cells.h5ad", "h5ad", message)


def test_h5ad_that_is_none(tmp_path):
    (tmp_path / "cells.h5ad").write_text("<html>", encoding="utf-8")
    check_error(tmp_path / "cells.h5ad", "h5ad", "not an HDF5 file")
    with h5py.File(tmp_path / "cells.h5ad", "w") as file:
        file["x"] = [1]
    check_error(tmp_path / "cells.h5ad", "h5ad", "h5ad")


def mtx(folder: Path, genes: str, barcodes: str, prefix: str = "") -> None:
    folder.mkdir(exist_ok=True)
    matrix_io.mmwrite(folder / f"{prefix}matrix.mtx", sparse.coo_matrix([[1, 0, 2], [0, 3, 0]]))
    (folder / f"{prefix}features.tsv").write_text(genes, encoding="utf-8")
    with gzip.open(folder / f"{prefix}barcodes.tsv.gz", "wt", encoding="utf-8") as stream:
        stream.write(barcodes)


@pytest.mark.parametrize("prefix", ["", "GSM1_"])
def test_mtx(prefix, tmp_path):
    mtx(tmp_path / "m", "ENSG1\tTP53\tx\nENSG2\tTP53\tx\n", "A\nB\nC\n", prefix)
    found = read(tmp_path / "m", "mtx")
    assert found.content.var_names.tolist() == ["TP53", "ENSG2"]
    np.testing.assert_array_equal(found.content.X.toarray(), [[1, 0], [0, 3], [2, 0]])
    assert {file.name for file in found.provenance.files} >= {f"m/{prefix}matrix.mtx"}


def test_mtx_that_does_not_fit(tmp_path):
    mtx(tmp_path / "m", "ENSG1\tTP53\n", "A\nB\nC\n")
    check_error(tmp_path / "m", "mtx", "for 1 genes and 3 cells")
    mtx(tmp_path / "m", "ENSG1\tTP53\nENSG2\tEGFR\n", "A\nA\nC\n")
    check_error(tmp_path / "m", "mtx", "a cell stands twice")
    (tmp_path / "m" / "matrix.mtx").unlink()
    check_error(tmp_path / "m", "mtx", "no file matches")


def test_labels_are_joined_by_name_and_never_by_order(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text("cell,sensitive\nc3,1\nc2,0\nc9,1\n", encoding="utf-8")
    labels = read(path, "labels").content
    cells = anndata.AnnData(np.ones((3, 1)), pd.DataFrame(index=["c1", "c2", "c3"]))
    assert label_cells(cells, labels) == ["2 of 3 cells have a label; 1 labels name no cell."]
    np.testing.assert_array_equal(cells.obs["resistant"], [np.nan, 1, 0])
    with pytest.raises(DataError, match="no cell has a label"):
        label_cells(cells, labels.set_axis(["a", "b", "c"]))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("cell,label\nc1,1\n", "does not say whether 1 is resistant"),
        ("cell,resistant\nc1,1\nc1,0\n", "an id stands twice"),
        ("cell,resistant\nc1,2\n", "must hold 0 and 1"),
    ],
)
def test_labels_are_refused(text, message, tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text(text, encoding="utf-8")
    check_error(path, "labels", message)


def test_line_tables(tmp_path):
    path = tmp_path / "sample_info.csv"
    path.write_text(
        "DepMap_ID,stripped_cell_line_name,COSMICID,lineage\nACH-1,A,11.0,lung\nACH-2,B,,\n", encoding="utf-8"
    )
    lines = read(path, "line table").content
    assert lines.loc["ACH-1", ["name", "cosmic_id", "cancer_type", "patient"]].tolist() == [
        "A",
        "11",
        "lung",
        "",
    ]
    path.write_text("x,y\n1,2\n", encoding="utf-8")
    check_error(path, "line table", "names no line; it has x, y")


def test_structures(tmp_path):
    path = tmp_path / "structures.csv"
    path.write_text("drug,smiles\nEthanol,CCO\nBroken,C(\nMethanol,CO\n", encoding="utf-8")
    found = read(path, "structures")
    assert found.content.index.tolist() == ["Ethanol", "Methanol"]
    assert found.provenance.notes == ("No readable structure for 1 drug(s): Broken.",)
    path.write_text("Name,FP1,FP2\nA,0.0,1.0\nB,1.0,0.0\n", encoding="utf-8")
    assert read(path, "structures").content.to_numpy().tolist() == [[0, 1], [1, 0]]
    path.write_text("Name,FP1\nA,0.5\n", encoding="utf-8")
    check_error(path, "structures", "not all values are 0 or 1")


def test_what_is_no_file_and_no_key():
    with pytest.raises(DataError, match="neither a file nor a registered key"):
        read("nowhere.csv", "labels")
    with pytest.raises(DataError, match="of unknown kind 'picture'; one of expression matrix"):
        read(Path(__file__), "picture")


def test_text_ids():
    assert text_ids(pd.Series([" a ", 5.0, None, "1.5", "7.0"])).tolist() == ["a", "5", "", "1.5", "7"]


def test_every_registered_kind_is_known():
    kinds = {entry.key: entry.kind for entry in Registry.load() if entry.kind}
    assert set(kinds.values()) <= set(KINDS)


def test_a_registry_entry_with_a_kind_is_readable_at_once(tmp_path, monkeypatch):
    content = b"gene,c1,c2\nTP53,1,2\n"
    monkeypatch.setenv("HELPERS_DATA_MIRROR", str(tmp_path / "mirror"))
    monkeypatch.setenv("HELPERS_CACHE", str(tmp_path / "cache"))
    digest = hashlib.sha256(content).hexdigest()
    entry = {
        "key": "my-own", "title": "Cells", "tier": "panel", "owner": "me", "repository": "me/mine",
        "commit": "0" * 40, "path": "cells.csv", "sha256": digest, "licence": "CC0", "obtain": "downloaded",
        "chapters": ["06_scdeal"], "card": "mine/cards/mine.md", "kind": "gene table",
    }  # fmt: skip
    file = tmp_path / "mirror" / "me" / "mine" / ("0" * 40) / "cells.csv"
    file.parent.mkdir(parents=True)
    file.write_bytes(content)
    registry = Registry([DataFile.model_validate(entry)])
    found = read("my-own", registry=registry)
    assert found.content.loc["c2", "TP53"] == 2
    assert (found.provenance.tier, found.provenance.files[0].name) == ("panel", "my-own")
    cells = load_cells("my-own", registry=registry)
    assert (cells.uns["units"], cells.n_obs, cells.uns["provenance"].tier) == ("counts", 2, "panel")


@pytest.mark.panel
@pytest.mark.parametrize(
    ("key", "shape"),
    [
        ("fhdsl-ccle", (1450, 535)),
        ("hierbipartite-ccle", (391, 791)),
        ("refdnn-response-ccle", (5724, 10)),
        ("refdnn-fingerprint-gdsc", (222, 3072)),
        ("cadrres-gdsc-ic50", (190860, 10)),
        ("oncopredict-gdsc2", (134728, 10)),
        ("slinky-plates", (581, 978)),
    ],
)
def test_registered_files_by_key(key, shape, panel):
    assert read(key, registry=panel).content.shape == shape


PROFILES = pd.DataFrame({"aac_recomputed": [0.25, 0.5], "ic50_recomputed": [1.0, np.inf]}, ["e1", "e2"])
INFO = pd.DataFrame({"cellid": ["A549", "MCF7"], "drugid": ["X", "X"]}, ["e1", "e2"])


@pytest.mark.parametrize("slot", ["sensitivity", "treatmentResponse"])
def test_the_sensitivity_of_a_pharmaco_set(slot, tmp_path, monkeypatch):
    """Rdata gives an object of R as a namespace of its slots; profiles are joined to curves by name."""
    (tmp_path / "pset.rds").write_bytes(b"RDX")
    content = SimpleNamespace(**{slot: {"info": INFO, "profiles": PROFILES[::-1]}})
    monkeypatch.setattr("helpers.data.readers.response.read_r", lambda path: content)
    table = read(tmp_path / "pset.rds", "response table").content.set_index("line")
    assert table["auc"].to_dict() == {"A549": 0.75, "MCF7": 0.5}
    assert table.loc["A549", "value"] == 0
    assert np.isnan(table.loc["MCF7", "value"])
    getattr(content, slot).pop("profiles")
    check_error(tmp_path / "pset.rds", "response table", "a PharmacoSet without tables of sensitivity")


@pytest.mark.panel
def test_real_sets_of_bioconductor(panel):
    path = locate(panel["cmapbox-skbr3"])
    check_error(path, "response table", "a PharmacoSet without tables of sensitivity")
