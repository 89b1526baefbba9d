from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest
import requests

from helpers.data.download import (
    UnreachableError,
    availability,
    cache_folder,
    cached_path,
    fetch,
    fetch_all,
    locate,
    needed,
)
from helpers.data.hashes import git_blob_sha1, sha256, verify
from helpers.data.registry import Registry
from helpers.errors import DownloadError

CONTENT = b"good content\n"


def put(folder: Path, file, content: bytes = CONTENT) -> Path:
    path = folder / file.location
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def leftovers() -> list[str]:
    return [path.name for path in cache_folder().rglob("*") if path.is_file()]


def test_known_hashes(tmp_path):
    path = tmp_path / "hello"
    path.write_bytes(b"hello\n")
    # The names that sha256sum and git hash-object print for this content.
    assert sha256(path) == "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"
    assert git_blob_sha1(path) == "ce013625030ba8dba906f756967f9e9ca394464a"


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_git_blob_sha1_agrees_with_git(tmp_path):
    path = tmp_path / "blob"
    path.write_bytes(bytes(range(256)) * 9000)
    said = subprocess.run(
        ["git", "hash-object", str(path)], capture_output=True, encoding="utf-8", check=True
    )
    assert git_blob_sha1(path) == said.stdout.strip()


@pytest.mark.parametrize(
    ("fields", "content", "message"),
    [
        ({}, b"good contenX\n", "wrong content: sha256"),
        ({}, b"good", "truncated: 4 bytes, expected 13"),
        ({}, CONTENT * 2, "too long"),
        ({"sha256": None, "git_blob_sha1": "0" * 40}, CONTENT, "wrong content: git_blob_sha1"),
        ({"sha256": None, "lfs_oid": "0" * 64}, CONTENT, "wrong content: lfs_oid"),
        ({"sha256": None, "md5": "0" * 32}, CONTENT, "wrong content: md5"),
        ({"git_blob_sha1": "0" * 40}, CONTENT, "wrong content: git_blob_sha1"),
    ],
)
def test_verify_refuses_and_leaves_the_file_alone(make_file, tmp_path, fields, content, message):
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(DownloadError, match=message):
        verify(make_file(CONTENT, **fields), path)
    assert path.read_bytes() == content


def test_verify_accepts_each_kind_of_hash(make_file, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(CONTENT)
    good = sha256(path)
    for fields in (
        {},
        {"sha256": None, "git_blob_sha1": git_blob_sha1(path)},
        {"sha256": None, "lfs_oid": good},
        {"sha256": None, "md5": hashlib.md5(CONTENT).hexdigest()},
        {"sha256": None, "bytes": None, "tier": "paper", "unpinned": True},
    ):
        verify(make_file(CONTENT, **fields), path)


def test_a_cached_file_needs_no_source(make_file):
    file = make_file()
    path = put(cache_folder(), file)
    assert locate(file) == path
    assert fetch(file) == path


def test_a_mirror_folder_is_copied_into_the_cache(make_file, tmp_path, monkeypatch):
    file = make_file()
    mirror = tmp_path / "mirror"
    source = put(mirror, file)
    monkeypatch.setenv("HELPERS_DATA_MIRROR", str(mirror))
    assert locate(file) == source
    path = fetch(file)
    assert path == cached_path(file) == locate(file)
    assert path.read_bytes() == CONTENT
    assert leftovers() == ["sample.csv"]


def test_a_wrong_file_in_a_mirror_folder_is_refused_and_kept_out_of_the_cache(
    make_file, tmp_path, monkeypatch
):
    file = make_file()
    source = put(tmp_path / "mirror", file, b"good contenX\n")
    monkeypatch.setenv("HELPERS_DATA_MIRROR", str(tmp_path / "mirror"))
    with pytest.raises(DownloadError, match="wrong content") as error:
        fetch(file)
    assert str(source) in str(error.value)
    assert leftovers() == []


def test_a_damaged_cached_file_is_replaced(make_file, server):
    file = make_file()
    server.content[file.location] = CONTENT
    put(cache_folder(), file, b"good contenX\n")
    assert locate(file) is None
    assert fetch(file).read_bytes() == CONTENT


def test_download_from_a_mirror_address(make_file, server):
    file = make_file()
    server.content[file.location] = CONTENT
    seen = []
    path = fetch(file, progress=lambda which, done, total: seen.append((which.key, done, total)))
    assert path.read_bytes() == CONTENT
    assert seen[-1] == ("sample", len(CONTENT), len(CONTENT))
    fetch(file)
    assert server.asked == [file.location]


def test_a_file_known_by_its_git_name_only(make_file, server, tmp_path):
    (tmp_path / "copy").write_bytes(CONTENT)
    name = git_blob_sha1(tmp_path / "copy")
    file = make_file(CONTENT, sha256=None, bytes=None, git_blob_sha1=name)
    server.content[file.location] = CONTENT
    assert fetch(file).read_bytes() == CONTENT
    wrong = make_file(CONTENT, sha256=None, bytes=None, git_blob_sha1=name, key="wrong", path="wrong.csv")
    server.content[wrong.location] = b"short"
    with pytest.raises(DownloadError, match="git_blob_sha1"):
        fetch(wrong)
    assert leftovers() == ["sample.csv"]


def test_a_wrong_download_never_gets_the_final_name(make_file, server):
    good, bad = make_file(), make_file(key="bad", path="data/bad.csv")
    server.content = {good.location: CONTENT, bad.location: b"good contenX\n"}
    fetch(good)
    with pytest.raises(DownloadError, match="wrong content") as error:
        fetch(bad)
    assert server.url in str(error.value)
    assert leftovers() == ["sample.csv"]
    assert cached_path(good).read_bytes() == CONTENT
    assert server.asked.count(bad.location) == 1, "another try cannot mend another content"


def test_a_truncated_download_is_tried_again(make_file, server):
    file = make_file()
    server.content[file.location] = CONTENT
    server.broken[file.location] = 2
    assert fetch(file).read_bytes() == CONTENT
    assert len(server.asked) == 3


def test_a_download_that_stays_truncated_is_an_error(make_file, server):
    file = make_file()
    server.content[file.location] = CONTENT
    server.broken[file.location] = 99
    with pytest.raises(DownloadError, match="truncated"):
        fetch(file)
    assert leftovers() == []
    assert len(server.asked) == 3


def test_a_short_file_from_the_server_is_called_truncated(make_file, server):
    file = make_file()
    server.content[file.location] = CONTENT[:5]
    with pytest.raises(DownloadError, match="truncated at 5 of 13"):
        fetch(file)


def test_a_download_that_does_not_end_is_stopped(make_file, server):
    file = make_file()
    server.content[file.location] = b"x" * 1_000_000
    with pytest.raises(DownloadError, match="more than the 13 bytes"):
        fetch(file)
    assert leftovers() == []


def test_a_missing_file_on_the_mirror_is_named(make_file, server):
    with pytest.raises(DownloadError, match="404"):
        fetch(make_file())
    assert len(server.asked) == 1


@pytest.mark.parametrize("address", ["http://mirror.example.org", "ftp://127.0.0.1", "file:///tmp"])
def test_only_https(make_file, monkeypatch, address):
    monkeypatch.setenv("HELPERS_DATA_MIRROR", address)
    with pytest.raises(DownloadError, match="not https"):
        fetch(make_file())


def test_a_redirect_to_an_insecure_address_is_refused(make_file, server, monkeypatch):
    file = make_file()
    server.content["elsewhere"] = CONTENT
    server.redirects[file.location] = f"{server.url}/elsewhere"
    assert fetch(file).read_bytes() == CONTENT
    cached_path(file).unlink()
    # The same redirect, with the server no longer counted as this machine.
    first = server.url.split("//")[1].split(":")[0]
    real = requests.get

    def renamed(url: str, **options: object) -> requests.Response:
        answer = real(url, **options)
        answer.url = answer.url.replace(first, "mirror.example.org")
        return answer

    monkeypatch.setattr("helpers.data.download.requests.get", renamed)
    with pytest.raises(DownloadError, match=r"mirror\.example\.org.* is not https"):
        fetch(file)


def test_offline_forbids_the_origin(make_file):
    with pytest.raises(UnreachableError, match="HELPERS_OFFLINE"):
        fetch(make_file())


def test_no_network_says_so(make_file, monkeypatch):
    def refuse(url: str, **options: object) -> None:
        raise requests.ConnectionError

    monkeypatch.delenv("HELPERS_OFFLINE")
    monkeypatch.setattr("pooch.core.time.sleep", lambda seconds: None)
    monkeypatch.setattr("helpers.data.download.requests.get", refuse)
    with pytest.raises(UnreachableError, match=r"raw\.githubusercontent\.com cannot be reached"):
        fetch(make_file())


def test_the_origin_is_asked_after_the_mirror(make_file, server, monkeypatch):
    file = make_file()
    server.content["origin"] = CONTENT
    real = requests.get
    asked = []

    def route(url: str, **options: object) -> requests.Response:
        asked.append(url)
        return real(f"{server.url}/origin" if "githubusercontent" in url else url, **options)

    monkeypatch.delenv("HELPERS_OFFLINE")
    monkeypatch.setattr("helpers.data.download.requests.get", route)
    assert fetch(file).read_bytes() == CONTENT
    assert asked == [f"{server.url}/{file.location}", file.address]


def test_a_file_obtained_by_hand_says_where_it_goes(make_file):
    file = make_file(repository=None, commit=None)
    with pytest.raises(DownloadError, match="Ask the owner") as error:
        fetch(file)
    assert str(cached_path(file)) in str(error.value)


def test_a_set_keeps_what_succeeds_and_goes_on_there(make_file, server):
    files = [make_file(key=f"file-{name}", path=f"{name}.csv") for name in "abc"]
    server.content = {files[0].location: CONTENT, files[2].location: CONTENT}
    with pytest.raises(DownloadError, match=r"1 file.*missing") as error:
        fetch_all(files)
    assert "file-b" in str(error.value)
    assert sorted(leftovers()) == ["a.csv", "c.csv"]
    server.content[files[1].location] = CONTENT
    server.asked.clear()
    assert set(fetch_all(files)) == {"file-a", "file-b", "file-c"}
    assert server.asked == [files[1].location]


def test_a_set_does_not_wait_for_a_dead_host_again(make_file, monkeypatch):
    files = [make_file(key=f"file-{name}", path=f"{name}.csv") for name in "abc"]
    put(cache_folder(), files[2])
    asked = []

    def refuse(url: str, **options: object) -> None:
        asked.append(url)
        raise requests.ConnectTimeout

    monkeypatch.delenv("HELPERS_OFFLINE")
    monkeypatch.setattr("helpers.data.download.requests.get", refuse)
    with pytest.raises(DownloadError, match="2 file"):
        fetch_all(files)
    assert asked == [files[0].address]


def test_availability(make_file, tmp_path, monkeypatch):
    files = [make_file(key=f"file-{name}", path=f"{name}.csv") for name in "abcd"]
    mirror = tmp_path / "mirror"
    monkeypatch.setenv("HELPERS_DATA_MIRROR", str(mirror))
    put(cache_folder(), files[0])
    put(mirror, files[1])
    put(cache_folder(), files[2], b"bad")
    status = availability(Registry(files), "panel")
    assert status.states == {
        "file-a": "cached",
        "file-b": "mirror",
        "file-c": "damaged",
        "file-d": "missing",
    }
    assert status.missing == ["file-c", "file-d"]
    assert not status.complete
    put(mirror, files[2])
    put(mirror, files[3])
    assert availability(Registry(files), "panel").complete


def test_an_alternative_replaces_files_only_where_it_is_at_hand(make_file):
    one, other = (make_file(key=key, path=f"{key}.csv") for key in ("one", "other"))
    instead = make_file(key="both", path="both.csv", instead_of=["one", "other"])
    assert [file.key for file in needed([one, other, instead])] == ["one", "other"]
    cached_path(instead).parent.mkdir(parents=True)
    cached_path(instead).write_bytes(b"good content\n")
    assert [file.key for file in needed([one, other, instead])] == ["both"]
