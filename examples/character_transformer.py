"""A causal transformer predicts the next character of the licence.

    h = E[characters] + P[places];   each layer: h + attention(norm h), then h + W_2 gelu(W_1 norm h);   logits = V h

    attention(q, k, v) = softmax(q kᵀ / √d + mask) v      mask: -∞ where a place would look into the future

All places are predicted at once, which the mask makes honest; the example checks that a changed character changes no
prediction before it.
Data: the text of this project's LICENSE; a tenth in the middle is held out.
Source: Vaswani et al., "Attention is all you need", 2017.
Must reach: below 2.6 bits a character on the part held out, where pairs of characters give above 3.2.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

import wengert as wg

REACH = {"bits a character": "<= 2.6", "bits by pairs": ">= 3.2", "influence of the future": "== 0"}
QUICK = {"bits a character": "<= 3.2", "bits by pairs": ">= 3.2", "influence of the future": "== 0"}
LENGTH = 40


class Transformer(wg.nn.Module):
    """Characters (N, L) as integers -> logits of the next ones (N, C, L)."""

    def __init__(self, characters: int, width: int = 64, heads: int = 4, layers: int = 2) -> None:
        super().__init__()
        nn = wg.nn
        self.embedding = nn.Embedding(characters, width)
        self.places = nn.Parameter(0.02 * wg.randn(LENGTH, width))
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(width, heads, 2 * width, 0.1, "gelu", batch_first=True, norm_first=True)
            for _ in range(layers)
        )
        self.norm = nn.LayerNorm(width)
        self.output = nn.Linear(width, characters)

    def forward(self, x):
        h = self.embedding(x) + self.places[: x.shape[1]]
        for layer in self.layers:
            h = layer(h, is_causal=True)
        return wg.swapaxes(self.output(self.norm(h)), 1, 2)


def bits_by_pairs(train: np.ndarray, test: np.ndarray, characters: int) -> float:
    """The loss of predicting by how often a character followed the one before (a tenth of a count added)."""
    counts = np.full((characters, characters), 0.1)
    np.add.at(counts, (train[:-1], train[1:]), 1)
    return float(-np.log2((counts / counts.sum(1, keepdims=True))[test[:-1], test[1:]]).mean())


def windows(text: np.ndarray, step: int) -> tuple[np.ndarray, np.ndarray]:
    """Pieces of `LENGTH` characters, and the same one character further on."""
    pieces = np.lib.stride_tricks.sliding_window_view(text, LENGTH + 1)[::step]
    return pieces[:, :-1], pieces[:, 1:]


def influence_of_the_future(model: wg.nn.Module, x: np.ndarray) -> float:
    """The largest change of a prediction when the last character is another one, over all places before it."""
    other = x.copy()
    other[:, -1] = (x[:, -1] + 1) % 10
    with wg.no_grad():
        return float(np.abs(model(x) - model(other))[:, :, :-1].max())


def main(quick: bool = False, seed: int = 0) -> dict[str, float]:
    wg.manual_seed(seed)
    text = (Path(__file__).resolve().parents[1] / "LICENSE").read_text()
    alphabet, codes = np.unique(list(text), return_inverse=True)
    begin, end = len(codes) * 6 // 10, len(codes) * 7 // 10
    learn, held_out = np.concatenate([codes[:begin], codes[end:]]), codes[begin:end]
    pairs = bits_by_pairs(learn, held_out, len(alphabet))

    model, loss = Transformer(len(alphabet)), wg.nn.CrossEntropyLoss()
    train, test = windows(learn, 6), windows(held_out, LENGTH)
    epochs = 2 if quick else 6
    optimizer = wg.optim.AdamW(model.parameters(), lr=1e-2)
    schedule = wg.optim.OneCycleLR(optimizer, 1e-2, total_steps=epochs * len(wg.data.batches(*train)))
    history = wg.fit(model, train, loss, optimizer, epochs, schedule=schedule, schedule_every="batch", clip_norm=1.0,
                     restore_best=False, seed=seed)  # fmt: skip
    bits = wg.train.evaluate(model, test, loss)["loss"] / np.log(2)
    print(
        f"{len(text):,} characters, {len(alphabet)} different; {sum(p.size for p in model.parameters()):,} parameters"
    )
    print(
        f"bits a character: {pairs:.2f} by pairs, {history['train_loss'][-1] / np.log(2):.2f} in training, {bits:.2f}"
    )
    return {
        "bits a character": bits, "bits by pairs": pairs,
        "influence of the future": influence_of_the_future(model, test[0][:4]),
    }  # fmt: skip


if __name__ == "__main__":
    main()
