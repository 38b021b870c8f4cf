"""Mesh programs of one's own: every verb beside NumPy, on the cores of this rank."""
import copy
import gc
import pickle
import time

import numpy as np
import pytest

import plmr

SIDE = 8


@pytest.fixture
def region():
    with plmr.Region(SIDE, SIDE, device="wse2:routes=1000") as made:
        yield made


def filled(region, name="t", n=4):
    """Tiles whose values say where they are, and what all of them are, over the whole region."""
    t = region.tiles(name, n)
    rows, cols = np.arange(SIDE)[:, None, None], np.arange(SIDE)[None, :, None]
    whole = (rows * 1000 + cols * 10 + np.arange(n)).astype(np.float32)
    t.values[:] = mine(region, whole)
    return t, whole


def mine(region, whole):
    rows, cols = region.coordinates()
    return whole[rows, cols]


def same(region, tiles, whole):
    assert np.array_equal(tiles.values, mine(region, np.broadcast_to(whole, (SIDE, SIDE, *tiles.shape))))


def test_verbs_of_lines(region):
    t, whole = filled(region)
    line, ring = region.ring(plmr.X, "natural"), region.ring(plmr.Y, "natural")
    same(region, t.shift(line, 1), np.roll(whole, 1, axis=1))
    u = t.shift(ring, -1, to=region.tiles("u", 4))
    same(region, t, np.roll(whole, 1, axis=1))
    same(region, u, np.roll(np.roll(whole, 1, axis=1), -1, axis=0))
    t.values[:] = mine(region, whole)
    same(region, t.align(line, ring, -1), np.stack([np.roll(whole[row], -row, axis=0) for row in range(SIDE)]))
    t.values[:] = mine(region, whole)
    same(region, t.multicast(plmr.Y, 2), whole[2:3])
    t.values[:] = mine(region, whole)
    same(region, t.allreduce(plmr.X, "chain"), whole.sum(axis=1, keepdims=True))
    assert ring.position(3) == 3 and ring.core(99) == -1


def test_an_open_line(region):
    t, whole = filled(region)
    t.shift(region.ring(plmr.X, "line"), 1)
    same(region, t, np.concatenate([whole[:, :1], whole[:, :-1]], axis=1))


def test_messages(region):
    t, whole = filled(region, n=SIDE * SIDE)
    u = region.tiles("u", SIDE * SIDE)
    flat = whole.reshape(SIDE * SIDE, -1)
    target = np.arange(SIDE * SIDE) * 7 % (SIDE * SIDE)
    permuted = np.empty_like(flat)
    permuted[target] = flat
    same(region, region.permutation("p", target, SIDE * SIDE).run(t, u), permuted.reshape(whole.shape))
    same(region, region.transpose("turned", SIDE * SIDE).run(t, u), whole.transpose(1, 0, 2))
    expected = whole.transpose(1, 0, 2).copy()
    flow = region.points("one", [3, 9], [9, 60], [2, 3], first_to=[0, 5])
    flow.begin(t, u)
    region.compute(10)
    flow.end()
    expected.reshape(SIDE * SIDE, -1)[9, :2] = flat[3, :2]
    expected.reshape(SIDE * SIDE, -1)[60, 5:8] = flat[9, :3]
    same(region, u, expected)
    region.scatter("s", 5, 1).run(t, u)
    expected[..., 0] = flat[5].reshape(SIDE, SIDE)
    same(region, u, expected)
    region.all_to_all("a", plmr.X, 2).run(t, u)
    expected[..., :2 * SIDE] = whole[..., :2 * SIDE].reshape(SIDE, SIDE, SIDE, 2).transpose(0, 2, 1, 3).reshape(SIDE, SIDE, -1)
    same(region, u, expected)
    region.halo("h", north=(0, 1, 1), south=(0, 2, 1)).run(t, u)
    expected[1:, :, 1] = whole[:-1, :, 0]
    expected[:-1, :, 2] = whole[1:, :, 0]
    same(region, u, expected)


def test_one_to_many_and_many_to_one(region):
    t, whole = filled(region)
    u = region.tiles("u", 4)
    expected = np.zeros_like(whole)
    expected.reshape(-1, 4)[[5, 17, 40]] = whole.reshape(-1, 4)[9]
    same(region, region.multicast("m", 9, [5, 17, 40], 4).run(t, u), expected)
    expected[2:5, 3:8] = whole[0, 1]
    same(region, region.multicast_rectangle("r", 1, (2, 3, 3, 5), 4).run(t, u), expected)
    expected = whole.copy()
    expected[:, 3] = whole.sum(axis=1)
    same(region, t.reduce(plmr.X, 3, "chain"), expected)
    same(region, t.sum("chain"), expected.sum(axis=(0, 1)))
    with pytest.raises(plmr.Error, match="not there"):
        region.multicast("m", 9, [64], 4)


def test_all_to_all_of_unequal_sizes(region):
    sizes = np.arange(SIDE ** 3).reshape(SIDE, SIDE, SIDE) * 7 % 4  # by line, sender and receiver
    t, whole = filled(region, n=4 * SIDE)
    u = region.tiles("u", 4 * SIDE)
    for axis in (plmr.X, plmr.Y):
        expected, lines = np.zeros_like(whole), whole if axis == plmr.X else whole.transpose(1, 0, 2)
        into = expected if axis == plmr.X else expected.transpose(1, 0, 2)
        for line in range(SIDE):
            for receiver in range(SIDE):
                got = [lines[line, sender, sizes[line, sender, :receiver].sum():][:sizes[line, sender, receiver]]
                       for sender in range(SIDE)]
                into[line, receiver, :sizes[line, :, receiver].sum()] = np.concatenate(got)
        u.values[:] = 0
        same(region, region.all_to_all("v", axis, sizes).run(t, u), expected)
    for wrong in (-sizes, sizes / 2):
        with pytest.raises(ValueError, match="whole numbers, 0 or more"):
            region.all_to_all("v", plmr.X, wrong)
    with pytest.raises(ValueError, match="broadcast"):
        region.all_to_all("v", plmr.X, sizes[:, :3])


def test_flows_begin_once_and_end(region):
    t, _ = filled(region)
    flow = region.transpose("turned", 4)
    with pytest.raises(plmr.Error, match="turned has not begun"):
        flow.end()
    flow.begin(t, t)
    with pytest.raises(plmr.Error, match="turned has begun already"):
        flow.begin(t, t)
    with pytest.raises(plmr.Error, match="turned has begun and was never ended"):
        region.cost()
    flow.close()
    with pytest.raises(plmr.Error, match="turned has begun and was never ended"):
        region.compute(1)


def test_parts(region):
    t, whole = filled(region)
    left, right = region.part("left", 1, 0, 5, 3), region.part("right", 0, 4, 8, 4)
    a, b = left.tiles("a", 4), right.tiles("b", 4)
    t.copy_to(a)
    a.allreduce(plmr.X, "chain")
    left.compute(500)
    assert right.clock(0, 0) == 0 < left.clock(4, 2) == region.clock(5, 2)
    region.send("on", 1 * SIDE + 2, 7 * SIDE + 4, 4).run(a, b)
    b.copy_to(t)
    expected = whole.copy()
    expected[:, 4:] = 0
    expected[7, 4] = whole[1, :3].sum(axis=0)
    same(region, t, expected)
    assert region.clock(7, 4) > 500 > region.clock(7, 5) == 0
    with pytest.raises(plmr.Error, match="overlap with the part left"):
        region.part("over", 0, 0, 2, 2)
    with pytest.raises(plmr.Error, match="not all in the region"):
        region.part("out", 7, 7, 2, 1)
    with pytest.raises(plmr.Error, match="different regions"):
        a.shift(left.ring(plmr.X), 1, to=b)
    left.close()
    region.part("over", 0, 0, 2, 2)


def test_parts_in_a_program():
    def run(region):
        half = region.part("half", 0, 0, SIDE // 2, SIDE)
        half.tiles("t", 4).allreduce(plmr.X)
        half.mark("half")

    record = plmr.program("mine", SIDE, SIDE, run)[0]
    assert record["cycles"] == record["cycles_half"] > 0
    with pytest.raises(ZeroDivisionError):
        plmr.program("mine", SIDE, SIDE, lambda region: region.part("half", 0, 0, 1, 1).compute(1 / 0))


def test_cores_that_differ(region):
    cycles = np.arange(SIDE * SIDE, dtype=float).reshape(SIDE, SIDE)
    region.compute_each(cycles)
    assert region.clock(3, 5) == 29 and region.cost()["t_cycles"] == 63
    region.compute_each(2)
    assert region.clock(7, 7) == 65 and region.cost()["compute_cycles"] == 65
    with pytest.raises(plmr.Error, match="cannot compute for -1 cycles"):
        region.compute_each(-1)


def test_costs_are_those_of_the_library(region):
    t, _ = filled(region)
    before = region.cost()
    assert before["t_cycles"] == 0 and before["sram_peak_bytes"] == 16
    region.compute(100)
    t.allreduce(plmr.X)
    cost = region.cost()
    assert cost["compute_cycles"] == 100 < cost["t_cycles"] and cost["wavelet_hops"] > 0 and not cost["violates_memory"]
    device = plmr.Device("wse2:hop=4")
    assert device.hop == 4 and device.rows == 994 and "Cerebras" in device.title and "wse2" in plmr.device_names()


def test_wrong_arguments_are_one_line(region):
    t, _ = filled(region)
    for wrong in (lambda: t.multicast(plmr.X, 99), lambda: t.allreduce(plmr.X, "nosuch"), lambda: region.tiles("none", 0),
                  lambda: region.compute(-1), lambda: t.shift(region.ring(plmr.X), 2), lambda: plmr.Device("nosuch"),
                  lambda: plmr.Region(2000, 2), lambda: region.points("p", [0], [SIDE * SIDE], [1]),
                  lambda: region.tiles("huge", 1 << 30)):
        with pytest.raises(plmr.Error) as error:
            wrong()
        assert "\n" not in str(error.value) and len(str(error.value)) > 10
    same(region, t, filled(region)[1])


def test_numbers_do_not_wrap(region):
    t, _ = filled(region)
    far, all_ = 1 << 32, np.arange(SIDE * SIDE)
    for wrong in (lambda: region.tiles("huge", far + 1), lambda: region.send("s", far, 1, 1), lambda: plmr.Region(far + 4, 5),
                  lambda: region.clock(far, 0), lambda: t.allreduce(far), lambda: region.part("p", 0, 0, far + 1, 1),
                  lambda: region.points("p", [far], [1], 1), lambda: region.points("p", [0], [1], far + 1),
                  lambda: region.points("p", [0.9], [1.7], 1), lambda: region.permutation("p", all_ + 0.5, 1),
                  lambda: region.permutation("p", all_ + far, 1), lambda: region.multicast("m", 0, [1.5, 2.5], 1),
                  lambda: region.multicast_rectangle("r", 0, (0, 0, far + 1, 1), 1),
                  lambda: region.halo("h", north=(0, 0, far), south=(0, 0, far)),
                  lambda: region.all_to_all("a", plmr.X, np.full((SIDE, SIDE, SIDE), 1 << 31)),
                  lambda: region.ring(plmr.X).core(far)):
        with pytest.raises(ValueError) as error:
            wrong()
        assert "\n" not in str(error.value)
    with pytest.raises(TypeError, match="plmr_points_send, from: 0.5 is no whole number"):
        region.send("s", 0.5, 1, 1)
    with pytest.raises(TypeError, match=r"r: \(0, 0, 3\) are not its row, col, rows, cols"):
        region.multicast_rectangle("r", 0, (0, 0, 3), 1)
    region.send("s", np.int64(0), np.uint8(1), 1).run(t, t)
    region.points("none", [], [], []).run(t, t)


def test_what_is_allowed_is_said_as_to_the_command():
    for allow in "MR", "M,R":
        with plmr.Region(4, 5, allow=allow) as region:
            assert region.tiles("t", 100000) and region.cost()["violates_memory"]
    for allow in "Q", "memory", "m":
        with pytest.raises(ValueError, match=f"M .*or MR, not '{allow}'"):
            plmr.Region(4, 5, allow=allow)


def test_numbers_of_devices_are_set_as_they_are_made():
    device = plmr.Device("wse2:hop=4")
    with pytest.raises(AttributeError, match=r"Device\('wse2:hop=4,turn=400'\)"):
        device.turn = 400
    assert device.name == "wse2:hop=4" and device.hop == 4


def test_what_has_begun_keeps_what_it_needs(region):
    t, whole = filled(region)
    u = region.tiles("u", 4)
    flow = region.transpose("turned", 4)
    flow.begin(t, region.tiles("lost", 4))
    gc.collect()
    assert {child.name for child in region._children if isinstance(child, plmr.Tiles)} == {"t", "u", "lost"}
    flow.end()
    assert {child.name for child in region._children if isinstance(child, plmr.Tiles)} == {"t", "u"}
    region.tiles("lost", 4).shift_begin(region.ring(plmr.X), 1, to=u)
    assert len(region._children) == 5
    u.end()
    assert len(region._children) == 3
    same(region, t, whole)


def test_verbs_in_two_steps_and_products():
    with plmr.Region(SIDE, SIDE) as region:
        a, b, c = (region.tiles(name, 3, 3, dtype=dtype) for name, dtype in (("a", "f16"), ("b", "f16"), ("c", "f32")))
        assert region.cost()["sram_peak_bytes"] == 9 * (2 + 2 + 4)
        a.values[:], b.values[:] = 1 / 3, 2
        ring = region.ring(plmr.X)
        a.shift_begin(ring, -1)
        c.add_product(a, b)
        a.end()
        assert np.all(c.values == np.float32(np.float16(1 / 3)) * 6) and np.all(a.values == np.float32(np.float16(1 / 3)))
        assert region.cost()["multiply_adds"] == SIDE * SIDE * 27
        assert region.clock(0, 0) > 0
        with pytest.raises(plmr.Error, match="nothing is on its way"):
            a.end()


def test_programs_have_records_and_reports():
    def run(region):
        t = region.tiles("t", 4)
        region.compute(100)
        region.mark("work")
        t.allreduce(plmr.X)
        region.record(answer=42)

    runs = plmr.program("mine", SIDE, SIDE, run, device="wse3", report=True)
    assert runs[0]["algorithm"] == "mine" and runs[0]["device"] == "wse3" and runs[0]["ranks"] == plmr.rank_count()
    assert runs[0]["cycles"] > 100 == runs[0]["cycles_work"] and runs[0]["answer"] == 42
    assert runs.page and "mine" in runs.text
    with pytest.raises(ZeroDivisionError):
        plmr.program("mine", SIDE, SIDE, lambda region: 1 / 0)
    with pytest.raises(plmr.Error, match="give 0 or more"):
        plmr.program("mine", SIDE, SIDE, lambda region: region.compute(-1))


def test_the_region_of_a_program_is_only_lent():
    def run(region):
        with region:
            t = region.tiles("t", 4)
            region.compute(100)
        with pytest.raises(plmr.Error, match="^t is closed"):
            t.sum()
        region.close()

    assert plmr.program("mine", SIDE, SIDE, run)[0]["cycles"] == 100


def test_time_alone():
    with plmr.Region(SIDE, SIDE, values=False) as region:
        t = region.tiles("t", 4)
        t.allreduce(plmr.X)
        assert region.cost()["t_cycles"] > 0
        with pytest.raises(TypeError, match="no values"):
            t.values


def test_arrays_keep_their_tiles(region):
    values = filled(region)[0].values
    gc.collect()
    values += 1
    assert values.min() >= 1


def test_arrays_outlive_their_tiles(region):
    t, whole = filled(region, n=1000)
    values = t.values[1:]
    t.close()
    other = region.tiles("other", 1000)
    other.values[:] = 7
    assert np.array_equal(values, mine(region, whole)[1:]) and region.cost()["sram_peak_bytes"] == 4000
    values[:] = 8
    assert np.all(other.values == 7)
    with pytest.raises(plmr.Error, match="t is closed"):
        t.values
    t.close()
    part = region.part("part", 0, 0, 4, 4)
    inner = part.tiles("inner", 1000)
    region.close()
    for tiles in other, inner:
        with pytest.raises(plmr.Error, match=f"{tiles.name} is closed"):
            tiles.values
    kept = []

    def run(region):
        kept.extend([region.tiles("a", 1000), region.tiles("b", 1000)])
        kept.append(kept[0].values)
        kept[2][:] = 3

    plmr.program("mine", SIDE, SIDE, run)
    gc.collect()
    assert np.all(kept[2] == 3)
    with pytest.raises(plmr.Error, match="b is closed"):
        kept[1].values


def test_a_million_cores_take_no_call_each():
    with plmr.Region(1000, 1000, device="wse2:rows=1000,cols=1000") as region:
        t = region.tiles("t", 4)
        rows, cols = region.coordinates()
        start = time.process_time()
        t.values[..., 0] = rows + cols
        t.shift(region.ring(plmr.X), 1)
        region.compute(1)
        assert time.process_time() - start < 5
        assert t.values[..., 0].max() <= 1998


def test_a_vector_times_tiles():
    with plmr.Region(SIDE, SIDE) as region:
        x, b, y = region.tiles("x", 1, 5, dtype="f16"), region.tiles("b", 5, 3, dtype="f16"), region.tiles("y", 1, 3)
        rows, cols = (place[..., None, None] for place in region.coordinates())
        x.values[:], b.values[:], y.values[:] = rows + np.arange(5), cols - np.arange(15).reshape(5, 3), 7
        expected = 7 + x.values @ b.values
        assert np.array_equal(y.multiply_vector(x, b).values, expected)
        assert region.cost()["multiply_adds"] == SIDE * SIDE * 15 and region.cost()["compute_cycles"] > 0


def test_sums_that_travel_as_another_type(region):
    t, whole = filled(region)
    hops = [0]
    for travel in "f16", "bf16", "f32":
        t.values[:] = mine(region, whole)
        same(region, t.allreduce_as(plmr.Y, travel, "chain"), whole.sum(axis=0, keepdims=True))
        hops.append(region.cost()["wavelet_hops"])
    half = hops[1]  # two elements to a word, in place of one
    assert half > 0 and np.diff(hops).tolist() == [half, half, 2 * half]
    with pytest.raises(ValueError, match="t: elements are f32, f16, bf16, not 'f8'"):
        t.allreduce_as(plmr.X, "f8")


def test_all_verbs_of_the_library_are_here():
    """But for those that work on a core, or give a number, in C: arrays do that here."""
    in_c = {"plmr_tiles_create", "plmr_tiles_at", "plmr_points_all_to_all_v", "plmr_ring_slots", "plmr_region_charge",
            "plmr_region_release"}
    with open(plmr._mesh.__file__, encoding="utf-8") as file:
        package = file.read()
    verbs = [name for name in plmr._abi.FUNCTIONS if name.startswith(("plmr_tiles_", "plmr_points_", "plmr_ring_", "plmr_region_"))]
    assert {name for name in verbs if f"{name}\"" not in package and f"lib.{name}(" not in package} == in_c
    cost = plmr.Region.cost.__doc__
    assert [name for name, _ in plmr._abi.plmr_cost._fields_ if name not in cost] == []


def test_what_is_of_another_class_is_refused(region):
    t, _ = filled(region)
    r, flow = region.ring(plmr.X), region.transpose("turned", 4)
    for wanted, given, wrong in (
            ("Tiles", "Ring", lambda: t.copy_to(r)), ("Tiles", "Region", lambda: t.copy_to(region)),
            ("Tiles", "Ring", lambda: flow.run(r, t)), ("Tiles", "Points", lambda: flow.begin(t, flow)),
            ("Ring", "int", lambda: t.shift(1, r)), ("Tiles", "int", lambda: t.shift(r, 1, 0)),
            ("Tiles", "Ring", lambda: t.shift(r, 1, r)), ("Tiles", "Ring", lambda: t.shift_begin(r, 1, r)),
            ("Tiles", "Ring", lambda: t.add_product(r, t)), ("Tiles", "NoneType", lambda: t.multiply_vector(t, None)),
            ("Tiles", "Ring", lambda: t.multicast_begin(r, plmr.X, 0)), ("Ring", "Tiles", lambda: t.align(r, t, 1)),
            ("Region", "Tiles", lambda: plmr.Tiles(t, "u", (4,))), ("Tiles", "Ring", lambda: plmr.Tiles.sum(r)),
            ("Region", "NoneType", lambda: plmr.Ring(None, plmr.X, "line")), ("Tiles", "NoneType", lambda: t.copy_to(None))):
        with pytest.raises(TypeError, match=f"^{wanted} is wanted here, not {given}: .+$"):
            wrong()
    same(region, t, filled(region)[1])


def test_what_is_closed_says_so(region):
    t, _ = filled(region)
    u, r, flow, part = region.tiles("u", 4), region.ring(plmr.X), region.transpose("turned", 4), region.part("left", 0, 0, 4, 4)
    inner = part.tiles("inner", 4)
    other = plmr.Region(SIDE, SIDE)
    for made in u, r, flow, part, other:
        made.close()
    for name, wrong in (("u", lambda: t.copy_to(u)), ("u", lambda: u.sum()), ("u", u.end), ("the ring", lambda: t.shift(r, 1)),
                        ("the ring", lambda: r.core(0)), ("turned", lambda: flow.run(t, t)), ("turned", flow.end),
                        ("left", lambda: part.compute(1)), ("inner", lambda: t.copy_to(inner)),
                        ("the region", other.cost), ("the region", lambda: other.tiles("v", 1)),
                        ("the region", lambda: other.send("s", 0, 1, 1))):
        with pytest.raises(plmr.Error, match=f"^{name} is closed: make another") as error:
            wrong()
        assert error.value.kind == "input"


def test_there_is_one_of_what_is_made(region):
    t, whole = filled(region)
    for made in t, region, region.ring(plmr.X), region.transpose("turned", 4):
        for copied in copy.copy, copy.deepcopy, pickle.dumps:
            with pytest.raises(TypeError, match=f"{type(made).__name__} is not copied or pickled"):
                copied(made)
    gc.collect()
    same(region, t, whole)


def test_wrong_types_name_the_argument(region):
    for text, wrong in (("plmr_region_busy, t_cycles: '5' is no number", lambda: region.compute("5")),
                        ("compute_each: None is no number of cycles", lambda: region.compute_each(None)),
                        ("compute_each: .* is no number of cycles", lambda: region.compute_each(1 + 2j)),
                        ("plmr_region_record, value: None is no number", lambda: region.record(answer=None)),
                        ("plmr_tiles_make, name: None is no string", lambda: region.tiles(None, 4)),
                        ("plmr_region_clock, row: 1.5 is no whole number", lambda: region.clock(1.5, 0)),
                        ("plmr_tiles_allreduce, algorithm: None is no string", lambda: region.tiles("t", 1).allreduce(plmr.X, None)),
                        (r"ranks: \(1,\) is no grid of ranks", lambda: plmr.Region(4, 4, ranks=(1,)))):
        with pytest.raises(TypeError, match=f"^{text}"):
            wrong()
    with pytest.raises(ValueError, match=r"plmr_tiles_make, name: 'a\\x00b' has a NUL"):
        region.tiles("a\0b", 4)


def test_help_is_of_what_a_program_has():
    text = plmr.program("mine", SIDE, SIDE, lambda region: None, help=True).text
    assert "--mode" in text and "--cores" not in text and "--verify" not in text and "The run as one JSON object" in text


def test_programs_are_as_large_as_is_said():
    for rows, cols in ((1 << 32) + 4, 4), (4, (1 << 40) + 4):
        with pytest.raises(ValueError, match="beyond the numbers that it takes"):
            plmr.program("mine", rows, cols, lambda region: None)
    for text, wrong in (("rows: 4.0 is no whole number", ("mine", 4.0, 4, print)), ("name: None is no string", (None, 4, 4, print)),
                        ("mine: None is no function", ("mine", 4, 4, None))):
        with pytest.raises(TypeError, match=text):
            plmr.program(*wrong)
    with pytest.raises(plmr.Error, match="verbs that need fewer, or --allow R"):  # there is no --alg
        plmr.program("mine", 4, 4, lambda region: region.tiles("t", 1).sum(), device="wse2:routes=1")
    with pytest.raises(plmr.Error, match="the program's cores: 4x4 do not fit"):
        plmr.program("mine", 4, 4, lambda region: None, device="wse2:rows=3")
    with pytest.raises(plmr.Error, match="--cores: mine runs on 4x4 cores alone"):
        plmr.program("mine", 4, 4, lambda region: None, cores=(5, 5))


def test_what_cannot_be_said_in_c_is_raised_all_the_same():
    def run(region):
        raise ValueError("\udc80")

    with pytest.raises(ValueError):
        plmr.program("mine", 4, 4, run)
