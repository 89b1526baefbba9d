"""The environment of a checkout: made beside, renamed when complete, made again only for another lock."""

from __future__ import annotations

import importlib.util
import platform
import shutil
import subprocess
import venv
from pathlib import Path

import pytest

HERE = Path(__file__).parents[2] / "locks" / "environment.py"


@pytest.fixture
def environment(monkeypatch):
    """The script as a module; pip notes what it was asked for, and writes a command with its shebang."""
    spec = importlib.util.spec_from_file_location("environment", HERE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.calls = []

    def pip(folder, *arguments, must=True):
        module.calls.append(arguments)
        script = folder / "bin" / "tool"
        script.write_text(f"#!{folder}/bin/python\nprint('it runs')\n", encoding="utf-8")
        script.chmod(0o755)
        return True

    monkeypatch.setattr(module, "pip", pip)
    # Without pip, which takes seconds.
    monkeypatch.setattr(
        module.venv, "create", lambda path, with_pip, **how: venv.EnvBuilder(**how).create(path)
    )
    return module


@pytest.fixture
def project(tmp_path, environment):
    name = environment.lock_name(platform.system(), platform.machine(), cuda=False)
    (tmp_path / "locks").mkdir()
    lock = tmp_path / "locks" / f"{name}.txt"
    lock.write_text("a==1 \\\n    --hash=x\ntorch==2+cpu \\\n    --hash=y\n", encoding="utf-8")
    (tmp_path / "pyproject.toml").write_text("", encoding="utf-8")
    return tmp_path


def test_made_once_and_again_for_another_lock(environment, project):
    folder = project / ".venv"
    environment.ensure(project, folder)
    first = len(environment.calls)
    assert first
    environment.ensure(project, folder)
    assert len(environment.calls) == first
    (folder / "mark").touch()
    lock = next((project / "locks").iterdir())
    lock.write_text(lock.read_text(encoding="utf-8") + "b==1\n", encoding="utf-8")
    environment.ensure(project, folder)
    assert len(environment.calls) == 2 * first
    assert not (folder / "mark").exists()
    assert sorted(p.name for p in project.glob(".venv*")) == [".venv", ".venv.lock"]


def test_changed_pyproject_installs_the_project_alone(environment, project):
    folder = project / ".venv"
    environment.ensure(project, folder)
    (folder / "mark").touch()
    environment.calls.clear()
    (project / "pyproject.toml").write_text("[tool]\n", encoding="utf-8")
    environment.ensure(project, folder)
    assert environment.calls == [("--no-build-isolation", "--editable", str(project))]
    assert (folder / "mark").exists()


def test_commands_name_the_final_folder(environment, project):
    environment.ensure(project, project / ".venv")
    done = subprocess.run(
        [project / ".venv" / "bin" / "tool"], capture_output=True, encoding="utf-8", check=True
    )
    assert done.stdout == "it runs\n"


def test_stopped_on_the_way_leaves_what_was_there(environment, project, monkeypatch):
    folder = project / ".venv"

    def stopped(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(environment, "pip", stopped)
        with pytest.raises(KeyboardInterrupt):
            environment.ensure(project, folder)
        assert not folder.exists()
    environment.ensure(project, folder)
    (folder / "mark").touch()
    lock = next((project / "locks").iterdir())
    lock.write_text(lock.read_text(encoding="utf-8") + "b==1\n", encoding="utf-8")
    with monkeypatch.context() as patch:
        patch.setattr(environment, "pip", stopped)
        with pytest.raises(KeyboardInterrupt):
            environment.ensure(project, folder)
    assert (folder / "mark").exists()
    environment.ensure(project, folder)
    assert not (folder / "mark").exists()


def test_killed_between_the_renames_is_mended(environment, project):
    folder = project / ".venv"
    environment.ensure(project, folder)
    (folder / "mark").touch()
    folder.rename(project / ".venv.old")
    (project / ".venv.new").mkdir()
    environment.calls.clear()
    environment.ensure(project, folder)
    assert (folder / "mark").exists()
    assert environment.calls == []
    assert not (project / ".venv.new").exists()


def test_folder_without_a_stamp_is_made_anew(environment, project):
    (project / ".venv" / "bin").mkdir(parents=True)
    environment.ensure(project, project / ".venv")
    assert environment.made_from(project / ".venv")[0]


def test_torch_is_asked_for_alone_and_its_index_only_if_needed(environment, project, monkeypatch):
    asked = []

    def pip(_folder, *arguments, must=True):
        asked.append(arguments)
        return must

    monkeypatch.setattr(environment, "pip", pip)
    environment.ensure(project, project / ".venv")
    assert "--extra-index-url" not in asked[0]
    assert asked[1][2:] == ("--extra-index-url", environment.TORCH_INDEX)
    assert all("--extra-index-url" not in arguments for arguments in asked[2:])


def test_lines_of_one_package(environment):
    text = "a==1 \\\n    --hash=x\ntorch==2+cpu \\\n    --hash=y \\\n    --hash=z\ntqdm==3\n"
    assert environment.requirement(text, "torch") == "torch==2+cpu \\\n    --hash=y \\\n    --hash=z\n"


@pytest.mark.parametrize(
    ("system", "machine", "cuda", "lock"),
    [
        ("Linux", "x86_64", False, "linux-x86_64-cpu"),
        ("Linux", "x86_64", True, "linux-x86_64-cuda"),
        ("Linux", "aarch64", False, "linux-aarch64"),
        ("Darwin", "arm64", False, "macos-arm64"),
    ],
)
def test_lock_of_a_platform(environment, system, machine, cuda, lock):
    assert environment.lock_name(system, machine, cuda) == lock
    assert (HERE.parent / f"{lock}.txt").is_file()


@pytest.mark.parametrize(
    ("system", "machine", "cuda"), [("Darwin", "x86_64", False), ("Darwin", "arm64", True)]
)
def test_platform_without_a_lock_says_which_there_are(environment, system, machine, cuda):
    with pytest.raises(SystemExit, match=r"no lock for Darwin.*macos-arm64"):
        environment.lock_name(system, machine, cuda)


def test_choice_of_cuda_is_kept(environment, project, monkeypatch):
    monkeypatch.setattr(environment.platform, "system", lambda: "Linux")
    monkeypatch.setattr(environment.platform, "machine", lambda: "x86_64")
    folder = project / ".venv"
    for name in ("linux-x86_64-cpu", "linux-x86_64-cuda"):
        shutil.copy(next((project / "locks").iterdir()), project / "locks" / f"{name}.txt.new")
        (project / "locks" / f"{name}.txt.new").replace(project / "locks" / f"{name}.txt")
    for cuda, lock in (("1", "cuda"), ("", "cuda"), ("0", "cpu"), ("", "cpu")):
        environment.ensure(project, folder, cuda)
        assert environment.made_from(folder)[0] == f"linux-x86_64-{lock}"
