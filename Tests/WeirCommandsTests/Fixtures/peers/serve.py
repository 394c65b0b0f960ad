"""Runs scripts of this folder in copies of a process that has imported the large packages.

Importing PyIceberg takes longer than most of the scripts. Each line of standard input is a request:
`{"id": 1, "script": "…", "arguments": […], "input": path, "output": path, "errors": path}`. When the script has ended,
`id status` is printed. Ends with its standard input.
"""

import contextlib
import importlib
import json
import os
import runpy
import signal
import sys
import traceback

for package in ("duckdb", "pyarrow.dataset", "pyarrow.parquet", "pyiceberg.catalog.sql"):
    with contextlib.suppress(ImportError):
        importlib.import_module(package)

folder = os.path.dirname(os.path.abspath(__file__))


def run(request):
    """The script, in a process of its own."""
    for descriptor, path in enumerate((request["input"], request["output"], request["errors"])):
        opened = os.open(path, os.O_RDONLY if descriptor == 0 else os.O_WRONLY | os.O_APPEND)
        os.dup2(opened, descriptor)
        os.close(opened)
    sys.stdin = open(0, encoding="utf-8")
    path = os.path.join(folder, request["script"])
    sys.argv = [path, *request["arguments"]]
    status = 0
    try:
        runpy.run_path(path, run_name="__main__")
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def serve(request):
    """Waits for the script, which may crash, and tells how it has ended."""
    script = os.fork()
    if script == 0:
        run(request)
    _, status = os.waitpid(script, 0)
    os.write(1, f"{request['id']} {os.waitstatus_to_exitcode(status)}\n".encode())
    os._exit(0)


signal.signal(signal.SIGINT, signal.SIG_IGN)
# Copies that have ended leave nothing behind.
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
for line in sys.stdin:
    if os.fork() == 0:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        serve(json.loads(line))
