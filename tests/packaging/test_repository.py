"""The repository installs from any index, on any machine, at the versions it names."""

import re
import shutil
import subprocess
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import poolwise

ROOT = Path(__file__).parents[2]
# Written in two halves, so that this file does not name them.
REGISTRIES = tuple(
    head + tail
    for head, tail in (
        ("pypi", ".org/simple"),
        ("pypi", ".org/packages"),
        ("pypi.python", ".org"),
        ("files.python", "hosted.org"),
        ("conda.", "anaconda.org"),
        ("download.py", "torch.org"),
    )
)
INDEX_OPTION = re.compile(r"--(?:extra-)?index" + r"-url[ =]\S|--find" + r"-links[ =]\S")


@cache
def project() -> dict[str, Any]:
    table: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    return table


@cache
def lock() -> dict[str, tuple[Requirement, tuple[str, ...]]]:
    """Each locked requirement with its hashes, by name."""
    entries = re.sub(r"\\\n", " ", (ROOT / "requirements.lock").read_text("utf-8")).splitlines()
    locked: dict[str, tuple[Requirement, tuple[str, ...]]] = {}
    for entry in entries:
        if entry.strip() and not entry.lstrip().startswith("#"):
            text, *hashes = re.split(r"\s+--hash=", entry.strip())
            requirement = Requirement(text)
            locked[canonicalize_name(requirement.name)] = (requirement, tuple(hashes))
    return locked


def repository_files() -> list[Path]:
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        pytest.skip("needs a git checkout, to tell the project's files from what lies beside them")
    listed = subprocess.run(
        [git, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def test_every_locked_requirement_is_pinned_and_hashed() -> None:
    assert len(lock()) > 50
    for requirement, hashes in lock().values():
        assert re.fullmatch(r"==[^,*]+", str(requirement.specifier)), requirement
        assert requirement.url is None
        assert hashes
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", digest) for digest in hashes)


def test_the_lock_holds_no_address_and_no_path() -> None:
    text = (ROOT / "requirements.lock").read_text("utf-8")
    assert "://" not in text
    assert not re.search(r"^\s*(?!#)\S*(?:file:|/)", text, flags=re.MULTILINE)


def test_the_lock_answers_to_the_declared_ranges() -> None:
    extras = project()["optional-dependencies"].values()
    declared = [*project()["dependencies"], *(line for extra in extras for line in extra)]
    for requirement in map(Requirement, declared):
        entry = lock().get(canonicalize_name(requirement.name))
        assert entry is not None, f"{requirement} is not locked: run make lock"
        (pin,) = entry[0].specifier
        assert requirement.specifier.contains(pin.version), f"{requirement}: {pin} is locked"


def test_the_version_is_the_same_everywhere() -> None:
    assert poolwise.__version__ == project()["version"]


def test_no_file_names_a_registry_or_this_machine() -> None:
    home = f"{Path.home().as_posix()}/"
    traces = REGISTRIES if home == "//" else (*REGISTRIES, home)
    found = []
    for path in repository_files():
        text = path.read_bytes().decode("utf-8", errors="ignore")
        found += [f"{path.relative_to(ROOT)}: {trace}" for trace in traces if trace in text]
        found += [f"{path.relative_to(ROOT)}: {match}" for match in INDEX_OPTION.findall(text)]
    assert found == []
