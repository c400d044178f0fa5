// Small parts of the page: elements, matrices, heat maps. Text only ever becomes text: nothing here reads markup.
function h(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith('on')) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, '');
    else if (value !== false && value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined && child !== ''));
  return made;
}

function s(tag, attributes = {}, text) {
  const made = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

const dark = () => document.documentElement.dataset.theme === 'dark';

// Blue for what is below zero, orange for what is above; paper for zero, red for what is no number.
function diverging(x) {
  if (x === null) return 'rgb(226 30 48)';
  const paper = dark() ? [27, 32, 48] : [250, 250, 252];
  const ink = x < 0 ? (dark() ? [94, 156, 255] : [24, 84, 196]) : dark() ? [255, 158, 92] : [196, 78, 8];
  const t = Math.min(1, Math.abs(x) / 100) ** 0.7;
  return `rgb(${paper.map((p, i) => Math.round(p + (ink[i] - p) * t)).join(' ')})`;
}

function heatMap(heat, words) {
  const size = Math.max(4, Math.min(12, Math.floor(288 / heat.c)));
  const canvas = h('canvas', { width: heat.c * size, height: heat.r * size, role: 'img', 'aria-label': words });
  const pen = canvas.getContext('2d');
  heat.d.forEach((x, i) => {
    pen.fillStyle = diverging(x);
    pen.fillRect((i % heat.c) * size, Math.floor(i / heat.c) * size, size - 1, size - 1);
  });
  return h('figure', { class: 'heat' }, canvas, h('figcaption', {}, scaleOf(heat)));
}

function scaleOf(heat) {
  const lost = heat.d.some((x) => x === null);
  const negative = heat.d.some((x) => x < 0);
  return h(
    'span',
    { class: 'scale' },
    negative ? '−' + heat.top : '0',
    h('i', { class: negative ? 'both' : 'one' }),
    heat.top,
    lost ? h('b', { class: 'lost' }, 'not finite') : '',
  );
}

function matrix(rows) {
  if (rows.length === 1 && rows[0].length === 1) return h('span', { class: 'number' }, rows[0][0]);
  const body = rows.map((row) => h('tr', {}, ...row.map((x) => h('td', { class: x === '0' ? 'zero' : '' }, x))));
  return h('div', { class: 'scroll' }, h('table', { class: 'matrix' }, h('tbody', {}, ...body)));
}

// A value, an adjoint or a local derivative.
function portrait(found, words) {
  if (!found) return '';
  const parts = [];
  if (found.m) parts.push(matrix(found.m));
  if (found.h) parts.push(heatMap(found.h, `${words}: heat map of ${found.shape ?? found.t}`));
  if (found.s)
    parts.push(h('p', { class: 'sums' }, ...found.s.map(([name, x]) => h('span', {}, h('i', {}, name), ' ' + x))));
  if (!parts.length) parts.push(h('span', { class: 'number' }, found.t));
  return h('div', { class: found.bad ? 'portrait bad' : 'portrait' }, ...parts);
}
