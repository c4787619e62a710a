"""Download clients against one nginx: objects/s, MB/s, CPU, memory; writes download*.csv.

python benchmarks/download.py; needs nginx with its echo module (for the latency), and wrk:
apt install nginx-light libnginx-mod-http-echo wrk. Peers are installed in virtual environments of
their own. All requests are unsigned GETs of random bytes on loopback.
"""

import csv
import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).parent
PEERS = {
    "boto3": ["boto3[crt]==1.44.5", "obstore==0.12.1"],
    "aiobotocore": ["s3fs==2026.9.0", "aiobotocore"],
}
CLIENTS = {  # name -> virtual environment, and the most objects it gets
    "original": ("boto3", 150),
    "boto3": ("boto3", 2000),
    "boto3 crt": ("boto3", 300),
    "aiobotocore": ("aiobotocore", 2000),
    "s3fs": ("aiobotocore", 2000),
    "obstore": ("boto3", 4000),
    "stowaway": (None, 4000),
}
SIZES = {20: 4000, 200: 4000, 2000: 400}  # KB -> most objects of that size
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
    server {{ listen 127.0.0.1:{1}; root {0}; }}
    server {{
        listen 127.0.0.1:{2};
        location / {{ echo_sleep 0.05; echo_exec /real$request_uri; }}
        location /real/ {{ internal; alias {0}/; }}
    }}
}}
"""


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
    """Two ports: without added latency, and with 50 ms."""
    ports = free_ports(2)
    for size in SIZES:
        (folder / f"bucket/{size}").mkdir(parents=True)
        for number in range(OBJECTS):
            (folder / f"bucket/{size}/{number}.jpg").write_bytes(os.urandom(size * 1000))
    (folder / "nginx.conf").write_text(CONFIG.format(folder, *ports))
    user = ["-g", "user root;"] if os.geteuid() == 0 else []  # else its worker cannot read this
    server = subprocess.Popen(["nginx", "-c", folder / "nginx.conf", *user])
    time.sleep(1)
    try:
        yield dict(zip(CONNECTIONS, ports, strict=True))
    finally:
        server.terminate()
        server.wait()


def measure(python: Path, name: str, port: int, size: int, count: int, connections: int) -> dict:
    with tempfile.TemporaryDirectory() as folder:
        command = [python, HERE / "download_clients.py", name, port, size, count, connections]
        path = os.pathsep.join([str(HERE.parent / "workflow/scripts")])
        done = subprocess.run(
            [*map(str, command), folder],
            env=os.environ | {"PYTHONPATH": path, "AWS_EC2_METADATA_DISABLED": "true"},
            capture_output=True,
            text=True,
            timeout=600,
        )
    try:
        found = json.loads(done.stdout)
    except ValueError:
        return {"error": (done.stderr.strip().splitlines() or ["?"])[-1][:80]}
    if found["done"] != count:
        return {"error": f"{found['done']} of {count} objects"}
    rate = count / found["seconds"]
    return {
        "objects/s": round(rate),
        "MB/s": round(rate * size / 1000),
        "CPU s / 1,000": round(found["cpu"] / count * 1000, 2),
        "memory MB": round(found["memory"]),
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
    """Every client at each size and latency, the median of three runs of the fast ones."""
    rows = []
    for latency, port in ports.items():
        connections = CONNECTIONS[latency]
        for size, most in SIZES.items():
            place = {"latency ms": latency, "KB": size}
            rows.append(place | {"client": "wrk (limit)"} | wrk(port, size, connections))
            for name, (environment, objects) in CLIENTS.items():
                count = min(most, objects)
                runs = [
                    measure(pythons[environment], name, port, size, count, connections)
                    for _ in range(3 if objects == 4000 else 1)
                ]
                middle = statistics.median_low(run.get("objects/s", 0) for run in runs)
                run = next(run for run in runs if run.get("objects/s", 0) == middle)
                rows.append(place | {"client": name, "connections": connections} | run)
                print(rows[-1], file=sys.stderr)
    return rows


def take_apart(python: Path, port: int) -> list[dict]:
    """What each part of a download takes, and what the number of connections does."""
    rows = []
    for name in (
        "request",
        "request, signed",
        "request, MD5",
        "request, MD5, file",
        "request, MD5, file, fsync",
        "stowaway",
    ):
        rows.append({"what": name, "connections": 16} | measure(python, name, port, 200, 3000, 16))
    for connections in (1, 4, 64):
        found = measure(python, "stowaway", port, 200, 3000, connections)
        rows.append({"what": "stowaway", "connections": connections} | found)
    return rows


def grow(python: Path, port: int) -> list[dict]:
    """Memory over the number of images."""
    counts = (1000, 10_000, 50_000)
    return [{"images": n} | measure(python, "stowaway", port, 20, n, 16) for n in counts]


def main() -> None:
    if lacking := [name for name in ("nginx", "wrk") if not shutil.which(name)]:
        sys.exit(
            f"{', '.join(lacking)}: not installed; apt install nginx-light "
            "libnginx-mod-http-echo wrk"
        )
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        pythons = {name: python_with(needs, folder / name) for name, needs in PEERS.items()}
        pythons[None] = Path(sys.executable)
        with nginx(folder / "server") as ports:
            write(compare(pythons, ports), HERE / "download.csv")
            write(take_apart(pythons[None], ports[0]), HERE / "download_parts.csv")
            write(grow(pythons[None], ports[0]), HERE / "download_memory.csv")


if __name__ == "__main__":
    main()
