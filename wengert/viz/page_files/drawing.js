// The drawing: boxes, frames and arrows as SVG, moved and zoomed. Elements are kept while groups fold, so they glide.
const $ = (id) => document.getElementById(id);
const svg = $('drawing'),
  world = $('world');
const MANY = 700; // boxes, from which on only those in sight are in the document
const MOST_LABELS = 80;
const KEPT = 60; // pixels of the drawing that cannot be moved away
const state = {
  view: { x: 0, y: 0, k: 1 },
  scene: null,
  placed: null,
  selected: null,
  hovered: null,
  step: 0,
  colour: '',
};
const elements = new Map();

function rebuild() {
  state.scene = visible();
  state.placed = layout(groups[0]);
  spread(state.scene.arrows, state.placed);
  state.scene.steps = stepsOf(state.scene.boxes);
  state.scene.steps.forEach((step, i) =>
    step.boxes.forEach((box) => {
      box[step.phase === 'backward' ? 'up' : 'down'] = i;
    }),
  );
  for (const arrow of state.scene.arrows) arrow.element = null;
  svg.classList.toggle('many', state.scene.boxes.length > MANY);
  draw();
}

// ----- what is in sight
function inSight(x, y, w, hh) {
  if (state.scene.boxes.length <= MANY) return true;
  const { x: dx, y: dy, k } = state.view,
    area = svg.getBoundingClientRect(),
    more = 200;
  const left = x * k + dx,
    top = y * k + dy;
  return left < area.width + more && left + w * k > -more && top < area.height + more && top + hh * k > -more;
}

function draw() {
  const { scene, placed } = state,
    kept = new Set();
  $('frames').replaceChildren(...scene.frames.map((frame) => frameElement(frame, placed.boxes.get(frame.key))));
  for (const box of scene.boxes) {
    const at = placed.boxes.get(box.key);
    if (!inSight(at.x, at.y, at.w, at.h)) continue;
    kept.add(box.key);
    let element = elements.get(box.key);
    if (!element) {
      element = boxElement(box, at);
      elements.set(box.key, element);
    }
    if (!element.parentNode) $('boxes').append(element);
    element.style.transform = `translate(${at.x}px, ${at.y}px)`;
  }
  for (const [key, element] of elements) if (!kept.has(key)) element.remove();
  drawArrows();
  paint();
}

function drawArrows() {
  const { arrows, boxes } = state.scene,
    drawn = [],
    labels = [];
  for (const arrow of arrows) {
    const [x, y] = arrow.points[0],
      [u, v] = arrow.points[arrow.points.length - 1];
    arrow.element = arrow.words = null;
    if (!inSight(Math.min(x, u), Math.min(y, v), Math.abs(u - x), Math.abs(v - y))) continue;
    arrow.element = s('path', { class: 'arrow', d: curve(arrow.points), 'marker-end': 'url(#tip)' });
    drawn.push(arrow.element);
    if (arrow.label && boxes.length <= MOST_LABELS) {
      const [p, q] = arrow.points.slice(-2);
      const middle = { x: (p[0] + q[0]) / 2, y: (p[1] + q[1]) / 2 + 4, 'text-anchor': 'middle', class: 'local' };
      arrow.words = s('text', middle, arrow.label);
      labels.push(arrow.words);
    }
  }
  $('arrows').replaceChildren(...drawn);
  $('labels').replaceChildren(...labels);
}

function curve(points) {
  let path = `M${points[0][0]} ${points[0][1]}`;
  for (let i = 1; i < points.length; i++) {
    const [x, y] = points[i - 1],
      [u, v] = points[i],
      bend = (v - y) / 2;
    path += `C${x} ${y + bend} ${u} ${v - bend} ${u} ${v}`;
  }
  return path;
}

function frameElement(frame, at) {
  const made = s('g', {
    class: 'frame' + (frame.bad ? ' bad' : ''),
    'data-key': frame.key,
    role: 'button',
    tabindex: -1,
    'aria-expanded': 'true',
    'aria-label': `${frame.name}, group of ${frame.lines.length} lines, unfolded`,
  });
  made.append(
    s('rect', { class: 'area', x: at.x, y: at.y, width: at.w, height: at.h, rx: 12 }),
    s('rect', {
      class: 'handle',
      x: at.x + 6,
      y: at.y + 6,
      width: Math.min(at.w - 12, titleWidth(frame.name)),
      height: 24,
      rx: 7,
    }),
    s('text', { class: 'sign', x: at.x + 14, y: at.y + 22 }, '−'),
    s('text', { x: at.x + 28, y: at.y + 22 }, frame.name),
  );
  return made;
}

function boxElement(box, at) {
  const made = s('g', {
    class: `box ${box.group ? 'group' : box.look}`,
    'data-key': box.key,
    role: 'button',
    tabindex: -1,
  });
  if (box.group) made.append(s('rect', { class: 'under', x: 4, y: 4, width: at.w, height: at.h, rx: 8 }));
  made.append(
    s('rect', { class: 'face', width: at.w, height: at.h, rx: 8 }),
    s('rect', { class: 'tint', width: at.w, height: at.h, rx: 8 }),
  );
  rowsOf(box).forEach((row, i) =>
    made.append(s('text', { class: classOfRow(box, i), x: 13, y: 21 + i * LINE_HEIGHT }, row)),
  );
  made.append(s('text', { class: 'badge', x: at.w + 8, y: 20 }, box.origin ?? ''));
  if (box.group) {
    made.setAttribute('aria-expanded', 'false');
    made.append(s('text', { class: 'sign', x: at.w - 20, y: 22 }, '+'));
  }
  return made;
}

function classOfRow(box, i) {
  const lost = i === 1 ? box.value?.bad : i === 2 ? box.adjoint?.bad : false;
  return ['title', 'value', 'adjoint'][Math.min(i, 2)] + (lost ? ' lost' : '');
}

function spoken(box) {
  if (box.group) return `${box.name}, group of ${box.lines.length} lines, folded`;
  const { step } = state,
    words = [box.formula, box.type];
  if (box.value && step >= box.down) words.push('value ' + box.value.t);
  if (box.adjoint && (!data.swept || step >= box.up)) words.push('adjoint ' + box.adjoint.t);
  if (box.bad) words.push('holds ' + box.bad);
  return words.join(', ');
}

// ----- what the step, the selection and the colours make of it
function paint() {
  const { scene, step, selected, hovered } = state,
    now = scene.steps[step] ?? scene.steps[0];
  const current = new Set(now.boxes),
    near = new Set([selected, hovered].filter(Boolean).map(shownFor));
  const shade = shades();
  for (const box of scene.boxes) {
    const element = elements.get(box.key);
    if (!element?.parentNode) continue;
    const toggle = (name, on) => element.classList.toggle(name, Boolean(on));
    toggle('waiting', step < box.down);
    toggle('known', step >= box.down);
    toggle('reached', data.swept ? box.up !== undefined && step >= box.up : step >= box.down);
    toggle('current', current.has(box) && now.phase !== 'given');
    toggle('upwards', now.phase === 'backward');
    const lost = box.group
      ? box.bad && step >= box.down
      : (box.value?.bad && step >= box.down) || (box.adjoint?.bad && step >= box.up);
    toggle('bad', lost);
    toggle('origin', lost && box.origin);
    toggle('selected', selected && shownFor(selected) === box);
    toggle('hit', box.hit);
    element.setAttribute('tabindex', (selected ? shownFor(selected) : scene.boxes[0]) === box ? 0 : -1);
    element.setAttribute('aria-label', spoken(box));
    const [colour, strength] = shade(box);
    element.querySelector('.tint').style.fill = colour;
    element.querySelector('.tint').style.fillOpacity = strength;
  }
  for (const arrow of scene.arrows) {
    if (!arrow.element) continue;
    const back = now.phase === 'backward' && current.has(arrow.a) && arrow.b.up < step;
    const forward = now.phase === 'forward' && current.has(arrow.b);
    arrow.element.setAttribute(
      'class',
      'arrow' + (back ? ' back' : forward ? ' forth' : near.has(arrow.a) || near.has(arrow.b) ? ' near' : ''),
    );
    arrow.element.setAttribute(back ? 'marker-start' : 'marker-end', back ? 'url(#tip-back)' : 'url(#tip)');
    arrow.element.removeAttribute(back ? 'marker-end' : 'marker-start');
    arrow.words?.classList.toggle('back', back);
    arrow.words?.classList.toggle(
      'shown',
      back ||
        step === scene.steps.length - 1 ||
        near.has(arrow.b) ||
        (data.swept && now.phase !== 'backward' && step >= arrow.b.down),
    );
  }
}

// How strongly a box is tinted by what the reader chose, on a scale of powers of ten.
function shades() {
  const { colour, scene } = state;
  $('scale').replaceChildren();
  if (!colour) return () => ['none', 0];
  const values = scene.boxes
    .map((box) => box[colour])
    .filter((x) => x > 0)
    .map(Math.log10);
  const low = Math.min(...values),
    high = Math.max(...values),
    ink = { gradient: '--backward', size: '--forward' }[colour] ?? '--third';
  const words = { seconds: timeText, bytes: bytesText }[colour] ?? number;
  if (values.length) {
    const bar = h('i', { class: 'ramp' });
    bar.style.setProperty('--ink', `var(${ink})`);
    $('scale').append(
      { gradient: 'gradient, root mean square', size: 'value, root mean square', seconds: 'time', bytes: 'memory' }[
        colour
      ],
      h('br'),
      words(10 ** low),
      bar,
      words(10 ** high),
    );
  }
  return (box) =>
    box[colour] > 0
      ? [`var(${ink})`, 0.06 + 0.6 * (high > low ? (Math.log10(box[colour]) - low) / (high - low) : 1)]
      : ['none', 0];
}

// ----- moving about
function look() {
  // A part of the drawing always stays in sight.
  const area = svg.getBoundingClientRect(),
    { view, placed } = state,
    within = (at, size, whole) => Math.min(Math.max(at, KEPT - size), whole - KEPT);
  if (!area.width) return; // the table is shown instead
  view.x = within(view.x, placed.width * view.k, area.width);
  view.y = within(view.y, placed.height * view.k, area.height);
  const { x, y, k } = view;
  world.setAttribute('transform', `translate(${x} ${y}) scale(${k})`);
  svg.classList.toggle('far', k < 0.3);
  if (state.scene?.boxes.length > MANY) {
    clearTimeout(look.later);
    look.later = setTimeout(draw, 90);
  }
}

function fit(all = true) {
  const area = svg.getBoundingClientRect(),
    { width, height } = state.placed,
    room = 36;
  const k = Math.min(
    (area.width - 2 * room) / Math.max(width, 1),
    (area.height - 2 * room) / Math.max(height, 1),
    1.35,
  );
  const readable = all ? k : Math.max(k, Math.min(1, Math.max(0.62, (area.width - 2 * room) / width)));
  const top = readable > k ? room : (area.height - height * readable) / 2;
  state.view = { k: Math.max(readable, 0.02), x: (area.width - width * readable) / 2, y: top };
  if (readable > k && width * readable > area.width)
    bringIn(state.scene.steps[0].boxes[0] ?? state.scene.boxes[0], true);
  look();
}

function zoom(factor, at) {
  const area = svg.getBoundingClientRect(),
    view = state.view;
  const x = at ? at.x - area.left : area.width / 2,
    y = at ? at.y - area.top : area.height / 2;
  const k = Math.min(4, Math.max(0.02, view.k * factor));
  view.x = x - (x - view.x) * (k / view.k);
  view.y = y - (y - view.y) * (k / view.k);
  view.k = k;
  look();
}

function bringIn(item, always = false) {
  const at = state.placed.boxes.get(shownFor(item).key),
    area = svg.getBoundingClientRect(),
    view = state.view,
    room = Math.min(40, area.width * 0.03);
  const panel = $('panel'),
    covered =
      getComputedStyle(panel).position === 'absolute' && panel.classList.contains('open') ? panel.offsetHeight : 0;
  if (!at) return;
  const left = at.x * view.k + view.x,
    top = at.y * view.k + view.y,
    w = at.w * view.k,
    hh = at.h * view.k;
  const nearest = (start, size, whole) =>
    size + 2 * room > whole
      ? whole / 2 - start - size / 2
      : Math.max(room - start, 0) + Math.min(whole - room - start - size, 0);
  view.x += always ? area.width / 2 - (left + w / 2) : nearest(left, w, area.width);
  view.y += always ? 0 : nearest(top, hh, area.height - covered);
  look();
}
