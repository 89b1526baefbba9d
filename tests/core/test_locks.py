"""The locks: complete, hashed, of one set of versions, and equal to what conda, Binder and Docker install."""

from __future__ import annotations

import ast
import json
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from helpers.chapter.closure import used_modules

ROOT = Path(__file__).parents[2]
LOCKS = {
    "linux-x86_64-cpu": {"sys_platform": "linux", "platform_machine": "x86_64"},
    "linux-x86_64-cuda": {"sys_platform": "linux", "platform_machine": "x86_64"},
    "linux-aarch64": {"sys_platform": "linux", "platform_machine": "aarch64"},
    "macos-arm64": {"sys_platform": "darwin", "platform_machine": "arm64"},
}
#: Same package, other name, or needed on one platform alone.
ONLY_SOME = {"tensorflow", "tensorflow-cpu", "appnope", "pexpect", "ptyprocess"}
CUDA = re.compile(r"nvidia-|cuda-|triton")


def place(lock: str) -> dict[str, str]:
    """Markers of a platform."""
    system = {"linux": "Linux", "darwin": "Darwin"}[LOCKS[lock]["sys_platform"]]
    python = {"python_version": "3.11", "python_full_version": "3.11.7", "implementation_name": "cpython"}
    return {**LOCKS[lock], **python, "platform_system": system, "os_name": "posix", "extra": "",
            "platform_python_implementation": "CPython"}  # fmt: skip


def pins(text: str) -> dict[str, str]:
    """Versions by name, without the mark of a build."""
    found = re.findall(r"^([\w.-]+)==([\w.!]+)", text, flags=re.MULTILINE)
    return {canonicalize_name(name): version for name, version in found}


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


@pytest.fixture(params=LOCKS)
def lock(request):
    return request.param


def test_versions_are_those_of_the_source(lock):
    of_lock, source = pins(read(f"locks/{lock}.txt")), pins(read("requirements.lock"))
    source["tensorflow"] = source["tensorflow-cpu"]
    shared = of_lock.keys() & source.keys()
    assert {name: of_lock[name] for name in shared} == {name: source[name] for name in shared}
    assert source.keys() - of_lock.keys() <= ONLY_SOME


def test_every_line_is_pinned_and_hashed(lock):
    logical = read(f"locks/{lock}.txt").replace("\\\n", " ").splitlines()
    lines = [line for line in logical if line and line[0] != "#"]
    assert len(lines) > 200
    for line in lines:
        assert re.match(r"[\w.-]+==\S+ +--hash=sha256:[0-9a-f]{64}", line), line


def test_everything_that_is_declared_is_there_on_each_platform(lock):
    project = tomllib.loads(read("pyproject.toml"))["project"]
    declared = [
        *project["dependencies"],
        *(x for extra in project["optional-dependencies"].values() for x in extra),
    ]
    of_lock, wanted = pins(read(f"locks/{lock}.txt")), [Requirement(line) for line in declared]
    for requirement in wanted:
        name = canonicalize_name(requirement.name)
        if requirement.marker is None or requirement.marker.evaluate(place(lock)):
            assert requirement.specifier.contains(of_lock[name]), requirement
        else:
            assert name not in of_lock, requirement


def test_only_the_locks_with_cuda_have_its_libraries():
    with_cuda = {lock for lock in LOCKS if any(CUDA.match(name) for name in pins(read(f"locks/{lock}.txt")))}
    assert with_cuda == {"linux-x86_64-cuda", "linux-aarch64"}
    assert "\ntorch==2.13.0+cpu \\" in read("locks/linux-x86_64-cpu.txt")


# Conda's list takes torch from PyPI, which on Linux is the build with CUDA.
@pytest.mark.parametrize("lock", ["linux-x86_64-cuda", "linux-aarch64", "macos-arm64"])
def test_conda_has_the_same_packages(lock):
    environment = yaml.safe_load(read("environment.yml"))
    assert "python=3.11" in environment["dependencies"]
    listed = [Requirement(line) for line in environment["dependencies"][-1]["pip"] if line != "-e ."]
    here = {
        canonicalize_name(r.name): str(r.specifier).removeprefix("==")
        for r in listed
        if r.marker is None or r.marker.evaluate(place(lock))
    }
    assert here == pins(read(f"locks/{lock}.txt"))


def test_binder_installs_what_its_chapter_imports():
    text = read(".binder/requirements.txt")
    of_binder, of_lock = pins(text), pins(read("locks/linux-x86_64-cpu.txt"))
    assert {name: of_lock[name] for name in of_binder} == of_binder
    assert not {"tensorflow-cpu", "tensorflow", "scanpy", "keras"} & of_binder.keys()
    chapter = ROOT / "notebooks" / "02_refdnn_ablation.py"
    modules = [chapter, *used_modules(chapter, ROOT / "src" / "helpers")]
    by_module, missing = packages_distributions(), set()
    for path in modules:
        for name in imported(path) - set(sys.stdlib_module_names) - {"helpers"}:
            if not {canonicalize_name(dist) for dist in by_module[name]} & of_binder.keys():
                missing.add((name, path.name))
    assert not missing


def imported(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found.add(node.module.partition(".")[0])
    return found


def test_binder_opens_the_notebook_that_the_site_links_to():
    config = yaml.safe_load(read("_config.yml"))["sphinx"]["config"]["binder_notebooks"]
    [(page, notebook)] = config.items()
    post_build = ROOT / ".binder" / "postBuild"
    assert post_build.stat().st_mode & 0o100
    assert f"{page}.ipynb" in post_build.read_text(encoding="utf-8")
    assert notebook in post_build.read_text(encoding="utf-8")
    assert read(".binder/runtime.txt") == "python-3.11\n"


INSTRUCTIONS = {"FROM", "RUN", "COPY", "WORKDIR", "ENV", "EXPOSE", "CMD", "USER"}


def test_dockerfile_and_devcontainer_are_well_formed():
    text = read(".devcontainer/Dockerfile").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and line[0] != "#"]
    assert {line.split()[0] for line in lines} <= INSTRUCTIONS
    assert re.fullmatch(r"FROM python:3\.11\.\d+-slim-\w+", lines[0])
    assert json.loads(lines[-1].removeprefix("CMD "))[0] == "make"
    targets = re.search(r"^\.PHONY: (.*)$", read("Makefile"), flags=re.MULTILINE)[1].split()
    used = [*re.findall(r"RUN make (\w+)", text), json.loads(lines[-1].removeprefix("CMD "))[1]]
    assert set(used) <= set(targets)
    container = json.loads(read(".devcontainer/devcontainer.json"))
    assert (ROOT / ".devcontainer" / container["build"]["dockerfile"]).is_file()
    assert (ROOT / ".devcontainer" / container["build"]["context"]).resolve() == ROOT
    assert set(re.findall(r"\bmake (\w+)", container["postCreateCommand"])) <= set(targets)
