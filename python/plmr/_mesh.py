"""Mesh programs: devices, regions of cores, tiles as arrays, and the verbs that move them."""
import ctypes
import weakref
from typing import Any, Dict, List, Optional, Sequence, Tuple

import numpy as np

from . import _abi
from ._library import Error, ask, call, check, free, is_started, lib, make, shown, start, struct

X, Y = _abi.PLMR_X, _abi.PLMR_Y
"""Axes: along a row of cores, along a column."""

HALO = ("north", "east", "south", "west", "north_east", "south_east", "south_west", "north_west")
"""Neighbours, in the order of Region.halo."""

_RINGS = {"natural": _abi.PLMR_NATURAL, "interleaved": _abi.PLMR_INTERLEAVED, "line": _abi.PLMR_LINE}
_DTYPES = {"f32": _abi.PLMR_F32, "f16": _abi.PLMR_F16, "bf16": _abi.PLMR_BF16}


class Device:
    """A device by name ("wse2"), by file, with numbers of one's own ("wse2:hop=4,routes=64"). Its numbers are attributes, in
    the units that `plmr device NAME` prints: device.rows, device.clock (Hz), device.sram (bytes of a core)."""

    def __init__(self, name: str = "wse2"):
        self._device = _abi.plmr_device()
        call("plmr_device_load", name, ctypes.byref(self._device))
        self.__dict__["name"] = name

    def __setattr__(self, key: str, value: Any) -> None:
        if hasattr(_abi.plmr_device, key):
            said = f"{self.name}{',' if ':' in self.name else ':'}{key}={value}"
            raise AttributeError(f"{key} stays as it is: make another device, Device({said!r})")
        super().__setattr__(key, value)

    def __getattr__(self, key: str) -> float:
        if key.startswith("_") or key in ("origin", "title", "topology", "router"):
            raise AttributeError(key)
        return getattr(self._device, key)

    @property
    def title(self) -> str:
        """One line on what it is."""
        return self._device.title.decode()

    def said(self) -> str:
        """Its name, by which a command makes it anew."""
        if _members(Device(self.name)._device) != _members(self._device):
            raise Error(f"{self.name}: this device is not the one of that name any more: make another, of a file or, as "
                        "Device('wse2:hop=4') is, of a name and numbers", "input")
        return self.name

    def __repr__(self) -> str:
        return f"Device({self.name!r}): {self.title}"


def _members(value: Any) -> Any:
    """A struct's, to be compared: there may be anything between them."""
    if isinstance(value, ctypes.Structure):
        return [_members(getattr(value, name)) for name, _ in value._fields_]
    return [_members(item) for item in value] if isinstance(value, ctypes.Array) else value


def device_names() -> List[str]:
    """The devices that come with plmr."""
    names, n = ctypes.POINTER(ctypes.c_char_p)(), ctypes.c_int()
    check(lib.plmr_device_names(ctypes.byref(names), ctypes.byref(n)))
    found = [names[i].decode() for i in range(n.value)]
    free(names)
    return found


class _Made:
    """Something of the library's that is destroyed when nobody uses it any more, or before."""
    _destroy = ""
    name = ""
    _handle: Optional[ctypes.c_void_p] = None
    _needs: Tuple["_Made", ...] = ()  # what a verb that has begun on it takes, until its end

    def close(self) -> None:
        """Destroys it."""
        handle, self._handle = self._handle, None
        if handle and is_started():
            getattr(lib, self._destroy)(handle)
        self._needs = ()

    def __del__(self) -> None:
        self.close()

    def __reduce__(self) -> Any:  # copy() and deepcopy() come here, too
        raise TypeError(f"{type(self).__name__} is not copied or pickled, for there is one of it in the library: make another")


def handle(made: Any, kind: type) -> ctypes.c_void_p:
    """Where it is in the library, which would take any address for what it wants."""
    if not isinstance(made, kind):
        raise TypeError(f"{kind.__name__} is wanted here, not {type(made).__name__}: {shown(made)}")
    if not made._handle:
        raise Error(f"{made.name or 'the ' + kind.__name__.lower()} is closed: make another, or close it later", "input")
    return made._handle


_grids: Dict[Tuple[int, ...], ctypes.c_void_p] = {}


def _grid(ranks: Tuple[int, int], rows: int, cols: int) -> ctypes.c_void_p:
    """Grids of ranks are kept: to end one all ranks would have to come together."""
    key = (*ranks, rows, cols)
    if len(key) != 4:
        raise TypeError(f"ranks: {shown(ranks)} is no grid of ranks: give how many along y and along x, or (0, 0)")
    if key not in _grids:
        _grids[key] = make("plmr_ranks_create", *key)
    return _grids[key]


class Region(_Made):
    """A region of rows x cols cores, each with a clock in cycles; every rank owns a block of it.

        region = plmr.Region(16, 16, device="wse2")
        t = region.tiles("t", 4)                 # four floats on every core, charged to its SRAM
        rows, cols = region.coordinates()        # of this rank's cores, as arrays that broadcast
        t.values[..., 0] = rows + cols           # a view: (rows here, cols here, 4)
        region.compute(10)                       # ten cycles of every core
        t.allreduce(plmr.X)                      # sums of rows
        print(region.cost()["t_cycles"])

    values=False counts cycles, memory and routes alone; allow="M", "R" or "MR" goes on beyond the device's memory or routes;
    ranks: the grid of ranks, (0, 0): the best.
    """
    _destroy = "plmr_region_destroy"

    def __init__(self, rows: int, cols: int, device: Any = "wse2", values: bool = True, allow: str = "",
                 ranks: Tuple[int, int] = (0, 0)):
        start()
        self.rows, self.cols, self.has_values = rows, cols, values
        self.device = device if isinstance(device, Device) else Device(device)
        allowed = set(allow.replace(",", ""))
        if not allowed <= {"M", "R"}:
            raise ValueError(f"a region is allowed M (more memory), R (more routes) or MR, not {allow!r}")
        options = _abi.plmr_region_options(values=values, allow_memory="M" in allowed, allow_routes="R" in allowed)
        self._take(make("plmr_region_create", _grid(ranks, rows, cols), ctypes.byref(self.device._device), rows, cols,
                        ctypes.byref(options)))

    _is_lent = False  # it is destroyed by who lends it

    @classmethod
    def _of(cls, handle: ctypes.c_void_p, is_lent: bool = False) -> "Region":
        """A region that the library has made: a part, or, lent, a program's while it runs."""
        self = cls.__new__(cls)
        self._is_lent = is_lent
        self.rows, self.cols = lib.plmr_region_extent(handle, Y), lib.plmr_region_extent(handle, X)
        self.has_values = lib.plmr_region_has_values(handle)
        self._take(handle)
        return self

    def _give_back(self) -> None:
        """It is destroyed by others, with its parts."""
        for part in self._parts:
            part._give_back()
        self._handle, self._parts = None, []
        self.close()

    def _take(self, handle: ctypes.c_void_p) -> None:
        self._handle = handle
        self._children: "weakref.WeakSet[_Made]" = weakref.WeakSet()
        self._parts: List["Region"] = []
        first, count = (ctypes.c_int * 2)(), (ctypes.c_int * 2)()
        lib.plmr_region_block(self._handle, first, count)
        self._first, self._count = tuple(first), tuple(count)

    def close(self) -> None:
        """Destroys the region, with what was made on it. Of a program's region the latter alone, for its costs are still told."""
        for child in getattr(self, "_parts", []) + list(getattr(self, "_children", ())):
            child.close()
        if not self._is_lent:
            super().close()

    def __enter__(self) -> "Region":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def part(self, name: str, row: int, col: int, rows: int, cols: int) -> "Region":
        """The rows x cols cores from (row, col) on as a region of their own, with verbs that no other core waits for; cores are
        counted from its first. Flows of this region take tiles of its parts. Ended by close(), or with this region.
        Collective, both."""
        rectangle = struct(_abi.plmr_rectangle, name, row, col, rows, cols)
        part = Region._of(make("plmr_part_create", handle(self, Region), name, ctypes.byref(rectangle)))
        part.name, part.device = name, getattr(self, "device", None)
        self._parts.append(part)
        return part

    def tiles(self, name: str, *shape: int, dtype: str = "f32") -> "Tiles":
        """A tile of n values, or of rows x columns, all 0, on every core; a core stores and sends them as dtype: "f32", "f16",
        "bf16". Their arrays are of float32 in any case, and rounded by verbs, by compute and by compute_each. Collective."""
        return Tiles(self, name, shape, dtype)

    def ring(self, axis: int, kind: str = "interleaved") -> "Ring":
        """A ring over the cores of each line along the axis: "natural", "interleaved", or "line", which is open."""
        return Ring(self, axis, kind)

    def coordinates(self) -> Tuple[np.ndarray, np.ndarray]:
        """The rows and columns of this rank's cores, of shapes (rows here, 1) and (1, columns here)."""
        (x, y), (n_x, n_y) = self._first, self._count
        return np.arange(y, y + n_y)[:, None], np.arange(x, x + n_x)[None, :]

    def compute(self, t_cycles: float) -> None:
        """Every core computes for so many cycles; what, the program has done to its arrays before. Those of f16 and bf16 are
        rounded."""
        call("plmr_region_busy", handle(self, Region), t_cycles)

    def compute_each(self, t_cycles: Any) -> None:
        """The same for each core's own number of cycles: an array of (rows, cols), or what is broadcast to that. Only who
        needs something from a core waits for it. Collective."""
        if np.asarray(t_cycles).dtype.kind not in "biuf":
            raise TypeError(f"compute_each: {shown(t_cycles)} is no number of cycles, and no array of them")
        rows, cols = self.coordinates()
        own = np.ascontiguousarray(np.broadcast_to(t_cycles, (self.rows, self.cols))[rows, cols], dtype=np.float64)
        call("plmr_compute_listed", handle(self, Region), own.ctypes.data)

    def cost(self) -> Dict[str, Any]:
        """What the program has cost so far: t_cycles (the latest clock), compute_cycles, hops_critical, stages_critical,
        steps, routes_max, routes_program, sram_peak_bytes (of a core), wavelet_hops, border_hops (of these, over borders of
        dies), multiply_adds, violates_memory, violates_routes. Collective."""
        cost = _abi.plmr_cost()
        call("plmr_region_cost", handle(self, Region), ctypes.byref(cost))
        return {name: getattr(cost, name) for name, _ in cost._fields_}

    def clock(self, row: int, col: int) -> float:
        """The clock of a core, in cycles. Collective."""
        t_cycles = ctypes.c_double()
        call("plmr_region_clock", handle(self, Region), row, col, ctypes.byref(t_cycles))
        return t_cycles.value

    def mark(self, name: str) -> None:
        """What has run since the last mark was the part `name`: cycles_NAME in the record, a group in a trace. Collective."""
        call("plmr_region_mark", handle(self, Region), name)

    def record(self, **values: float) -> None:
        """Puts numbers into the record of a program."""
        for key, value in values.items():
            call("plmr_region_record", handle(self, Region), key, value)

    def senders(self, axis: int, n_senders: int) -> None:
        """How many cores of a line will multicast, said before the first does."""
        call("plmr_tiles_senders", handle(self, Region), axis, n_senders)

    # ---- messages from any core to any core; core (row, col) is number row * cols + col ----

    def points(self, name: str, source: Sequence[int], target: Sequence[int], n_values: Any,
               first_from: Any = 0, first_to: Any = 0) -> "Points":
        """Message i: n_values[i] floats from first_from[i] on of core source[i] go to core target[i], from first_to[i] on.
        A rank gives at least what its own cores send. Collective."""
        columns = (_int32(name, column) for column in (source, target, first_from, first_to, n_values))
        arrays = [np.ascontiguousarray(column).ravel() for column in np.broadcast_arrays(*columns)]
        parts = _abi.plmr_parts(arrays[0].size, *(array.ctypes.data for array in arrays))
        return Points(self, name, "plmr_points_create", ctypes.byref(parts))

    def send(self, name: str, source: int, target: int, n_values: int) -> "Points":
        """One core to another."""
        return Points(self, name, "plmr_points_send", source, target, n_values)

    def permutation(self, name: str, target: Sequence[int], n_values: int) -> "Points":
        """Core i to core target[i], all of the region."""
        array = _int32(name, target).ravel()
        if array.size != self.rows * self.cols:
            raise ValueError(f"{name}: {array.size} targets for {self.rows * self.cols} cores")
        return Points(self, name, "plmr_points_permutation", array.ctypes.data, n_values)

    def transpose(self, name: str, n_values: int) -> "Points":
        """Core (row, col) to core (col, row)."""
        return Points(self, name, "plmr_points_transpose", n_values)

    def multicast(self, name: str, source: int, target: Sequence[int], n_values: int) -> "Points":
        """The first values of one core's tile to all cores of a list, as one message over the tree of their ways."""
        array = _int32(name, target).ravel()
        return Points(self, name, "plmr_points_multicast", source, array.ctypes.data, array.size, n_values)

    def multicast_rectangle(self, name: str, source: int, target: Tuple[int, int, int, int], n_values: int) -> "Points":
        """The same to a rectangle of cores, (row, col, rows, cols), of which (row, col) is the first."""
        rectangle = struct(_abi.plmr_rectangle, name, *target)
        return Points(self, name, "plmr_points_multicast_rectangle", source, ctypes.byref(rectangle), n_values)

    def scatter(self, name: str, root: int, n_values: int) -> "Points":
        """The root's values [i n, (i + 1) n) to core i."""
        return Points(self, name, "plmr_points_scatter", root, n_values)

    def gather(self, name: str, root: int, n_values: int) -> "Points":
        """The n values of core i to the root's [i n, (i + 1) n)."""
        return Points(self, name, "plmr_points_gather", root, n_values)

    def all_to_all(self, name: str, axis: int, n_values: Any) -> "Points":
        """In every line, core i's values [j n, (j + 1) n) to core j's [i n, (i + 1) n). Or of unequal sizes: an array of
        (lines, senders, receivers), or what is broadcast to that, 0 or more; what a core sends lies in its tile by receivers,
        what it gets by senders, without gaps. Collective."""
        if np.ndim(n_values) == 0:
            return Points(self, name, "plmr_points_all_to_all", axis, n_values)
        n, lines = (self.cols, self.rows) if axis == X else (self.rows, self.cols)
        sizes = np.broadcast_to(n_values, (lines, n, n))
        if sizes.min() < 0 or not np.issubdtype(sizes.dtype, np.integer):
            raise ValueError(f"{name}: sizes of messages are whole numbers, 0 or more")
        first, end = self._first[1 - axis], self._first[1 - axis] + self._count[1 - axis]
        sizes = np.asarray(sizes[first:end], dtype=np.int64)
        first_from, first_to = np.cumsum(sizes, axis=2) - sizes, np.cumsum(sizes, axis=1) - sizes
        line, sender, turn = np.meshgrid(np.arange(end - first), np.arange(n), np.arange(1, n + 1), indexing="ij")
        at = line, sender, (sender + turn) % n  # a core begins with the core after itself
        sent = sizes[at] > 0
        line, sender, receiver = (index[sent] for index in at)
        step, pitch = (self.cols, 1) if axis == X else (1, self.cols)
        start = (first + line) * step
        return self.points(name, start + sender * pitch, start + receiver * pitch, sizes[at][sent], first_from[at][sent],
                           first_to[at][sent])

    def halo(self, name: str, **neighbours: Tuple[int, int, int]) -> "Points":
        """To neighbours: north=(first_from, first_to, n_values), and so on for those of HALO that get something."""
        unknown = set(neighbours) - set(HALO)
        if unknown:
            raise TypeError(f"{name}: no neighbour is called {sorted(unknown)[0]}: they are {', '.join(HALO)}")
        halo = (_abi.plmr_halo * 8)(*(struct(_abi.plmr_halo, name, *neighbours.get(side, (0, 0, 0))) for side in HALO))
        return Points(self, name, "plmr_points_halo", halo)


def _int32(name: str, values: Any) -> np.ndarray:
    """Numbers of cores and of values, which NumPy would round and wrap."""
    array = np.asarray(values)
    if array.size and not np.issubdtype(array.dtype, np.integer):
        raise ValueError(f"{name}: cores and values are counted in whole numbers below 2^31, not in {array.dtype}")
    if array.size and max(-int(array.min()), int(array.max())) >= 1 << 31:
        raise ValueError(f"{name}: cores and values are counted below 2^31, not from {array.min()} to {array.max()}")
    return array.astype(np.int32)


class Ring(_Made):
    """All cores of each line along an axis as a ring, or an open line; see Region.ring."""
    _destroy = "plmr_ring_destroy"

    def __init__(self, region: Region, axis: int, kind: str):
        if kind not in _RINGS:
            raise ValueError(f"a ring is {', '.join(_RINGS)}, not '{kind}'")
        self.region, self.axis = region, axis
        self._handle = make("plmr_ring_create", handle(region, Region), axis, _RINGS[kind], 1)
        region._children.add(self)

    def position(self, core: int) -> int:
        """On the ring, of a core of the line; -1: there is no such core."""
        return ask("plmr_ring_position", handle(self, Ring), core)

    def core(self, position: int) -> int:
        """The core at a position; -1: there is none."""
        return ask("plmr_ring_core", handle(self, Ring), position)


def _dtype(name: str, dtype: str) -> int:
    if dtype not in _DTYPES:
        raise ValueError(f"{name}: elements are {', '.join(_DTYPES)}, not {shown(dtype)}")
    return _DTYPES[dtype]


class Tiles(_Made):
    """A tile on every core of a region; see Region.tiles."""
    _destroy = "plmr_tiles_destroy"
    _room: Optional["weakref.ref[Any]"] = None  # what the arrays of now look into

    def __init__(self, region: Region, name: str, shape: Tuple[int, ...], dtype: str = "f32"):
        if len(shape) not in (1, 2):
            raise ValueError(f"{name}: a tile has a number of values, or rows and columns, not {shape}")
        self.region, self.name, self.shape, self.dtype = region, name, shape, dtype
        self._handle = make("plmr_tiles_make", handle(region, Region), name, _dtype(name, dtype), *((1,) + shape)[-2:])
        region._children.add(self)
        self._block = lib.plmr_tiles_block(self._handle)

    @property
    def values(self) -> np.ndarray:
        """This rank's tiles, (rows here, columns here, *shape), as they lie in memory: what is written is there. An array that is
        kept beyond close(), or a program's end, keeps what it had then, for itself."""
        if not self._handle:
            raise Error(f"{self.name} is closed, and has no values any more: keep an array, or a copy of it", "input")
        if not self._block:
            raise TypeError(f"{self.name} has no values in a run for time alone")
        shape = (self.region._count[Y], self.region._count[X], *self.shape)
        room = self._room() if self._room else None
        if room is None:
            room = (ctypes.c_float * int(np.prod(shape))).from_address(self._block)
            room.owner = self  # as long as there are arrays
            self._room = weakref.ref(room)
        return np.frombuffer(room, dtype=np.float32).reshape(shape)

    def close(self) -> None:
        """Destroys them."""
        room = self._room() if self._room else None
        if room is not None and self._handle and is_started():
            block, self._handle = lib.plmr_tiles_give_block(self._handle), None
            weakref.finalize(room, free, block).atexit = False
        super().close()

    def copy_to(self, to: "Tiles") -> "Tiles":
        """Every core copies its tile into that of `to`; one may be of a part of the other's region. Costs nothing. Collective."""
        call("plmr_tiles_copy", handle(self, Tiles), handle(to, Tiles))
        return to

    def shift(self, ring: Ring, step: int, to: Optional["Tiles"] = None) -> "Tiles":
        """Every core's tile goes to the core `step` (1 or -1) further on the ring, into `to`, or into these. Collective."""
        target = self if to is None else to
        call("plmr_tiles_shift", handle(self, Tiles), handle(target, Tiles), handle(ring, Ring), step)
        return target

    def shift_begin(self, ring: Ring, step: int, to: Optional["Tiles"] = None) -> "Tiles":
        """Begins a shift: until end() of the target, cores compute with what they have. Collective."""
        target = self if to is None else to
        call("plmr_tiles_shift_begin", handle(self, Tiles), handle(target, Tiles), handle(ring, Ring), step)
        target._needs = (self, ring)
        return target

    def multicast_begin(self, to: "Tiles", axis: int, core: int) -> "Tiles":
        """Begins a multicast into other tiles. Collective."""
        call("plmr_tiles_multicast_begin", handle(self, Tiles), handle(to, Tiles), axis, core)
        to._needs = (self,)
        return to

    def end(self) -> "Tiles":
        """What is on its way to these tiles has come."""
        call("plmr_tiles_end", handle(self, Tiles))
        self._needs = ()
        return self

    def add_product(self, a: "Tiles", b: "Tiles") -> "Tiles":
        """Every core adds a @ b of its tiles to this one, and takes the cycles of it. Local."""
        call("plmr_tiles_multiply_add", handle(a, Tiles), handle(b, Tiles), handle(self, Tiles))
        return self

    def multiply_vector(self, x: "Tiles", b: "Tiles") -> "Tiles":
        """The same of a vector, x being 1 x k: y.multiply_vector(x, b) adds x @ b, and takes the cycles of that. Local."""
        call("plmr_tiles_multiply_vector", handle(x, Tiles), handle(b, Tiles), handle(self, Tiles))
        return self

    def align(self, ring: Ring, across: Ring, step: int) -> "Tiles":
        """Line l, by its place on `across`, is rotated by step * l along the ring. Collective."""
        call("plmr_tiles_align", handle(self, Tiles), handle(ring, Ring), handle(across, Ring), step)
        return self

    def multicast(self, axis: int, core: int) -> "Tiles":
        """The tile of core `core` of every line along the axis, to all cores of the line. Collective."""
        call("plmr_tiles_multicast", handle(self, Tiles), axis, core)
        return self

    def allreduce(self, axis: int, algorithm: str = "two-phase") -> "Tiles":
        """Sums of lines along the axis, by an allreduce that `plmr list` names. Collective."""
        call("plmr_tiles_allreduce", handle(self, Tiles), axis, algorithm)
        return self

    def allreduce_as(self, axis: int, travel: str, algorithm: str = "two-phase") -> "Tiles":
        """The same where elements travel as another type than they are kept in: "f32", "f16" or "bf16". Collective."""
        call("plmr_tiles_allreduce_as", handle(self, Tiles), axis, algorithm, _dtype(self.name, travel))
        return self

    def sum(self, algorithm: str = "two-phase") -> "Tiles":
        """The sum of all tiles of the region, at every core: along x, then along y. Collective."""
        call("plmr_tiles_sum", handle(self, Tiles), algorithm)
        return self

    def reduce(self, axis: int, root: int, algorithm: str = "two-phase", n_groups: int = 0) -> "Tiles":
        """Sums of lines along the axis at core `root` of each; the other tiles stay. Of two levels' groups the fastest number
        (0), or n_groups. Collective."""
        call("plmr_tiles_reduce", handle(self, Tiles), axis, root, algorithm, n_groups)
        return self


class Points(_Made):
    """A flow of messages, to be carried out as often as wanted; see Region.points and those after it."""
    _destroy = "plmr_points_destroy"

    def __init__(self, region: Region, name: str, maker: str, *arguments: Any):
        self.region, self.name = region, name
        self._handle = make(maker, handle(region, Region), name, *arguments)
        region._children.add(self)

    def begin(self, source: Tiles, target: Tiles) -> None:
        """Cores begin to send what `source` holds now."""
        call("plmr_points_begin", handle(self, Points), handle(source, Tiles), handle(target, Tiles))
        self._needs = (source, target)

    def end(self) -> None:
        """Cores wait for what comes, which is then in the target."""
        call("plmr_points_end", handle(self, Points))
        self._needs = ()

    def run(self, source: Tiles, target: Tiles) -> Tiles:
        """Both."""
        call("plmr_points_run", handle(self, Points), handle(source, Tiles), handle(target, Tiles))
        return target
