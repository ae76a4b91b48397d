"""The zips of functions and layers: the same bytes for the same content, and only what the functions can load."""

import io
import os
import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import Distribution
from pathlib import Path, PurePosixPath

import botocore
import pytest
from botocore.loaders import Loader
from packaging import markers
from packaging.requirements import Requirement

from bootstrap import layers
from bootstrap.layers import MEGABYTE, Layer, refuse_too_large, sdk_layer
from bootstrap.packaging import ROOT, BadOverlay, Package, package, zipped
from bootstrap.stacks import SANDBOX_PARAMETERS
from bootstrap.vendoring import CannotVendor, applies, closure, files, fits, refuse_unfit

OWN = SANDBOX_PARAMETERS["CpuArchitecture"]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with handlers of its own."""
    handlers = tmp_path / "handlers"
    (handlers / "__pycache__").mkdir(parents=True)
    (handlers / "__init__.py").write_text("")
    (handlers / "work.py").write_text("def process(item): ...\n")
    (handlers / "__pycache__" / "work.cpython-313.pyc").write_bytes(b"stale")
    return tmp_path


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where layers are kept during the test."""
    monkeypatch.setattr(layers, "LAYERS", tmp_path / "layers")
    return tmp_path / "layers"


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
    first = package(root=project)
    work = project / "handlers" / "work.py"
    os.utime(work, (1, 1))
    work.chmod(0o600)
    second = package(root=project)
    assert (first.key, first.zip()) == (second.key, second.zip())


def test_an_edit_gives_another_key(project: Path):
    first = package(root=project)
    (project / "handlers" / "work.py").write_text("def process(item): return None\n")
    assert package(root=project).key != first.key


def test_the_key_tells_where_one_file_ends_and_the_next_begins():
    assert Package({"a": b"bc"}).key != Package({"ab": b"c"}).key
    assert Package({"a": b"b", "c": b""}).key != Package({"a": b"", "c": b"b"}).key


def test_the_functions_zip_holds_handlers_and_nothing_stale(project: Path):
    archive = zipfile.ZipFile(io.BytesIO(package(root=project).zip()))
    names = [f"handlers/{name}" for name in ("__init__.py", "work.py")]
    compiled = [f"handlers/__pycache__/{name}.cpython-313.pyc" for name in ("__init__", "work")]
    assert archive.namelist() == sorted(names + compiled)
    assert archive.read("handlers/__pycache__/work.cpython-313.pyc") != b"stale"


def test_the_sdks_layer_holds_the_dependencies_with_licences_and_bytecode_but_no_scripts(kept: Path):
    names = zipfile.ZipFile(io.BytesIO(sdk_layer(OWN).zip)).namelist()
    assert names == sorted(names)
    powertools = "python/aws_lambda_powertools"
    assert {f"{powertools}/__init__.py", "python/jmespath/__init__.py", "python/boto3/__init__.py"} <= set(names)
    assert f"{powertools}/__pycache__/__init__.cpython-313.pyc" in names
    assert not [name for name in names if ".." in name or name.endswith("RECORD")]
    assert any("licen" in name.lower() for name in names if name.startswith(f"{powertools}-"))


def test_a_layer_is_made_once_and_has_the_same_key_when_it_is_made_again(kept: Path, monkeypatch: pytest.MonkeyPatch):
    first = sdk_layer(OWN)
    monkeypatch.setattr(layers, "zipped", lambda files: pytest.fail("packed again"))
    assert sdk_layer(OWN).key == first.key
    monkeypatch.undo()
    shutil.rmtree(kept)
    monkeypatch.setattr(layers, "LAYERS", kept)
    assert sdk_layer(OWN).key == first.key


def test_of_the_layers_that_were_made_the_latest_ones_are_kept(kept: Path):
    for number in range(layers.MOST_KEPT + 2):
        layer = layers.kept([str(number)], lambda: {"python/a.py": b"a = 1\n"})
        os.utime(sorted(kept.iterdir(), key=lambda path: path.stat().st_mtime)[-1], (number, number))
    assert {path.name for path in kept.iterdir() if path.suffix != ".zip"} == set()
    assert len(list(kept.iterdir())) == layers.MOST_KEPT
    assert set(layer.sizes) == {"a.py", "__pycache__"}


def test_a_layer_is_unpacked_once_and_old_folders_are_deleted(kept: Path):
    for number in range(layers.MOST_KEPT + 2):
        text = f"a = {number}\n"
        layer = layers.kept([str(number)], lambda text=text: {"python/a.py": text.encode()})
        folder = layer.unpacked()
        assert (folder / "a.py").read_text() == text
        assert layer.unpacked() == folder
    assert len([path for path in kept.iterdir() if path.is_dir()]) == layers.MOST_KEPT


def test_code_and_layers_that_lambda_would_refuse_are_refused_with_the_sizes_and_the_largest_packages(
    monkeypatch: pytest.MonkeyPatch,
):
    made = {"python/big/a": 30, "python/big.libs/b": 10, "python/small/c": 5, "python/smaller/d": 1}
    sdk = Layer(zipped({"python/boto3/a": bytes(20 * MEGABYTE)}))
    work = Layer(zipped({path: bytes(size * MEGABYTE) for path, size in made.items()}))
    code = Package({"work.py": bytes(4 * MEGABYTE)})
    monkeypatch.setattr(layers, "MAX_UNZIPPED", 70 * MEGABYTE)
    refuse_too_large(code, sdk, work)
    monkeypatch.setattr(layers, "MAX_UNZIPPED", 69 * MEGABYTE)
    said = (
        r"70 MB unzipped, and Lambda takes 69 MB: your code 4 MB, the functions' SDK 20 MB, the dependencies 46 MB\. "
        r"The largest packages are big \(40 MB\), small \(5 MB\), smaller \(1 MB\): remove one"
    )
    with pytest.raises(CannotVendor, match=said):
        refuse_too_large(code, sdk, work)


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
    before = package(root=project)
    path.write_text("AWS_SECRET_ACCESS_KEY=x")
    assert f"handlers/{hidden}" not in package(root=project).files
    assert package(root=project).key == before.key


def test_a_project_in_a_hidden_folder_is_packed_all_the_same(project: Path):
    hidden = project.rename(project.with_name(".hidden"))
    assert "handlers/work.py" in package(root=hidden).files


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
    files = package({"handlers/work.py": mine, "handlers/extra.py": mine}, project).files
    assert (files["handlers/work.py"], files["handlers/extra.py"]) == (b"mine", b"mine")


def test_an_overlay_that_is_not_there_is_refused(project: Path, tmp_path: Path):
    with pytest.raises(BadOverlay, match=r"handlers/work\.py: there is no file .*missing\.py"):
        package({"handlers/work.py": tmp_path / "missing.py"}, project)


def test_the_closure_holds_what_powertools_needs_without_extras():
    names = {found.name.lower().replace("_", "-") for found in closure(["aws-lambda-powertools"])}
    assert names == {"aws-lambda-powertools", "jmespath", "typing-extensions"}


def test_the_functions_have_the_sdk_of_the_lock_file_for_every_service_and_not_that_of_lambdas_runtime(kept: Path):
    archive = zipfile.ZipFile(io.BytesIO(sdk_layer(OWN).zip))
    packed = {PurePosixPath(path).parts[3] for path in archive.namelist() if path.endswith("service-2.json.gz")}
    assert packed == set(Loader().list_available_services("service-2"))
    assert archive.read("python/botocore/__init__.py") == Path(botocore.__file__).read_bytes()


def test_python_takes_the_bytecode_in_the_zip_as_it_is_and_another_process_packs_the_same(project: Path):
    source = "KINDS = {'a', 'b', 'c'}\n\ndef process(item):\n    return item in {'a', 'b', 'c'}\n"
    (project / "handlers" / "work.py").write_text(source)
    packed = package(root=project)
    unpacked = project / "unpacked"
    zipfile.ZipFile(io.BytesIO(packed.zip())).extractall(unpacked)
    (unpacked / "handlers" / "work.py").write_text("raise AssertionError('compiled again')")
    said = run([sys.executable, "-c", "import handlers.work as w; print(w.process('a'), w.__cached__)"], unpacked)
    assert said == f"True {unpacked / 'handlers' / '__pycache__' / 'work.cpython-313.pyc'}"
    ask = "import sys, pathlib as p; from bootstrap.packaging import package as pack"
    ask += "; print(pack(root=p.Path(sys.argv[1])).key)"
    assert run([sys.executable, "-c", ask, str(project)], ROOT, PYTHONHASHSEED="1") == packed.key


def run(command: list[str], cwd: Path, **environment: str) -> str:
    done = subprocess.run(command, cwd=cwd, env=os.environ | environment, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_a_file_that_is_no_python_is_packed_without_bytecode(project: Path):
    (project / "handlers" / "work.py").write_text("def process(item:\n")
    assert {path for path in package(root=project).files if "work" in path} == {"handlers/work.py"}


def test_a_dependency_that_is_not_installed_is_refused_with_the_next_step():
    with pytest.raises(CannotVendor, match="no-such-package is not installed here: run `uv sync`"):
        closure(["no-such-package"])


@pytest.mark.parametrize(("system", "machine"), [("Darwin", "arm64"), ("Linux", "x86_64"), ("Windows", "AMD64")])
def test_what_is_needed_is_what_the_functions_system_needs_whatever_this_machine_is(
    monkeypatch: pytest.MonkeyPatch, system: str, machine: str
):
    platform = {"Darwin": "darwin", "Linux": "linux", "Windows": "win32"}[system]
    here = markers.default_environment() | {
        "sys_platform": platform, "platform_system": system, "platform_machine": machine,
        "os_name": "nt" if system == "Windows" else "posix",
    }  # fmt: skip
    monkeypatch.setattr(markers, "default_environment", lambda: here)
    for marker in ("sys_platform == 'linux'", "platform_system == 'Linux'", "os_name == 'posix'"):
        assert applies(Requirement(f"x; {marker}"), set())
    for marker in ("sys_platform == 'darwin'", "sys_platform == 'win32'", "os_name == 'nt'"):
        assert not applies(Requirement(f"x; {marker}"), set())


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
    with pytest.raises(CannotVendor, match=rf"fast 1\.0 .*{tag}.*{architecture}.*choose a version"):
        refuse_unfit(compiled(tmp_path, tag), architecture)
