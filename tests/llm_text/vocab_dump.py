"""Copies the vocabulary out of a GGUF file into the plain form that vocab_tool reads: `vocab_dump.py FILE.gguf OUT`.

The reader is only as good as it must be for files that are known to be whole."""
import struct
import sys

SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
STRING, ARRAY = 8, 9


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def number(self, code):
        value = struct.unpack_from("<" + code, self.data, self.at)[0]
        self.at += struct.calcsize("<" + code)
        return value

    def string(self):
        n = self.number("Q")
        self.at += n
        return self.data[self.at - n:self.at]

    def value(self, kind):
        if kind == STRING:
            return self.string()
        if kind == ARRAY:
            kind, n = self.number("I"), self.number("Q")
            return [self.value(kind) for _ in range(n)]
        return self.number(SCALARS[kind])


def metadata(path):
    """The keys and values of a GGUF file; strings are bytes."""
    with open(path, "rb") as file:
        reader = Reader(file.read())
    magic, version = reader.number("I"), reader.number("I")
    assert magic == 0x46554747 and version in (2, 3), path
    _, n_keys = reader.number("Q"), reader.number("Q")
    return {reader.string().decode(): reader.value(reader.number("I")) for _ in range(n_keys)}


def vocabulary(path):
    """The part of it that makes a tokenizer, under the names without `tokenizer.ggml.`."""
    prefix = "tokenizer.ggml."
    return {key[len(prefix):]: value for key, value in metadata(path).items() if key.startswith(prefix)}


def strings(values):
    return struct.pack("<q", len(values)) + b"".join(struct.pack("<q", len(v)) + v for v in values)


def dump(vocab, path):
    scores, types = vocab.get("scores", []), vocab.get("token_type", [])
    ids = [vocab.get(key + "_token_id", -1) for key in ("bos", "eos", "eot", "eom", "unknown")]
    choices = [{None: 0, False: 1, True: 2}[vocab.get(key)] for key in ("add_bos_token", "add_eos_token",
                                                                      "add_space_prefix")]
    with open(path, "wb") as file:
        file.write(strings([vocab["model"], vocab.get("pre", b"default")]))
        file.write(strings(vocab["tokens"]))
        file.write(struct.pack("<q%df" % len(scores), len(scores), *scores))
        file.write(struct.pack("<q%dq" % len(types), len(types), *types))
        file.write(strings(vocab.get("merges", [])))
        file.write(struct.pack("<5q3q", *ids, *choices))


if __name__ == "__main__":
    dump(vocabulary(sys.argv[1]), sys.argv[2])
