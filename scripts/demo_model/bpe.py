"""The demo model's vocabulary: learns it from texts, and turns texts into ids.

It is a SentencePiece-like BPE vocabulary: a space is the mark U+2581, one is put in front of every text, and what has
no piece is spelled in bytes. Pieces never reach over the border between a word and a sign, so words can be encoded one
by one, with the same result as for the whole text.
"""
import collections
import heapq
import re
import string

UNKNOWN, BEGIN, END = 0, 1, 2
FIRST_BYTE = 3
MARK = "\u2581"
KIND_NORMAL, KIND_UNKNOWN, KIND_CONTROL, KIND_BYTE = 1, 2, 3, 6
WORDS = re.compile(f"{MARK}?[A-Za-z]+|'s|{MARK}?[^A-Za-z\\s{MARK}]+|{MARK}|\\s", re.ASCII)


def words_of(text):
    return WORDS.findall(MARK + text.replace(" ", MARK))


def learn_merges(counts, n_merges):
    """The pieces that pairs are merged into, most frequent pair first. counts: how often each word occurs."""
    words = [(list(word), count) for word, count in sorted(counts.items())]
    pairs, places = collections.Counter(), collections.defaultdict(set)
    for i, (pieces, count) in enumerate(words):
        for pair in zip(pieces, pieces[1:]):
            pairs[pair] += count
            places[pair].add(i)
    heap = [(-n, pair) for pair, n in pairs.items()]
    heapq.heapify(heap)
    merged, known = [], set()
    while len(merged) < n_merges and heap:
        n, pair = heapq.heappop(heap)
        if pairs[pair] <= 0:
            continue
        if -n != pairs[pair]:
            heapq.heappush(heap, (-pairs[pair], pair))
            continue
        piece = pair[0] + pair[1]
        if piece not in known:
            known.add(piece)
            merged.append(piece)
        touched = set()
        for i in places.pop(pair):
            pieces, count = words[i]
            for old in zip(pieces, pieces[1:]):
                pairs[old] -= count
            j = 0
            while j + 1 < len(pieces):
                if (pieces[j], pieces[j + 1]) == pair:
                    pieces[j:j + 2] = [piece]
                j += 1
            for new in zip(pieces, pieces[1:]):
                pairs[new] += count
                places[new].add(i)
                touched.add(new)
        for new in touched:
            heapq.heappush(heap, (-pairs[new], new))
    return merged


class Vocabulary:
    def __init__(self, merged, characters):
        """merged: pieces, first merged first; characters: the single ones."""
        self.tokens = ["<unk>", "<s>", "</s>"] + [f"<0x{b:02X}>" for b in range(256)]
        self.kinds = [KIND_UNKNOWN, KIND_CONTROL, KIND_CONTROL] + [KIND_BYTE] * 256
        self.scores = [0.0] * len(self.tokens)
        pieces = merged + characters
        self.ids = {piece: len(self.tokens) + i for i, piece in enumerate(pieces)}
        self.tokens += pieces
        self.kinds += [KIND_NORMAL] * len(pieces)
        self.scores += [-float(i) for i in range(len(pieces))]
        self.words = {}

    @classmethod
    def learn(cls, texts, size):
        counts = collections.Counter(word for text in texts for word in words_of(text))
        counts = {word: n for word, n in counts.items() if not word.isspace()}
        characters = sorted({c for word in counts for c in word} | set(string.ascii_letters))
        return cls(learn_merges(counts, size - FIRST_BYTE - 256 - len(characters)), characters)

    def _encode_word(self, word):
        pieces = list(word)
        while True:
            options = [(self.ids[a + b], i) for i, (a, b) in enumerate(zip(pieces, pieces[1:])) if a + b in self.ids]
            if not options:
                break
            _, i = min(options)
            pieces[i:i + 2] = [pieces[i] + pieces[i + 1]]
        ids = []
        for piece in pieces:
            known = self.ids.get(piece)
            ids += [known] if known is not None else [FIRST_BYTE + b for b in piece.encode("utf-8")]
        return ids

    def encode(self, text):
        """The ids of a text, without <s>."""
        ids = []
        for word in words_of(text):
            if word not in self.words:
                self.words[word] = self._encode_word(word)
            ids += self.words[word]
        return ids

    def decode(self, ids):
        data = b"".join(bytes([i - FIRST_BYTE]) if self.kinds[i] == KIND_BYTE else
                        b"" if self.kinds[i] != KIND_NORMAL else self.tokens[i].replace(MARK, " ").encode("utf-8")
                        for i in ids)
        return data.decode("utf-8", errors="replace")
