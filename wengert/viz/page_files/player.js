// The sweeps, played: values appear line by line, then adjoints flow back; where paths meet, they are listed and added.
const slider = $('slider'),
  story = $('story');
const THUMB = 14,
  SHORT = 260,
  LONG = 1100; // pixels; milliseconds of a step
const PLAY = 'M6 3.5 17 10 6 16.5z',
  PAUSE = 'M5 3.5h3.4v13H5zM11.6 3.5H15v13h-3.4z';
const SHORT_STORY = 110; // letters
const MOST_STOPS = 200;
let playing = 0;

function goTo(step, follow = false) {
  const last = state.scene.steps.length - 1;
  state.step = Math.max(0, Math.min(last, step));
  slider.max = last;
  slider.value = state.step;
  $('story').classList.toggle('backward', state.scene.steps[state.step].phase === 'backward');
  tell();
  paint();
  if (follow && state.scene.steps[state.step].boxes.length === 1) bringIn(state.scene.steps[state.step].boxes[0]);
}

function tell() {
  const { steps } = state.scene,
    now = steps[state.step],
    box = now.boxes[0];
  const forward = steps.filter((step) => step.phase === 'forward').length;
  const backward = steps.filter((step) => step.phase === 'backward').length;
  const place =
    now.phase === 'given'
      ? 'Given'
      : now.phase === 'end'
        ? 'Done'
        : now.phase === 'forward'
          ? `Forward ${state.step} of ${forward}`
          : `Backward ${state.step - forward} of ${backward}`;
  const words =
    now.phase === 'given'
      ? givenStory(now.boxes)
      : now.phase === 'end'
        ? endStory()
        : box.group
          ? groupStory(box, now.phase)
          : now.phase === 'forward'
            ? forwardStory(box)
            : backwardStory(box);
  story.replaceChildren(h('span', { class: 'place' }, place), ...words);
  slider.setAttribute('aria-valuetext', story.textContent);
}

function givenStory(boxes) {
  const shown = boxes
    .filter((box) => !box.group)
    .slice(0, 6)
    .map((box) => `${box.name} ${box.value ? '= ' + box.value.t : box.type}`);
  const more = boxes.length - shown.length;
  return [
    h(
      'span',
      {},
      shown.length
        ? 'The inputs: ' + shown.join(', ') + (more > 0 ? ` and ${more} more` : '')
        : 'Nothing is computed yet.',
    ),
  ];
}

function endStory() {
  if (!data.swept) return [h('span', {}, 'Every line is computed.')];
  const sought = lines.filter((line) => !isOperation(line) && line.adjoint && line.look !== 'constant');
  const all = sought.map((line) => `∂${data.objective}/∂${line.name} = ${line.adjoint.t}`).join(',  ');
  return [
    all.length <= SHORT_STORY ? h('code', {}, all) : `The gradients by all ${sought.length} inputs are there.`,
    h('span', { class: 'note' }, 'Press play to watch the sweeps.'),
  ];
}

function groupStory(group, phase) {
  const inside = group.operations.length;
  return [
    h(
      'span',
      {},
      phase === 'forward'
        ? `${group.name}: ${inside} lines computed`
        : `${group.name}: the adjoints of ${inside} lines`,
      group.bad ? h('b', { class: 'lost' }, ` ${group.bad}`) : '',
    ),
  ];
}

function forwardStory(line) {
  return [h('code', {}, line.formula), h('b', {}, line.value ? ' = ' + line.value.t : ' : ' + line.type)];
}

function backwardStory(line) {
  const name = `∂${data.objective}/∂${line.name}`,
    ways = line.ways ?? [],
    result = h('b', {}, line.adjoint.t);
  if (!ways.length)
    return [
      h('code', {}, name),
      ' = ',
      result,
      h('span', { class: 'note' }, line.look === 'result' ? ' the sweep starts here' : ' no path'),
    ];
  if (ways.length === 1 && !line.seed) return [h('code', {}, `${name} = ${ways[0].product}`), ' = ', result];
  const terms = ways.map((way) =>
    h(
      'li',
      {},
      h('code', {}, way.product),
      ' = ',
      h('b', {}, way.value?.t ?? ''),
      h('span', { class: 'note' }, ' through ' + lines[way.through].name),
    ),
  );
  if (line.seed) terms.unshift(h('li', {}, 'seed ', h('b', {}, line.seed.t)));
  return [h('code', {}, name), ` = the sum of ${terms.length} paths = `, result, h('ul', { class: 'terms' }, ...terms)];
}

// ----- playing
function play() {
  if (playing) return pause();
  if (state.step >= state.scene.steps.length - 1) goTo(0);
  const next = () => {
    // Long lists in strides, so that every play ends within a minute or so.
    goTo(state.step + Math.ceil(state.scene.steps.length / MOST_STOPS), true);
    if (state.step >= state.scene.steps.length - 1) return pause();
    playing = setTimeout(next, pace());
  };
  playing = setTimeout(next, SHORT);
  $('sign').setAttribute('d', PAUSE);
  $('play').setAttribute('aria-label', 'Pause');
  document.body.classList.add('playing');
}

// Long lists are played faster; a sum of several paths is given time to be read.
function pace() {
  const box = state.scene.steps[state.step].boxes[0],
    several = state.scene.steps[state.step].phase === 'backward' && (box?.ways?.length ?? 0) > 1;
  const usual = Math.max(SHORT, Math.min(LONG, 24000 / state.scene.steps.length));
  return several ? Math.max(usual, 1.8 * LONG) : usual;
}

function pause() {
  clearTimeout(playing);
  playing = 0;
  $('sign').setAttribute('d', PLAY);
  $('play').setAttribute('aria-label', 'Play');
  document.body.classList.remove('playing');
}

// ----- the strip under the slider: how large values and gradients are through the depth
function strip() {
  const canvas = $('strip'),
    { steps } = state.scene,
    area = canvas.getBoundingClientRect(),
    dots = devicePixelRatio || 1;
  if (!area.width) return;
  canvas.width = area.width * dots;
  canvas.height = area.height * dots;
  const pen = canvas.getContext('2d'),
    css = getComputedStyle(document.documentElement);
  const width = (area.width - THUMB) / Math.max(1, steps.length - 1);
  const sizes = steps.map(sizeOf),
    range = {};
  for (const phase of ['forward', 'backward']) {
    const logs = sizes.filter((x, i) => steps[i].phase === phase && x > 0).map(Math.log10);
    range[phase] = [Math.min(...logs), Math.max(...logs)];
  }
  const lost = (step) =>
    step.boxes.some((box) => (box.group ? box.bad : step.phase === 'forward' ? box.value?.bad : box.adjoint?.bad));
  pen.scale(dots, dots);
  // Where several steps share a pixel, the one that lost its numbers is shown, else the largest.
  const together = Math.max(1, Math.ceil(1 / width));
  for (let i = 0; i < steps.length; i += together) {
    const { phase } = steps[i],
      some = steps
        .slice(i, i + together)
        .map((_, j) => i + j)
        .filter((j) => steps[j].phase === phase);
    if (phase === 'given' || phase === 'end') continue;
    const [low, high] = range[phase],
      x = Math.max(0, ...some.map((j) => sizes[j] ?? 0)),
      broken = some.some((j) => lost(steps[j]));
    const strength = x > 0 ? 0.16 + 0.84 * (high > low ? (Math.log10(x) - low) / (high - low) : 1) : 0.05;
    pen.globalAlpha = broken ? 1 : strength;
    pen.fillStyle = css.getPropertyValue(broken ? '--bad' : phase === 'forward' ? '--forward' : '--backward');
    const left = Math.round(THUMB / 2 + (i - 0.5) * width),
      right = Math.round(THUMB / 2 + (i - 0.5 + together) * width);
    pen.fillRect(left, 0, Math.max(1, right - left - (width > 4 ? 1 : 0)), area.height);
  }
  const words = (phase) =>
    Number.isFinite(range[phase][0])
      ? h('span', { class: 'range' }, ` ${number(10 ** range[phase][0])} … ${number(10 ** range[phase][1])}`)
      : '';
  $('forward-end').replaceChildren('forward: values', words('forward'));
  $('backward-end').replaceChildren(data.swept ? 'backward: adjoints' : '', words('backward'));
}

function sizeOf(step) {
  const box = step.boxes[0];
  return step.phase === 'forward' ? box?.size : step.phase === 'backward' ? box?.gradient : undefined;
}
