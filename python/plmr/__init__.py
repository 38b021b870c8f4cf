"""plmr: wafer-scale accelerators, emulated.

Whole runs, the commands of the program plmr, by name:

    >>> import plmr
    >>> runs = plmr.gemm(m=64, k=64, n=64, cores=(8, 8), algorithms=["meshgemm"], dtype="f32")
    >>> runs[0]["cycles"]                   # of the emulated device
    >>> plmr.llm("llama3-8b", phase="decode", context=2048)

and mesh programs of one's own, on tiles that are NumPy arrays: see Region and program. Everything works alone and under mpirun; all ranks
make the same calls, and get the same records. What goes wrong is an Error, whose text is one line.
"""
from ._commands import Run, command, commands
from ._library import Error, lib, rank, rank_count
from ._mesh import HALO, Device, Points, Region, Ring, Tiles, X, Y, device_names
from ._program import program

__all__ = ["Device", "Error", "HALO", "Points", "Region", "Ring", "Run", "Tiles", "X", "Y", "command", "commands",
           "device_names", "program", "rank", "rank_count"]


__version__: str = lib.plmr_version().decode()


def __getattr__(name: str):
    """plmr.gemm and all other commands."""
    if name.startswith("_") or name not in commands():
        raise AttributeError(f"module 'plmr' has no attribute '{name}', nor is it a command: {', '.join(commands())}")
    return command(name)


def __dir__():
    return sorted(set(__all__) | set(commands()))
