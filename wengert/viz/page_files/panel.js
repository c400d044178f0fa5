// The panel at the side: everything about one line or group, or about the whole list where nothing is selected.
const panel = $('panel');

function section(title, ...content) {
  return content.some(Boolean) ? h('section', {}, h('h3', {}, title), ...content) : '';
}

function facts(pairs) {
  const rows = pairs.filter(([, value]) => value !== undefined && value !== '' && value !== null);
  return h('dl', {}, ...rows.flatMap(([name, value]) => [h('dt', {}, name), h('dd', {}, value)]));
}

function link(item, words) {
  return h(
    'button',
    { class: 'link', onclick: () => select(item, true) },
    words ?? (item.group ? item.name : item.name),
  );
}

function links(items) {
  const shown = items.slice(0, 24).flatMap((item, i) => (i ? [' ', link(item)] : [link(item)]));
  return items.length ? h('span', {}, ...shown, items.length > 24 ? ` and ${items.length - 24} more` : '') : '';
}

function showPanel(item, about = false) {
  state.told = item;
  const content = !item ? overview() : item.group ? ofGroup(item) : ofLine(item);
  const close = h('button', { class: 'icon close', 'aria-label': 'Close', onclick: () => select(null) }, '×');
  panel.replaceChildren(...[item || about ? close : '', ...content].filter(Boolean));
  panel.classList.toggle('open', Boolean(item) || about);
  panel.scrollTop = 0;
}

// ----- one line
function ofLine(line) {
  const kinds = {
    operation: line.operation,
    result: `${line.operation}, result`,
    input: 'input',
    parameter: 'parameter',
    constant: 'constant',
  };
  const value = line.value ? portrait(line.value, 'value') : '';
  return [
    h('p', { class: 'kind' }, kinds[line.look]),
    h('h2', { class: 'formula' }, line.formula),
    line.bad ? h('p', { class: 'finding bad' }, `Holds ${line.bad}.`) : '',
    line.dead
      ? h(
          'p',
          { class: line.dead[0] ? 'finding warn' : 'finding' },
          `${line.dead[0]} of ${line.dead[1]} units are zero for the whole batch.`,
        )
      : '',
    section('Value', value),
    section(
      `Adjoint  ∂${data.objective}/∂${line.name}`,
      line.adjoint ? portrait(line.adjoint, 'adjoint') : '',
      line.adjoint ? pathsOf(line) : '',
    ),
    section('Local derivatives', ...(line.partials ?? []).map(partialOf)),
    data.directions.length && line.tangents
      ? section(
          'Forward mode',
          h('p', { class: 'note' }, 'The same chain rule, pushed along with the values:'),
          tangentsOf(line),
        )
      : '',
    facts([
      ['type', line.type],
      ['memory', bytesText(line.bytes)],
      ['time', line.seconds === undefined ? '' : timeText(line.seconds)],
      ['source', line.source ? h('code', {}, line.source) : ''],
      ['part of', line.place?.join(' › ')],
      ['reads', links(line.reads.map((i) => lines[i]))],
      ['read by', links(line.readers.map((i) => lines[i]))],
    ]),
  ];
}

// How the adjoint came about: one path, or the sum of several.
function pathsOf(line) {
  const ways = line.ways ?? [],
    seed = line.look === 'result';
  if (!ways.length)
    return h(
      'p',
      { class: 'note' },
      !data.swept
        ? 'Collected by backward().'
        : seed
          ? 'The backward sweep starts here.'
          : 'No path leads from here to the result.',
    );
  if (ways.length === 1 && !line.seed) return h('p', { class: 'path' }, h('code', {}, ways[0].product));
  const rows = ways.map((way) =>
    h('li', {}, 'through ', link(lines[way.through]), ' ', h('code', {}, way.product), h('b', {}, way.value?.t ?? '')),
  );
  if (line.seed) rows.unshift(h('li', {}, 'seed ', h('b', {}, line.seed.t)));
  return h(
    'div',
    {},
    h('p', { class: 'note' }, `The sum of ${rows.length} paths:`),
    h('ol', { class: 'paths' }, ...rows),
    h('p', { class: 'sum' }, 'sum ', h('b', {}, line.adjoint.t)),
  );
}

function partialOf(part) {
  const { local } = part,
    size = [
      local.k === 'diagonal' ? 'diagonal' : '',
      local.shape && local.k !== 'number' ? `Jacobian ${local.shape}` : '',
      local.norm ? `norm ${local.norm}` : '',
    ]
      .filter(Boolean)
      .join(', ');
  return h(
    'div',
    { class: 'partial' },
    h(
      'p',
      {},
      h('code', {}, part.of + (part.formula ? ' = ' + part.formula : '')),
      local.k === 'number' ? h('b', {}, ' = ' + local.m[0][0]) : '',
    ),
    local.k !== 'number' ? h('p', { class: 'note' }, size) : '',
    local.k !== 'number' && (local.m || local.h) ? portrait(local, part.of) : '',
  );
}

function tangentsOf(line) {
  const rows = data.directions.map((direction, i) =>
    h('tr', {}, h('th', { scope: 'row' }, `∂${line.name}/∂${direction}`), h('td', {}, line.tangents[i])),
  );
  return h('table', { class: 'list' }, h('tbody', {}, ...rows));
}

// ----- a group
function ofGroup(group) {
  const counts = new Map();
  for (const line of group.operations) counts.set(line.operation, (counts.get(line.operation) ?? 0) + 1);
  const common = [...counts]
    .sort((a, b) => b[1] - a[1])
    .slice(0, 8)
    .map(([name, count]) => (count > 1 ? `${name} ×${count}` : name))
    .join(', ');
  const hurt = group.lines.map((i) => lines[i]).filter((line) => line.bad);
  return [
    h('p', { class: 'kind' }, group.open ? 'group' : 'folded group'),
    h('h2', { class: 'formula' }, group.name || data.title),
    hurt.length ? h('p', { class: 'finding bad' }, `Holds ${hurt[0].bad}, first in `, link(hurt[0]), '.') : '',
    facts([
      ['lines', group.lines.length.toLocaleString('en')],
      ['operations', common],
      ['memory', bytesText(group.bytes)],
      ['time', group.seconds ? timeText(group.seconds) : ''],
      ['gradient', group.gradient ? `up to ${number(group.gradient)} (root mean square)` : ''],
    ]),
    h('button', { onclick: () => toggle(group) }, group.open ? 'Fold' : 'Unfold'),
  ];
}

// ----- the whole list
function overview() {
  const found = data.findings.map((f) =>
    h('li', {}, h('button', { class: 'finding ' + f.level, onclick: () => select(lines[f.line], true) }, f.words)),
  );
  const bytes = lines.reduce((sum, line) => sum + line.bytes, 0),
    seconds = lines.reduce((sum, line) => sum + (line.seconds ?? 0), 0);
  return [
    found.length ? section('Findings', h('ul', { class: 'findings' }, ...found)) : '',
    ...data.notes.map((note) => h('p', { class: 'note' }, note)),
    section(
      'The list',
      facts([
        ['lines', lines.filter(isOperation).length.toLocaleString('en')],
        ['inputs', lines.filter((line) => !isOperation(line)).length.toLocaleString('en')],
        ['values', bytesText(bytes)],
        ['time', seconds ? `${timeText(seconds)} for all values once more` : ''],
      ]),
    ),
    data.swept ? section('Forward or reverse?', modes()) : '',
    section('Reading the drawing', legend(), help()),
  ];
}

function modes() {
  const { inputs, results, forward, reverse } = data.counts,
    most = Math.max(forward, reverse, 1);
  const many = (count, word) => `${count.toLocaleString('en')} ${word}${count === 1 ? '' : 's'}`;
  const bar = (name, count, why, kind) => {
    const made = h('div', { class: 'bar ' + kind });
    made.style.width = `${Math.max(1, (100 * count) / most)}%`;
    return h(
      'div',
      { class: 'mode' },
      h('p', {}, h('b', {}, name), ` ${why}`),
      made,
      h('p', { class: 'count' }, many(count, 'multiplication')),
    );
  };
  const parts = [
    bar('Forward mode', forward, `carries ${many(inputs, 'derivative')} along with every value`, 'forth'),
    bar('Reverse mode', reverse, `carries ${many(results, 'adjoint')} back`, 'back'),
    h('p', { class: 'note' }, 'Every local derivative counted as a full matrix.'),
  ];
  if (data.directions.length && lines.length <= 60) parts.push(bothModes());
  return h('div', {}, ...parts);
}

function bothModes() {
  const head = h(
    'tr',
    {},
    h('th', {}, 'line'),
    ...data.directions.map((d) => h('th', { class: 'forth' }, `∂/∂${d}`)),
    h('th', { class: 'back' }, `∂${data.objective}/∂`),
  );
  const rows = lines
    .filter((line) => line.look !== 'constant' && (line.adjoint || line.tangents))
    .map((line) =>
      h(
        'tr',
        {},
        h('th', { scope: 'row' }, link(line)),
        ...(line.tangents ?? data.directions.map(() => '')).map((x) => h('td', {}, x)),
        h('td', { class: 'back' }, line.adjoint?.t ?? ''),
      ),
    );
  return h('div', { class: 'scroll' }, h('table', { class: 'list' }, h('thead', {}, head), h('tbody', {}, ...rows)));
}

function legend() {
  const kinds = [
    ['input', 'input'],
    ['parameter', 'parameter'],
    ['constant', 'constant'],
    ['operation', 'operation'],
    ['result', 'result'],
    ['group', 'folded group'],
  ];
  const there = kinds.filter(([kind]) =>
    kind === 'group' ? groups.length > 1 : lines.some((line) => line.look === kind),
  );
  return h(
    'p',
    { class: 'looks' },
    ...there.map(([kind, words]) => h('span', { class: 'swatch ' + kind }, words)),
    h('span', { class: 'ink forth' }, 'value'),
    data.swept ? h('span', { class: 'ink back' }, 'adjoint') : '',
  );
}

function help() {
  const keys = [
    ['↑ ↓', 'to an operand, to a reader'],
    ['← →', 'along the list'],
    ['Enter', 'fold or unfold'],
    ['[ ]', 'a step back, a step on'],
    ['p', 'play'],
    ['/', 'search'],
    ['+ − 0', 'zoom, show all'],
    ['t', 'table'],
    ['Esc', 'close'],
  ];
  return h(
    'details',
    { class: 'help' },
    h('summary', {}, 'Keys'),
    h('dl', {}, ...keys.flatMap(([key, words]) => [h('dt', {}, h('kbd', {}, key)), h('dd', {}, words)])),
  );
}

// ----- all lines as a table
// A local derivative in one row: the formula, and the number where it is one; else the formula, or the shape.
function briefly({ of, formula, local }) {
  const parts = local.k === 'number' ? [formula, local.t] : [formula || local.t];
  return [of, ...parts.filter(Boolean)].join(' = ');
}

function showTable() {
  const head = ['line', 'type', 'value', 'adjoint', 'local derivatives', 'source'].map((word) =>
    h('th', { scope: 'col' }, word),
  );
  const rows = lines.map((line) =>
    h(
      'tr',
      { class: line.bad ? 'bad' : '' },
      h('th', { scope: 'row' }, line.formula),
      h('td', {}, line.type),
      h('td', {}, line.value?.t ?? ''),
      h('td', {}, line.adjoint?.t ?? ''),
      h('td', {}, (line.partials ?? []).map(briefly).join('; ')),
      h('td', {}, line.source ?? ''),
    ),
  );
  $('table-view').replaceChildren(
    h(
      'table',
      { class: 'lines' },
      h('caption', {}, `${data.title}: all lines`),
      h('thead', {}, h('tr', {}, ...head)),
      h('tbody', {}, ...rows),
    ),
  );
}
