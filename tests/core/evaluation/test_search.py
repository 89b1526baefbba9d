import numpy as np
import pytest

from helpers.errors import DataError, ParameterError
from helpers.evaluation.search import Float, Integer, search

SPACE = {"units": Integer(4, 128), "rate": Float(1e-6, 1e-1, log=True), "ratio": Float(0.1, 0.9)}


def quadratic(batch):
    return [
        -((np.log10(p["rate"]) + 3 - i) ** 2) - (p["units"] / 128 - 0.5) ** 2 - (p["ratio"] - 0.3) ** 2
        for i, p in batch
    ]


def same(one, other):
    assert [r.name for r in one] == [r.name for r in other]
    for a, b in zip(one, other, strict=True):
        assert a.params == b.params
        assert a.value == b.value
        assert a.trials.equals(b.trials)


class Killed(BaseException):
    pass


def killed_after(calls):
    def evaluate(batch):
        nonlocal calls
        if calls == 0:
            raise Killed
        calls -= 1
        return quadratic(batch)

    return evaluate


def test_gaussian_process_beats_random_search_and_stays_in_the_space():
    found = search(quadratic, SPACE, ["a", "b"], n_trials=15, seed=1)
    for i, result in enumerate(found):
        t = result.trials
        assert list(t.columns) == ["trial", "value", "units", "rate", "ratio"]
        assert len(t) == 15
        assert t["units"].between(4, 128).all() and (t["units"] % 1 == 0).all()
        assert t["rate"].between(1e-6, 1e-1).all()
        assert t["ratio"].between(0.1, 0.9).all()
        assert result.value == t["value"].max() == quadratic([(i, result.params)])[0]
        assert isinstance(result.params["units"], int)
    random = search(quadratic, SPACE, ["a", "b"], n_trials=15, n_startup=15, seed=1)
    assert sum(r.value for r in found) > sum(r.value for r in random)


def test_candidates_of_a_round_come_as_one_batch_and_progress_is_told():
    sizes, told = [], []

    def evaluate(batch):
        sizes.append([i for i, _ in batch])
        return [0.0] * len(batch)

    search(evaluate, SPACE, ["a", "b", "c"], n_trials=3, progress=lambda *x: told.append(x))
    assert sizes == [[0, 1, 2]] * 3
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_a_study_does_not_depend_on_its_neighbours():
    def evaluate(batch):
        return [p["ratio"] for _, p in batch]

    together = search(evaluate, SPACE, ["a", "b"], n_trials=5)
    alone = search(evaluate, SPACE, ["b"], n_trials=5)
    same(together[1:], alone)
    assert together[0].params != together[1].params


def test_seed_changes_the_candidates():
    one, two = (search(quadratic, SPACE, ["a"], n_trials=3, seed=s)[0].trials for s in (0, 1))
    assert not one["rate"].equals(two["rate"])


@pytest.mark.parametrize("calls", [0, 2, 5])
def test_killed_search_resumes_to_the_same_result(tmp_path, calls):
    straight = search(quadratic, SPACE, ["a", "b"], n_trials=6)
    path = tmp_path / "deep" / "search.log"
    with pytest.raises(Killed):
        search(killed_after(calls), SPACE, ["a", "b"], n_trials=6, storage=path)
    evaluated = []

    def evaluate(batch):
        evaluated.append(len(batch))
        return quadratic(batch)

    same(search(evaluate, SPACE, ["a", "b"], n_trials=6, storage=path), straight)
    assert len(evaluated) == 6 - calls
    same(search(killed_after(0), SPACE, ["a", "b"], n_trials=6, storage=path), straight)


def lose_a_line(content):
    return b"".join(content.splitlines(keepends=True)[:-1])


def edit_a_value(content):
    return content.replace(b"-0.", b"-9.", 1)


@pytest.mark.parametrize("damage", [lose_a_line, edit_a_value, lambda content: content[:-40]])
def test_a_damaged_journal_is_said_and_the_search_starts_again(tmp_path, damage):
    path = tmp_path / "search.log"
    straight = search(quadratic, SPACE, ["a", "b"], n_trials=4, storage=path)
    damaged = damage(path.read_bytes())
    assert damaged != path.read_bytes()
    path.write_bytes(damaged)
    with pytest.warns(UserWarning, match="is not as it was written; made again"):
        same(search(quadratic, SPACE, ["a", "b"], n_trials=4, storage=path), straight)
    same(search(killed_after(0), SPACE, ["a", "b"], n_trials=4, storage=path), straight)


def test_stored_search_is_prolonged(tmp_path):
    path = tmp_path / "search.log"
    search(quadratic, SPACE, ["a"], n_trials=4, storage=path)
    same(
        search(quadratic, SPACE, ["a"], n_trials=6, storage=path), search(quadratic, SPACE, ["a"], n_trials=6)
    )


@pytest.mark.parametrize(
    "change",
    [{"seed": 1}, {"n_startup": 2}, {"space": {"units": Integer(4, 64)}}],
    ids=lambda c: next(iter(c)),
)
def test_storage_of_another_search_is_refused(tmp_path, change):
    path = tmp_path / "search.log"
    arguments = {"space": SPACE, "names": ["a"], "n_trials": 3, "storage": path}
    search(quadratic, **arguments)
    with pytest.raises(ParameterError, match="other settings"):
        search(quadratic, **(arguments | change))


@pytest.mark.parametrize(
    ("values", "message"),
    [([np.nan], "returned nan in search 'a'"), ([np.inf], "returned inf"), ([1.0, 2.0], "returned 2 values")],
)
def test_unusable_values_are_refused_and_leave_the_storage_usable(tmp_path, values, message):
    path = tmp_path / "search.log"
    with pytest.raises(DataError, match=message):
        search(lambda batch: values, SPACE, ["a"], n_trials=4, storage=path)
    same(
        search(quadratic, SPACE, ["a"], n_trials=4, storage=path), search(quadratic, SPACE, ["a"], n_trials=4)
    )


@pytest.mark.parametrize(
    "change",
    [
        {"names": []},
        {"names": ["a", "a"]},
        {"n_startup": 0},
        {"n_startup": 5},
        {"space": {}},
        {"space": {"x": Integer(3, 2)}},
        {"space": {"x": Float(0.0, 1.0, log=True)}},
    ],
)
def test_impossible_searches_are_refused(change):
    arguments = {"space": SPACE, "names": ["a"], "n_trials": 4}
    with pytest.raises(ParameterError):
        search(quadratic, **(arguments | change))
