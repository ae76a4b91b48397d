"""The functions' zip: the same bytes for the same content, and nothing in it that the functions could not load."""

import io
import os
import subprocess
import sys
import zipfile
from importlib.metadata import Distribution
from pathlib import Path, PurePosixPath

import botocore
import pytest
from botocore.loaders import Loader

from bootstrap.packaging import ROOT, BadOverlay, Package, package
from bootstrap.vendoring import CannotVendor, closure, files, fits, refuse_unfit


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with handlers of its own and the functions' real dependencies."""
    (tmp_path / "pyproject.toml").write_text('[dependency-groups]\nfunctions = ["aws-lambda-powertools"]\n')
    handlers = tmp_path / "handlers"
    (handlers / "__pycache__").mkdir(parents=True)
    (handlers / "__init__.py").write_text("")
    (handlers / "work.py").write_text("def process(item): ...\n")
    (handlers / "__pycache__" / "work.cpython-313.pyc").write_bytes(b"stale")
    return tmp_path


class Installed(Distribution):
    """A distribution in a folder of the test's."""

    def __init__(self, folder: Path):
        self.folder = folder

    def read_text(self, filename):
        path = self.folder / filename
        return path.read_text() if path.exists() else None

    def locate_file(self, path):
        return self.folder / path


def compiled(folder: Path, tag: str) -> Distribution:
    """An installed distribution `fast` with a shared library, built for `tag`."""
    (folder / "fast.so").write_bytes(b"")
    (folder / "METADATA").write_text("Name: fast\nVersion: 1.0\n")
    (folder / "WHEEL").write_text(f"Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: {tag}\n")
    (folder / "RECORD").write_text("fast.so,,\nMETADATA,,\nWHEEL,,\nRECORD,,\n")
    return Installed(folder)


def test_same_content_gives_the_same_key_and_bytes_whatever_the_files_times_and_modes(project: Path):
    first = package("x86_64", root=project)
    work = project / "handlers" / "work.py"
    os.utime(work, (1, 1))
    work.chmod(0o600)
    second = package("x86_64", root=project)
    assert (first.key, first.zip()) == (second.key, second.zip())


def test_an_edit_gives_another_key(project: Path):
    first = package("x86_64", root=project)
    (project / "handlers" / "work.py").write_text("def process(item): return None\n")
    assert package("x86_64", root=project).key != first.key


def test_the_key_tells_where_one_file_ends_and_the_next_begins():
    assert Package({"a": b"bc"}).key != Package({"ab": b"c"}).key
    assert Package({"a": b"b", "c": b""}).key != Package({"a": b"", "c": b"b"}).key


def test_the_zip_holds_handlers_and_dependencies_but_nothing_stale_and_no_scripts(project: Path):
    archive = zipfile.ZipFile(io.BytesIO(package("x86_64", root=project).zip()))
    names = archive.namelist()
    assert names == sorted(names)
    assert {"handlers/work.py", "aws_lambda_powertools/__init__.py", "jmespath/__init__.py"} <= set(names)
    assert not [name for name in names if ".." in name or name.endswith("RECORD")]
    assert archive.read("handlers/__pycache__/work.cpython-313.pyc") != b"stale"
    assert any("licen" in name.lower() for name in names if name.startswith("aws_lambda_powertools-"))


@pytest.mark.parametrize(
    "hidden",
    [
        *(".env", ".DS_Store", ".git/config", "sqs/.env", "sqs/.cache/a/b.py", ".libs/secret"),
        *(".work.py.swp", "work.py~", "sqs/#finalizer.py#", ".#work.py"),
    ],
)
def test_nothing_hidden_and_no_editors_copy_goes_into_the_zip_from_any_depth(project: Path, hidden: str):
    path = project / "handlers" / hidden
    path.parent.mkdir(parents=True, exist_ok=True)
    before = package("x86_64", root=project)
    path.write_text("AWS_SECRET_ACCESS_KEY=x")
    assert f"handlers/{hidden}" not in package("x86_64", root=project).files
    assert package("x86_64", root=project).key == before.key


def test_a_project_in_a_hidden_folder_is_packed_all_the_same(project: Path):
    hidden = project.rename(project.with_name(".hidden"))
    assert "handlers/work.py" in package("x86_64", root=hidden).files


def test_nothing_hidden_goes_into_the_zip_from_a_dependency_but_its_shared_libraries(tmp_path: Path):
    names = ["fast/__init__.py", "fast/.env", "fast/.git/config", "fast/.libs/libfast-1.so.2.0", "fast/.libs/.env"]
    names += [".DS_Store", "../bin/fast", "../.libs/fast"]
    for name in names:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    (tmp_path / "RECORD").write_text("".join(f"{name},,\n" for name in names))
    packed = {path for path, _ in files(Installed(tmp_path))}
    assert packed == {"fast/__init__.py", "fast/.libs/libfast-1.so.2.0"}


def test_an_overlay_takes_the_place_of_a_handler_and_may_add_one(project: Path, tmp_path: Path):
    mine = tmp_path / "mine.py"
    mine.write_text("mine")
    files = package("x86_64", {"handlers/work.py": mine, "handlers/extra.py": mine}, project).files
    assert (files["handlers/work.py"], files["handlers/extra.py"]) == (b"mine", b"mine")


def test_an_overlay_that_is_not_there_is_refused(project: Path, tmp_path: Path):
    with pytest.raises(BadOverlay, match=r"handlers/work\.py: there is no file .*missing\.py"):
        package("x86_64", {"handlers/work.py": tmp_path / "missing.py"}, project)


def test_the_closure_holds_what_powertools_needs_without_extras():
    names = {found.name.lower().replace("_", "-") for found in closure(["aws-lambda-powertools"])}
    assert names == {"aws-lambda-powertools", "jmespath", "typing-extensions"}


def test_the_functions_have_the_sdk_of_the_lock_file_for_every_service_and_not_that_of_lambdas_runtime():
    files = package("x86_64").files
    packed = {PurePosixPath(path).parts[2] for path in files if path.endswith("service-2.json.gz")}
    assert packed == set(Loader().list_available_services("service-2"))
    assert files["botocore/__init__.py"] == Path(botocore.__file__).read_bytes()


def test_python_takes_the_bytecode_in_the_zip_as_it_is_and_another_process_packs_the_same(project: Path):
    source = "KINDS = {'a', 'b', 'c'}\n\ndef process(item):\n    return item in {'a', 'b', 'c'}\n"
    (project / "handlers" / "work.py").write_text(source)
    packed = package("x86_64", root=project)
    unpacked = project / "unpacked"
    zipfile.ZipFile(io.BytesIO(packed.zip())).extractall(unpacked)
    (unpacked / "handlers" / "work.py").write_text("raise AssertionError('compiled again')")
    said = run([sys.executable, "-c", "import handlers.work as w; print(w.process('a'), w.__cached__)"], unpacked)
    assert said == f"True {unpacked / 'handlers' / '__pycache__' / 'work.cpython-313.pyc'}"
    ask = "import sys, pathlib as p; from bootstrap.packaging import package as pack"
    ask += "; print(pack('x86_64', root=p.Path(sys.argv[1])).key)"
    assert run([sys.executable, "-c", ask, str(project)], ROOT, PYTHONHASHSEED="1") == packed.key


def run(command: list[str], cwd: Path, **environment: str) -> str:
    done = subprocess.run(command, cwd=cwd, env=os.environ | environment, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_a_file_that_is_no_python_is_packed_without_bytecode(project: Path):
    (project / "handlers" / "work.py").write_text("def process(item:\n")
    assert {path for path in package("x86_64", root=project).files if "work" in path} == {"handlers/work.py"}


def test_a_dependency_that_is_not_installed_is_refused_with_the_next_step():
    with pytest.raises(CannotVendor, match="no-such-package is not installed here: run `uv sync`"):
        closure(["no-such-package"])


@pytest.mark.parametrize(
    ("tag", "architecture"),
    [
        ("cp313-cp313-manylinux_2_17_x86_64", "x86_64"),
        ("cp313-cp313-manylinux_2_34_x86_64", "x86_64"),
        ("cp313-abi3-manylinux2014_aarch64", "arm64"),
        ("cp313-cp313-manylinux1_x86_64", "x86_64"),
    ],
)
def test_code_compiled_for_the_functions_platform_is_taken(tmp_path: Path, tag: str, architecture: str):
    assert fits(tag, architecture)
    refuse_unfit(compiled(tmp_path, tag), architecture)


@pytest.mark.parametrize(
    ("tag", "architecture"),
    [
        ("cp313-cp313-manylinux_2_17_x86_64", "arm64"),
        ("cp313-cp313-macosx_11_0_arm64", "arm64"),
        ("cp313-cp313-musllinux_1_2_x86_64", "x86_64"),
        ("cp313-cp313-win_amd64", "x86_64"),
        ("cp313-cp313-manylinux_2_35_x86_64", "x86_64"),
        ("cp313-cp313-manylinux_3_1_x86_64", "x86_64"),
        ("cp313-cp313-linux_x86_64", "x86_64"),
    ],
)
def test_code_compiled_for_something_else_is_refused_with_package_platform_and_next_step(
    tmp_path: Path, tag: str, architecture: str
):
    with pytest.raises(CannotVendor, match=rf"fast 1\.0 .*{tag}.*{architecture}.*set CpuArchitecture"):
        refuse_unfit(compiled(tmp_path, tag), architecture)
