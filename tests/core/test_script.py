"""A script's arguments, and in real processes its log, one-line errors, and end when stopped."""

import os
import signal
import subprocess
import sys
import time
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import pytest

from conftest import ROOT
from stowaway.core.script import run_rule

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
