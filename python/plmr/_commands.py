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
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from ._library import call, free, from_rank_0, lib, rank, start

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


def _said(option: Option, value: Any) -> str:
    """A value as it is said on a command line: cores=(8, 8) is 8x8, layers=range(0, 8) 0..7, other lists have commas."""
    if isinstance(value, range):
        if value.step != 1:
            raise ValueError(f"--{option.name}: {value} is not all from one number to another, as A..B says: give it step 1")
        return f"{value.start}..{value.stop - 1}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ("x" if "HxW" in option.argument or "RxC" in option.argument else ",").join(map(str, value))
    return str(value)


class _Files:
    """Rank 0's folder for what a command reads and writes."""

    def __init__(self) -> None:
        self.path = from_rank_0(tempfile.mkdtemp(prefix="plmr-").encode() if rank() == 0 else None).decode()

    def name(self, name: str) -> str:
        return os.path.join(self.path, name)

    def save(self, name: str, array: np.ndarray) -> str:
        if rank() == 0:
            np.save(self.name(name), array)
        from_rank_0(b"")  # it is there when the others go on
        return self.name(name)

    def write(self, name: str, value: Any) -> str:
        if rank() == 0:
            with open(self.name(name), "w", encoding="utf-8") as file:
                json.dump(value, file)
        from_rank_0(b"")
        return self.name(name)

    def read(self, name: str) -> Optional[bytes]:
        """On all ranks, by a path as well; None: there is no such file."""
        data = None
        if rank() == 0 and os.path.isfile(self.name(name)):
            with open(self.name(name), "rb") as file:
                data = b"+" + file.read()
        data = from_rank_0(data or b"")
        return data[1:] if data else None

    def remove(self) -> None:
        if rank() == 0:
            shutil.rmtree(self.path, ignore_errors=True)


def _in_notebook() -> bool:
    return "ipykernel" in sys.modules


def _keyword(name: str) -> str:
    """An option as an argument: - is _, and what is a word of Python's own has one more at its end, for_."""
    return name.replace("-", "_") + "_" * keyword.iskeyword(name)


def spoken(table: Dict[str, Option], options: Dict[str, Any], files: _Files) -> List[str]:
    """Options as words. Files that are to be given back are named in the folder: report=True, out=True."""
    words = []
    for key, value in options.items():
        name = _ALIASES.get(key, key).rstrip("_").replace("_", "-")
        option = table.get(name)
        if value is None or value is False:
            continue
        if isinstance(value, np.ndarray):
            value = files.save(f"{name}.npy", value)
        elif value is True and option and option.argument:
            value = files.name({"report": "report.html", "out": "out.npy", "y": "out.npy"}.get(name, name))
        words.append(f"--{name}" if value is True else f"--{name}={_said(option, value) if option else value}")
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


def collect(table: Dict[str, Option], options: Dict[str, Any], do: Callable[[List[str], _Files], None]) -> Run:
    """Does it with options as words, and gathers what it leaves."""
    files, run, text = _Files(), Run(), []
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
    finally:
        files.remove()
    return run


def _positional(name: str, words: Sequence[Any], files: _Files) -> List[str]:
    """What is given without a name is the prompt, or the model, of a command that has one. A dict becomes a file."""
    by_letter = {option.letter: option.name for option in _tables()[name] if option.letter}
    option = by_letter.get("p") or by_letter.get("m")
    words = [files.write("experiment.json", word) if isinstance(word, dict) else str(word) for word in words]
    return [f"--{option}={word}" if option else word for word in words]


@functools.lru_cache(maxsize=None)
def command(name: str) -> Callable[..., Run]:
    """The command of this name as a function of its options: plmr.command("gemm") is plmr.gemm."""
    table = {option.name: option for option in _tables()[name] if option.name not in ("help", "color")}

    def function(*words: str, **options: Any) -> Run:
        def do(said: List[str], files: _Files) -> None:
            argv = [name, *said, *_positional(name, words, files)]
            call("plmr_commands_run", len(argv), (ctypes.c_char_p * len(argv))(*(word.encode() for word in argv)))
        start()
        return collect(table, options, do)

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
