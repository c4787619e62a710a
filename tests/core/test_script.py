"""A script's arguments, and in real processes its log, one-line errors, and end when stopped."""

import errno
import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import pytest

from conftest import ROOT
from stowaway.core.script import is_disk_full, run_rule

FRAME = """
import os, sys, threading, time
sys.path.append({scripts!r})
from stowaway.core.progress import progress
from stowaway.core.script import BadInput, rule_log, say
with rule_log({log!r}):
    {body}
"""


@pytest.fixture
def start(tmp_path):
    """A function that starts a script with this body; its log is `log.txt` in a new folder."""

    def start(body: str) -> subprocess.Popen:
        log = str(tmp_path / "logs" / "log.txt")
        code = FRAME.format(scripts=str(ROOT / "workflow/scripts"), log=log, body=body)
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        return subprocess.Popen([sys.executable, "-c", code], **pipes)

    return start


def ended(process, tmp_path) -> tuple[int, str, str]:
    """Exit status, what the terminal saw, and the log."""
    out, err = process.communicate(timeout=60)
    return process.returncode, out + err, (tmp_path / "logs" / "log.txt").read_text()


def test_all_output_goes_to_the_log_and_some_lines_to_the_terminal_too(start, tmp_path):
    body = 'print("one"); os.system("echo two; echo three >&2"); say("four")'
    status, terminal, log = ended(start(body), tmp_path)
    assert status == 0
    assert terminal == "four\n"
    assert sorted(log.split()) == ["four", "one", "three", "two"]


def test_bad_input_is_one_line_without_a_traceback(start, tmp_path):
    status, terminal, log = ended(start('raise BadInput("a.csv: no rows; add some")'), tmp_path)
    assert status == 1
    assert terminal == log == "stowaway: a.csv: no rows; add some\n"


def test_control_characters_of_a_label_do_not_reach_the_terminal(start, tmp_path):
    hostile = "fox\x1b[2J\x07\r\n\t\u202e\u2028\ud800\x9b31m, ñeque 老鼠"
    escaped = r"fox\x1b[2J\x07\r\n\t\u202e\u2028\ud800\x9b31m, ñeque 老鼠"
    status, terminal, log = ended(start(f"raise BadInput({ascii(hostile)})"), tmp_path)
    assert status == 1
    assert terminal == log == f"stowaway: {escaped}\n"


def test_another_error_is_one_line_and_its_traceback_is_in_the_log(start, tmp_path):
    status, terminal, log = ended(start("{}['x']"), tmp_path)
    assert status == 1
    assert terminal.startswith("stowaway: KeyError: 'x' (traceback in ")
    assert terminal.count("\n") == 1
    assert "Traceback (most recent call last)" in log


FULL = 'with open("/dev/full", "w") as file: file.write("x")'  # says what a full disk says


def test_a_full_disk_is_said_on_the_terminal_though_the_log_is_on_it(start, tmp_path):
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "log.txt").symlink_to("/dev/full")
    line = f"stowaway: {tmp_path}/logs: the disk is full; free some, run again\n"
    for body in (FULL, 'print("one")', "raise OSError(122, 'quota')"):
        process = start(body)
        out, terminal = process.communicate(timeout=60)
        assert (process.returncode, out, terminal) == (1, "", line)
    process = start('say("two"); raise BadInput("a.csv: no rows; add some")')
    assert process.communicate(timeout=60) == ("", "two\nstowaway: a.csv: no rows; add some\n")
    assert process.returncode == 1
    process = start("{}['x']")
    out, terminal = process.communicate(timeout=60)
    assert (process.returncode, out, terminal.count("\n")) == (1, "", 1)
    assert terminal.startswith("stowaway: KeyError: 'x'")


def test_a_log_that_cannot_be_opened_is_said_in_one_line(start, tmp_path):
    (tmp_path / "logs").write_text("a file where a folder should be")
    process = start("raise AssertionError")
    out, terminal = process.communicate(timeout=60)
    assert process.returncode == 1
    assert (out + terminal).startswith("stowaway: FileExistsError")
    assert "AssertionError" not in terminal


def chained(first: Exception, then: Exception) -> Exception:
    try:
        try:
            raise first
        except Exception:
            raise then  # noqa: B904 - as libraries do
    except Exception as error:
        return error


@pytest.mark.parametrize(
    "error, full",
    [
        (OSError(errno.ENOSPC, "x"), True),
        (OSError(errno.EDQUOT, "x"), True),
        (OSError(errno.EACCES, "x"), False),
        (OSError("Not enough free space to write 24000000 bytes after offset 128"), True),
        (OSError("3000 requested and 512 written"), True),
        (sqlite3.OperationalError("database or disk is full"), True),
        (sqlite3.OperationalError("no such table: disks"), False),
        (RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 704 vs 1"), True),
        (RuntimeError("PytorchStreamWriter failed writing file data/0: file write failed"), True),
        (chained(OSError(errno.ENOSPC, "x"), RuntimeError("unexpected pos 4 vs 1")), True),
        (chained(OSError(errno.EIO, "x"), RuntimeError("unexpected pos 4 vs 1")), False),
        (chained(OSError(errno.ENOSPC, "x"), FileNotFoundError(errno.ENOENT, "x")), True),
        (ValueError("a label: disk is full"), False),
    ],
)
def test_what_libraries_make_of_a_full_disk_is_recognised(error, full):
    assert is_disk_full(error) is full


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_script_ends_at_once_though_a_thread_waits(start, tmp_path, number):
    body = "threading.Thread(target=time.sleep, args=(60,)).start(); say('up'); time.sleep(60)"
    process = start(body)
    assert process.stderr.readline() == "up\n"
    stopped = time.monotonic()
    os.kill(process.pid, number)
    status, terminal, log = ended(process, tmp_path)
    assert time.monotonic() - stopped < 10
    assert status == 128 + signal.SIGINT
    assert terminal == "stowaway: stopped; run again to go on\n"


@pytest.fixture
def rule(monkeypatch):
    """What a script gets from a rule, which does not send this process's output to a log."""
    monkeypatch.setattr("stowaway.core.script.rule_log", nullcontext)
    return SimpleNamespace(
        input={"labels": "labels.csv", "shards": ["a.csv", "b.csv"], "features": []},
        output={"scores": "scores.csv"},
        params={"settings": {"epochs": 1}, "folder": "images", "limit": None},
        wildcards={"fold": "listed"},
        resources={"connections": 8},
        config={"name": "island"},
        log=["log.txt"],
        threads=3,
    )


def test_a_function_gets_what_the_rule_has_of_its_parameters_names(rule):
    def function(scores, labels, settings, folder, limit, fold, connections, config, threads):
        calls.append((scores, labels, settings, folder, limit, fold, connections, config, threads))

    calls = []
    run_rule(function, rule)
    paths = Path("scores.csv"), Path("labels.csv")
    assert calls == [(*paths, {"epochs": 1}, "images", None, "listed", 8, {"name": "island"}, 3)]


def test_several_files_and_none_come_as_a_list(rule):
    calls = []
    run_rule(lambda shards, features: calls.append((shards, features)), rule)
    assert calls == [([Path("a.csv"), Path("b.csv")], [])]


def test_a_default_stands_where_the_rule_has_no_such_name(rule):
    calls = []
    run_rule(lambda labels, seed=1: calls.append((labels, seed)), rule)
    assert calls == [(Path("labels.csv"), 1)]


def test_a_parameter_that_the_rule_lacks_is_an_error(rule):
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'splits'"):
        run_rule(lambda labels, splits: None, rule)
