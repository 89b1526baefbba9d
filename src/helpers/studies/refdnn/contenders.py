"""The models of the RefDNN chapters: the published ones, the ones left out, and the ablations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from helpers.checks import check_columns, refuse
from helpers.errors import ParameterError
from helpers.evaluation.space import Float, Space
from helpers.studies.refdnn.baselines.forest import FOREST_FIXED, FOREST_SPACE, ExpressionForest, PairForest
from helpers.studies.refdnn.baselines.kronecker import KroneckerRidge
from helpers.studies.refdnn.baselines.linear import (
    ELASTIC_NET_FIXED,
    ELASTIC_NET_SPACE,
    ExpressionElasticNet,
    PairElasticNet,
)
from helpers.studies.refdnn.baselines.per_drug import (
    BOOSTING_SPACE,
    PER_DRUG_SPACE,
    RIDGE_SPACE,
    TYPE_SPACE,
    DrugElasticNet,
    DrugTypeMean,
    PairBoosting,
)
from helpers.studies.refdnn.baselines.prevalence import AdditiveLogistic, DrugPrevalence, LinePrevalence
from helpers.studies.refdnn.baselines.ranking import MeanRankOfLine, NearestDrugRank
from helpers.studies.refdnn.features import PairFeatures
from helpers.studies.refdnn.fits import Contender
from helpers.studies.refdnn.model import RefDNNClassifier
from helpers.studies.refdnn.model.published import (
    ABLATION,
    ABLATION_SPACE,
    REFDNN_SPACE,
    fixed_settings,
    scale_matched,
)

#: The kernel ridge's penalty and width, searched where RefDNN's settings are searched.
KERNEL_SPACE: Space = {"alpha": Float(0.1, 10.0, log=True), "gamma": Float(0.05, 2.0, log=True)}

#: Models of the study; all others are ours.
PUBLISHED = ["RefDNN", "RefDNN-test", "Random Forest", "Elastic Net"]

#: RefDNN at the study's constants but for FTRL's learning rate (:func:`scale_matched`).
SCALE_MATCHED = "RefDNN, scale-matched"

#: Controls of what the network knows of drugs, at full training.
SIMILARITY_CONTROLS = {
    "drug name only": {"similarity": "identity"},
    "another drug's structure": {"similarity": "shuffled"},
    "no drug": {"similarity": "ones"},
}

#: Networks with one loss and an encoder that is trained, letters as in :func:`ablation_contenders`.
ONE_LOSS: dict[str, dict[str, Any]] = {
    "(a) one loss, encoder by Adam": {"encoder": "adam", "loss_weights": (1.0, 0.0)},
    "(b) one loss, encoder by FTRL": {"loss_weights": (1.0, 0.0)},
}

#: All variants of the ablation, and those that its verdicts compare.
JUDGED_ABLATIONS = ["RefDNN", "RefDNN-test", *ONE_LOSS]
ABLATIONS = [*JUDGED_ABLATIONS, "(d) encoder only", "(e) no expression"]

#: Name of a model that knows the cancer type too, and the models that are asked what it adds.
WITH_TYPE = "{} + cancer type"
TYPED = ["RefDNN", "Kernel ridge"]

#: Points of the text that leave a choice or look doubtful, varied one at a time.
VARIANTS = {
    "RefDNN": {},
    "trained gamma and beta": {"affine": True},
    "encoder by Adam": {"encoder": "adam"},
    "standardised genes": {"standardise": True},
    "whole validation set": {"full_validation": True},
    "first evaluation at 500": {"first_evaluation": 500},
}


def encoder_weights(model: RefDNNClassifier) -> pd.DataFrame:
    """Return the encoder kernel of a fitted model, genes x reference drugs, with names."""
    features = model.features
    return pd.DataFrame(
        model.weights_, index=features.gene_names, columns=features.drug_names[model.reference_drugs_]
    )


def published_contenders(
    features: PairFeatures, dataset: str, *, search: bool, steps: int, device: str
) -> list[Contender]:
    """Return RefDNN, its published ablation, random forest and elastic net, as the study ran them.

    Parameters
    ----------
    features : PairFeatures
    dataset : {"CCLE", "GDSC"}
        Whose fixed hyperparameters to start from.
    search : bool
        Search the published spaces; False takes the fixed hyperparameters of the leave-one-group-out
        protocols.
    steps : int
        Training steps of the networks (published: 5,000).
    device : str
    """
    network = RefDNNClassifier(features, **fixed_settings(dataset), steps=steps, device=device)
    forest = ExpressionForest(features, **FOREST_FIXED[dataset])
    linear = ExpressionElasticNet(features, **ELASTIC_NET_FIXED[dataset])
    return [
        Contender("RefDNN", network, REFDNN_SPACE if search else None, keep=encoder_weights),
        Contender("RefDNN-test", _variant(network, **ABLATION), ABLATION_SPACE if search else None),
        Contender("Random Forest", forest, FOREST_SPACE if search else None),
        Contender("Elastic Net", linear, ELASTIC_NET_SPACE if search else None),
    ]


def matched_contender(features: PairFeatures, dataset: str, *, steps: int, device: str) -> Contender:
    """Return RefDNN with its learning rate scaled to the genes at hand, to stand beside the constants."""
    settings = scale_matched(dataset, len(features.gene_names))
    network = RefDNNClassifier(features, **settings, steps=steps, device=device)
    return Contender(SCALE_MATCHED, network, keep=encoder_weights)


def fixed_contenders(features: PairFeatures, dataset: str, *, steps: int, device: str) -> list[Contender]:
    """Return the models of figures 2 and 3 at the study's constants, and RefDNN scale-matched."""
    models = published_contenders(features, dataset, search=False, steps=steps, device=device)
    matched = matched_contender(features, dataset, steps=steps, device=device)
    # Nobody reads the weights of these fits, hundreds of tables of genes x drugs.
    return [replace(model, keep=None) for model in (*models, matched) if model.name != "RefDNN-test"]


def rivals(models: Sequence[str]) -> list[str]:
    """Return the models that the study left out: neither its own nor another setting of RefDNN."""
    return [model for model in models if model not in PUBLISHED and not model.startswith("RefDNN")]


def left_out_contenders(
    features: PairFeatures,
    *,
    search: bool,
    every: bool,
    nets: bool = True,
    max_samples: float | None = None,
) -> list[Contender]:
    """Return the baselines that the study left out, for protocols in which every drug is known.

    None of them uses the 20 % of the training part that early stopping needs; they fit on all of it.

    Parameters
    ----------
    features : PairFeatures
    search : bool
        Search the settings of the kernel ridge, of the models that learn each drug alone, of the cancer
        types and of the boosting, with as many candidates as RefDNN has; False keeps their defaults,
        which come from a rough comparison on the panels.
    every : bool
        Whether the slower ones take part too: elastic nets for each drug and with similarity and
        fingerprint, gradient boosting, and random forests with drug features, which alone must copy a
        line's expression into each of its pairs.
    nets : bool
        Whether elastic nets on expression take part.
    max_samples : float, optional
        Share of the pairs that each tree of those forests draws.
    """
    forest: dict[str, Any] = {"n_estimators": 100, "max_depth": 10, "max_samples": max_samples}
    contenders = [
        Contender("Prevalence", DrugPrevalence(features)),
        Contender("Line only", LinePrevalence(features)),
        Contender("Additive", AdditiveLogistic(features)),
        Contender(
            "Elastic Net, scaled", ExpressionElasticNet(features, alpha=1e-2, l1_ratio=0.5, scaled=True)
        ),
        *(
            Contender(f"Elastic Net + {kind}", PairElasticNet(features, 1e-4, drug_features=kind))
            for kind in (("one-hot", "similarity", "fingerprint") if every else ("one-hot",))
        ),
        *(
            Contender(f"Random Forest + {kind}", PairForest(features, **forest, drug_features=kind))
            for kind in ("one-hot", "similarity")
            if every
        ),
        Contender("Kernel ridge", KroneckerRidge(features), KERNEL_SPACE if search else None),
        *per_drug_contenders(features, search=search, every=every),
    ]
    kept = [c for c in contenders if nets or not c.name.startswith(("Elastic Net,", "Elastic Net +"))]
    return [_on_whole_training_part(c) for c in kept]


def per_drug_contenders(features: PairFeatures, *, search: bool, every: bool) -> list[Contender]:
    """Return the simple models that learn each drug from its own lines, and with ``every`` the slower two."""
    ridge = KroneckerRidge(features, alpha=5.0, line_kernel="linear", drug_kernel="identity")
    fast = [("Ridge per drug", ridge, RIDGE_SPACE), ("Drug x type", DrugTypeMean(features), TYPE_SPACE)]
    slow = [
        ("Elastic Net per drug", DrugElasticNet(features), PER_DRUG_SPACE),
        ("Gradient boosting", PairBoosting(features), BOOSTING_SPACE),
    ]
    models = [*fast, *(slow if every else [])]
    return [
        _on_whole_training_part(Contender(name, model, space if search else None))
        for name, model, space in models
    ]


def known_pair_contenders(
    features: PairFeatures, dataset: str, *, search: bool, steps: int, device: str, every: bool
) -> list[Contender]:
    """Return all models of figure 1: the published ones and the ones that were left out.

    Where nothing is searched, RefDNN stands at the study's constants and scale-matched. On GDSC each tree of
    a forest with drug features draws a quarter of the pairs, and without ``every`` no elastic nets are added:
    they take longer than RefDNN.
    """
    share = 0.25 if dataset == "GDSC" else None
    published = published_contenders(features, dataset, search=search, steps=steps, device=device)
    if not search:
        published.append(matched_contender(features, dataset, steps=steps, device=device))
    nets = every or dataset != "GDSC"
    return published + left_out_contenders(features, search=search, every=every, nets=nets, max_samples=share)


def searched_settings(chosen: pd.DataFrame) -> dict[str, float]:
    """Return RefDNN's best candidate of the searches of all folds.

    Parameters
    ----------
    chosen : DataFrame
        :attr:`OutOfFold.chosen`.

    Raises
    ------
    DataError
        If RefDNN was not searched.
    """
    check_columns(chosen, ("model", "value"), "settings found")
    if "RefDNN" not in set(chosen["model"]):
        refuse("settings found", "RefDNN was not searched", "give cross_validate a contender with a space")
    of_network = chosen[chosen["model"] == "RefDNN"]
    best = of_network.loc[of_network["value"].idxmax()]
    return {name: best[name] for name in REFDNN_SPACE} | {"hidden_units": int(best["hidden_units"])}


def unseen_line_contenders(features: PairFeatures, *, nets: bool) -> list[Contender]:
    """Return the baselines that say something about lines of cancer types that were never seen.

    ``nets`` as for :func:`left_out_contenders`.
    """
    models = left_out_contenders(features, search=False, every=False, nets=nets)
    return [m for m in models if m.name not in ("Line only", "Elastic Net, scaled", "Drug x type")]


def atlas_contenders(features: PairFeatures, *, every: bool) -> dict[str, list[Contender]]:
    """Return simple models for every drug of the atlas, by protocol; they are fast enough for all groups.

    They join the models that the other protocols have run. ``every`` adds the slower models of single drugs
    to unseen lines, and the kernel ridge to unseen cancer types. For unseen drugs there is the share of
    other drugs that a line resists.
    """
    ridge = per_drug_contenders(features, search=False, every=False)[:1]
    kernel = [_on_whole_training_part(Contender("Kernel ridge", KroneckerRidge(features)))]
    return {
        "unseen lines": per_drug_contenders(features, search=False, every=every),
        "unseen types": [*ridge, *(kernel if every else [])],
        "unseen drugs": unseen_drug_contenders(features, every=False)[:1],
    }


def simple_contenders(features: PairFeatures) -> list[Contender]:
    """Return the three baselines that every side question is asked of."""
    models = left_out_contenders(features, search=False, every=False)
    return [m for m in models if m.name in ("Prevalence", "Additive", "Kernel ridge")]


def unseen_drug_contenders(features: PairFeatures, *, every: bool) -> list[Contender]:
    """Return the baselines that can rank lines under a drug that was never seen.

    ``every`` adds the slower elastic net on expression and similarity.
    """
    contenders = [
        Contender("Line only", LinePrevalence(features)),
        Contender("Mean IC50 rank", MeanRankOfLine(features)),
        Contender("Nearest drug's IC50 rank", NearestDrugRank(features)),
        Contender("Kernel ridge", KroneckerRidge(features)),
    ]
    if every:
        linear = PairElasticNet(features, 1e-4, drug_features="similarity")
        contenders.append(Contender("Elastic Net + similarity", linear))
    return [_on_whole_training_part(c) for c in contenders]


def ablation_contenders(
    features: PairFeatures, dataset: str, *, search: Sequence[str], steps: int, device: str
) -> list[Contender]:
    """Return RefDNN and its ablations, all options of one model.

    The letters are those of the protocol: (a) network loss only, encoder trained by Adam; (b) network
    loss only, encoder trained by FTRL; (c) as published, encoder frozen at its random start; (d) encoder
    loss only, prediction by the encoder's logit of the drug; (e) no expression; (f) is the series of
    loss weights (0.5, 0.5), (1, 0) = (b), (0, 1) = (d), here with the same search budget each.
    ``search`` names the variants to search; the others keep the study's constants.
    """
    network = RefDNNClassifier(features, **fixed_settings(dataset), steps=steps, device=device)
    variants: dict[str, tuple[dict[str, Any], Space]] = {
        "RefDNN": ({}, REFDNN_SPACE),
        **{
            name: (changes, ABLATION_SPACE if "encoder" in changes else REFDNN_SPACE)
            for name, changes in ONE_LOSS.items()
        },
        "RefDNN-test": (ABLATION, ABLATION_SPACE),
        "(d) encoder only": ({"loss_weights": (0.0, 1.0), "output": "encoder"}, REFDNN_SPACE),
        "(e) no expression": ({"encoder": "zero", "loss_weights": (1.0, 0.0)}, ABLATION_SPACE),
    }
    return [
        Contender(name, _variant(network, **changes), space if name in search else None)
        for name, (changes, space) in variants.items()
    ]


def setting_contenders(features: PairFeatures, dataset: str, *, steps: int, device: str) -> list[Contender]:
    """Return RefDNN at the study's constants and scale-matched, and the simple models beside it."""
    models = variant_contenders(features, dataset, {"RefDNN": {}}, steps=steps, device=device)
    models.append(matched_contender(features, dataset, steps=steps, device=device))
    return models + simple_contenders(features)


def encoder_contenders(features: PairFeatures, dataset: str, *, steps: int, device: str) -> list[Contender]:
    """Return the networks whose encoders are compared as sources of biomarkers, scale-matched.

    RefDNN, and the two networks with one loss that train their encoder (:data:`ONE_LOSS`): the same settings.
    """
    matched = matched_contender(features, dataset, steps=steps, device=device)
    others = [
        Contender(n, _variant(matched.estimator, **c), keep=encoder_weights) for n, c in ONE_LOSS.items()
    ]
    return [matched, *others]


def matched_ablations(features: PairFeatures, dataset: str, *, steps: int, device: str) -> list[Contender]:
    """Return the networks of :func:`encoder_contenders`, and the published ablation, all scale-matched."""
    models = encoder_contenders(features, dataset, steps=steps, device=device)
    return [*models, Contender("RefDNN-test", _variant(models[0].estimator, **ABLATION))]


def type_contenders(features: PairFeatures, dataset: str, *, steps: int, device: str) -> list[Contender]:
    """Return scale-matched RefDNN and the kernel ridge (:data:`TYPED`), without and with the cancer type."""
    models = []
    for name, known in {"{}": features, WITH_TYPE: features.with_types()}.items():
        # The rate follows the genes alone: the two networks differ by nothing but the further inputs.
        settings = scale_matched(dataset, len(features.gene_names))
        network = RefDNNClassifier(known, **settings, steps=steps, device=device)
        models.append(Contender(name.format("RefDNN"), network))
        ridge = Contender(name.format("Kernel ridge"), KroneckerRidge(known))
        models.append(_on_whole_training_part(ridge))
    return models


def variant_contenders(
    features: PairFeatures, dataset: str, variants: dict[str, dict], *, steps: int, device: str
) -> list[Contender]:
    """Return RefDNN at the fixed hyperparameters with one setting changed a contender."""
    network = RefDNNClassifier(features, **fixed_settings(dataset), steps=steps, device=device)
    return [Contender(name, _variant(network, **changes)) for name, changes in variants.items()]


def _variant(network: RefDNNClassifier, **changes: object) -> RefDNNClassifier:
    settings = network.get_params(deep=False)
    if not set(changes) <= set(settings):
        msg = f"RefDNN has no setting {sorted(set(changes) - set(settings))}; it has {', '.join(settings)}"
        raise ParameterError(msg)
    return RefDNNClassifier(**{**settings, **changes})


def _on_whole_training_part(contender: Contender) -> Contender:
    return replace(contender, published_split=False)
