"""A reader of GGUF files that shares no code with plmr's."""

import struct

import numpy as np


class Reader:
    """Walks through a file's bytes."""

    SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, layout):
        values = struct.unpack_from("<" + layout, self.data, self.at)
        self.at += struct.calcsize("<" + layout)
        return values[0] if len(values) == 1 else values

    def text(self):
        n = self.take("Q")
        self.at += n
        return self.data[self.at - n : self.at].decode()

    def value(self, kind):
        if kind == 8:
            return self.text()
        if kind == 9:
            kind, n = self.take("IQ")
            return [self.value(kind) for _ in range(n)]
        return self.take(self.SCALARS[kind])


def half(raw):
    """float64 of the binary16 numbers in the last axis of an array of bytes."""
    return np.ascontiguousarray(raw).view("<f2").astype(np.float64)


def q4_0(blocks):
    """Sixteen bytes: their low halves are the first sixteen elements, their high halves the others."""
    return half(blocks[:, :2]) * (np.concatenate([blocks[:, 2:] % 16, blocks[:, 2:] // 16], axis=1).astype(int) - 8)


def nibbles(raw):
    """Of sixteen bytes: all low halves, then all high ones."""
    return np.concatenate([raw % 16, raw // 16], axis=1).astype(int)


def fifth_bits(raw):
    """Of four bytes, least significant first: 32 bits."""
    return np.unpackbits(raw, axis=1, bitorder="little").astype(int) * 16


def q4_1(blocks):
    return half(blocks[:, :2]) * nibbles(blocks[:, 4:]) + half(blocks[:, 2:4])


def q5_0(blocks):
    return half(blocks[:, :2]) * (nibbles(blocks[:, 6:]) + fifth_bits(blocks[:, 2:6]) - 16)


def q5_1(blocks):
    return half(blocks[:, :2]) * (nibbles(blocks[:, 8:]) + fifth_bits(blocks[:, 4:8])) + half(blocks[:, 2:4])


# what four bits stand for
NONLINEAR = np.array([-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113])
E2M1 = np.array([0, 0.5, 1, 1.5, 2, 3, 4, 6, -0.0, -0.5, -1, -1.5, -2, -3, -4, -6])


def iq4_nl(blocks):
    return half(blocks[:, :2]) * NONLINEAR[nibbles(blocks[:, 2:])]


def iq4_xs(blocks):
    """Eight groups of 32, each as in IQ4_NL, with scales whose two high bits fill bytes 2 and 3, the low four bytes 4 to 7."""
    high = blocks[:, 2].astype(int) + 256 * blocks[:, 3]
    groups = []
    for j in range(8):
        scale = blocks[:, 4 + j // 2].astype(int) // 16 ** (j % 2) % 16 + 16 * (high // 4**j % 4) - 32
        groups.append(scale[:, None] * NONLINEAR[nibbles(blocks[:, 8 + 16 * j : 24 + 16 * j])])
    return half(blocks[:, :2]) * np.concatenate(groups, axis=1)


def mxfp4(blocks):
    return np.exp2(blocks[:, :1].astype(float) - 127) * E2M1[nibbles(blocks[:, 1:])]


def pairs_of_bits(raw):
    """Of 64 bytes: 256 numbers, those of the two lowest bits of 32 bytes first, then of the next two."""
    e = np.arange(256)
    return raw[:, 32 * (e // 128) + e % 32].astype(int) // 4 ** (e // 32 % 4) % 4


def q2_k(blocks):
    e, scales = np.arange(256), blocks[:, :16].astype(int)
    step, least = half(blocks[:, 80:82]) * (scales % 16), half(blocks[:, 82:84]) * (scales // 16)
    return step[:, e // 16] * pairs_of_bits(blocks[:, 16:80]) - least[:, e // 16]


def q3_k(blocks):
    """The scales' low bits are the nibbles of eight bytes; two bits more of scale 4 g + i are pair g of byte 8 + i."""
    e, packed = np.arange(256), blocks[:, 96:108].astype(int)
    scale = np.concatenate([packed[:, :8] % 16, packed[:, :8] // 16], axis=1)
    scale = scale + np.concatenate([packed[:, 8:] // 4**g % 4 for g in range(4)], axis=1) * 16
    third = blocks[:, e % 32].astype(int) // 2 ** (e // 32) % 2
    return half(blocks[:, 108:110]) * (scale - 32)[:, e // 16] * (pairs_of_bits(blocks[:, 32:96]) + 4 * third - 4)


def q8_0(blocks):
    return half(blocks[:, :2]) * blocks[:, 2:].view(np.int8)


def scales_and_minima(blocks):
    """All 6-bit numbers as bits: 12 bytes hold eight scales and eight minima; here times the block's own two."""
    b = blocks[:, 4:16].astype(int)
    scale, minimum = np.zeros((2, len(blocks), 8))
    for j in range(4):
        scale[:, j], minimum[:, j] = b[:, j] % 64, b[:, 4 + j] % 64
        scale[:, 4 + j] = b[:, 8 + j] % 16 + 16 * (b[:, j] // 64)
        minimum[:, 4 + j] = b[:, 8 + j] // 16 + 16 * (b[:, 4 + j] // 64)
    return half(blocks[:, 0:2]) * scale, half(blocks[:, 2:4]) * minimum


def q4_k(blocks):
    step, least = scales_and_minima(blocks)
    quads = blocks[:, 16:].reshape(-1, 4, 1, 32)
    q = np.concatenate([quads % 16, quads // 16], axis=2).reshape(-1, 8, 32)
    return (step[:, :, None] * q - least[:, :, None]).reshape(-1, 256)


def q5_k(blocks):
    """Element e = 32 j + i has its low bits in half j % 2 of byte 48 + 32 (j // 2) + i, its fifth in bit j of byte 16 + i."""
    step, least = scales_and_minima(blocks)
    j, i = np.divmod(np.arange(256), 32)
    low = blocks[:, 48 + 32 * (j // 2) + i].astype(int) // np.where(j % 2, 16, 1) % 16
    fifth = blocks[:, 16 + i].astype(int) // 2**j % 2
    return step[:, j] * (low + 16 * fifth) - least[:, j]


def q6_k(blocks):
    """Element e = 128 h + 32 g + i has its low bits in byte 64 h + 32 (g % 2) + i, its high bits in byte 32 h + i."""
    e = np.arange(256)
    h, g, i = e // 128, e // 32 % 4, e % 32
    low = blocks[:, 64 * h + 32 * (g % 2) + i].astype(int) >> np.where(g < 2, 0, 4) & 15
    high = blocks[:, 128 + 32 * h + i].astype(int) >> 2 * g & 3
    scale = np.ascontiguousarray(blocks[:, 192:208]).view(np.int8)[:, e // 16]
    return half(blocks[:, 208:210]) * scale * (low + 16 * high - 32)


# number in the file: name, elements and bytes of a block, where its scales in binary16 are, values of an array of blocks
TYPES = {
    0: ("F32", 1, 4, [], lambda b: b.view("<f4")),
    1: ("F16", 1, 2, [], half),
    2: ("Q4_0", 32, 18, [0], q4_0),
    3: ("Q4_1", 32, 20, [0, 2], q4_1),
    6: ("Q5_0", 32, 22, [0], q5_0),
    7: ("Q5_1", 32, 24, [0, 2], q5_1),
    8: ("Q8_0", 32, 34, [0], q8_0),
    10: ("Q2_K", 256, 84, [80, 82], q2_k),
    11: ("Q3_K", 256, 110, [108], q3_k),
    12: ("Q4_K", 256, 144, [0, 2], q4_k),
    13: ("Q5_K", 256, 176, [0, 2], q5_k),
    14: ("Q6_K", 256, 210, [208], q6_k),
    20: ("IQ4_NL", 32, 18, [0], iq4_nl),
    23: ("IQ4_XS", 256, 136, [0], iq4_xs),
    30: ("BF16", 1, 2, [], lambda b: (b.view("<u2").astype("<u4") << 16).view("<f4")),
    39: ("MXFP4", 32, 17, [], mxfp4),
}


def load(path):
    """{key: value} and {tensor: (type, values)} of a file; values are a row for each output, in float32 or float64."""
    with open(path, "rb") as f:
        r = Reader(f.read())
    magic, version, n_tensors, n_keys = r.take("4sIQQ")
    assert magic == b"GGUF" and version in (2, 3)
    keys, entries = {}, []
    for _ in range(n_keys):
        key = r.text()
        keys[key] = r.value(r.take("I"))
    for _ in range(n_tensors):
        name, n_dims = r.text(), r.take("I")
        sizes = [r.take("Q") for _ in range(n_dims)]
        entries.append((name, sizes, *r.take("IQ")))
    alignment = keys.get("general.alignment", 32)
    start = -(-r.at // alignment) * alignment
    tensors = {}
    for name, sizes, kind, offset in entries:
        title, elements, n_bytes, _, values = TYPES[kind]
        n_blocks = int(np.prod(sizes)) // elements
        raw = np.frombuffer(r.data, np.uint8, n_blocks * n_bytes, start + offset).reshape(n_blocks, n_bytes)
        tensors[name] = (title, values(raw).reshape(-1, sizes[0]))
    return keys, tensors
