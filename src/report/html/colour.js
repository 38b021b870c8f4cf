// ---- colours: a scale that the eye reads evenly, dark blue to yellow ----

const SCALE_STOPS = [
  [68, 1, 84], [71, 44, 122], [59, 81, 139], [44, 113, 142], [33, 144, 141], [39, 173, 129], [92, 200, 99], [170, 220, 50], [253, 231, 37],
];

const SCALE = (() => {
  const table = new Uint32Array(256);
  for (let i = 0; i < 256; i++) {
    const at = (i / 255) * (SCALE_STOPS.length - 1), low = Math.min(Math.floor(at), SCALE_STOPS.length - 2), part = at - low;
    const [r, g, b] = SCALE_STOPS[low].map((v, c) => Math.round(v + (SCALE_STOPS[low + 1][c] - v) * part));
    table[i] = (255 << 24) | (b << 16) | (g << 8) | r; // as ImageData has it, on machines with the little end first
  }
  return table;
})();

// Where a value lies between two ends, as an index into the scale; one value alone lies in the middle.
function scaleIndex(value, least, most) {
  if (!(most > least)) return 128;
  return Math.max(0, Math.min(255, Math.round((255 * (value - least)) / (most - least))));
}

function scaleColour(index) {
  const v = SCALE[index];
  return `rgb(${v & 255}, ${(v >> 8) & 255}, ${(v >> 16) & 255})`;
}

// Ink that can be read on a colour of the scale.
const inkOn = (index) => (index > 140 ? "#10141b" : "#ffffff");

const WORK_COLOURS = ["--w0", "--w1", "--w2", "--w3", "--w4", "--w5", "--w6", "--w7", "--w8"];
