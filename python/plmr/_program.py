"""Programs of one's own in the frame that plmr's algorithms have: records, reports, traces."""
import ctypes
from typing import Any, Callable, List, Optional

from . import _abi
from ._commands import Option, Run, _Files, _tables, collect
from ._library import Error, argv, call, lib, shown, text, whole
from ._mesh import Region

_RUN = ctypes.CFUNCTYPE(ctypes.c_size_t, ctypes.c_void_p, ctypes.c_void_p)
_NOT_OURS = ("m", "k", "n", "a", "b", "out", "alg", "transpose-b", "accumulate", "dtype", "seed", "plan", "verify", "help",
             "color")


def program(name: str, rows: int, cols: int, run: Callable[[Region], None], **options: Any) -> Run:
    """Runs run(region) on a region of rows x cols cores, and returns its record as the commands do.

    Options are those of plmr.gemm that are not of matrices: device="wse3", mode="timing", allow="M", ranks=(1, 2),
    report=True, json=FILE, trace=FILE. What `run` makes on the region is gone when it returns. What it raises is raised here.

        def run(region):
            t = region.tiles("t", 1)
            region.compute(10)
            t.allreduce(plmr.X)

        plmr.program("mine", 16, 16, run, report=True)
    """
    if not callable(run):
        raise TypeError(f"{name}: {shown(run)} is no function of a region")
    raised: List[BaseException] = []

    def called(handle: int, _: Optional[int]) -> int:
        region = Region._of(ctypes.c_void_p(handle), is_lent=True)
        try:
            run(region)
        except BaseException as error:  # it goes through C, and is raised again on the other side
            raised.append(error)
            kind = {"input": _abi.PLMR_ERROR_INPUT, "limit": _abi.PLMR_ERROR_LIMIT}.get(
                getattr(error, "kind", ""), _abi.PLMR_ERROR_SYSTEM if not isinstance(error, Error) else _abi.PLMR_ERROR_INPUT)
            line = str(error) if isinstance(error, Error) else f"{type(error).__name__}: {error}"
            return lib.plmr_error_make(kind, b"%s", line.encode(errors="backslashreplace"))
        finally:
            region._give_back()
        return 0

    callback = _RUN(called)
    room = ctypes.create_string_buffer(text("name", name))
    frame = _abi.plmr_program(name=ctypes.addressof(room), rows=whole("rows", ctypes.c_int, rows),
                              cols=whole("cols", ctypes.c_int, cols), run=ctypes.cast(callback, ctypes.c_void_p).value)
    table = {option.name: option for option in _tables()["gemm"] if option.name not in _NOT_OURS}

    def do(words: List[str], _: _Files) -> None:
        call("plmr_program_run", ctypes.byref(frame), 1 + len(words), argv([name, *words]))
    try:
        return collect(table, options.items(), do)
    except Error:
        if raised and not isinstance(raised[0], Error):
            raise raised[0]
        raise
