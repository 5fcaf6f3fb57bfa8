"""A Slurm of one node on the loopback interface, with fake GPUs; the tests start, query and stop it.

No database, no cgroups, no service manager. Slurm reads its configuration from /etc/slurm, because the inner steps of a
job are not given another path. There must be no other Slurm on the machine.
"""

import os
import shutil
import socket
import stat
import subprocess
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel", "scontrol", "sinfo")
PACKAGES = "slurmctld slurmd slurm-client munge"
ETC = Path("/etc/slurm")
NULL_DEVICE = os.makedev(1, 3)
CPUS, MEMORY_MB, GPUS = 8, 16_000, 4  # pretended, so that jobs that wait to be killed block nobody
START_S, STOP_S = 60, 30

CONFIGURATION = """
ClusterName=reproof
SlurmctldHost=localhost(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
SlurmUser=root
# What is put back into the queue waits until its credential has expired: 20 seconds instead of 120.
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=20
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
StateSaveLocation={folder}/controller
SlurmdSpoolDir={folder}/node
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
TaskProlog={folder}/prolog
MpiDefault=none
ReturnToService=2
AccountingStorageType=accounting_storage/none
# Memory is watched by sampling, as there are no cgroups: what is over its limit is killed.
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SchedulerParameters=batch_sched_delay=0,sched_min_interval=0,bf_interval=1
# Finished jobs stay in squeue, the one place that tells how they ended.
MinJobAge=3600
KillWait=10
OverTimeLimit=0
SlurmdParameters=config_overrides
GresTypes=gpu
NodeName=localhost NodeAddr=127.0.0.1 CPUs={cpus} RealMemory={memory} Gres=gpu:{gpus} State=UNKNOWN
PartitionName=main Nodes=localhost Default=YES MaxTime=INFINITE State=UP
"""
# Runs before each task of a job, in its environment: notes what GPUs the task sees.
PROLOG = """#!/bin/sh
echo "$SLURM_JOB_ID ${{CUDA_VISIBLE_DEVICES-none}}" >> {folder}/seen
"""


def missing():
    """Return why no such Slurm can be started here, or nothing."""
    if os.geteuid() != 0:
        return "starting a Slurm of one's own needs root"
    absent = [name for name in PROGRAMS if shutil.which(name) is None]
    if absent:
        return f"{', '.join(absent)} not found; on Debian: apt-get install {PACKAGES}"
    if (ETC / "slurm.conf").exists():
        return f"{ETC}/slurm.conf is there: this machine belongs to a Slurm already"
    return ""


@dataclass
class Node:
    """The running node: its folder, and its daemons in the order in which they were started."""

    folder: Path
    daemons: list[subprocess.Popen] = field(default_factory=list)

    def jobs(self):
        """Return all jobs, finished ones as well, oldest first: id, state, what Snakemake says of it, what it asked."""
        names = {"id": "%i", "state": "%T", "comment": "%k", "memory": "%m", "limit": "%l"}
        form = "|".join(names.values())
        lines = _said("squeue", "--states=all", "--noheader", "--sort=i", f"--format={form}").splitlines()
        return [dict(zip(names, line.split("|"), strict=True)) for line in lines]

    def cancel(self, job):
        """Cancel a job as its owner would."""
        _said("scancel", job)

    def put_back(self, job):
        """Stop a job and put it back into the queue, as happens to one that is preempted."""
        _said("scontrol", "requeue", job)

    def seen(self):
        """Return {job: [GPUs that a task of it saw, or "none"]}."""
        found = {}
        for line in (self.folder / "seen").read_text().splitlines():
            job, devices = line.split()
            found.setdefault(job, []).append(devices)
        return found


@contextmanager
def one_node(folder):
    """Start the daemons, yield the Node when it is idle, and stop exactly those daemons."""
    node = Node(folder)
    _configure(folder)
    try:
        _start(node)
        yield node
    finally:
        _stop(node)


def _configure(folder):
    for name in ("controller", "node"):
        (folder / name).mkdir(parents=True)
    folder.chmod(0o755)
    values = {"folder": folder, "ports": _free_ports(2), "cpus": CPUS, "memory": MEMORY_MB, "gpus": GPUS}
    (folder / "slurm.conf").write_text(CONFIGURATION.format(**values))
    (folder / "prolog").write_text(PROLOG.format(folder=folder))
    (folder / "prolog").chmod(0o755)
    for number in range(GPUS):  # only with a device node does Slurm state in a job's environment which GPUs are its own
        os.mknod(folder / f"gpu{number}", stat.S_IFCHR | 0o666, NULL_DEVICE)
    lines = [f"NodeName=localhost Name=gpu File={folder}/gpu{number}\n" for number in range(GPUS)]
    (folder / "gres.conf").write_text("".join(lines))
    ETC.mkdir(exist_ok=True)
    for name in ("slurm.conf", "gres.conf"):
        (ETC / name).unlink(missing_ok=True)  # what a killed test left points nowhere
        (ETC / name).symlink_to(folder / name)


def _free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def _start(node):
    key = node.folder / "munge.key"
    key.write_bytes(os.urandom(1024))
    key.chmod(0o600)
    munge = {name: node.folder / f"munge.{name}" for name in ("socket", "pid", "log", "seed")}
    _daemon(
        node, "munged", "--foreground", f"--key-file={key}", f"--socket={munge['socket']}",
        f"--pid-file={munge['pid']}", f"--log-file={munge['log']}", f"--seed-file={munge['seed']}",
    )  # fmt: skip
    _wait(node, munge["socket"].exists)
    _daemon(node, "slurmctld", "-D", "-c")
    _daemon(node, "slurmd", "-D", "-c", "-N", "localhost")
    _wait(node, lambda: _said("sinfo", "--noheader", "--format=%T", check=False).strip() == "idle")


def _daemon(node, *command):
    """Start a daemon in the foreground, as a child of this process."""
    with (node.folder / f"{command[0]}.out").open("w") as out:
        node.daemons.append(subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out))


def _wait(node, condition):
    began = time.monotonic()
    while not condition():
        ended = [one.args[0] for one in node.daemons if one.poll() is not None]
        assert not ended, f"{ended} ended:\n{(node.folder / f'{ended[0]}.out').read_text()}"
        assert time.monotonic() - began < START_S, "the node did not come up"
        time.sleep(0.2)


def _stop(node):
    """Cancel what still runs, stop the daemons in reverse, and take back what was put into /etc/slurm."""
    if len(node.daemons) == 3:
        _said("scancel", "--user=root", check=False)
        _until(lambda: not _said("squeue", "--noheader", check=False).strip())
    for daemon in reversed(node.daemons):
        daemon.terminate()
        try:
            daemon.wait(STOP_S)
        except subprocess.TimeoutExpired:
            daemon.kill()
            daemon.wait()
    for name in ("slurm.conf", "gres.conf"):
        with suppress(FileNotFoundError):
            if (ETC / name).readlink() == node.folder / name:
                (ETC / name).unlink()


def _until(condition):
    began = time.monotonic()
    while not condition() and time.monotonic() - began < STOP_S:
        time.sleep(0.2)


def _said(*command, check=True):
    done = subprocess.run(command, check=check, capture_output=True, text=True, timeout=START_S)
    return done.stdout
