"""Writes GGUF files, version 3, little-endian: metadata as the demo model needs it, tensors in F32 and F16."""
import struct

import numpy as np

ALIGNMENT = 32
TENSOR_TYPES = {np.dtype(np.float32): 0, np.dtype(np.float16): 1}
SCALARS = {"u32": (4, "<I"), "i32": (5, "<i"), "f32": (6, "<f"), "bool": (7, "<?"), "u64": (10, "<Q")}
STRING, ARRAY = 8, 9


def _string(text):
    data = text.encode("utf-8")
    return struct.pack("<Q", len(data)) + data


def _plain(kind, value):
    return _string(value) if kind == "str" else struct.pack(SCALARS[kind][1], value)


def _type_id(kind):
    return STRING if kind == "str" else SCALARS[kind][0]


def _value(kind, value):
    if not kind.startswith("list:"):
        return struct.pack("<I", _type_id(kind)) + _plain(kind, value)
    item = kind[len("list:"):]
    head = struct.pack("<IIQ", ARRAY, _type_id(item), len(value))
    return head + b"".join(_plain(item, v) for v in value)


def _padded(n_bytes):
    return (n_bytes + ALIGNMENT - 1) // ALIGNMENT * ALIGNMENT


def write(path, metadata, tensors):
    """metadata: (key, kind, value), kind one of str, u32, i32, f32, bool, u64 or list:KIND.
    tensors: (name, array), arrays in row-major order; a file lists the fastest dimension first."""
    head = [b"GGUF", struct.pack("<IQQ", 3, len(tensors), len(metadata))]
    for key, kind, value in metadata:
        head.append(_string(key) + _value(kind, value))
    offset = 0
    for name, array in tensors:
        head.append(_string(name) + struct.pack("<I", array.ndim))
        head.append(struct.pack(f"<{array.ndim}Q", *reversed(array.shape)))
        head.append(struct.pack("<IQ", TENSOR_TYPES[array.dtype], offset))
        offset += _padded(array.nbytes)
    head = b"".join(head)
    with open(path, "wb") as file:
        file.write(head.ljust(_padded(len(head)), b"\0"))
        for _, array in tensors:
            data = np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<")).tobytes()
            file.write(data.ljust(_padded(len(data)), b"\0"))
