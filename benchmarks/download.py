"""Download clients against one nginx: objects/s, MB/s, CPU, memory; writes download*.csv.

python benchmarks/download.py; needs nginx with its echo module (for the latency), and wrk:
apt install nginx-light libnginx-mod-http-echo wrk. Peers are installed in a virtual environment of
their own. All requests are unsigned GETs of random bytes on loopback.
"""

import csv
import hashlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import venv
from contextlib import ExitStack, contextmanager
from itertools import product
from pathlib import Path
from subprocess import PIPE

HERE = Path(__file__).parent
PEERS = ["boto3==1.44.5", "obstore==0.12.1"]
FAST = 10_000  # objects
CLIENTS = {  # name -> whether it runs among the peers, and the most objects it gets
    "original": (True, 150),
    "boto3": (True, 2000),
    "obstore": (True, FAST),
    "stowaway": (False, FAST),
    "stowaway, MD5 checked": (False, FAST),
    "stowaway, 2 shards": (False, FAST),  # as on 2 cores, each with half the connections
}
SIZES = {20: 10_000, 200: 6000, 2000: 600}  # KB -> most objects of that size
CONNECTIONS = {0: 16, 50: 64}  # latency in ms -> connections of each client
OBJECTS = 200
CONFIG = """
load_module /usr/lib/nginx/modules/ngx_http_echo_module.so;
worker_processes 1; daemon off; pid {0}/pid; error_log {0}/error.log;
events {{ worker_connections 1024; }}
http {{
    access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000;
    client_body_temp_path {0}/1; proxy_temp_path {0}/2; fastcgi_temp_path {0}/3;
    uwsgi_temp_path {0}/4; scgi_temp_path {0}/5; open_file_cache max=10000;
    {1}
}}
"""
SERVER = """
    server {{
        listen 127.0.0.1:{0};
        location / {{ {1} echo_exec /real$request_uri; }}
        {2}
    }}
"""
PLACE = "location /real/bucket/{1}/ {{ internal; alias {0}/bucket/{1}/; {2} }}"
# In memory where that is possible: ext4 takes long to make files where many were deleted.
SCRATCH = "/dev/shm" if Path("/dev/shm").is_dir() else None


def python_with(packages: list[str], folder: Path) -> Path:
    """The interpreter of a new virtual environment that has the packages."""
    print("installing", *packages, file=sys.stderr)
    venv.create(folder, with_pip=True)
    pip = [folder / "bin/pip", "install", "--quiet", "--disable-pip-version-check", *packages]
    subprocess.run(pip, check=True, stderr=subprocess.DEVNULL)
    return folder / "bin/python"


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


@contextmanager
def nginx(folder: Path):
    """The port for each (latency, whether the ETag is an MD5, as S3's)."""
    tags = {}
    for size in SIZES:
        (folder / f"bucket/{size}").mkdir(parents=True)
        content = os.urandom(size * 1000)
        md5 = hashlib.md5(content).hexdigest()
        tags[size] = f"etag off; add_header ETag '\"{md5}\"';"
        for number in range(OBJECTS):
            (folder / f"bucket/{size}/{number}.jpg").write_bytes(content)
    kinds = list(product(CONNECTIONS, (False, True)))
    ports = dict(zip(kinds, free_ports(len(kinds)), strict=True))
    servers = (
        SERVER.format(
            port,
            f"echo_sleep {latency / 1000};" * bool(latency),
            "".join(PLACE.format(folder, size, tag * checked) for size, tag in tags.items()),
        )
        for (latency, checked), port in ports.items()
    )
    (folder / "nginx.conf").write_text(CONFIG.format(folder, "".join(servers)))
    user = ["-g", "user root;"] if os.geteuid() == 0 else []  # else its worker cannot read this
    server = subprocess.Popen(["nginx", "-c", folder / "nginx.conf", *user])
    time.sleep(1)
    try:
        yield ports
    finally:
        server.terminate()
        server.wait()


def measure(python: Path, name: str, port: int, size: int, count: int, connections: int) -> dict:
    """Run a client, in several processes at a time where its name says so."""
    shards = 2 if name.endswith("2 shards") else 1
    name = name.partition(", MD5 checked")[0].partition(", 2 shards")[0]
    environment = os.environ | {
        "PYTHONPATH": str(HERE.parent / "workflow/scripts"),
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    with ExitStack() as stack:
        runs = []
        for _ in range(shards):
            folder = stack.enter_context(tempfile.TemporaryDirectory(dir=SCRATCH))
            numbers = map(str, (port, size, count // shards, connections // shards))
            command = [python, HERE / "download_clients.py", name, *numbers, folder]
            runs.append(subprocess.Popen(command, env=environment, stdout=PIPE, stderr=PIPE))
        said = [run.communicate(timeout=600) for run in runs]
    try:
        found = [json.loads(out) for out, _ in said]
    except ValueError:
        return {"error": (said[0][1].decode().strip().splitlines() or ["?"])[-1][:80]}
    rate = count / max(run["seconds"] for run in found)
    return {
        "objects/s": round(rate),
        "MB/s": round(rate * size / 1000),
        "CPU s / 1,000": round(sum(run["cpu"] for run in found) / count * 1000, 2),
        "memory MB": round(sum(run["memory"] for run in found)),
        **({"error": "objects are missing"} if sum(r["done"] for r in found) != count else {}),
    }


def wrk(port: int, size: int, connections: int) -> dict:
    """What the server gives to a client that throws everything away."""
    url = f"http://127.0.0.1:{port}/bucket/{size}/1.jpg"
    command = ["wrk", "-t1", f"-c{connections}", "-d3", url]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    rate = float(re.search(r"Requests/sec: +([\d.]+)", done.stdout)[1])
    return {"objects/s": round(rate), "MB/s": round(rate * size / 1000)}


def write(rows: list[dict], path: Path) -> None:
    names = dict.fromkeys(name for row in rows for name in row)
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerows(rows)
    for cells in [names, ["---"] * len(names), *([row.get(n, "") for n in names] for row in rows)]:
        print("|", " | ".join(map(str, cells)), "|")
    print()


def compare(pythons: dict, ports: dict) -> list[dict]:
    """Every client at each size and latency, by turns; the median of three runs, if fast."""
    rows = []
    for (latency, connections), (size, most) in product(CONNECTIONS.items(), SIZES.items()):
        place = {"latency ms": latency, "KB": size}
        port = ports[latency, False]
        rows.append(place | {"client": "wrk (limit)"} | wrk(port, size, connections))
        runs = {name: [] for name in CLIENTS}
        for turn, (name, (environment, objects)) in product(range(3), CLIENTS.items()):
            if turn == 0 or objects == FAST:
                at, count = ports[latency, "MD5" in name], min(most, objects)
                run = measure(pythons[environment], name, at, size, count, connections)
                runs[name].append(run)
        for name, found in runs.items():
            found.sort(key=lambda run: run.get("objects/s", 0))
            rows.append(place | {"client": name, "connections": connections})
            rows[-1] |= found[len(found) // 2]
            print(rows[-1], file=sys.stderr)
    return rows


def grow(python: Path, port: int) -> list[dict]:
    """Memory over the number of images."""
    counts = (1000, 10_000, 50_000)
    return [
        {"images": n} | measure(python, "stowaway, MD5 checked", port, 20, n, 16) for n in counts
    ]


def main() -> None:
    if lacking := [name for name in ("nginx", "wrk") if not shutil.which(name)]:
        sys.exit(
            f"{', '.join(lacking)}: not installed; apt install nginx-light "
            "libnginx-mod-http-echo wrk"
        )
    with tempfile.TemporaryDirectory(dir=SCRATCH) as temporary:
        folder = Path(temporary)
        pythons = {True: python_with(PEERS, folder / "peers"), False: Path(sys.executable)}
        with nginx(folder / "server") as ports:
            write(compare(pythons, ports), HERE / "download.csv")
            write(grow(pythons[False], ports[0, True]), HERE / "download_memory.csv")


if __name__ == "__main__":
    main()
