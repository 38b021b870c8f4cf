"""What the tests of the command line share: running plmr, with and without mpirun."""
import json
import os
import pty
import re
import subprocess
import sys
import tempfile

# What mpirun itself says when a program ends with a code other than 0.
MPIRUN_NOISE = re.compile(
    r"^-+$|^$|^Primary job|^mpirun (detected|noticed)|^mpiexec (detected|noticed)|^ *Process name|^ *Exit code|"
    r".*exited with non-zero|.*non-zero exit code|.*the job to be terminated|.*[Pp]er user-direction")

# What Open MPI says when the machine was asleep for a while.
WOKEN = re.compile(r"^\S+: Forwarding signal \d+ to job$")


# As meson sets them for the tests, so that these scripts also run by hand, as root and on few cores.
for name, value in {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1", "OMPI_MCA_mpi_yield_when_idle": "1",
                    "OMPI_MCA_rmaps_base_oversubscribe": "1", "OMPI_MCA_hwloc_base_binding_policy": "none",
                    "OMPI_MCA_pml": "ob1", "PLMR_QUIET": "1"}.items():
    os.environ.setdefault(name, value)


# A process without mpirun needs no daemon of Open MPI's, whose start takes longer than its own, and no folder, which all
# such processes would share.
ALONE = {"OMPI_MCA_ess_singleton_isolated": "1", "OMPI_MCA_orte_create_session_dirs": "0"}


class Plmr:
    """Runs the binary; each run is (exit code, standard output, lines of standard error)."""

    def __init__(self, mpiexec, binary):
        self.mpiexec, self.binary = mpiexec, os.path.abspath(binary)  # it may be started in another folder

    def start(self, args, ranks=None, **how):
        launcher = [] if ranks is None else [self.mpiexec, "-n", str(ranks)]
        if ranks is None and args[:1] != ["scale"]:  # which starts mpirun
            how.setdefault("env", {**os.environ, **ALONE})
        how.setdefault("stdout", subprocess.PIPE)
        return subprocess.Popen(launcher + [self.binary] + args, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                                errors="replace", **how)

    def run(self, args, ranks=None):
        process = self.start(args, ranks)
        out, err = outcome(process, 1200)  # under the sanitizers, on a machine with other work; meson ends a test before
        lines = [line for line in err.splitlines() if not WOKEN.match(line)]
        lines = [line for line in lines if ranks is None or not MPIRUN_NOISE.match(line)]
        return process.returncode, out, lines

    def records(self, args, ranks=None):
        """The records of a run that must succeed."""
        code, out, err = self.run(args + ["--json", "-"], ranks)
        if code != 0:
            raise AssertionError(f"{show(args, ranks)} ends with {code}: {err}")
        return [json.loads(line) for line in out.splitlines()]


class Started(Plmr):
    """Runs commands in one start of plmr's ranks, as most of a short run's time is its start; in another one for another
    number of ranks. For tests of what is computed: how a process starts and ends, and what it does on a terminal, is not
    plmr's own here."""

    def __init__(self, mpiexec, many):
        super().__init__(mpiexec, many)
        self.process, self.ranks = None, 0

    def __enter__(self):
        self.scratch = tempfile.TemporaryDirectory()
        return self

    def __exit__(self, *_):
        self.end()
        self.scratch.cleanup()

    def end(self):
        if self.process:
            self.process.stdin.close()
            code, self.process = self.process.wait(60), None
            if code:
                raise AssertionError(f"what has run on {self.ranks} ranks ends with {code}")

    def start_ranks(self, ranks):
        if not self.process or ranks != self.ranks:
            self.end()
            self.ranks, launcher = ranks, [] if ranks == 1 else [self.mpiexec, "-n", str(ranks)]
            self.process = subprocess.Popen(launcher + [self.binary], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                            env={**os.environ, **ALONE} if ranks == 1 else None)

    def run(self, args, ranks=None):
        self.start_ranks(ranks or 1)
        files = [os.path.join(self.scratch.name, name) for name in ("out", "err")]
        self.process.stdin.write("\t".join(files + args) + "\n")
        self.process.stdin.flush()
        code = self.process.stdout.readline()
        if not code:
            raise AssertionError(f"{show(args, ranks)} ends with {self.process.wait(60)}")
        out, err = [open(file, encoding="utf-8", errors="replace").read() for file in files]
        return int(code), out, err.splitlines()


def outcome(process, timeout_s):
    """Both outputs of a process that ends in time; one that does not leaves nothing running."""
    try:
        return process.communicate(timeout=timeout_s)
    except BaseException:
        process.kill()  # ranks end without their mpirun
        process.communicate()
        raise


def run_on_terminal(command, **environment):
    """What the terminal gets from standard error, and standard output, which is none."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=theirs, text=True,
                          env={**os.environ, **environment}) as process:
        os.close(theirs)
        out = process.stdout.read()
    text = b""
    while True:
        try:
            piece = os.read(ours, 4096)
        except OSError:  # the other end is closed, and all is read
            piece = b""
        if not piece:
            break
        text += piece
    os.close(ours)
    return text.decode(), out


# What a record says of the machine and of how the run went there, beside wall times.
HOST = {"ranks", "ranks_grid", "version", "host", "date", "kernel", "core_steps_per_s", "gflops", "bytes_sent", "messages",
        "hidden_share", "rss_peak_bytes", "hosts", "placement", "provenance"}


def of_the_wafer(record, *but):
    """A record without that, and without some more keys."""
    return {key: value for key, value in record.items()
            if key not in HOST and key not in but and not key.startswith("wall_")}


def show(args, ranks=None):
    return ("" if ranks is None else f"mpirun -n {ranks} ") + "plmr " + " ".join(args)


class Checks:
    """Counts what does not hold, and says it."""

    def __init__(self):
        self.failed = 0

    def __call__(self, holds, what):
        if not holds:
            self.failed += 1
            print("FAILED:", what)
        return holds

    def done(self):
        sys.exit(1 if self.failed else 0)
