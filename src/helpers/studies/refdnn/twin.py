"""Simulated drug response with planted resistance genes.

The twin has the shape and the habits of the real data: families of drugs that share structure
and resistance genes, cancer types that shift expression and response, drugs that differ in how
often lines resist them (about half of the label's entropy), lines that resist everything a
little, missing pairs, repeated screens, and drugs with a single label.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
import pandas as pd

from helpers.bounds import check_number
from helpers.data.types import Provenance, ResponseData
from helpers.errors import DataError
from helpers.studies.refdnn.files import OTHERS

# Standard deviations of the parts of the latent log IC50, in units of its within-drug part.
_DRUG, _LINE, _TYPE, _GENES, _NOISE = 1.6, 0.35, 0.25, 0.8, 0.45
_CEILING = 14.0  # highest log2 expression
_TWINS: dict[str, dict[str, Any]] = {
    "CCLE": {"n_lines": 160, "n_drugs": 12, "n_genes": 150, "one_class_drugs": 2},
    "GDSC": {"n_lines": 150, "n_drugs": 40, "n_genes": 150, "repeated_drugs": 3, "missing": 0.1},
}


@dataclass(frozen=True, eq=False)
class SimulatedTruth:
    """What was planted.

    Attributes
    ----------
    weights : DataFrame, drugs x genes
        Change of the latent log IC50 per standard deviation of a gene; zero for genes that do
        not matter. Positive: high expression makes resistant.
    family : Series
        Family of each drug; drugs of a family share genes and most fingerprint bits.
    cancer_type : Series
        Cancer type of each line.
    latent : DataFrame, lines x drugs
        Latent log IC50 without measurement noise, relative to the drug's maximum concentration:
        positive where a noise-free measurement would be called resistant.
    noise : float
        Standard deviation of the measurement noise, on the scale of ``latent``.
    """

    weights: pd.DataFrame
    family: pd.Series
    cancer_type: pd.Series
    latent: pd.DataFrame
    noise: float


def simulate_response(
    name: str = "simulated",
    n_lines: int = 120,
    n_drugs: int = 12,
    n_genes: int = 200,
    seed: int = 0,
    *,
    n_families: int | None = None,
    genes_per_family: int = 4,
    n_cancer_types: int = 8,
    n_bits: int = 256,
    resistant: float = 0.6,
    missing: float = 0.03,
    repeated_drugs: int = 0,
    one_class_drugs: int = 0,
) -> tuple[ResponseData, SimulatedTruth]:
    """Draw a drug-response data set with known truth.

    Parameters
    ----------
    name : str
    n_lines, n_drugs, n_genes : int
    seed : int
        The same arguments and seed give the same data.
    n_families : int, optional
        Families of drugs; default one for four drugs, at least two.
    genes_per_family : int
        Planted genes of a family, half of them with a negative weight.
    n_cancer_types : int
        Cancer types of falling size, the largest being ``"others"``.
    n_bits : int
        Fingerprint length.
    resistant : float
        Share of resistant labels over all drugs, one-class drugs included.
    missing : float
        Share of (line, drug) pairs that were not measured.
    repeated_drugs : int
        Drugs with a second screen of most lines: their (line, drug) keys repeat, with fresh noise.
    one_class_drugs : int
        Drugs that no line resists.

    Returns
    -------
    data : ResponseData
        ``value`` is a natural logarithm (uM); a pair is resistant exactly where ``value`` exceeds the
        logarithm of the drug's ``max_concentration``.
    truth : SimulatedTruth

    Raises
    ------
    DataError
        If the sizes do not fit together, or one is no number.
    """
    least = {"n_lines": n_lines, "n_drugs": n_drugs, "n_genes": n_genes, "n_bits": n_bits}
    least |= {"genes_per_family": genes_per_family, "n_cancer_types": n_cancer_types}
    for what, size in (least | ({} if n_families is None else {"n_families": n_families})).items():
        check_number(what, size, 1, whole=True)
    for what, size in {"repeated_drugs": repeated_drugs, "one_class_drugs": one_class_drugs}.items():
        check_number(what, size, 0, whole=True)
    check_number("seed", seed, 0, whole=True)
    for what, share in {"resistant": resistant, "missing": missing}.items():
        check_number(what, share, 0, 1)
    families = max(2, n_drugs // 4) if n_families is None else n_families
    _check_sizes(n_lines, n_drugs, n_genes, families, genes_per_family, n_cancer_types)
    if one_class_drugs >= n_drugs or repeated_drugs > n_drugs:
        msg = f"{one_class_drugs} one-class and {repeated_drugs} repeated drugs do not fit in {n_drugs}"
        raise DataError(msg)
    if not (0 < resistant < 1 and 0 <= missing < 1):
        msg = f"resistant must lie in (0, 1) and missing in [0, 1); got {resistant} and {missing}"
        raise DataError(msg)
    resistant_among_rest = resistant * n_drugs / (n_drugs - one_class_drugs)
    if resistant_among_rest > 0.95:
        msg = (
            f"{resistant:.0%} resistant labels need fewer than {one_class_drugs} one-class drugs in {n_drugs}"
        )
        raise DataError(msg)
    rng = np.random.default_rng(seed)
    lines, drugs, genes = _ids("line", n_lines), _ids("drug", n_drugs), _ids("gene", n_genes)
    kind = _cancer_types(n_lines, n_cancer_types, rng)
    expression, relevant = _expression(kind, n_genes, families * genes_per_family, rng)
    family = rng.permutation(np.arange(n_drugs) % families)
    weights = _weights(family, relevant.reshape(families, genes_per_family), n_genes, rng)
    latent = _latent(expression, weights, kind, family, rng)
    flat = rng.choice(n_drugs, one_class_drugs, replace=False)
    both = np.setdiff1d(np.arange(n_drugs), flat)
    latent -= np.quantile(latent[:, both], 1 - resistant_among_rest)
    # Far enough below zero that noise turns no label.
    latent[:, flat] -= latent[:, flat].max(axis=0) + 6 * _NOISE
    highest = rng.choice([1.0, 2.0, 4.0, 8.0, 10.0], n_drugs)
    response = _measure(latent, highest, missing, both[:repeated_drugs], rng)
    labels = np.array([OTHERS, *(f"TYPE{number}" for number in range(1, n_cancer_types))], dtype=object)[kind]
    pathway = [f"pathway {chr(ord('A') + code % 26)}{code // 26 or ''}" for code in family]
    data = ResponseData(
        name=name,
        expression=pd.DataFrame(expression, index=lines, columns=genes),
        response=response.assign(
            line=lines.to_numpy()[response["line"]], drug=drugs.to_numpy()[response["drug"]]
        ),
        fingerprints=_fingerprints(family, n_bits, drugs, rng),
        lines=pd.DataFrame(
            {
                "cancer_type": labels,
                "tissue": labels,
                "patient": lines,
                "name": lines,
                "cosmic_id": "",
                "model_id": "",
            },
            lines,
        ),
        drugs=pd.DataFrame({"pathway": pathway, "target": "unknown", "max_concentration": highest}, drugs),
        provenance=Provenance(
            "simulated",
            notes=(f"Drawn from a model with planted resistance genes, seed {seed}; not measured.",),
        ),
    )
    truth = SimulatedTruth(
        weights=pd.DataFrame(weights, index=drugs, columns=genes),
        family=pd.Series(pathway, index=drugs),
        cancer_type=pd.Series(labels, index=lines),
        latent=pd.DataFrame(latent, index=lines, columns=drugs),
        noise=_NOISE,
    )
    return data, truth


def simulate_twin(name: str, seed: int = 0) -> ResponseData:
    """Draw the simulated twin of ``"CCLE"`` (160 lines x 12 drugs) or ``"GDSC"`` (150 x 40).

    The CCLE twin has two one-class drugs, the GDSC twin three drugs with a second screen.
    """
    if name not in _TWINS:
        msg = f"no simulated twin of {name!r}; one of {', '.join(_TWINS)}"
        raise DataError(msg)
    return simulate_response(name, seed=seed, **_TWINS[name])[0]


def _check_sizes(lines: int, drugs: int, genes: int, families: int, planted: int, types: int) -> None:
    if families < 1 or drugs < families:
        msg = f"{drugs} drugs do not fill {families} families"
        raise DataError(msg)
    if planted < 1 or genes < families * planted:
        msg = f"{genes} genes are too few for {families} families of {planted} planted genes"
        raise DataError(msg)
    if types < 1 or lines < 3 * types:
        msg = f"{lines} lines are too few for {types} cancer types of at least 3 lines"
        raise DataError(msg)


def _ids(what: str, number: int) -> pd.Index:
    width = len(str(number))
    return pd.Index([f"{what}-{code:0{width}d}" for code in range(1, number + 1)], dtype=object)


def _cancer_types(n_lines: int, n_types: int, rng: np.random.Generator) -> np.ndarray:
    """Codes of falling frequency, each at least three times."""
    share = 0.8 ** np.arange(n_types)
    free = rng.choice(n_types, n_lines - 3 * n_types, p=share / share.sum())
    return rng.permutation(np.concatenate([np.repeat(np.arange(n_types), 3), free]))


def _expression(
    kind: np.ndarray, n_genes: int, n_planted: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Log2 expression (lines x genes) and the genes that may be planted."""
    planted = rng.choice(n_genes, n_planted, replace=False)
    mean = rng.uniform(0.5, 10, n_genes)
    spread = rng.uniform(0.3, 1.2, n_genes)
    # Planted genes vary and stay clear of the floor, so that they can be found.
    mean[planted] = rng.uniform(4, 8, n_planted)
    spread[planted] = rng.uniform(1.0, 1.5, n_planted)
    shift = rng.normal(0, 0.6, (kind.max() + 1, n_genes)) * (rng.random((kind.max() + 1, n_genes)) < 0.3)
    factor = rng.normal(size=(len(kind), 3)) @ rng.normal(0, 0.25, (3, n_genes))
    values = mean + spread * (rng.normal(size=(len(kind), n_genes)) + shift[kind] + factor)
    return np.clip(values, 0, _CEILING).astype(np.float32), planted


def _weights(family: np.ndarray, genes: np.ndarray, n_genes: int, rng: np.random.Generator) -> np.ndarray:
    """Gene weights: signs and genes of the family, sizes that differ a little between its drugs."""
    sign = np.where(np.arange(genes.shape[1]) % 2 == 0, 1.0, -1.0)
    weights = np.zeros((len(family), n_genes))
    for drug, code in enumerate(family):
        size = sign * rng.uniform(0.8, 1.2, genes.shape[1])
        weights[drug, genes[code]] = _GENES * size / np.linalg.norm(size)
    return weights


def _latent(
    expression: np.ndarray,
    weights: np.ndarray,
    kind: np.ndarray,
    family: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    values = expression.astype(float)
    spread = values.std(axis=0)
    z = (values - values.mean(axis=0)) / np.where(spread > 0, spread, 1)
    # Evenly spread quantiles, so that small data sets too have easy and hard drugs.
    quantiles = (np.arange(len(family)) + 0.5) / len(family)
    drug = rng.permutation([NormalDist().inv_cdf(quantile) for quantile in quantiles])
    line = rng.normal(size=len(kind))
    lineage = rng.normal(size=(kind.max() + 1, family.max() + 1))
    return _DRUG * drug + _LINE * line[:, None] + _TYPE * lineage[kind][:, family] + z @ weights.T


def _measure(
    latent: np.ndarray, highest: np.ndarray, missing: float, repeated: np.ndarray, rng: np.random.Generator
) -> pd.DataFrame:
    """Long table of codes, drug by drug; a repeated drug has its second screen at the end."""
    n_lines, n_drugs = latent.shape
    drug = np.repeat(np.arange(n_drugs), n_lines)
    line = np.tile(np.arange(n_lines), n_drugs)
    measured = rng.random(len(drug)) >= missing
    again = np.isin(drug, repeated) & (rng.random(len(drug)) < 0.8)
    line = np.concatenate([line[measured], line[again]])
    drug = np.concatenate([drug[measured], drug[again]])
    excess = latent[line, drug] + rng.normal(0, _NOISE, len(line))
    return pd.DataFrame(
        {
            "line": line,
            "drug": drug,
            "resistant": (excess > 0).astype(np.int8),
            "value": np.log(highest[drug]) + excess,
        }
    )


def _fingerprints(family: np.ndarray, n_bits: int, drugs: pd.Index, rng: np.random.Generator) -> pd.DataFrame:
    prototype = rng.random((family.max() + 1, n_bits)) < 1 / 3
    flip = rng.random((len(family), n_bits)) < 0.1
    columns = [f"FP{bit}" for bit in range(1, n_bits + 1)]
    return pd.DataFrame((prototype[family] ^ flip).astype(np.uint8), index=drugs, columns=columns)
