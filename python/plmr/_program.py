"""Programs of one's own in the frame that plmr's algorithms have: records, reports, traces."""
import ctypes
from typing import Any, Callable, List, Optional

from . import _abi
from ._commands import Option, Run, _Files, _tables, collect
from ._library import Error, call, lib
from ._mesh import Region

_RUN = ctypes.CFUNCTYPE(ctypes.c_size_t, ctypes.c_void_p, ctypes.c_void_p)
_NOT_OURS = ("m", "k", "n", "a", "b", "out", "alg", "transpose-b", "accumulate", "dtype", "seed", "plan", "cores", "verify",
             "help", "color")


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
    raised: List[BaseException] = []

    def called(handle: int, _: Optional[int]) -> int:
        region = Region._of(ctypes.c_void_p(handle))
        try:
            run(region)
        except BaseException as error:  # it goes through C, and is raised again on the other side
            raised.append(error)
            kind = {"input": _abi.PLMR_ERROR_INPUT, "limit": _abi.PLMR_ERROR_LIMIT}.get(
                getattr(error, "kind", ""), _abi.PLMR_ERROR_SYSTEM if not isinstance(error, Error) else _abi.PLMR_ERROR_INPUT)
            text = str(error) if isinstance(error, Error) else f"{type(error).__name__}: {error}"
            return lib.plmr_error_make(kind, b"%s", text.encode())
        finally:
            region._give_back()
        return 0

    callback = _RUN(called)
    room = ctypes.create_string_buffer(name.encode())
    frame = _abi.plmr_program(name=ctypes.addressof(room), rows=rows, cols=cols, run=ctypes.cast(callback, ctypes.c_void_p).value)
    table = {option.name: option for option in _tables()["gemm"] if option.name not in _NOT_OURS}

    def do(words: List[str], _: _Files) -> None:
        argv = [name, *words]
        call("plmr_program_run", ctypes.byref(frame), len(argv),
             (ctypes.c_char_p * len(argv))(*(word.encode() for word in argv)))
    try:
        return collect(table, options, do)
    except Error:
        if raised and not isinstance(raised[0], Error):
            raise raised[0]
        raise
