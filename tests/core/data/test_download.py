from __future__ import annotations

import email.utils
import errno
import hashlib
import os
import shutil
import subprocess
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests

from helpers.data.download import (
    CacheError,
    RateLimitError,
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


def test_a_cache_can_be_shared(make_file, server, tmp_path, monkeypatch):
    file, ordinary = make_file(), tmp_path / "ordinary"
    server.content[file.location] = CONTENT
    ordinary.write_bytes(CONTENT)
    assert fetch(file).stat().st_mode == ordinary.stat().st_mode  # private files lock others out

    def closed(path: Path) -> str:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr("helpers.data.hashes.sha256", closed)  # as another user meets a private file
    with pytest.raises(DownloadError, match=r"sample.*sample\.csv cannot be read: Permission denied"):
        verify(file, cached_path(file))
    assert locate(file) is None
    monkeypatch.setattr(Path, "is_file", closed)  # or a closed folder
    with pytest.raises(DownloadError, match="cannot be read"):
        verify(file, cached_path(file))
    assert availability(Registry([file]), file.tier).states == {file.key: "damaged"}


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
    server.asked.clear()
    server.redirects[file.location] = "http://mirror.example.org/file"
    with pytest.raises(DownloadError, match=r"mirror\.example\.org/file is not https"):
        fetch(file)
    assert server.asked == [file.location], "it is refused before it is followed"


def test_redirects_in_a_circle_end(make_file, server):
    file = make_file()
    server.redirects[file.location] = f"{server.url}/{file.location}"
    with pytest.raises(DownloadError, match="more than 5 redirects"):
        fetch(file)
    assert len(server.asked) == 6


def test_offline_forbids_the_origin(make_file):
    with pytest.raises(UnreachableError, match="HELPERS_OFFLINE"):
        fetch(make_file())


def test_no_network_says_so(make_file, monkeypatch):
    def refuse(url: str, **options: object) -> None:
        raise requests.ConnectionError

    monkeypatch.delenv("HELPERS_OFFLINE")
    monkeypatch.setattr("pooch.core.time.sleep", lambda seconds: None)
    monkeypatch.setattr("helpers.data.transfer.requests.get", refuse)
    with pytest.raises(UnreachableError, match=r"raw\.githubusercontent\.com cannot be reached") as caught:
        fetch(make_file(key="the-file"))
    assert str(caught.value).count("the-file") == 1  # two addresses failed, one file


def test_the_origin_is_asked_after_the_mirror(make_file, server, monkeypatch):
    file = make_file()
    server.content["origin"] = CONTENT
    real = requests.get
    asked = []

    def route(url: str, **options: object) -> requests.Response:
        asked.append(url)
        return real(f"{server.url}/origin" if "githubusercontent" in url else url, **options)

    monkeypatch.delenv("HELPERS_OFFLINE")
    monkeypatch.setattr("helpers.data.transfer.requests.get", route)
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
    monkeypatch.setattr("helpers.data.transfer.requests.get", refuse)
    with pytest.raises(DownloadError, match="2 file"):
        fetch_all(files)
    assert asked == files[0].addresses, "both addresses of the first file, and no other file"


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


@pytest.fixture
def slept(monkeypatch) -> list[float]:
    """Note how long a download waits for servers, without waiting."""
    waits: list[float] = []
    monkeypatch.setattr("helpers.data.download.time.sleep", waits.append)
    return waits


@pytest.mark.parametrize(
    ("answers", "waits"),
    [
        ([(429, {"Retry-After": "7"})] * 2, [7.0, 7.0]),
        ([(503, {"Retry-After": "30"}), (429, {})], [30.0, 60.0]),
        ([(403, {"Retry-After": "5"})], [5.0]),
        ([(202, {})], [60.0]),  # an archive that is not made yet
    ],
)
def test_a_rate_limit_is_waited_for(make_file, server, slept, answers, waits):
    file = make_file()
    server.content[file.location] = CONTENT
    server.first[file.location] = list(answers)
    assert fetch(file).read_bytes() == CONTENT
    assert slept == waits
    assert len(server.asked) == len(answers) + 1


def test_a_date_to_come_back_at(make_file, server, slept):
    file = make_file()
    server.content[file.location] = CONTENT
    date = email.utils.format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True)
    server.first[file.location] = [(429, {"Retry-After": date})]
    fetch(file)
    assert 80 < slept[0] <= 100


def test_a_rate_limit_that_does_not_end_is_no_absence(make_file, server, slept):
    file = make_file()
    server.content[file.location] = CONTENT
    server.first[file.location] = [(429, {"Retry-After": "300"})] * 99
    with pytest.raises(RateLimitError, match=r"127\.0\.0\.1 limits downloads \(429\).*wait 300 s"):
        fetch(file)
    assert slept == [300.0] * 3
    assert leftovers() == []
    other = make_file(key="other", path="other.csv")
    with pytest.raises(DownloadError, match="other: not tried, downloads are limited; the same command res"):
        fetch_all([file, other])
    assert server.asked.count(other.location) == 0


def test_where_one_address_limits_downloads_the_other_is_asked(make_file, server, slept, monkeypatch):
    file, real = make_file(), requests.get
    server.content["copy"] = CONTENT
    server.first["origin"] = [(429, {})] * 9

    def route(url: str, **options: object) -> requests.Response:
        return real(f"{server.url}/{'origin' if 'githubusercontent' in url else 'copy'}", **options)

    monkeypatch.delenv("HELPERS_OFFLINE")
    monkeypatch.delenv("HELPERS_DATA_MIRROR")
    monkeypatch.setattr("helpers.data.transfer.requests.get", route)
    assert fetch(file).read_bytes() == CONTENT
    assert (server.asked, slept) == (["origin", "copy"], [])


def test_a_log_in_page_is_called_one(make_file, server):
    file = make_file(CONTENT, bytes=None)
    server.content[file.location] = b"\n<!DOCTYPE html><html><body>Please log in</body></html>"
    with pytest.raises(DownloadError, match=r"answered with a web page \(a log-in.*Ask the owner") as caught:
        fetch(file)
    assert f"and put it at {cached_path(file)}" in str(caught.value)
    assert leftovers() == []
    assert len(server.asked) == 1


def test_a_server_that_drips_is_given_up(make_file, server, monkeypatch):
    monkeypatch.setattr("helpers.data.transfer._GRACE", 0.2)
    file = make_file(CONTENT * 100)
    server.content[file.location] = CONTENT * 100
    server.drips.add(file.location)  # each byte comes in time, all of them in a minute
    with pytest.raises(DownloadError, match=r"sent \d bytes in \d s, too slow to wait for"):
        fetch(file)
    assert leftovers() == []


def test_what_a_killed_download_left_is_removed(make_file, server):
    file = make_file()
    server.content[file.location] = CONTENT
    folder = cached_path(file).parent
    folder.mkdir(parents=True)
    for name, age in (("tmpab12cd_9", 3600), ("tmpxy34zw_1", 5), ("tmp.csv", 3600)):
        (folder / name).write_bytes(b"half")
        os.utime(folder / name, times=(time.time() - age,) * 2)
    fetch(file)
    assert sorted(leftovers()) == ["sample.csv", "tmp.csv", "tmpxy34zw_1"], "another may still be writing"


def test_a_cache_that_cannot_be_written(make_file, server, tmp_path, monkeypatch):
    file = make_file(key="file")
    server.content[file.location] = CONTENT
    blocked = tmp_path / "file"
    blocked.write_text("no folder", encoding="utf-8")
    monkeypatch.setenv("HELPERS_CACHE", str(blocked / "cache"))
    with pytest.raises(CacheError, match=r"file: .*cache.* cannot be written: Not a directory;"):
        fetch(file)
    with pytest.raises(DownloadError, match="other: not tried, the cache cannot be written"):
        fetch_all([file, make_file(key="other", path="other.csv")])
    assert server.asked == []
    source = put(tmp_path / "mirror", file)
    monkeypatch.setenv("HELPERS_DATA_MIRROR", str(tmp_path / "mirror"))
    assert fetch(file) == source, "a good file of a mirror is read where it is"


@pytest.mark.parametrize(
    ("fields", "number"),
    [({}, 2), ({"lfs_oid": "0" * 64}, 1), ({"bytes": 30_000_000}, 1),
     ({"repository": None, "commit": None, "url": "https://a.org/x"}, 1)],
)  # fmt: skip
def test_a_second_address(make_file, fields, number):
    addresses = make_file(**fields).addresses
    assert len(addresses) == number
    if number == 2:
        commit = make_file().commit
        assert addresses[1] == f"https://cdn.jsdelivr.net/gh/owner/name@{commit}/data/sample.csv"


def test_a_missing_card_is_named(make_file, tmp_path):
    registry = Registry([make_file()], str(tmp_path))
    assert registry.without_card(registry) == ["sample: toy/cards/sample.md"]
    (tmp_path / "toy" / "cards").mkdir(parents=True)
    (tmp_path / "toy" / "cards" / "sample.md").write_text("# card", encoding="utf-8")
    assert registry.without_card(registry) == []
