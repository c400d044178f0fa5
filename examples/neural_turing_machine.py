"""A neural Turing machine learns to copy, and copies longer sequences than it ever saw.

    read: r = Σ_i w_i M_i        write: M_i <- M_i (1 - w_i e) + w_i a        every head points by weights w over slots

Where a head points: softmax(β cos(key, M_i)) by content, mixed with where it pointed before (gate g), shifted by -1, 0
or 1 slot (softmax s), sharpened (power γ). All of it is differentiable, so a controller of one layer learns to handle
the memory: write each row one slot further, go back, read each row one slot further.
Task: a sequence of rows of 4 bits, a bell, then the net must say the rows again. Trained on 1 to 5 rows.
Source: Graves, Wayne, Danihelka, "Neural Turing machines", 2014.
Must reach: less than one wrong bit in a hundred for 5 rows, less than five in a hundred for 8 rows.
"""

from __future__ import annotations

import numpy as np

import wengert as wg

REACH = {"wrong bits, 5 rows": "<= 0.01", "wrong bits, 8 rows (never seen)": "<= 0.05"}
QUICK = {"wrong bits, 5 rows": "<= 0.3", "wrong bits, 8 rows (never seen)": "<= 0.4"}
BITS, SLOTS, WIDTH, HIDDEN, BATCH = 4, 12, 8, 48, 32


def normed(x):
    return x / wg.sqrt((x**2).sum(axis=-1, keepdims=True) + 1e-6)


class Head(wg.nn.Module):
    """Where to point, from the controller's output; `extra` more numbers for what to write."""

    def __init__(self, extra: int) -> None:
        super().__init__()
        self.linear = wg.nn.Linear(HIDDEN, WIDTH + 6 + extra)

    def forward(self, h, memory, w):
        key, strength, gate, shift, sharpness, rest = wg.split(
            self.linear(h), [WIDTH, WIDTH + 1, WIDTH + 2, WIDTH + 5, WIDTH + 6], axis=1
        )
        alike = wg.einsum("bw,bsw->bs", normed(wg.tanh(key)), normed(memory))
        content = wg.softmax(wg.softplus(strength) * alike, axis=1)
        gate = wg.sigmoid(gate)
        w = gate * content + (1 - gate) * w
        back, stay, on = wg.split(wg.softmax(shift, axis=1), 3, axis=1)
        w = back * wg.roll(w, -1, 1) + stay * w + on * wg.roll(w, 1, 1)
        w = (w + 1e-8) ** (1 + wg.softplus(sharpness))
        return w / w.sum(axis=1, keepdims=True), rest


class Machine(wg.nn.Module):
    """Rows (steps, N, inputs) -> logits of the bits (steps, N, BITS)."""

    def __init__(self) -> None:
        super().__init__()
        self.controller = wg.nn.Linear(BITS + 2 + WIDTH, HIDDEN)
        self.reading, self.writing = Head(0), Head(2 * WIDTH)
        self.output = wg.nn.Linear(HIDDEN + WIDTH, BITS)

    def forward(self, rows):
        n = rows.shape[1]
        memory = np.full((n, SLOTS, WIDTH), 0.01, np.float32)
        read_at = write_at = np.eye(1, SLOTS, dtype=np.float32).repeat(n, axis=0)
        r, logits = np.zeros((n, WIDTH), np.float32), []
        for x in rows:
            h = wg.tanh(self.controller(wg.concatenate([x, r], axis=1)))
            write_at, rest = self.writing(h, memory, write_at)
            erase, add = wg.split(rest, 2, axis=1)
            w = write_at[:, :, None]
            memory = memory * (1 - w * wg.sigmoid(erase)[:, None]) + w * wg.tanh(add)[:, None]
            read_at, _ = self.reading(h, memory, read_at)
            r = wg.einsum("bs,bsw->bw", read_at, memory)
            logits.append(self.output(wg.concatenate([h, r], axis=1)))
        return wg.stack(logits)


def task(length: int, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Inputs: the rows, the bell, and as many empty rows with a flag "say it"; targets: the bits."""
    bits = generator.integers(0, 2, (length, BATCH, BITS)).astype(np.float32)
    rows = np.zeros((2 * length + 1, BATCH, BITS + 2), np.float32)
    rows[:length, :, :BITS] = bits
    rows[length, :, BITS] = 1
    rows[length + 1 :, :, BITS + 1] = 1
    return rows, bits


def main(quick: bool = False, seed: int = 0) -> dict[str, float]:
    wg.manual_seed(seed)
    generator = np.random.default_rng(seed)
    model, loss = Machine(), wg.nn.BCEWithLogitsLoss()
    optimizer = wg.optim.Adam(model.parameters(), lr=3e-3)

    def wrong(length: int) -> float:
        with wg.no_grad():
            tries = [task(length, generator) for _ in range(10)]
            return float(np.mean([((model(rows)[length + 1 :] > 0) != bits).mean() for rows, bits in tries]))

    steps = 350 if quick else 700
    for k in range(steps + 1):
        rows, bits = task(int(generator.integers(1, 6)), generator)
        value = loss(model(rows)[len(bits) + 1 :], bits)
        optimizer.zero_grad()
        value.backward()
        wg.nn.utils.clip_grad_norm_(model.parameters(), 10.0)
        optimizer.step()
        if k % (steps // 10) == 0:
            print(f"step {k:>5}: wrong bits {wrong(5):.1%} of 5 rows, {wrong(8):.1%} of 8 rows", flush=True)
    return {"wrong bits, 5 rows": wrong(5), "wrong bits, 8 rows (never seen)": wrong(8)}


if __name__ == "__main__":
    main()
