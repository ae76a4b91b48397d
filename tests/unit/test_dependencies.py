"""The work's dependencies: installed for the functions' platform, once, and refused with uv's reason."""

import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from bootstrap import dependencies, layers
from bootstrap.dependencies import installed
from bootstrap.vendoring import CannotVendor
from tests.wheels import wheel


@pytest.fixture(autouse=True)
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where layers are kept during the test."""
    monkeypatch.setattr(layers, "LAYERS", tmp_path / "layers")
    return tmp_path / "layers"


def names(layer: layers.Layer | None) -> set[str]:
    assert layer
    return set(zipfile.ZipFile(io.BytesIO(layer.zip)).namelist())


def test_a_layer_has_what_is_required_and_needed_but_neither_the_sdk_nor_scripts_of_this_machine(tmp_path: Path):
    other = wheel(tmp_path, "other", "1.0")
    mine = wheel(tmp_path, "mine", "1.0", requires=[f"other @ {other.as_uri()}", "jmespath"], script=True)
    assert names(installed([f"mine @ {mine.as_uri()}"], "x86_64")) == {
        f"python/{place}"
        for name in ("mine", "other")
        for place in (
            f"{name}/__init__.py", f"{name}/__pycache__/__init__.cpython-313.pyc", f"{name}-1.0.dist-info/METADATA",
            f"{name}-1.0.dist-info/LICENSE",
        )
    }  # fmt: skip


def test_what_was_installed_is_not_installed_again_until_a_requirement_a_wheel_or_the_cpu_differs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = wheel(tmp_path, "mine", "1.0")
    requirement, run_uv, runs = f"mine @ {path.as_uri()}", dependencies.run_uv, []
    monkeypatch.setattr(dependencies, "run_uv", lambda *given: runs.append(given[1]) or run_uv(*given))
    first = installed([requirement], "x86_64")
    assert first
    assert installed([requirement], "x86_64") == first
    assert runs == ["x86_64"]
    installed([requirement], "arm64")
    wheel(tmp_path, "mine", "1.0", script=True)
    installed([requirement], "x86_64")
    assert runs == ["x86_64", "arm64", "x86_64"]


def test_without_requirements_and_with_the_sdks_own_alone_there_is_no_layer():
    assert installed([], "x86_64") is None
    assert installed(["jmespath"], "x86_64") is None


@pytest.mark.parametrize("tag", ["cp313-cp313-manylinux_2_35_x86_64", "cp313-cp313-manylinux_2_17_aarch64"])
def test_a_wheel_that_the_functions_platform_cannot_run_is_refused_with_its_tag(tmp_path: Path, tag: str):
    path = wheel(tmp_path, "fast", "1.0", tag=tag)
    with pytest.raises(
        CannotVendor, match=f"{path.as_uri()} cannot be installed for x86_64, Python 3.13 and glibc 2.34"
    ):
        installed([f"fast @ {path.as_uri()}"], "x86_64")


def test_a_wheel_for_the_other_cpu_is_installed_for_it(tmp_path: Path):
    path = wheel(tmp_path, "fast", "1.0", tag="cp313-cp313-manylinux_2_17_aarch64")
    assert "python/fast/fast.so" in names(installed([f"fast @ {path.as_uri()}"], "arm64"))


MAC, OLD, NEW = "macosx_11_0_arm64", "manylinux_2_17_aarch64", "manylinux_2_39_aarch64"


@pytest.fixture
def offered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose wheels are all that uv finds."""
    folder = tmp_path / "offered"
    folder.mkdir()
    monkeypatch.setenv("UV_NO_INDEX", "1")
    monkeypatch.setenv("UV_FIND_LINKS", str(folder))
    return folder


def test_of_wheels_for_several_systems_the_functions_one_is_installed_whatever_this_machine_is(offered: Path):
    wheel(offered, "plain", "1.0")
    for platform in (MAC, OLD, NEW, "musllinux_1_2_aarch64", "win_amd64"):
        needs = ["plain; sys_platform == 'linux'", "absent; sys_platform == 'darwin'"]
        wheel(offered, "fast", "1.0", requires=needs, tag=f"cp313-cp313-{platform}")
    found = installed(["fast"], "arm64")
    assert {"python/fast/fast.so", "python/plain/__init__.py"} <= names(found)
    assert found
    with zipfile.ZipFile(io.BytesIO(found.zip)) as layer:
        assert OLD in layer.read("python/fast/fast.so").decode()


@pytest.mark.parametrize("tags", [[NEW], [MAC], []])
def test_a_package_without_a_wheel_for_the_functions_is_refused_by_name_and_never_built(offered: Path, tags: list[str]):
    for tag in tags:
        wheel(offered, "fast", "1.0", tag=f"cp313-cp313-{tag}")
    with tarfile.open(offered / "fast-1.0.tar.gz", "w:gz") as source:
        source.add(__file__, "fast-1.0/setup.py")
    with pytest.raises(CannotVendor, match=r"fast cannot be installed for arm64, Python 3\.13") as refused:
        installed(["fast"], "arm64")
    assert "only wheels are installed" in str(refused.value)


def test_a_wheel_that_was_built_on_some_linux_is_refused_with_its_tag_although_uv_takes_it(offered: Path):
    wheel(offered, "fast", "1.0", tag="cp313-cp313-linux_aarch64")
    with pytest.raises(CannotVendor, match=r"fast 1\.0 is compiled for cp313-cp313-linux_aarch64.*choose a version"):
        installed(["fast"], "arm64")


@pytest.mark.parametrize(
    ("requirement", "said"),
    [
        ("pillow >> 11", "dependency 'pillow >> 11': .*Write it like `pillow>=11`"),
        ("mine @ file:///nowhere/mine-1.0.whl", "there is no file /nowhere/mine-1.0.whl. Build the wheel"),
        ("jmespath<1", "jmespath<1 cannot be installed .* you require jmespath<1 and jmespath==.*uv.lock's version"),
    ],
)
def test_what_cannot_be_installed_is_refused_with_the_requirement_the_reason_and_the_next_step(
    requirement: str, said: str
):
    with pytest.raises(CannotVendor, match=said) as refused:
        installed([requirement], "x86_64")
    assert "\n" not in str(refused.value)


def test_without_uv_the_next_step_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(dependencies, "OWN_UV", tmp_path / "uv")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CannotVendor, match="uv, which is not here: run `make env`"):
        installed(["jmespath"], "x86_64")
