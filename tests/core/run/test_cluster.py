"""More than one machine: a Dask cluster gives the numbers that one machine gives, whatever dies meanwhile."""

from __future__ import annotations

import pytest

from helpers.run.execute import run_notebooks
from helpers.run.plan import RunOptions

PROTOCOL = """
import signal
from datetime import UTC, datetime

import numpy as np
import pandas as pd
from sklearn.linear_model import Ridge
from sklearn.model_selection import KFold

from helpers.chapter.provenance import execution_times
from helpers.evaluation.protocol import Fold, Model, each_fold, run

flag = Path(out) / "killed"


def fit(data, fold):
    if fold.name == "3":
        from distributed import get_worker

        try:
            get_worker()
        except ValueError:
            pass  # on one machine nobody is killed
        else:
            if not flag.exists():
                flag.touch()
                os.kill(os.getpid(), signal.SIGKILL)
    x, y = data.iloc[:, :-1], data.iloc[:, -1]
    return Ridge().fit(x.iloc[fold.train], y.iloc[fold.train]).predict(x.iloc[fold.test])


table = pd.DataFrame(np.random.default_rng(0).normal(size=(400, 30)))
folds = [Fold(str(i), *part) for i, part in enumerate(KFold(8).split(table))]
scores = run(
    table,
    folds,
    [Model("ridge", each_fold(fit))],
    lambda data, fold, found: pd.DataFrame({"error": (found - data.iloc[fold.test, -1]) ** 2}),
    n_jobs=2,
)
level = float(scores["error"].sum())
print(scores["fold"].tolist() == sorted(scores["fold"], key=int))
print("workers:", execution_times(datetime.now(UTC), Path("none")).get("cluster_workers"))
"""


@pytest.mark.slow
def test_a_worker_that_is_killed_changes_no_number(toy):
    distributed = pytest.importorskip("distributed")
    toy.notebook("01_first", body=PROTOCOL)
    run_notebooks(toy.root, RunOptions(profile="smoke"))
    alone = toy.results("01_first")["toy.level"]["value"]
    assert not (toy.folder / "killed").exists()

    options = {"dashboard_address": None, "protocol": "tcp", "host": "127.0.0.1"}
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=True, **options) as cluster:
        chosen = RunOptions(profile="smoke", scheduler=cluster.scheduler_address, force=True)
        state = run_notebooks(toy.root, chosen)
    assert state.notebooks["01_first"].latest.error is None
    assert (toy.folder / "killed").exists(), "no worker was killed: the fits did not reach the cluster"
    assert toy.results("01_first")["toy.level"]["value"] == alone
    log = (toy.folder / "logs" / "01_first.log").read_text(encoding="utf-8")
    assert "True\n" in log
    assert "workers: 0 x 1 thread, 1 x 1 thread" in log
