"""Compiled code and lists of fonts are kept where this user, and nobody else, may write."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from helpers import compiled

pytestmark = pytest.mark.skipif(not hasattr(os, "getuid"), reason="numba's own choice is kept on Windows")


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """Give the temporary files a folder of their own; return that of this user, which is not there yet."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder / f"helpers-numba-{os.getuid()}"


@pytest.fixture
def homeless(tmp_path, monkeypatch):
    """Make the user's cache folder one that cannot be made, even by an administrator."""
    file = tmp_path / "file"
    file.touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(file))


def mode(folder):
    return folder.stat().st_mode & 0o777


def test_the_users_cache_folder_is_first(tmp_path, monkeypatch, temporary):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert compiled.cache_folder("numba") == tmp_path / "cache" / "helpers" / "numba"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert compiled.cache_folder("numba") == tmp_path / "home" / ".cache" / "helpers" / "numba"
    assert mode(compiled.cache_folder("numba")) == 0o700
    assert not temporary.exists()


def test_without_one_a_temporary_folder_is_kept(temporary, homeless):
    assert compiled.cache_folder("numba") == compiled.cache_folder("numba") == temporary
    assert mode(temporary) == 0o700


def test_a_user_unknown_to_the_system_has_a_temporary_folder(monkeypatch, temporary):
    def nobody():
        raise RuntimeError

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", nobody)
    assert compiled.cache_folder("numba") == temporary


@pytest.mark.parametrize("trap", ["writable by all", "somebody's link"])
def test_a_folder_that_others_may_have_filled_is_not_used(tmp_path, temporary, homeless, trap):
    if trap == "writable by all":
        temporary.mkdir()
        temporary.chmod(0o777)
    else:
        temporary.symlink_to(tmp_path)
    folder = compiled.cache_folder("numba")
    assert folder != temporary
    assert folder.parent == temporary.parent
    assert mode(folder) == 0o700


@pytest.mark.parametrize("name", [compiled.NUMBA, compiled.MATPLOTLIB])
def test_a_folder_that_the_user_named_stays(monkeypatch, name):
    monkeypatch.setenv(name, "named")
    compiled.set_cache_folders()
    assert os.environ[name] == "named"


@pytest.mark.parametrize("home", ["writable", "missing", "a file"])
def test_matplotlib_has_a_folder_where_the_home_has_none(tmp_path, monkeypatch, temporary, homeless, home):
    for name in (compiled.MATPLOTLIB, "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    place = {"writable": tmp_path, "missing": tmp_path / "file" / "none", "a file": tmp_path / "file"}[home]
    monkeypatch.setenv("HOME", str(place))
    code = "import helpers, matplotlib as m; print(m.get_configdir())"
    command = [sys.executable, "-c", code]
    environment = {**os.environ, "TMPDIR": str(temporary.parent)}
    done = subprocess.run(command, env=environment, capture_output=True, encoding="utf-8", check=True)
    assert done.stderr == ""  # it warns of a folder that it cannot make
    inside = temporary.with_name(f"helpers-matplotlib-{os.getuid()}")
    assert Path(done.stdout.strip()) == (
        tmp_path / ".config" / "matplotlib" if home == "writable" else inside
    )


def test_the_package_compiles_into_that_folder(temporary, homeless):
    code = (
        "from helpers.studies.refdnn.model.stream import _fill, shuffled_stream; import numpy as np; "
        "shuffled_stream(4, 4, 2, np.random.default_rng(0)); print(_fill.stats.cache_path)"
    )
    environment = {name: value for name, value in os.environ.items() if name != compiled.NUMBA}
    environment["TMPDIR"] = str(temporary.parent)
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environment, capture_output=True, encoding="utf-8", check=True)
    folder = Path(done.stdout.strip())
    assert folder.parent == temporary
    assert any(folder.iterdir())
