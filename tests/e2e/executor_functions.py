"""Handlers that the tests of the process executor deploy: this very file is what their zip holds."""

import importlib.util
import logging
import os
import subprocess
import sys
import time
from pathlib import Path

STARTED = time.time_ns()  # tells environments apart


def who(event, context):
    """Which environment answers."""
    _meet(event)
    return {"environment": STARTED, "pid": os.getpid(), "variables": dict(os.environ)}


def context_seen(event, context):
    client = context.client_context
    return {
        "event": event,
        "function": context.function_name,
        "version": context.function_version,
        "arn": context.invoked_function_arn,
        "memory": context.memory_limit_in_mb,
        "log": [context.log_group_name, context.log_stream_name],
        "request": context.aws_request_id,
        "remaining": context.get_remaining_time_in_millis(),
        "custom": client and client.custom,
        "trace": os.environ["_X_AMZN_TRACE_ID"],
    }


def surroundings(event, context):
    """What the function can see beside its own zip."""
    names = ["boto3", "awslambdaric", "json", *event["modules"]]
    return {
        "found": [name for name in names if importlib.util.find_spec(name)],
        "variables": sorted(os.environ),
        "folder": os.getcwd(),
        "task_root": os.environ["LAMBDA_TASK_ROOT"],
        "files": os.listdir(),
    }


def settings_found(event, context):
    """What boto3 finds of somebody's AWS settings, from `~`, the environment and its default places."""
    import boto3
    from botocore.session import Session

    session = Session()
    return {
        "home": os.path.expanduser("~"),
        "profiles": session.available_profiles,
        "files": [session.get_config_variable(name) for name in ("config_file", "credentials_file")],
        "key": boto3.Session().get_credentials().access_key,
        "endpoint": boto3.client("sqs").meta.endpoint_url,
        "mode": oct(os.stat(os.environ["TMPDIR"]).st_mode & 0o777),
    }


def square(number):
    return number * number


def with_children(event, context):
    """Work in children of each kind that multiprocessing has, one of which talks through a UNIX socket in TMPDIR."""
    import multiprocessing

    squares = []
    for method in ("fork", "spawn", "forkserver"):
        children = multiprocessing.get_context(method)
        with children.Manager() as manager:
            shared = manager.list()
            child = children.Process(target=shared.extend, args=([square(event["number"])],))
            child.start()
            child.join()
            squares += list(shared)
    return {"squares": squares, "pid": os.getpid()}


def runtime_api(event, context):
    return os.environ["AWS_LAMBDA_RUNTIME_API"]


def call_aws(event, context):
    """Calls AWS as on AWS: no endpoint, no region, no credentials in the code."""
    import boto3

    return boto3.client("sts").get_caller_identity()["Arn"]


def echo_size(event, context):
    return {"received": len(event)}


def make(event, context):
    return "x" * event["characters"]


def fail(event, context):
    raise LookupError("no such thing")


def leave(event, context):
    """End the process in the way `event` says, a line of log before."""
    print("last words", flush=True)
    if "signal" in event:
        os.kill(os.getpid(), event["signal"])
    os._exit(event["code"])


def hang(event, context):
    """Start a daemon that detaches itself as thoroughly as it can; say its process id; never return."""
    print(f"daemon {_daemon()}", flush=True)
    time.sleep(3600)


def die_with_daemon(event, context):
    print(f"daemon {_daemon()}", flush=True)
    os._exit(1)


def keep_daemon(event, context):
    return {"pid": os.getpid(), "daemon": _daemon()}


def running(event, context):
    """Which of these processes still run."""
    return [pid for pid in event if _state(pid) not in "ZX"]


def take_memory(event, context):
    """Hold ever more memory, 4 MB at a time."""
    held = []
    while True:
        held.append(b"x" * 4_000_000)


def take_memory_for_a_moment(event, context):
    taken = b"x" * event["bytes"]
    return len(taken)


def take_memory_in_a_child(event, context):
    source = "import time; taken = b'x' * 300_000_000; time.sleep(60)"
    return subprocess.run([sys.executable, "-c", source], check=False).returncode


def pause_of_a_child(event, context):
    """The longest pause, in seconds, of a child in a process group of its own that works for two seconds."""
    ours, childs = os.pipe()
    if os.fork() == 0:
        os.setpgid(0, 0)
        longest, end, last = 0.0, time.monotonic() + 2, time.monotonic()
        while last < end:
            time.sleep(0.01)
            longest, last = max(longest, time.monotonic() - last), time.monotonic()
        os.write(childs, str(longest).encode())
        os._exit(0)
    os.close(childs)
    return float(os.read(ours, 100))


def take_everything_at_once(event, context):
    bytearray(1 << 44)


def log(event, context):
    logging.getLogger().setLevel("INFO")
    print("to stdout")
    print("to stderr", file=sys.stderr)
    logging.info("first line\nsecond line")
    os.write(1, b"no newline at the end")


def log_long(event, context):
    print("é" * event["characters"])


def log_much(event, context):
    for number in range(event["lines"]):
        print(f"line {number:06}")


def log_and_wait(event, context):
    print("written before the end")
    _meet(event)


def _meet(event):
    """Wait until as many environments as the event's `meeting` says are there: in a folder of the machine's own."""
    if meeting := event.get("meeting"):
        place = Path("/tmp", meeting["name"])
        place.mkdir(exist_ok=True)
        place.joinpath(f"{STARTED}-{os.getpid()}").touch()
        while len(os.listdir(place)) < meeting["count"]:
            time.sleep(0.05)


def _daemon():
    """A process in a session of its own whose parents have all ended."""
    source = (
        "import os\n"
        "if os.fork(): os._exit(0)\n"
        "os.setsid()\n"
        "print(os.getpid(), flush=True)\n"
        "os.execvp('sleep', ['sleep', '600'])"
    )
    with subprocess.Popen([sys.executable, "-c", source], start_new_session=True, stdout=subprocess.PIPE) as parent:
        return int(parent.stdout.readline())


def _state(pid):
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return "X"
