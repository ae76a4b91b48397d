"""Where a work folder is, which of its files go to the functions, and what its secrets are."""

import subprocess
import sys
from pathlib import Path

import pytest

from bootstrap.packaging import ROOT
from bootstrap.problem import Problem
from bootstrap.work.files import MAX_BYTES, refuse_collisions, work_files
from bootstrap.work.own_resources import variable_of
from bootstrap.work.permissions import NOTHING, statements_for_secrets, statements_of, template_of
from bootstrap.work.place import chosen_work
from bootstrap.work.problem import BadWork
from bootstrap.work.secret import Secret
from bootstrap.work.secret_stores import Found
from bootstrap.work.settings import Permission
from bootstrap.work.work import read_work
from rollcall.commands.new import make
from tests.cfn_lint import findings
from tests.unit.work.folders import RESOURCES, folder, read

__all__ = ["folder", "read"]


def test_the_command_line_goes_before_the_variable_and_the_variable_before_the_repositorys_line(
    folder, tmp_path, monkeypatch
):
    mine = folder()
    for name in ("by-line", "by-variable"):
        make(tmp_path / name)
    repository = tmp_path / "repository"
    repository.mkdir()
    assert chosen_work(None, repository) is None
    # Relative to the repository, not to where the command is run.
    (repository / "rollcall.toml").write_text('work = "../by-line"\n')
    assert chosen_work(None, repository) == tmp_path / "by-line"
    monkeypatch.setenv("ROLLCALL_WORK", str(tmp_path / "by-variable"))
    assert chosen_work(None, repository) == tmp_path / "by-variable"
    monkeypatch.chdir(tmp_path)
    assert chosen_work(Path("job"), repository) == mine


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('work = "../nowhere"', r"rollcall\.toml, line 2: work = '\.\./nowhere': there is no such folder"),
        ('work = "rollcall.toml"', "is no folder"),
        ('work = "."', "neither work.py nor source.py"),
        ("work = 5", "line 2: work: 5 must be a folder"),
        ('wrok = "x"', r"line 2: wrok: there is no such key: did you mean work\?"),
    ],
)
def test_a_repositorys_line_that_names_no_work_folder_is_refused(tmp_path, line, says):
    (tmp_path / "rollcall.toml").write_text(f"# mine\n{line}\n")
    with pytest.raises(BadWork, match=says):
        chosen_work(None, tmp_path)


def test_git_ignores_the_repositorys_own_line():
    done = subprocess.run(["git", "check-ignore", "rollcall.toml"], cwd=ROOT, capture_output=True)
    assert done.returncode == 0


def test_only_what_the_functions_need_goes_to_them(read):
    taken = [
        "work.py",
        "helpers.py",
        "data/prices.csv",
        "lib/__init__.py",
        "lib/tests/__init__.py",
        "lib/rollcall.toml",
    ]
    left = [
        *("tests/test_work.py", ".env", ".git/config", "work.py~", "#work.py#", "__pycache__/work.cpython-313.pyc"),
        *("lib/__pycache__/x.pyc", "old.pyc", "venv/pyvenv.cfg", "venv/lib/x.py", "lib/.hidden"),
    ]
    work = read(
        '[resources]\ntemplate = "resources.yaml"', **dict.fromkeys(taken + left, ""), **{"resources.yaml": RESOURCES}
    )
    assert sorted(work.files) == sorted(taken)


def test_a_folder_that_is_no_work_folder_at_all_is_not_read_into_memory(folder):
    place = folder()
    with (place / "disk.img").open("wb") as file:
        file.truncate(MAX_BYTES)
    with pytest.raises(BadWork, match=r"have 52,\d+,\d+ bytes, and 52,428,800 may .* the largest is disk\.img"):
        work_files(place)


@pytest.mark.parametrize(
    ("path", "owner"),
    [
        ("handlers/__init__.py", "handlers"),
        ("json.py", "Python's standard library"),
        ("boto3.py", "the functions' SDK"),
        ("botocore/extra.py", "the functions' SDK"),
        ("fast/__init__.py", "a dependency of rollcall.toml"),
        ("single.py", "a dependency of rollcall.toml"),
    ],
)
def test_a_module_that_would_hide_another_one_from_the_functions_is_refused(tmp_path, path, owner):
    (tmp_path / "fast").mkdir()
    for name in ("single.py", "fast-1.0.dist-info"):
        (tmp_path / name).touch()
    with pytest.raises(BadWork, match=f"the module .* would hide that of {owner}"):
        refuse_collisions(["work.py", path], tmp_path)
    refuse_collisions(["work.py", "json/data.txt", "helpers.py", "tests.py"], tmp_path)


def test_the_values_of_secrets_are_those_of_the_dotenv_quoted_or_not(read):
    toml = '[secrets]\nAA = "ssm:/a"\nBB = "ssm:/b"\nCC = "secretsmanager:c"'
    text = '# comment\n\nAA=plain = and # all\nexport BB = \'single "quoted"\'\nCC="double"\nOTHER=x\n'
    values = {"AA": "plain = and # all", "BB": 'single "quoted"', "CC": "double"}
    assert read(toml, **{".env": text}).secret_values() == values


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", r"\.env: it has no value for API_KEY, the secret ssm:/shop/key of rollcall\.toml"),
        ("API_KEY=\n", "it has no value for API_KEY"),
        ("OTHER=1\nhunter2\n", r"\.env, line 2: it must be NAME=value"),
        ("API_KEY='hunter2\n", r"\.env, line 1: API_KEY: the quotation mark at its beginning is not closed"),
    ],
)
def test_a_secret_that_is_missing_is_refused_with_its_variable_and_file_and_never_shown(read, text, says):
    work = read('[secrets]\nAPI_KEY = "ssm:/shop/key"', **{".env": text})
    with pytest.raises(BadWork, match=says) as refused:
        work.secret_values()
    assert "hunter2" not in f"{refused.value} {refused.value.hint}"


def test_a_change_of_any_file_but_the_secrets_and_tests_is_another_work(folder, read):
    files = {"resources.yaml": RESOURCES, ".env": "AA=1", "tests/test_work.py": ""}
    toml = '[resources]\ntemplate = "resources.yaml"'
    first = read(toml, **files).digest
    assert read(toml, **files | {".env": "AA=2", "tests/test_work.py": "1"}).digest == first
    for changed in ({"work.py": "#"}, {"resources.yaml": f"{RESOURCES}#"}, {"rollcall.toml": f"{toml}#"}):
        assert read(toml, **files | changed).digest != first
        read(toml, **files, **{"work.py": "def process(item): ...\n"})


@pytest.mark.parametrize(
    ("output", "variable"),
    [("BadgeBucket", "BADGE_BUCKET"), ("S3BucketARN", "S3_BUCKET_ARN"), ("URL", "URL"), ("ApiURLName", "API_URL_NAME")],
)
def test_an_output_is_a_variable_in_upper_snake_case(output, variable):
    assert variable_of(output) == variable


def test_exactly_the_named_secrets_may_be_read_and_only_a_customers_key_is_named():
    found = {
        Secret("ssm", "/a"): Found("arn:a", None),
        Secret("ssm", "/b"): Found("arn:b", "arn:key"),
        Secret("secretsmanager", "c"): Found("arn:c", None),
    }
    assert statements_for_secrets(found) == [
        {"Effect": "Allow", "Action": "ssm:GetParameters", "Resource": ["arn:a", "arn:b"]},
        {
            "Effect": "Allow",
            "Action": "kms:Decrypt",
            "Resource": ["arn:key"],
            "Condition": {"StringEquals": {"kms:ViaService": {"Fn::Sub": "ssm.${AWS::Region}.${AWS::URLSuffix}"}}},
        },
        {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": ["arn:c"]},
    ]


def test_cfn_lint_finds_nothing_in_the_policies_that_are_made():
    arn = "arn:aws:ssm:eu-west-1:123456789012:parameter/a"
    found = {Secret("ssm", "/a"): Found(arn, "arn:aws:kms:eu-west-1:123456789012:key/a-key")}
    assert findings(template_of(statements_for_secrets(found), [])) == []


def test_a_resource_may_name_outputs_and_an_unknown_one_is_refused(read):
    permission = Permission(("s3:PutObject",), ("arn:${AWS::Partition}:s3:::${BadgeBucket}/*",), source=False)
    values = {"AWS::Partition": "aws", "BadgeBucket": "badges"}
    assert statements_of([permission], values)[0]["Resource"] == ["arn:aws:s3:::badges/*"]
    toml = '[resources]\ntemplate = "r.yaml"\n[[permissions]]\nactions = ["s3:Get*"]\nresources = ["${BadgesBucket}"]'
    with pytest.raises(BadWork, match=r"line 5: .*no output BadgesBucket: did you mean BadgeBucket\?"):
        read(toml, **{"r.yaml": RESOURCES})


def test_a_policy_that_iam_would_refuse_is_refused_and_one_without_permissions_allows_nothing():
    assert f'"{NOTHING["Action"]}"' in template_of([], [])
    with pytest.raises(BadWork, match=r"a policy of \d,\d+ characters, and IAM takes 6,144"):
        template_of([{"Effect": "Allow", "Action": "s3:Get*", "Resource": ["arn:aws:s3:::x"] * 400}], [])


def test_a_new_work_folder_has_a_test_that_passes_and_hides_its_secrets_from_git(tmp_path):
    make(tmp_path / "job")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "job/tests/test_work.py"], cwd=tmp_path, capture_output=True
    )
    assert b"3 passed" in done.stdout, done.stdout + done.stderr
    assert ".env" in (tmp_path / "job" / ".gitignore").read_text().splitlines()
    with pytest.raises(Problem, match="job is not empty"):
        make(tmp_path / "job")


def test_every_line_of_a_new_rollcall_toml_is_valid_once_its_mark_is_removed(tmp_path):
    make(tmp_path / "job")
    path = tmp_path / "job" / "rollcall.toml"
    lines = path.read_text().splitlines()
    assert [line for line in lines if line and not line.startswith("#")] == []
    path.write_text("\n".join(line.removeprefix("# ") for line in lines[1:]))
    (tmp_path / "job" / "resources.yaml").write_text(RESOURCES)
    settings = read_work(tmp_path / "job").settings
    assert all(vars(settings).values())
