// Everything wired together: mouse, touch, keys, search, folding, themes, printing.
const MOST_HITS = 40,
  MOST_UNFOLDED = 8000;

// ----- selecting and folding
function select(item, move = false) {
  if (item && !item.group) reveal(item);
  state.selected = item;
  showPanel(item);
  paint();
  if (item) bringIn(item);
  if (item && move && !$('stage').hidden) elements.get(shownFor(item).key)?.focus({ preventScroll: true });
}

// Unfold what a line is hidden in.
function reveal(line) {
  let changed = false;
  for (let at = line.parent; at; at = at.parent) if (!at.open) changed = at.open = true;
  if (changed) refold(line);
}

function toggle(group, open = !group.open) {
  group.open = open;
  refold(group);
  state.selected = group;
  showPanel(group);
  paint();
}

// The picture anew; what was touched stays where it was on the screen, and the step is the same moment of the sweep.
function refold(item) {
  const before = state.placed.boxes.get(shownFor(item).key) ?? state.placed.boxes.get(item.key),
    share = state.step / Math.max(1, state.scene.steps.length - 1);
  rebuild();
  const after = state.placed.boxes.get(shownFor(item).key) ?? state.placed.boxes.get(item.key);
  if (before && after) {
    state.view.x += (before.x + before.w / 2 - after.x - after.w / 2) * state.view.k;
    state.view.y += (before.y - after.y) * state.view.k;
  }
  goTo(Math.round(share * (state.scene.steps.length - 1)));
  strip();
  look();
}

function foldAll(open) {
  pause();
  groups.slice(1).forEach((group) => {
    group.open = open && lines.length <= MOST_UNFOLDED;
  });
  refold(groups[0]);
  fit(false);
}

// ----- mouse and touch
const itemAt = (event) => {
  const found = event.target.closest?.('[data-key]');
  return found ? itemOf(found.dataset.key) : null;
};
const pointers = new Map();
let moved = 0;

svg.addEventListener('pointerdown', (event) => {
  pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
  if (pointers.size === 1) moved = 0;
});
addEventListener('pointermove', (event) => {
  const before = pointers.get(event.pointerId);
  if (!before) return;
  const now = { x: event.clientX, y: event.clientY };
  if (pointers.size === 2) {
    const other = [...pointers].find(([id]) => id !== event.pointerId)[1];
    const apart = (a, b) => Math.hypot(a.x - b.x, a.y - b.y) || 1;
    zoom(apart(now, other) / apart(before, other), { x: (now.x + other.x) / 2, y: (now.y + other.y) / 2 });
  }
  state.view.x += (now.x - before.x) / pointers.size;
  state.view.y += (now.y - before.y) / pointers.size;
  moved += Math.abs(now.x - before.x) + Math.abs(now.y - before.y);
  pointers.set(event.pointerId, now);
  svg.classList.toggle('moving', moved > 5);
  look();
});
for (const name of ['pointerup', 'pointercancel']) {
  addEventListener(name, (event) => {
    pointers.delete(event.pointerId);
    svg.classList.remove('moving');
  });
}
svg.addEventListener('click', (event) => {
  if (moved > 5) return;
  const item = itemAt(event);
  if (item?.group) toggle(item);
  else if (item || event.target === svg) select(item);
});
svg.addEventListener('pointerover', (event) =>
  hover(event.pointerType === 'touch' || pointers.size ? null : itemAt(event)),
);
svg.addEventListener('pointerleave', () => hover(null));
svg.addEventListener(
  'wheel',
  (event) => {
    const area = svg.getBoundingClientRect(),
      { k } = state.view;
    const fits = state.placed.width * k <= area.width && state.placed.height * k <= area.height;
    if (fits && !event.ctrlKey && !event.metaKey) return; // the page around may scroll
    event.preventDefault();
    if (event.ctrlKey || event.metaKey)
      return zoom(Math.exp(-event.deltaY * 0.01), { x: event.clientX, y: event.clientY });
    state.view.x -= event.shiftKey ? event.deltaY : event.deltaX;
    state.view.y -= event.shiftKey ? 0 : event.deltaY;
    look();
  },
  { passive: false },
);

// Where the panel lies over the drawing, it opens on a tap only.
const narrow = matchMedia('(max-width: 760px)');

function hover(item) {
  if (narrow.matches) return;
  if (item?.open && item.group) item = null;
  if (item === state.hovered) return;
  state.hovered = item;
  clearTimeout(hover.later);
  hover.later = setTimeout(() => {
    if ((item ?? state.selected) !== state.told) showPanel(item ?? state.selected);
    paint();
  }, 70);
}

// ----- keys
svg.addEventListener('focusin', (event) => {
  const item = itemAt(event);
  if (item && item !== state.selected && !item.open) {
    state.selected = item;
    showPanel(item);
    paint();
  }
});

function step(by) {
  pause();
  goTo(state.step + by, true);
}

function walk(key) {
  const { boxes } = state.scene,
    at = state.selected ? shownFor(state.selected) : null;
  if (!at || !boxes.includes(at)) return select(boxes[0], true);
  const sorted = (found, end) =>
    found.sort(
      (a, b) =>
        Math.abs(a.points[0][0] - a.points[a.points.length - 1][0]) -
        Math.abs(b.points[0][0] - b.points[b.points.length - 1][0]),
    )[0]?.[end];
  const next = {
    ArrowUp: () =>
      sorted(
        state.scene.arrows.filter((arrow) => arrow.b === at),
        'a',
      ),
    ArrowDown: () =>
      sorted(
        state.scene.arrows.filter((arrow) => arrow.a === at),
        'b',
      ),
    ArrowLeft: () => boxes[boxes.indexOf(at) - 1],
    ArrowRight: () => boxes[boxes.indexOf(at) + 1],
    Home: () => boxes[0],
    End: () => boxes[boxes.length - 1],
  }[key]();
  if (next) select(next, true);
}

const keys = {
  '+': () => zoom(1.25),
  '=': () => zoom(1.25),
  '-': () => zoom(0.8),
  0: () => fit(),
  '[': () => step(-1),
  ']': () => step(1),
  p: play,
  t: () => tabular(),
  '/': () => $('search').focus(),
  Escape: () => select(null),
  f: () => {
    const group = state.selected?.group ? state.selected : state.selected?.parent;
    if (group && group !== groups[0]) toggle(group, false);
  },
};
addEventListener('keydown', (event) => {
  const typing = event.target.matches('input[type=search], select');
  if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
  const inDrawing = svg.contains(event.target) || event.target === document.body;
  if (inDrawing && (event.key.startsWith('Arrow') || event.key === 'Home' || event.key === 'End')) walk(event.key);
  else if (inDrawing && (event.key === 'Enter' || event.key === ' ') && event.target !== document.body) {
    const item = itemAt(event);
    if (item?.group) {
      toggle(item);
      elements.get(item.key)?.focus();
    } else if (item) select(item);
  } else if (keys[event.key] && !(event.target === slider && event.key.length > 1)) keys[event.key]();
  else return;
  event.preventDefault();
});

// ----- search
function search(text) {
  const sought = text.trim().toLowerCase(),
    hits = $('hits');
  const words = (line) =>
    [line.formula, line.operation, line.value?.t, line.source, ...(line.place ?? [])].join('\n').toLowerCase();
  const found = sought ? lines.filter((line) => words(line).includes(sought)) : [];
  lines.forEach((line) => {
    line.hit = false;
  });
  groups.forEach((group) => {
    group.hit = false;
  });
  found.forEach((line) => {
    line.hit = true;
    if (shownFor(line).group) shownFor(line).hit = true;
  });
  hits.hidden = !sought;
  const shown = found
    .slice(0, MOST_HITS)
    .map((line) =>
      h(
        'li',
        { role: 'option', tabindex: -1, 'aria-selected': 'false', onclick: () => take(line) },
        h('b', {}, line.formula),
        line.value ? ' ' + line.value.t : '',
      ),
    );
  const rest = found.length > MOST_HITS ? [h('li', { class: 'note' }, `and ${found.length - MOST_HITS} more`)] : [];
  hits.replaceChildren(...(found.length ? [...shown, ...rest] : [h('li', { class: 'note' }, 'nothing found')]));
  paint();
  return found;
}

function take(line) {
  $('hits').hidden = true;
  select(line, true);
}

$('search').addEventListener('input', (event) => search(event.target.value));
$('search').addEventListener('keydown', (event) => {
  const options = [...$('hits').querySelectorAll('[role=option]')],
    now = options.findIndex((option) => option.getAttribute('aria-selected') === 'true');
  if (event.key === 'Enter') options[Math.max(0, now)]?.click();
  else if (event.key === 'Escape') {
    event.target.value = '';
    search('');
    event.target.blur();
  } else if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
    const next = Math.max(0, Math.min(options.length - 1, now + (event.key === 'ArrowDown' ? 1 : -1)));
    options.forEach((option, i) => option.setAttribute('aria-selected', i === next));
    options[next]?.scrollIntoView({ block: 'nearest' });
  } else return;
  event.preventDefault();
});
addEventListener('pointerdown', (event) => {
  if (!event.target.closest('.search')) $('hits').hidden = true;
});

// ----- buttons, themes, paper
function tabular(show = $('table-view').hidden) {
  if (show) showTable();
  $('table-view').hidden = !show;
  $('stage').hidden = show;
  $('table').setAttribute('aria-pressed', show);
  if (!show) look();
}

function theme(name) {
  document.documentElement.dataset.theme = name;
  if (state.scene) {
    paint();
    strip();
    showPanel(state.hovered ?? state.selected);
  }
}

const clicks = {
  about: () => showPanel(null, !panel.classList.contains('open')),
  closer: () => zoom(1.25),
  farther: () => zoom(0.8),
  fit: () => fit(),
  play,
  back: () => step(-1),
  forth: () => step(1),
  fold: () => foldAll(false),
  unfold: () => foldAll(true),
  table: () => tabular(),
  theme: () => theme(dark() ? 'light' : 'dark'),
  skip: () => {
    tabular(true);
    $('table-view').focus();
  },
};
for (const [id, action] of Object.entries(clicks))
  $(id).addEventListener('click', (event) => {
    event.preventDefault();
    action();
  });
slider.addEventListener('input', () => {
  pause();
  goTo(+slider.value, true);
});
$('colour').addEventListener('change', (event) => {
  state.colour = event.target.value;
  paint();
});
const night = matchMedia('(prefers-color-scheme: dark)');
night.addEventListener('change', () => theme(night.matches ? 'dark' : 'light'));
addEventListener('resize', () => {
  strip();
  look();
});
addEventListener('beforeprint', () => {
  theme('light');
  showTable();
  svg.setAttribute('viewBox', `-10 -10 ${state.placed.width + 20} ${state.placed.height + 20}`);
  world.removeAttribute('transform');
});
addEventListener('afterprint', () => {
  svg.removeAttribute('viewBox');
  look();
  theme(night.matches ? 'dark' : 'light');
});

theme(night.matches ? 'dark' : 'light');
const many = (count, word) => `${count.toLocaleString('en')} ${word}${count === 1 ? '' : 's'}`;
$('counts').textContent = [
  many(lines.filter(isOperation).length, 'line'),
  many(lines.filter((line) => !isOperation(line)).length, 'input'),
].join(', ');
$('folding').hidden = groups.length < 2;
rebuild();
goTo(state.scene.steps.length - 1);
fit(false);
strip();
showPanel(null);
document.body.classList.add('ready');
