"""Downloads from a server that fails in every way, and downloads that are stopped at any moment."""

import hashlib
import os
import random
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from faulty_server import LASTING, PASSING, body, fault_of
from site_config import config_of

from download_images import download_images
from stowaway.core.script import BadInput
from stowaway.core.tables import rows

SEED = 1
FAULTS = [*PASSING, "404", "403"]
AWS = {"profile": None, "region": "us-east-1", "anonymous": True, "endpoint_url": None}
HEADER = (
    "crop_id,image_id,file_name,key,x,y,w,h,species,label,location,datetime,event,width,height\n"
)


@contextmanager
def serving(folder: Path, share: float = 0, faults: list[str] = FAULTS):
    """The address of a faulty server, and the file in which it logs each request."""
    port, log = folder / "port", folder / "requests.log"
    script = Path(__file__).with_name("faulty_server.py")
    arguments = [str(SEED), str(share), ",".join(faults), port, log]
    server = subprocess.Popen([sys.executable, script, *arguments])
    try:
        for _ in range(200):
            if port.exists():
                break
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port.read_text()}", log
    finally:
        server.kill()
        server.wait()
        port.unlink(missing_ok=True)


def write_shard(path: Path, numbers) -> Path:
    lines = (f"{n},{n},{n % 7}/{n}.jpg,{n}.jpg,0,0,5,5,fox,fox,A,,e,,\n" for n in numbers)
    path.write_text(HEADER + "".join(lines))
    return path


def download(folder: Path, shard: Path, url, max_failed=1.0, connections=32) -> dict[str, dict]:
    download_images(
        shard=shard,
        manifest=folder / "manifest.csv",
        failures=folder / "failed.csv",
        folder=folder / "images",
        journal=folder / f"images/.journal/{shard.name}",
        connections=connections,
        config=config_of("s3://bucket", AWS | {"endpoint_url": url}, max_failed),
    )
    return {row["image_id"]: row for row in rows(folder / "manifest.csv")}


def is_whole(row: dict) -> bool:
    content = Path(row["path"]).read_bytes()
    checksum = hashlib.md5(content).hexdigest()
    return content == body(int(row["image_id"])) and row["md5"] == checksum


@pytest.mark.slow
def test_five_per_cent_of_each_fault(tmp_path):
    """Nothing is lost or corrupt, each failure is named, and tried again alone."""
    numbers = range(3000)
    fault = {n: fault_of(n, SEED, 0.05, FAULTS) for n in numbers}
    met = {f: sum(found == f for found in fault.values()) for f in FAULTS}
    assert min(met.values()) > 100  # of 3,000, each of them
    shard = write_shard(tmp_path / "1-of-1.csv", numbers)
    with serving(tmp_path, 0.05) as (url, log):
        with pytest.raises(BadInput, match=r"over max_failed = 1.0%.*failed.csv lists them"):
            download(tmp_path, shard, url, max_failed=0.01)
        listed = {int(row["image_id"]): row["error"] for row in rows(tmp_path / "failed.csv")}
        assert {n for n in numbers if fault[n] in LASTING} == set(listed)
        before = len(log.read_text().splitlines())
        got = download(tmp_path, shard, url)
        again = log.read_text().splitlines()[before:]
    assert {int(line.split("/")[-1].split(".")[0]) for line in again} == set(listed)  # those alone
    assert [int(n) for n in got] == list(numbers)
    for n, row in ((int(n), row) for n, row in got.items()):
        if fault[n] in LASTING:
            assert row["status"] == {"404": "missing", "403": "failed"}[fault[n]]
            assert f"HTTP status {fault[n]}" in row["error"] and row["error"] == listed[n]
            assert not Path(row["path"]).exists()
        else:
            assert row["status"] == "ok" and is_whole(row)
    assert not list((tmp_path / "images").rglob("*.part"))


@pytest.mark.slow
def test_a_server_that_limits_the_rate_loses_nothing(tmp_path):
    """Refusals at once, of all that is over 100 requests a second, end well, if late."""
    shard = write_shard(tmp_path / "1-of-1.csv", range(600))
    start = time.monotonic()
    with serving(tmp_path, 1, ["limited"]) as (url, log):
        assert all(is_whole(row) for row in download(tmp_path, shard, url, 0).values())
        requests = len(log.read_text().splitlines())
    assert 5 < time.monotonic() - start < 30
    assert requests < 4 * 600  # most of them are no refusals


def start(folder: Path, shard: Path, url: str) -> subprocess.Popen:
    """A process of its own that downloads, as a rule's script does."""
    code = (
        "import sys; from pathlib import Path; from stowaway.core.script import rule_log\n"
        "from test_faults import download\n"
        "folder, shard, url = sys.argv[1:]\n"
        "with rule_log(folder + '/log'):\n"
        "    download(Path(folder), Path(shard), url, connections=8)\n"
    )
    return subprocess.Popen(
        [sys.executable, "-c", code, folder, shard, url],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        stderr=subprocess.PIPE,
        text=True,
    )


def whole_files(images: Path, checked: set[Path]) -> None:
    """Check each file of the store that has not been, against what the server holds."""
    for path in set(images.glob("*/[0-9]*.jpg")) - checked:
        assert path.read_bytes() == body(int(path.stem))
        checked.add(path)


@pytest.mark.slow
def test_killed_at_twenty_random_moments(tmp_path):
    """kill -9: each file in the store is whole at any time, and hardly one is fetched twice."""
    numbers, draw, checked = range(2500), random.Random(SEED), set()
    shard = write_shard(tmp_path / "1-of-1.csv", numbers)
    with serving(tmp_path, 1, ["slow"]) as (url, log):
        found = []
        for _ in range(20):
            process, enough = start(tmp_path, shard, url), len(checked) + draw.randrange(200)
            while sum(1 for _ in (tmp_path / "images").glob("*/[0-9]*.jpg")) < enough:
                time.sleep(0.01)
            process.kill()
            assert process.wait() == -signal.SIGKILL
            process.stderr.close()
            whole_files(tmp_path / "images", checked)
            found.append(len(checked))
        assert len(set(found)) > 15  # nearly all of them struck while files came in
        got = download(tmp_path, shard, url)
        requests = log.read_text().splitlines()
    assert len(got) == len(numbers) and all(is_whole(row) for row in got.values())
    assert not list((tmp_path / "images").rglob("*.part"))
    fetched = sum(line.startswith("GET") for line in requests)
    assert len(numbers) <= fetched <= len(numbers) + 20 * 8


def test_an_error_does_not_wait_for_requests_in_flight(tmp_path):
    code = (
        "import time; from concurrent.futures import ThreadPoolExecutor\n"
        "from stowaway.core.script import BadInput, rule_log\n"
        f"with rule_log('{tmp_path}/log'):\n"
        "    ThreadPoolExecutor(1).submit(time.sleep, 30)\n"
        "    raise BadInput('no such bucket')\n"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=10)
    assert done.returncode and "stowaway: no such bucket" in done.stderr


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_download_ends_within_two_seconds(tmp_path, stop):
    shard = write_shard(tmp_path / "1-of-1.csv", range(400))
    with serving(tmp_path, 0.5, ["none", "stall"]) as (url, _):  # every second one hangs
        process = start(tmp_path, shard, url)
        while len(list((tmp_path / "images").glob("*/[0-9]*.jpg"))) < 3:
            time.sleep(0.02)
        process.send_signal(stop)
        asked = time.monotonic()
        said = process.communicate(timeout=10)[1]
        assert time.monotonic() - asked < 2
    assert process.returncode == 128 + signal.SIGINT
    assert "stowaway: stopped; run again to go on" in said
    whole_files(tmp_path / "images", set())
    assert not list((tmp_path / "images").rglob("*.part"))
    with serving(tmp_path) as (url, _):
        assert all(is_whole(row) for row in download(tmp_path, shard, url).values())
