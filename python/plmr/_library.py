"""libplmr: found, started with the first call, ended with the process; its errors as exceptions."""
import atexit
import ctypes
import json
import operator
import os
import reprlib
import sys
from pathlib import Path
from typing import Any, Callable, List, Optional, Sequence, Tuple

from . import _abi

_HERE = Path(__file__).resolve().parent


class Error(Exception):
    """What went wrong, in the one line that the program plmr would print.

    kind: "input" (asked for what cannot be, a file that was named included), "limit" (the device cannot hold or route it), "system"
    (memory, the disk, MPI).
    """

    def __init__(self, text: str, kind: str):
        super().__init__(text)
        self.kind = kind


_KINDS = {_abi.PLMR_ERROR_INPUT: "input", _abi.PLMR_ERROR_LIMIT: "limit", _abi.PLMR_ERROR_SYSTEM: "system",
          _abi.PLMR_ERROR_FILE: "input"}


def _load() -> ctypes.CDLL:
    """What PLMR_LIBRARY names, else what lies where this package was installed or built, else what the system finds."""
    name = "libplmr.so.1"
    beside = [_HERE / _abi.LIBRARIES / name, _HERE.parent.parent / "src" / name]
    found = [str(path) for path in beside if path.exists()] + [name]
    # Open MPI's plugins look for its functions among those that all may see.
    path = os.environ.get("PLMR_LIBRARY") or found[0]
    library = ctypes.CDLL(path, mode=ctypes.RTLD_GLOBAL)
    share = _HERE / _abi.SHARE
    if share.is_dir():
        os.environ.setdefault("PLMR_SHARE", str(share))
    library.plmr_end_job.restype, library.plmr_error_make.restype = None, ctypes.c_void_p
    for name, (result, arguments) in _abi.FUNCTIONS.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, [kind for _, kind in arguments]
    version = library.plmr_version().decode()
    if version != _abi.HEADERS:
        raise ImportError(f"this package is of plmr {_abi.HEADERS}, and {path} of {version}: install both of one version")
    return library


lib = _load()
_started = False


def check(status: Optional[int]) -> None:
    """Raises what a plmr_status says."""
    if status:
        error = Error(lib.plmr_error_text(status).decode(), _KINDS[lib.plmr_error_code(status)])
        lib.plmr_error_free(status)
        raise error


def start() -> None:
    """Starts the message layer, once."""
    global _started
    if not _started:
        check(lib.plmr_init(None, None))
        _started = True
        atexit.register(_end)
        if lib.plmr_rank_count() > 1:
            lib.plmr_finalize_at_exit()
            _end_all_with_one()


def _end_all_with_one() -> None:
    """An exception that is not plmr's own is taken to be of this rank alone, and ends all; what others may have, too, and what is
    no exception, as sys.exit, does at the process's exit if they go on."""
    shown = sys.excepthook

    def hook(kind: Any, value: BaseException, trace: Any) -> None:
        shown(kind, value, trace)
        sys.stderr.flush()
        if not isinstance(value, Error):
            lib.plmr_end_job(b"%s", f"{kind.__name__}: {value}".encode())
    sys.excepthook = hook


def is_started() -> bool:
    """Between the first call and the end of the process."""
    return _started


def _end() -> None:
    global _started
    _started = False
    if lib.plmr_rank_count() == 1:  # with several, how this one ends is not known before its exit
        lib.plmr_finalize()


def shown(value: Any) -> str:
    """In a line."""
    return " ".join(reprlib.repr(value).split())


def whole(name: str, kind: Any, value: Any) -> int:
    """A whole number that the C type holds: ctypes would cut it off."""
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name}: {shown(value)} is no whole number") from None
    if kind(number).value != number:
        raise ValueError(f"{name}: {number} is beyond the numbers that it takes: stay within {8 * ctypes.sizeof(kind)} bits")
    return number


def _real(name: str, value: Any) -> float:
    try:
        return ctypes.c_double(value).value
    except TypeError:
        raise TypeError(f"{name}: {shown(value)} is no number") from None


def text(name: str, value: Any) -> bytes:
    """A string that C reads to its end."""
    if not isinstance(value, (str, bytes)):
        raise TypeError(f"{name}: {shown(value)} is no string")
    told = value.encode() if isinstance(value, str) else value
    if b"\0" in told:
        raise ValueError(f"{name}: {shown(value)} has a NUL, with which strings end in C: leave it out")
    return told


_WHOLE = (ctypes.c_int, ctypes.c_int64, ctypes.c_size_t)


def _fit_one(name: str, kind: Any, value: Any) -> Any:
    if kind in _WHOLE:
        return whole(name, kind, value)
    if kind is ctypes.c_double:
        return _real(name, value)
    return text(name, value) if kind is ctypes.c_char_p else value


def _fit(name: str, members: Sequence[Tuple[str, Any]], values: Any) -> List[Any]:
    return [_fit_one(f"{name}, {member}", kind, value) for (member, kind), value in zip(members, values)]


def struct(kind: Any, name: str, *values: Any) -> Any:
    """A struct of plain members."""
    if len(values) != len(kind._fields_):
        raise TypeError(f"{name}: {values} are not its {', '.join(field for field, _ in kind._fields_)}")
    return kind(*_fit(name, kind._fields_, values))


def ask(name: str, *arguments: Any) -> Any:
    """What a function returns; strings are given as they are."""
    return getattr(lib, name)(*_fit(name, _abi.FUNCTIONS[name][1], arguments))


def call(name: str, *arguments: Any) -> None:
    """One that returns a plmr_status."""
    start()
    check(ask(name, *arguments))


def make(name: str, *arguments: Any) -> ctypes.c_void_p:
    """The same for one whose last argument is where to put what it makes."""
    made = ctypes.c_void_p()
    call(name, *arguments, ctypes.byref(made))
    return made


def argv(words: Sequence[str]) -> "ctypes.Array[ctypes.c_char_p]":
    """What C's main is given, of which the first word is the name."""
    return (ctypes.c_char_p * len(words))(*(text(words[0], word) for word in words))


def rank() -> int:
    """This process's number under mpirun, from 0; 0 alone."""
    start()
    return lib.plmr_rank()


def rank_count() -> int:
    """How many processes there are."""
    start()
    return lib.plmr_rank_count()


free = ctypes.CDLL(None).free
"""Of what the library has given away."""
free.argtypes, free.restype = [ctypes.c_void_p], None


def from_rank_0(data: Optional[bytes]) -> bytes:
    """Rank 0's bytes, on all ranks. Collective."""
    size = ctypes.c_int64(len(data) if rank() == 0 else 0)
    lib.plmr_broadcast(ctypes.byref(size), ctypes.sizeof(size))
    room = ctypes.create_string_buffer(data if rank() == 0 else b"", max(size.value, 1))
    lib.plmr_broadcast(room, size.value)
    return room.raw[:size.value]


def _told(what: str, error: Exception) -> bytes:
    """An exception as what of it goes to other ranks: a line, and its kind."""
    line = str(error) if isinstance(error, Error) else f"{type(error).__name__}: {error}"
    kind = getattr(error, "kind", "system" if isinstance(error, (OSError, MemoryError)) else "input")
    return json.dumps([f"{what}: {' '.join(line.split())}", kind]).encode()


def on_rank_0(what: str, work: Callable[[], Optional[bytes]]) -> bytes:
    """What it gives on rank 0, on all ranks. What it raises there is an Error of all of them, or they would be out of step.
    Collective."""
    said = b""
    if rank() == 0:
        try:
            said = b"+" + (work() or b"")
        except Exception as error:
            said = b"-" + _told(what, error)
    said = from_rank_0(said)
    if said[:1] == b"-":
        raise Error(*json.loads(said[1:]))
    return said[1:]
