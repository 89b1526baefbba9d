"""A small world of pairs with planted effects of drug, line, expression and structure."""

import numpy as np

from helpers.studies.refdnn.features import PairFeatures


def small_features(n_lines=30, n_drugs=6, n_genes=8, n_bits=40, seed=0):
    rng = np.random.default_rng(seed)
    return PairFeatures(
        expression=rng.normal(6, 1 + np.arange(n_genes) / 4, (n_lines, n_genes)),
        fingerprints=rng.integers(0, 2, (n_drugs, n_bits)),
        line_names=np.array([f"L{i:02d}" for i in range(n_lines)]),
        drug_names=np.array([f"D{i:02d}" for i in range(n_drugs)]),
        gene_names=np.array([f"G{i}" for i in range(n_genes)]),
        line_types=np.array(["lung", "skin", "blood"])[np.arange(n_lines) % 3],
    )


def small_pairs(features, missing=0.2, repeats=10, seed=0):
    """Codes, labels and log IC50 with a drug, a line and an expression effect."""
    rng = np.random.default_rng(seed)
    n_lines, n_drugs = len(features.line_names), len(features.drug_names)
    codes = np.array([(i, j) for i in range(n_lines) for j in range(n_drugs) if rng.random() > missing])
    codes = np.concatenate([codes, codes[rng.integers(0, len(codes), repeats)]])
    x = features.expression - features.expression.mean(axis=0)
    gene = rng.integers(0, 2, n_drugs)
    value = (
        1.5 * rng.normal(size=n_drugs)[codes[:, 1]]
        + 0.5 * rng.normal(size=n_lines)[codes[:, 0]]
        + x[codes[:, 0], gene[codes[:, 1]]]
        + 0.5 * rng.normal(size=len(codes))
    )
    return codes, (value > 0).astype(int), value
