"""The commands of plmr as functions. Which there are, and what they take, the library's own tables say."""
import contextlib
import ctypes
import functools
import html
import inspect
import io
import json
import keyword
import os
import shutil
import sys
import tempfile
from typing import Any, Callable, Dict, Iterable, Iterator, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from ._library import Error, argv, call, free, from_rank_0, lib, on_rank_0, rank, start
from ._mesh import Device

# What reads better in a program than as an option.
_ALIASES = {"algorithms": "alg", "algorithm": "alg"}


class Option(NamedTuple):
    """An option as the library's table has it: names without dashes; argument "" of one that takes none."""
    command: str
    name: str
    letter: str
    argument: str
    words: str
    title: str
    help: str


@functools.lru_cache(maxsize=None)
def _tables() -> Dict[str, List[Option]]:
    text = lib.plmr_commands_help()
    lines = ctypes.string_at(text).decode().splitlines()
    free(text)
    tables: Dict[str, List[Option]] = {}
    for line in lines:
        option = Option(*line.split("\t"))
        tables.setdefault(option.command, []).append(option)
    return tables


def commands() -> List[str]:
    """The names of all commands."""
    return list(_tables())


class Run(list):
    """What a command has said: a list of records, as --json has them, a dict each.

    text: what it printed, a table or a language model's text. page: the report, if one was asked for (report=True, or in a
    notebook), which a notebook shows. array: the result, if it was asked for (out=True).
    """

    text: str = ""
    page: Optional[str] = None
    array: Optional[np.ndarray] = None

    def _repr_html_(self) -> str:
        if self.page:
            return (f'<iframe srcdoc="{html.escape(self.page)}" style="width: 100%; height: 48em; border: 0" '
                    'sandbox="allow-scripts"></iframe>')
        keys = [key for key in ("algorithm", "model", "device", "cycles", "virtual_s", "routes_max", "sram_peak_bytes",
                                "tpr_prefill", "tpr_decode", "error") if any(record.get(key) is not None for record in self)]
        rows = "".join("<tr>" + "".join(f"<td>{html.escape(str(record.get(key, '')))}</td>" for key in keys) + "</tr>"
                       for record in self)
        head = "".join(f"<th>{key}</th>" for key in keys)
        return f"<table><tr>{head}</tr>{rows}</table>" if self else f"<pre>{html.escape(self.text)}</pre>"


@contextlib.contextmanager
def _printed(to: List[str]) -> Iterator[None]:
    """What is printed meanwhile on this rank, by C as well, goes to the list."""
    sys.stdout.flush()
    with tempfile.TemporaryFile() as room:
        kept = os.dup(1)
        os.dup2(room.fileno(), 1)
        try:
            yield
        finally:
            os.dup2(kept, 1)
            os.close(kept)
            room.seek(0)
            to.append(room.read().decode(errors="replace"))


def _word(value: Any) -> str:
    """What is no list, as it is said on a command line."""
    if isinstance(value, Device):
        return value.said()
    return value.decode() if isinstance(value, bytes) else str(value)


def _said(option: Option, value: Any) -> str:
    """A value as it is said on a command line: cores=(8, 8) is 8x8, layers=range(0, 8) 0..7, other lists have commas."""
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, range):
        if value.step != 1:
            raise ValueError(f"--{option.name}: {value} is not all from one number to another, as A..B says: give it step 1")
        return f"{value.start}..{value.stop - 1}"
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        return ("x" if "HxW" in option.argument or "RxC" in option.argument else ",").join(map(_word, value))
    return _word(value)


def _readable(array: np.ndarray) -> np.ndarray:
    """As commands read arrays: row by row, of float16 where it is that, else of float32."""
    if array.dtype.kind not in "biuf":
        raise Error(f"elements are {array.dtype}, and no real numbers: give float32", "input")
    if np.ma.is_masked(array):
        raise Error("elements are masked: fill them, as filled(0) does", "input")
    half = array.dtype.kind == "f" and array.dtype.itemsize == 2
    with np.errstate(over="ignore"):
        plain = np.array(array, dtype=np.float16 if half else np.float32, order="C")
    if not np.array_equal(np.isinf(plain), np.isinf(array)):
        raise Error("elements are beyond what float32 holds, 3.4e38: scale them", "input")
    return plain


class _Files:
    """Rank 0's folder for what a command reads and writes."""

    def __init__(self) -> None:
        self.path = on_rank_0("a folder for files", lambda: tempfile.mkdtemp(prefix="plmr-").encode()).decode()
        self.given: Dict[str, str] = {}  # what is in a file, by the file's path

    def name(self, name: str) -> str:
        return os.path.join(self.path, name)

    def _put(self, what: str, name: str, put: Callable[[str], None]) -> str:
        """It is there when the others go on."""
        path = self.name(name)
        on_rank_0(what, lambda: put(path))
        self.given[path] = what
        return path

    def save(self, name: str, array: np.ndarray) -> str:
        """What an option is given."""
        return self._put(f"--{name}", f"{name}.npy", lambda path: np.save(path, _readable(array)))

    def write(self, what: str, value: Any) -> str:
        """As JSON."""
        def put(path: str) -> None:
            with open(path, "w", encoding="utf-8") as file:
                json.dump(value, file)
        return self._put(what, f"{what.strip('-')}.json", put)

    def read(self, name: str) -> Optional[bytes]:
        """On all ranks, by a path as well; None: there is no such file."""
        def get() -> bytes:
            if not os.path.isfile(self.name(name)):
                return b""
            with open(self.name(name), "rb") as file:
                return b"+" + file.read()
        data = on_rank_0(name, get)
        return data[1:] if data else None

    def told(self, line: str) -> str:
        """An error's, without files that nobody has named."""
        for path, what in self.given.items():
            line = line.replace(path, what)
        return line

    def remove(self) -> None:
        if rank() == 0:
            shutil.rmtree(self.path, ignore_errors=True)


def _in_notebook() -> bool:
    return "ipykernel" in sys.modules


def _keyword(name: str) -> str:
    """An option as an argument: - is _, and what is a word of Python's own has one more at its end, for_."""
    return name.replace("-", "_") + "_" * keyword.iskeyword(name)


def _by_name(given: Iterable[Tuple[str, Any]]) -> Dict[str, Any]:
    """What is given, by options' names."""
    options: Dict[str, Any] = {}
    for key, value in given:
        name = _ALIASES.get(key, key).rstrip("_").replace("_", "-")
        if value is None:
            continue
        if name in options:
            raise Error(f"--{name} is given twice: give it once", "input")
        options[name] = value
    return options


def spoken(table: Dict[str, Option], options: Dict[str, Any], files: _Files) -> List[str]:
    """Options as words. Files that are to be given back are named in the folder: report=True, out=True."""
    words = []
    for name, value in options.items():
        option = table.get(name)
        takes_file = option is not None and ("FILE" in option.argument or "DIR" in option.argument)
        if value is False:
            continue
        if isinstance(value, dict):
            value = files.write(f"--{name}", value)
        elif isinstance(value, np.ndarray) and takes_file:
            value = files.save(name, value)
        elif value is True and takes_file:
            value = files.name({"report": "report.html", "out": "out.npy", "y": "out.npy"}.get(name, name))
        words.append(f"--{name}" if value is True else f"--{name}={_said(option, value) if option else _word(value)}")
    return words


def _records_option(table: Dict[str, Option]) -> str:
    """The option that says where records go: a file, or a sweep's folder; "" of a command that has none."""
    return "json" if "json" in table else "out" if "out" in table and table["out"].argument == "DIR" else ""


def _records(option: str, words: List[str], files: _Files, text: str) -> List[Dict[str, Any]]:
    """What has been left where the words say."""
    named = [word.split("=", 1)[1] for word in words if option and word.startswith(f"--{option}=")]
    if not named:
        return []
    path = os.path.abspath(named[0])
    if option == "out":
        path = os.path.join(path, "records.jsonl")
    left = text.encode() if named[0] == "-" else files.read(path) or b""
    return [json.loads(line) for line in left.splitlines()]


def collect(table: Dict[str, Option], given: Iterable[Tuple[str, Any]], do: Callable[[List[str], _Files], None]) -> Run:
    """Does it with options as words, and gathers what it leaves."""
    options, text = _by_name(given), []
    files, run = _Files(), Run()
    records = _records_option(table)
    if records and options.get(records) in (None, False, True) and not options.get("plan"):
        options = {**options, records: files.name("records")}
    if "report" in table and "report" not in options and not options.get("plan") and _in_notebook():
        options = {**options, "report": True}
    try:
        words = spoken(table, options, files)
        with _printed(text):
            do(words, files)
        run.text = from_rank_0("".join(text).encode()).decode()
        run.extend(_records(records, words, files, run.text))
        page, out = files.read("report.html"), files.read("out.npy")
        run.page = page.decode() if page else None
        run.array = np.load(io.BytesIO(out)) if out else None
    except Error as error:
        error.args = (files.told(str(error)),)
        raise
    finally:
        files.remove()
    return run


def _unnamed(name: str) -> Optional[str]:
    """The option that a word without a name is for: the prompt, or the model, of a command that has one."""
    by_letter = {option.letter: option.name for option in _tables()[name] if option.letter}
    return by_letter.get("p") or by_letter.get("m")


@functools.lru_cache(maxsize=None)
def command(name: str) -> Callable[..., Run]:
    """The command of this name as a function of its options: plmr.command("gemm") is plmr.gemm."""
    table = {option.name: option for option in _tables()[name] if option.name not in ("help", "color")}
    unnamed = _unnamed(name)

    def function(*words: Any, **options: Any) -> Run:
        def do(said: List[str], files: _Files) -> None:
            if not unnamed:
                said = said + [files.write("experiment", word) if isinstance(word, dict) else _word(word) for word in words]
            call("plmr_commands_run", 1 + len(said), argv([name, *said]))
        start()
        return collect(table, [*((unnamed, word) for word in words if unnamed), *options.items()], do)

    function.__name__ = function.__qualname__ = name.replace("-", "_")
    function.__doc__ = _document(name, table)
    function.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [inspect.Parameter("words", inspect.Parameter.VAR_POSITIONAL, annotation=str)] +
        [inspect.Parameter(_keyword(key), inspect.Parameter.KEYWORD_ONLY, default=None, annotation=_type(option))
         for key, option in table.items()], return_annotation=Run)
    return function


def _type(option: Option) -> Any:
    if not option.argument:
        return bool
    if "x" in option.argument and option.argument[:1].isupper() and "|" not in option.argument:
        return Tuple[int, int]
    return {"N": int, "M": int, "K": int, "B": int, "S": float, "T": float, "P": float}.get(option.argument, str)


def _document(name: str, table: Dict[str, Option]) -> str:
    lines = [f"plmr {name}: its options by name, with _ for -. Returns a Run: a list of records.", "",
             "cores=(8, 8) says 8x8, and lists have commas; arrays are given to options that take a file."]
    for key, option in table.items():
        lines.append(f"    {_keyword(key)}{f' ({option.argument})' if option.argument else ''}: {option.help}")
    return "\n".join(lines)
