from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from helpers.data.registry import Registry
from helpers.errors import RegistryError

GOOD = {
    "key": "sample",
    "title": "a sample",
    "tier": "panel",
    "owner": "nobody",
    "repository": "owner/name",
    "commit": "0" * 40,
    "path": "data/sample.csv",
    "sha256": "0" * 64,
    "licence": "MIT",
    "chapters": ["01_sample"],
    "card": "toy/cards/sample.md",
    "obtain": "by download",
}


def without(*fields: str, **changes: object) -> dict[str, object]:
    return {name: value for name, value in {**GOOD, **changes}.items() if name not in fields}


def write(tmp_path: Path, content: object) -> Path:
    path = tmp_path / "data" / "toy" / "datasets.yml"
    path.parent.mkdir(parents=True)
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content), encoding="utf-8")
    return path.parents[1]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("- key: [", "not readable YAML"),
        ("- key: a\n  key: b\n", "'key' stands twice"),
        ("", "must be a list"),
        ("a: 1", "must be a list"),
        (["text"], "entry 1"),
        ([GOOD, GOOD], "'sample' is registered twice"),
        ([GOOD, without(key="other")], "location .* is registered twice"),
        ([without("sha256")], "no hash"),
        ([without("sha256", unpinned=True)], "only paper files may be unpinned"),
        ([without(unpinned=True, tier="paper")], "leave unpinned out"),
        ([without("sha256", md5="abc")], "md5"),
        ([without(sha256="abc")], "sha256"),
        ([without("owner")], "owner"),
        ([without(owner=" ")], "owner"),
        ([without(tier="gold")], "tier"),
        ([without(tier="simulated")], "tier"),
        ([without(extra=1)], "extra"),
        ([without(bytes=0)], "bytes"),
        ([without(bytes="12")], "bytes"),
        ([without(chapters=[])], "chapters"),
        ([without(chapters=["first"])], "chapters"),
        ([without("commit")], "repository and commit"),
        ([without(commit="main")], "commit"),
        ([without(repository="owner/..")], "not owner/name"),
        ([without(path="../sample.csv")], "leaves its folder"),
        ([without(path="a/../../b")], "leaves its folder"),
        ([without(path="/etc/sample")], "leaves its folder"),
        ([without(path="C:/sample")], "leaves its folder"),
        ([without(path="a\\b")], "leaves its folder"),
        ([without(url="https://example.org/x")], "leave url out"),
        ([without("repository", "commit", url="http://example.org/x")], "not https"),
        ([without(card="../card.md")], "card"),
        ([without(key="../up")], "key"),
    ],
)
def test_a_malformed_registry_gives_one_error_that_names_file_and_fault(tmp_path, content, message):
    folder = write(tmp_path, content)
    with pytest.raises(RegistryError, match=message) as error:
        Registry.load(folder)
    assert str(folder) in str(error.value)


def test_no_registry_file(tmp_path):
    with pytest.raises(RegistryError, match="no data registry"):
        Registry.load(tmp_path)


def test_an_unknown_key_lists_the_known_ones(tmp_path):
    registry = Registry.load(write(tmp_path, [GOOD]))
    with pytest.raises(RegistryError, match=r"'other'.*sample"):
        registry["other"]


def test_addresses_and_locations(tmp_path):
    outside = without("repository", "commit", key="far", url="https://example.org/far.csv", path="far.csv")
    by_hand = without("repository", "commit", key="hand", path="hand.csv")
    registry = Registry.load(write(tmp_path, [GOOD, outside, by_hand]))
    assert (
        registry["sample"].address
        == f"https://raw.githubusercontent.com/owner/name/{'0' * 40}/data/sample.csv"
    )
    assert registry["sample"].location == f"owner/name/{'0' * 40}/data/sample.csv"
    assert registry["far"].address == "https://example.org/far.csv"
    assert registry["far"].location == "far/far.csv"
    assert registry["hand"].address is None


def test_select_by_tier_and_chapter(tmp_path):
    second = without(key="second", path="b.csv", tier="paper", chapters=["01_sample", "02_other"])
    registry = Registry.load(write(tmp_path, [GOOD, second]))

    def keys(**choice: str) -> list[str]:
        return [file.key for file in registry.select(**choice)]

    assert keys() == ["sample", "second"]
    assert keys(tier="panel") == ["sample"]
    assert keys(chapter="02_other") == ["second"]
    assert keys(tier="panel", chapter="02_other") == []


def test_every_registered_file_has_its_card(real_registry, repository):
    for file in real_registry:
        text = (repository / "data" / file.card).read_text(encoding="utf-8")
        assert file.path.rsplit("/", 1)[-1] in text, f"{file.card} does not name {file.path}"
        assert file.licence in text, f"{file.card} does not name the licence of {file.key}"


def test_what_a_recorded_chapter_read_is_registered_for_it(real_registry, repository):
    """Otherwise ``helpers data fetch --chapter`` leaves it out, and a changed file makes nothing stale."""
    runs = [json.loads(p.read_text(encoding="utf-8")) for p in repository.glob("book/record/results/*.json")]
    assert runs
    for run in runs:
        registered = {file.sha256 for file in real_registry.select(chapter=run["chapter"])}
        assert {file["sha256"] for file in run["inputs"]} <= registered, run["chapter"]


def test_a_file_is_registered_with_its_study_or_as_shared(repository):
    study = {
        line.removeprefix("chapter: "): path.parent.name
        for path in repository.glob("data/*/claims*.yml")
        for line in path.read_text(encoding="utf-8").splitlines()
        if line.startswith("chapter: ")
    }
    for path in repository.glob("data/*/datasets.yml"):
        for file in yaml.safe_load(path.read_text(encoding="utf-8")):
            readers = {study[chapter] for chapter in file["chapters"]}
            assert {path.parent.name} == (readers if len(readers) == 1 else {"shared"}), file["key"]


def test_every_panel_file_is_pinned(real_registry):
    for file in real_registry.select("panel"):
        assert file.bytes, file.key
        assert file.sha256, file.key
