// The list as the page sees it: items (lines and groups), what is shown while some groups are folded, and the steps.
const data = JSON.parse(document.getElementById('data').textContent);
const lines = data.lines,
  groups = data.groups;
const LESS_MOTION = matchMedia('(prefers-reduced-motion: reduce)');

lines.forEach((line, i) => Object.assign(line, { key: 'l' + i, number: i, readers: [], reads: line.reads ?? [] }));
lines.forEach((line) => line.reads.forEach((i) => lines[i].readers.push(line.number)));
data.findings
  .filter((f) => f.badge)
  .forEach((f) => {
    lines[f.line].origin = f.badge;
  });
groups.forEach((group, i) => Object.assign(group, { key: 'g' + i, group: true, number: i, parent: null }));

function itemOf(key) {
  return key[0] === 'l' ? lines[+key.slice(1)] : groups[+key.slice(1)];
}

// Parents, and the lines of every group.
(function descend(group) {
  group.lines = [];
  for (const key of group.children) {
    const child = itemOf(key);
    child.parent = group;
    if (child.group) descend(child);
    group.lines.push(...(child.group ? child.lines : [child.number]));
  }
})(groups[0]);
for (const group of groups) {
  const inside = group.lines.map((i) => lines[i]);
  const last = inside[inside.length - 1];
  const total = (name) => inside.reduce((sum, line) => sum + (line[name] ?? 0), 0);
  const largest = (name) => Math.max(0, ...inside.map((line) => line[name] ?? 0));
  group.operations = inside.filter(isOperation);
  group.bytes = total('bytes');
  group.seconds = total('seconds');
  group.gradient = largest('gradient') || undefined;
  group.size = last?.size;
  group.bad = inside.find((line) => line.bad)?.bad;
  group.origin = inside.find((line) => line.origin)?.origin;
}

function isOperation(line) {
  return line.look === 'operation' || line.look === 'result';
}

function rowsOf(item) {
  if (!item.group) return item.rows;
  const name = [...item.name];
  return [
    (name.length > 34 ? name.slice(0, 33).join('') + '…' : item.name) + '   ',
    `${item.lines.length.toLocaleString('en')} lines`,
  ];
}

// From the outermost group to the box that stands for an item now.
function wayTo(item) {
  const way = [];
  for (let at = item; at; at = at.parent) way.unshift(at);
  const folded = way.findIndex((at) => at.group && !at.open);
  return folded < 0 ? way : way.slice(0, folded + 1);
}

const shownFor = (item) => wayTo(item).pop();

// Boxes and open groups in the order of the list, and the arrows between boxes.
function visible() {
  const boxes = [],
    frames = [],
    arrows = new Map();
  (function descend(group) {
    for (const key of group.children) {
      const child = itemOf(key);
      if (child.group && child.open) {
        frames.push(child);
        descend(child);
      } else boxes.push(child);
    }
  })(groups[0]);
  for (const line of lines) {
    const to = wayTo(line);
    for (const i of line.reads) {
      const from = wayTo(lines[i]),
        a = from[from.length - 1],
        b = to[to.length - 1];
      if (a !== b && !arrows.has(a.key + b.key))
        arrows.set(a.key + b.key, { a, b, from, to, source: '^l' + i, label: derivative(b, i) });
    }
  }
  return { boxes, frames, arrows: [...arrows.values()] };
}

// The local derivative at an arrow, where it is a number.
function derivative(reader, source) {
  const parts = (reader.partials ?? []).filter((part) => part.by === source);
  return parts.length === 1 && parts[0].local.k === 'number' ? parts[0].local.t : '';
}

// The course of an arrow: out of a box, through the places held free, into the other.
function course(arrow, placed) {
  const { from, to } = arrow,
    start = placed.boxes.get(arrow.a.key),
    end = placed.boxes.get(arrow.b.key);
  let depth = 0;
  while (from[depth] === to[depth]) depth++;
  const points = [[start.x + start.w / 2, start.y + start.h]];
  const pass = (group, key, first, last) => {
    for (let n = first; n < last; n++) points.push([...placed.bends.get(group.key + '~' + key + '@' + n)]);
  };
  const rowIn = (group, child) => group.rowOf.get(child.key);
  // Out of the groups a line is in, along those that stand beside each other, and into those of its reader.
  for (let at = from.length - 2; at >= depth; at--)
    pass(from[at], from[at + 1].key, rowIn(from[at], from[at + 1]) + 1, from[at].rows.length);
  pass(from[depth - 1], from[depth].key, rowIn(from[depth - 1], from[depth]) + 1, rowIn(from[depth - 1], to[depth]));
  for (let at = depth; at < to.length - 1; at++) pass(to[at], arrow.source, 0, rowIn(to[at], to[at + 1]));
  points.push([end.x + end.w / 2, end.y]);
  return points;
}

// Arrows that arrive at one box stand side by side, in the order they come from.
function spread(arrows, placed) {
  const arriving = new Map();
  for (const arrow of arrows) {
    arrow.points = course(arrow, placed);
    if (!arriving.has(arrow.b)) arriving.set(arrow.b, []);
    arriving.get(arrow.b).push(arrow);
  }
  for (const [box, found] of arriving) {
    const apart = Math.min(PORT, placed.boxes.get(box.key).w / (found.length + 1));
    found.sort((p, q) => p.points[p.points.length - 2][0] - q.points[q.points.length - 2][0]);
    found.forEach((arrow, i) => {
      arrow.points[arrow.points.length - 1][0] += (i - (found.length - 1) / 2) * apart;
    });
  }
}

// The steps of the sweeps: what is given, the boxes down the list, and back up again.
function stepsOf(boxes) {
  const computing = boxes.filter((box) => box.group || isOperation(box));
  const given = boxes.filter((box) => !box.group && !isOperation(box));
  const first = (box) => (box.group ? (box.operations[0]?.number ?? 0) : box.number);
  computing.sort((a, b) => first(a) - first(b));
  const steps = [{ phase: 'given', boxes: given }];
  for (const box of computing) steps.push({ phase: 'forward', boxes: [box] });
  if (data.swept) {
    const reached = (box) => (box.group ? box.lines.some((i) => lines[i].adjoint) : box.adjoint);
    const sought = (box) => reached(box) && box.look !== 'constant';
    for (const box of [...computing].reverse().filter(reached)) steps.push({ phase: 'backward', boxes: [box] });
    for (const box of [...given].reverse().filter(sought)) steps.push({ phase: 'backward', boxes: [box] });
  }
  steps.push({ phase: 'end', boxes: [] });
  return steps;
}

function number(x) {
  if (x === undefined || x === null) return '';
  if (x === 0) return '0';
  const size = Math.abs(x);
  return size >= 1e5 || size < 1e-3 ? x.toExponential(1) : String(+x.toPrecision(3));
}

function amount(x, units, base) {
  let i = 0;
  while (x >= base && i < units.length - 1) {
    x /= base;
    i++;
  }
  return `${x >= 100 || Number.isInteger(x) ? Math.round(x).toLocaleString('en') : x.toPrecision(2)} ${units[i]}`;
}
const bytesText = (x) => amount(x, ['B', 'KiB', 'MiB', 'GiB'], 1024);
const timeText = (x) => amount(x * 1e6, ['µs', 'ms', 's'], 1000);
