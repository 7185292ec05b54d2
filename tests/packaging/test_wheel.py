"""What a user installs: the built wheel, in an environment that holds nothing else."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.wheel

ROOT = Path(__file__).parents[2]
FOLDERS = ("checks", "reports", "workflow")
INPUTS = ("pyproject.toml", "README.md", "LICENSE", *FOLDERS)
NO_CACHES = shutil.ignore_patterns("__pycache__")


def run(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done


def installed_as(source: Path) -> str:
    """Where the wheel should hold a file of the repository."""
    path = source.relative_to(ROOT).as_posix()
    public = path.removeprefix("workflow/public/")
    return f"poolwise/{public if public != path else path}"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    # A copy, so that nothing left in build/ by an earlier build can get in.
    source = tmp_path_factory.mktemp("source")
    for name in INPUTS:
        original = ROOT / name
        if original.is_dir():
            shutil.copytree(original, source / name, ignore=NO_CACHES)
        else:
            shutil.copy2(original, source / name)
    output = tmp_path_factory.mktemp("dist")
    run(
        *(sys.executable, "-m", "build", "--wheel", "--no-isolation"),
        *("--outdir", output, source),
        cwd=source,
    )
    (built,) = output.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def wheel_files(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scripts folder of a fresh environment with the wheel and its own dependencies."""
    home = tmp_path_factory.mktemp("environment")
    pins = [
        line.removesuffix("\\").rstrip()
        for line in (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
        if "==" in line and not line[0].isspace()
    ]
    constraints = home / "constraints.txt"
    constraints.write_text("\n".join(pins), encoding="utf-8")
    venv = home / "venv"
    run(sys.executable, "-m", "venv", "--without-pip", venv, cwd=home)
    scripts = venv / ("Scripts" if os.name == "nt" else "bin")
    run(
        *(sys.executable, "-m", "pip", "--python", scripts / "python", "install", "--quiet"),
        *("--constraint", constraints, wheel),
        cwd=home,
    )
    return scripts


def test_the_wheel_holds_one_package(wheel: Path, wheel_files: set[str]) -> None:
    _, version, *_ = wheel.name.split("-")
    tops = {name.split("/")[0] for name in wheel_files}
    assert tops == {"poolwise", f"poolwise-{version}.dist-info"}


def test_the_wheel_holds_every_module_template_and_the_licence(wheel_files: set[str]) -> None:
    sources = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")]
    sources += [path for path in (ROOT / "reports/templates").rglob("*") if path.is_file()]
    sources.append(ROOT / "workflow/public/py.typed")
    assert {installed_as(source) for source in sources} - wheel_files == set()
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in wheel_files)


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_folders_are_not_packages_of_their_own(environment: Path, folder: str) -> None:
    probe = f"import importlib.util as u; assert u.find_spec({folder!r}) is None"
    run(environment / "python", "-I", "-c", probe, cwd=environment)
    probe = f"import importlib.util as u; assert u.find_spec('poolwise.{folder}')"
    run(environment / "python", "-I", "-c", probe, cwd=environment)


@pytest.mark.parametrize("arguments", [["--help"], ["list"]], ids=" ".join)
def test_the_command_runs(environment: Path, arguments: list[str]) -> None:
    assert run(environment / "poolwise", *arguments, cwd=environment).stdout.strip()


def test_importing_it_is_light(environment: Path) -> None:
    probe = (
        "import sys, poolwise; "
        "assert not {'pymc', 'arviz', 'arviz_base', 'matplotlib'} & set(sys.modules)"
    )
    run(environment / "python", "-I", "-c", probe, cwd=environment)


def test_its_pytest_plugin_is_registered(environment: Path) -> None:
    probe = (
        "from importlib.metadata import entry_points as e; "
        "[p] = [p for p in e(group='pytest11') if p.name == 'poolwise']; "
        "assert p.value == 'poolwise.workflow.pytest_plugin', p.value"
    )
    run(environment / "python", "-I", "-c", probe, cwd=environment)


def test_every_dependency_is_consistent(environment: Path) -> None:
    run(sys.executable, "-m", "pip", "--python", environment / "python", "check", cwd=environment)
