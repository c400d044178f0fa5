// Where the boxes stand. The same as wengert/viz/placing.py, so that folding needs no round trip; a test compares both.
const GAP = 26,
  ROW_GAP = 44,
  PAD = 16,
  HEAD = 28,
  LETTER = 7.3,
  FREE = 10,
  STRAIGHT = 4,
  SWEEPS = 10;
const LINE_HEIGHT = 17,
  LEAST_WIDTH = 84,
  PORT = 16;

const cell = (key, row) => key + '@' + row;
const isFree = (key) => key[0] === '~';
const mean = (values, otherwise) => (values.length ? values.reduce((a, b) => a + b, 0) / values.length : otherwise);
const titleWidth = (title) => [...title].length * LETTER + 30;

function boxSize(rows) {
  const longest = Math.max(...rows.map((row) => [...row].length));
  return [Math.max(LEAST_WIDTH, longest * LETTER + 26), rows.length * LINE_HEIGHT + 14];
}

// The middles of boxes in a row, in this order and apart, closest to where they want to be in the mean square.
function settle(wanted, widths, weights) {
  const offsets = [0];
  for (let i = 1; i < widths.length; i++) offsets.push(offsets[i - 1] + (widths[i - 1] + widths[i]) / 2 + GAP);
  const pools = [];
  wanted.forEach((x, i) => {
    pools.push({ mean: x - offsets[i], weight: weights[i], count: 1 });
    while (pools.length > 1 && pools[pools.length - 2].mean > pools[pools.length - 1].mean) {
      const top = pools.pop(),
        last = pools[pools.length - 1];
      last.mean = (last.mean * last.weight + top.mean * top.weight) / (last.weight + top.weight);
      last.weight += top.weight;
      last.count += top.count;
    }
  });
  return pools.flatMap((pool) => Array(pool.count).fill(pool.mean)).map((x, i) => x + offsets[i]);
}

// For every cell those it is linked with in the row above, and below. It never changes, so it is kept.
function neighbours(group) {
  if (group.near) return group.near;
  const rowOf = new Map(),
    above = new Map(),
    below = new Map();
  group.rows.forEach((row, n) =>
    row.forEach((key) => {
      if (!isFree(key)) rowOf.set(key, n);
      above.set(cell(key, n), []);
      below.set(cell(key, n), []);
    }),
  );
  for (const [key, readers] of Object.entries(group.readers)) {
    for (const reader of readers) {
      // A line outside of the group, ^l1, comes from above it; readers outside, $, are below it.
      const first = rowOf.get(key) ?? -1,
        last = rowOf.get(reader) ?? group.rows.length,
        way = [];
      for (let n = Math.max(first, 0); n <= Math.min(last, group.rows.length - 1); n++) {
        way.push(cell(n === first ? key : n === last ? reader : '~' + key, n));
      }
      for (let i = 1; i < way.length; i++) {
        if (above.get(way[i]).includes(way[i - 1])) continue;
        above.get(way[i]).push(way[i - 1]);
        below.get(way[i - 1]).push(way[i]);
      }
    }
  }
  group.rowOf = rowOf;
  group.near = { above, below };
  return group.near;
}

// The middle of every cell, and the width of the whole.
function across(group, widths) {
  const { above, below } = neighbours(group),
    at = new Map(),
    width = (key) => widths.get(key) ?? FREE;
  const put = (row, n, middles) => row.forEach((key, i) => at.set(cell(key, n), middles[i]));
  group.rows.forEach((row, n) =>
    put(
      row,
      n,
      settle(
        row.map(() => 0),
        row.map(width),
        row.map(() => 1),
      ),
    ),
  );
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    const near = sweep % 2 ? below : above;
    const order = group.rows.map((_, n) => n);
    if (sweep % 2) order.reverse();
    for (const n of order) {
      const row = group.rows[n];
      const wanted = row.map((key) =>
        mean(
          near.get(cell(key, n)).map((c) => at.get(c)),
          at.get(cell(key, n)),
        ),
      );
      const weights = row.map((key) => (isFree(key) ? STRAIGHT : near.get(cell(key, n)).length ? 1 : 0.1));
      put(row, n, settle(wanted, row.map(width), weights));
    }
  }
  let left = Infinity,
    right = -Infinity;
  group.rows.forEach((row, n) =>
    row.forEach((key) => {
      left = Math.min(left, at.get(cell(key, n)) - width(key) / 2);
      right = Math.max(right, at.get(cell(key, n)) + width(key) / 2);
    }),
  );
  if (left > right) left = right = 0;
  for (const [c, x] of at) at.set(c, x - left);
  return { at, width: right - left };
}

// The children of a group, open groups with what is in them: {width, height, boxes, bends}.
function layout(group) {
  const inner = new Map(),
    sizes = new Map();
  for (const key of group.children) {
    const child = itemOf(key);
    if (child.group && child.open) {
      const here = layout(child);
      inner.set(key, here);
      sizes.set(key, [Math.max(here.width, titleWidth(child.name)) + 2 * PAD, here.height + 2 * PAD + HEAD]);
    } else {
      sizes.set(key, boxSize(rowsOf(child)));
    }
  }
  const widths = new Map([...sizes].map(([key, size]) => [key, size[0]]));
  const { at, width } = across(group, widths),
    made = { width, height: 0, boxes: new Map(), bends: new Map() };
  let top = 0;
  group.rows.forEach((row, n) => {
    const height = Math.max(0, ...row.filter((key) => sizes.has(key)).map((key) => sizes.get(key)[1]));
    for (const key of row) {
      const middle = at.get(cell(key, n));
      if (isFree(key)) made.bends.set(group.key + key + '@' + n, [middle, top + height / 2]);
      else {
        const [w, h] = sizes.get(key);
        made.boxes.set(key, { x: middle - w / 2, y: top + (height - h) / 2, w, h });
      }
    }
    top += height + ROW_GAP;
  });
  made.height = Math.max(0, top - ROW_GAP);
  for (const [key, here] of inner) {
    const box = made.boxes.get(key),
      left = box.x + (box.w - here.width) / 2,
      down = box.y + PAD + HEAD;
    for (const [name, b] of here.boxes) made.boxes.set(name, { ...b, x: b.x + left, y: b.y + down });
    for (const [name, [x, y]] of here.bends) made.bends.set(name, [x + left, y + down]);
  }
  return made;
}
