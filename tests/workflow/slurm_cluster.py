"""A real Slurm on this machine for the tests: munge, slurmctld, and a slurmd for each of two nodes.

Debian's packages are installed where that is possible without asking anyone; everything else that
is written lies in one folder, and the daemons are ended by their own process ids.
"""

import contextlib
import os
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from getpass import getuser
from pathlib import Path

PACKAGES = ["munge", "slurmctld", "slurmd", "slurm-client"]
POLICY = Path("/usr/sbin/policy-rc.d")
# No systemd and no cgroup: follow the process tree, sample memory, kill what exceeds its request.
# config_overrides: the declared size of a node counts, not the machine's. MinJobAge: the executor
# asks squeue for finished jobs.
CONF = """
ClusterName=tests
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.sock
CredType=cred/munge
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/%n.log
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
MpiDefault=none
ReturnToService=2
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SlurmdParameters=config_overrides
SchedulerParameters=batch_sched_delay=0,sched_interval=1,bf_interval=1
KillWait=5
EnforcePartLimits=ALL
MinJobAge=86400
GresTypes=gpu
PlugStackConfig={folder}/plugstack.conf
AccountingStorageType=accounting_storage/none
NodeName=DEFAULT CPUs=8 RealMemory=16000
NodeName=cpu1 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[1]}
NodeName=gpu1 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[2]} Gres=gpu:1
PartitionName=cpu Nodes=cpu1 Default=YES MaxTime=1-0
PartitionName=gpu Nodes=gpu1 MaxTime=1-0
"""


class CannotInstall(Exception):
    """Why there is no Slurm here, in one line."""


def install() -> None:
    """Install the packages that are missing, or raise CannotInstall.

    As root, or in CI where sudo asks for no password; never on a machine of somebody's own.
    """
    found = {"munge": "munged", "slurm-client": "sbatch"}
    missing = [p for p in PACKAGES if not shutil.which(found.get(p, p), path=_path())]
    if not missing:
        return
    sudo = [] if os.geteuid() == 0 else ["sudo", "-n"]
    if not shutil.which("apt-get") or (sudo and "CI" not in os.environ):
        raise CannotInstall(f"Slurm is not installed; say: apt-get install {' '.join(missing)}")
    quiet = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq"]
    quiet += ["-o", "Acquire::Retries=0", "-o", "Acquire::http::Timeout=20"]
    silent = not POLICY.exists()
    if silent:  # else the packages start services of their own
        script = "#!/bin/sh\nexit 101\n"
        command = [*sudo, "install", "-m755", "/dev/stdin", POLICY]
        subprocess.run(command, input=script, text=True, check=True)
    try:
        for words in (["update"], ["install", "-y", "--no-install-recommends", *missing]):
            done = subprocess.run([*sudo, *quiet, *words], capture_output=True, text=True)
            if done.returncode:
                said = done.stderr.strip().splitlines() or ["no reason given"]
                raise CannotInstall(f"apt-get {words[0]} failed: {said[-1]}")
    finally:
        if silent:
            subprocess.run([*sudo, "rm", POLICY], check=True)


def _path() -> str:
    return os.environ["PATH"] + ":/usr/sbin:/sbin"


def _free_ports(n: int) -> list[int]:
    sockets = [socket.socket() for _ in range(n)]
    for s in sockets:
        s.bind(("127.0.0.1", 0))
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


class Cluster:
    """Nodes cpu1 and gpu1 (with a GPU that is none) with 8 CPUs and 16 GB to give away each.

    Partitions cpu (the default) and gpu. `environment` is what a process needs to use it.
    """

    def __init__(self) -> None:
        install()
        # munged wants parents that all may enter, and a socket's path is short
        self.folder = Path(tempfile.mkdtemp(prefix="slurm-", dir="/tmp"))
        self.folder.chmod(0o755)
        self.daemons: list[subprocess.Popen] = []
        conf = self.folder / "slurm.conf"
        tools = self.folder / "bin"
        self.environment = {**os.environ, "PATH": f"{tools}:{_path()}", "SLURM_CONF": str(conf)}
        for name in ("state", "spool-cpu1", "spool-gpu1", "bin"):
            (self.folder / name).mkdir()
        host = socket.gethostname().split(".")[0]
        filled = {"host": host, "user": getuser(), "folder": self.folder, "ports": _free_ports(3)}
        conf.write_text(CONF.format(**filled))
        (self.folder / "gres.conf").write_text("NodeName=gpu1 Name=gpu File=/dev/null\n")
        (self.folder / "plugstack.conf").touch()
        key = self.folder / "munge.key"
        key.touch(0o600)
        key.write_bytes(os.urandom(1024))
        # the executor takes SLURM_* out of its jobs' environment
        for tool in ("srun", "sbatch", "squeue", "scancel", "scontrol", "sinfo"):
            script = tools / tool
            script.write_text(f'#!/bin/sh\nSLURM_CONF={conf} exec /usr/bin/{tool} "$@"\n')
            script.chmod(0o755)
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def _start(self) -> None:
        at = self.folder
        self._daemon(
            f"munged --foreground --key-file={at}/munge.key --socket={at}/munge.sock "
            f"--pid-file={at}/munged.pid --log-file={at}/munged.log --seed-file={at}/munged.seed"
        )
        self._until((at / "munge.sock").exists)
        self._daemon("slurmctld -D")
        self._daemon("slurmd -D -N cpu1")
        self._daemon("slurmd -D -N gpu1")
        idle = "sinfo --noheader --Node --states=idle --format=%N"
        self._until(lambda: set(self.ask(idle, check=False).split()) == {"cpu1", "gpu1"})

    def _daemon(self, command: str) -> None:
        with open(self.folder / "daemons.log", "a") as log:
            self.daemons.append(
                subprocess.Popen(shlex.split(command), env=self.environment, stdout=log, stderr=log)
            )

    def _until(self, true, seconds: float = 30) -> None:
        for _ in range(int(seconds / 0.2)):
            if true():
                return
            time.sleep(0.2)
        logs = sorted(self.folder.glob("*.log"))
        raise TimeoutError(
            "Slurm did not start:\n" + "\n".join(p.read_text()[-2000:] for p in logs)
        )

    def ask(self, command: str, check: bool = True) -> str:
        """What a Slurm command prints."""
        done = subprocess.run(
            shlex.split(command), env=self.environment, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0 or not check, done.stderr
        return done.stdout

    def jobs(self) -> list[dict[str, str]]:
        """Every job so far, as squeue says it; a comment names the rule."""
        form = {"id": "%A", "comment": "%k", "state": "%T", "memory": "%m", "limit": "%l"}
        form["folder"] = "%Z"
        asked = self.ask(f"squeue --noheader --states=all --format='{'|'.join(form.values())}'")
        return [dict(zip(form, line.split("|"), strict=True)) for line in asked.splitlines()]

    def stop(self) -> None:
        """End every job, then the daemons and what may supervise a job still; remove the folder."""
        self.ask(f"scancel --user={getuser()}", check=False)
        for _ in range(50):
            if not self.ask("squeue --noheader", check=False):
                break
            time.sleep(0.2)
        for daemon in reversed(self.daemons):
            daemon.terminate()
        for daemon in self.daemons:
            try:
                daemon.wait(timeout=15)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()
        ours = f"SLURM_CONF={self.folder}/slurm.conf\0".encode()
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):  # it ended meanwhile, or is another user's
                if (process / "comm").read_text() == "slurmstepd\n" and (
                    ours in (process / "environ").read_bytes()
                ):
                    os.kill(int(process.name), signal.SIGKILL)
        shutil.rmtree(self.folder, ignore_errors=True)
