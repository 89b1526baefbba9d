"""Tables 1 and 2 of the report, beside what is at hand here and the time that it took."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from helpers.checks import refuse
from helpers.evaluation.space import Float, Space
from helpers.studies.refdnn.contenders import SCALE_MATCHED
from helpers.studies.refdnn.features import PairFeatures
from helpers.studies.refdnn.out_of_fold import OutOfFold
from helpers.studies.refdnn.pairs import PairTable

#: Table 1 of Meng 2022: lines, genes, drugs, bits of a fingerprint, pairs, resistant, sensitive.
PUBLISHED_DATA = {
    "CCLE": (491, 18_926, 12, 3072, 5_724, 3_402, 2_322),
    "GDSC": (983, 17_780, 222, 3072, 190_036, 120_606, 69_430),
}

#: Table 2 of Meng 2022: RefDNN on a T4 GPU (16 GB), the baselines on a CPU machine (96 GB).
PUBLISHED_TIMES = {
    ("known drugs and lines", "CCLE"): {"Elastic Net": "25 min", "Random Forest": "25 min", "RefDNN": "3 h"},
    ("known drugs and lines", "GDSC"): {"Elastic Net": "9 h", "Random Forest": "10 h", "RefDNN": "21 h"},
    ("unseen cancer types", "CCLE"): {"Elastic Net": "2 min", "Random Forest": "1 min", "RefDNN": "20 min"},
    ("unseen cancer types", "GDSC"): {"Elastic Net": "1 h", "Random Forest": "1.5 h", "RefDNN": "2 h"},
    ("unseen drugs", "CCLE"): {"Elastic Net": "1 min", "Random Forest": "1 min", "RefDNN": "10 min"},
    ("unseen drugs", "GDSC"): {"Elastic Net": "8 h", "Random Forest": "10 h", "RefDNN": "14 h"},
}


def data_table(tables: Mapping[str, PairTable]) -> pd.DataFrame:
    """Sizes of the data sets, published and here (table 1): one row a size, two columns a data set."""
    sizes = ["lines", "genes", "drugs", "fingerprint bits", "pairs", "resistant", "sensitive"]
    columns = {}
    for name, table in tables.items():
        if name not in PUBLISHED_DATA:
            refuse(name, f"the report has no such data set; it has {', '.join(PUBLISHED_DATA)}")
        features: PairFeatures = table.features
        resistant = int(table.y.sum())
        here = (
            *(len(names) for names in (features.line_names, features.gene_names, features.drug_names)),
            features.fingerprints.shape[1],
            *(len(table), resistant, len(table) - resistant),
        )
        columns[name, "published"] = dict(zip(sizes, PUBLISHED_DATA[name], strict=True))
        columns[name, "here"] = dict(zip(sizes, here, strict=True))
    return pd.DataFrame(columns)


def time_table(protocols: Mapping[str, Mapping[str, OutOfFold]]) -> pd.DataFrame:
    """Wall time of each model in each protocol, published and here (table 2).

    Parameters
    ----------
    protocols : mapping
        Results by data set, by protocol as in :data:`PUBLISHED_TIMES`.

    Returns
    -------
    DataFrame
        Index = protocol, data set, model; ``published`` (text) and ``here (min)``, searches included.
    """
    rows = {}
    for (protocol, name), published in PUBLISHED_TIMES.items():
        if name not in protocols.get(protocol, {}):
            refuse("times", f"no result of {protocol!r} on {name!r}")
        took = protocols[protocol][name].seconds
        for model in [*published, SCALE_MATCHED, "Kernel ridge"]:
            if model in took:
                rows[protocol, name, model] = (published.get(model, "not run"), took[model] / 60)
    table = pd.DataFrame.from_dict(rows, orient="index", columns=["published", "here (min)"])
    table.index = pd.MultiIndex.from_tuples(table.index, names=["protocol", "data", "model"])
    return table


def space_table(space: Space, results: Mapping[str, OutOfFold], model: str = "RefDNN") -> pd.DataFrame:
    """Search space of a model and the settings that its searches found.

    Parameters
    ----------
    space : Space
    results : mapping of data set to OutOfFold
        Those without a search are left out.
    model : str

    Returns
    -------
    DataFrame
        One row a setting: ``lowest``, ``highest``, ``scale``, then one column a search.
    """
    found = {}
    for name, result in results.items():
        chosen = result.chosen if len(result.chosen) else pd.DataFrame(columns=["model"])
        for row in chosen[chosen["model"] == model].to_dict("records"):
            found[f"{name}, seed {row['seed']}, fold {row['fold']}"] = row
    rows = {}
    for name, axis in space.items():
        scale = "log" if isinstance(axis, Float) and axis.log else "linear"
        values = {column: row[name] for column, row in found.items()}
        rows[name] = {"lowest": axis.low, "highest": axis.high, "scale": scale} | values
    return pd.DataFrame.from_dict(rows, orient="index")
