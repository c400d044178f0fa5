"""Recurrent nets predict the next character of the licence: RNN, GRU and LSTM.

    RNN: h_t = tanh(W x_t + U h_(t-1) + b),   logits_t = V h_t + c,   loss = mean of -log2 p(next character), in bits

The gradient of a state goes back through all steps before it (the loop is unrolled); the gates of GRU and LSTM let it
pass unchanged where they are open, and GRU and LSTM therefore remember longer.
Data: the text of this project's LICENSE; a tenth in the middle is held out. For comparison: how well the one character
before predicts, by counting pairs.
Source: Elman 1990; Hochreiter, Schmidhuber, "Long short-term memory", 1997; Cho et al. 2014.
Must reach: below 2.3 bits a character for every cell on the part held out, where pairs of characters give above 3.2.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

import wengert as wg

REACH = {f"bits a character, {cell}": "<= 2.3" for cell in ("RNN", "GRU", "LSTM")} | {"bits by pairs": ">= 3.2"}
QUICK = {f"bits a character, {cell}": "<= 3.1" for cell in ("RNN", "GRU", "LSTM")} | {"bits by pairs": ">= 3.2"}
LENGTH = 40


class Model(wg.nn.Module):
    """Characters (N, L) as integers -> logits of the next ones (N, C, L)."""

    def __init__(self, cell: str, characters: int, hidden: int = 96) -> None:
        super().__init__()
        self.embedding = wg.nn.Embedding(characters, 32)
        self.recurrent = getattr(wg.nn, cell)(32, hidden, batch_first=True)
        self.output = wg.nn.Linear(hidden, characters)

    def forward(self, x):
        states, _ = self.recurrent(self.embedding(x))
        return wg.swapaxes(self.output(states), 1, 2)


def bits_by_pairs(train: np.ndarray, test: np.ndarray, characters: int) -> float:
    """The loss of predicting by how often a character followed the one before (a tenth of a count added)."""
    counts = np.full((characters, characters), 0.1)
    np.add.at(counts, (train[:-1], train[1:]), 1)
    return float(-np.log2((counts / counts.sum(1, keepdims=True))[test[:-1], test[1:]]).mean())


def windows(text: np.ndarray, step: int) -> tuple[np.ndarray, np.ndarray]:
    """Pieces of `LENGTH` characters, and the same one character further on."""
    pieces = np.lib.stride_tricks.sliding_window_view(text, LENGTH + 1)[::step]
    return pieces[:, :-1], pieces[:, 1:]


def main(quick: bool = False, seed: int = 0) -> dict[str, float]:
    text = (Path(__file__).resolve().parents[1] / "LICENSE").read_text()
    alphabet, codes = np.unique(list(text), return_inverse=True)
    begin, end = len(codes) * 6 // 10, len(codes) * 7 // 10
    learn, held_out = np.concatenate([codes[:begin], codes[end:]]), codes[begin:end]
    train, test = windows(learn, 6), windows(held_out, LENGTH)
    figures = {"bits by pairs": bits_by_pairs(learn, held_out, len(alphabet))}
    print(
        f"{len(text):,} characters, {len(alphabet)} different; by pairs {figures['bits by pairs']:.2f} bits a character"
    )

    loss = wg.nn.CrossEntropyLoss()
    for cell in ("RNN", "GRU", "LSTM"):
        wg.manual_seed(seed)
        model = Model(cell, len(alphabet))
        optimizer = wg.optim.Adam(model.parameters(), lr=1e-2)
        history = wg.fit(model, train, loss, optimizer, 1 if quick else 4, batch_size=32, clip_norm=1.0,
                         restore_best=False, seed=seed)  # fmt: skip
        figures[f"bits a character, {cell}"] = wg.train.evaluate(model, test, loss)["loss"] / np.log(2)
        print(f"{cell:<5}{figures[f'bits a character, {cell}']:.2f} bits, {sum(history['seconds']):.1f} seconds")
    print("the LSTM goes on:", repr(sample(model, alphabet, "You may not ", 60, seed)))
    return figures


def sample(model: wg.nn.Module, alphabet: np.ndarray, start: str, length: int, seed: int) -> str:
    """`length` characters drawn one after the other."""
    generator, codes = np.random.default_rng(seed), [int(np.flatnonzero(alphabet == c)[0]) for c in start]
    with wg.no_grad():
        for _ in range(length):
            logits = model(np.array([codes[-LENGTH:]]))[0, :, -1]
            p = np.asarray(wg.softmax(logits.astype(np.float64)))
            codes.append(generator.choice(len(p), p=p))
    return "".join(alphabet[codes])


if __name__ == "__main__":
    main()
