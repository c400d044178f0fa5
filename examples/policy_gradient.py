"""Policy gradient: a net learns to balance a pole by nothing but what it tried.

    ∇ E[return] = E[Σ_t ∇ log π(a_t | s_t) (G_t - V(s_t))],   G_t = r_t + γ G_(t+1)

The reward is 1 for every step that the pole stands. The return need not be differentiable, nor the world known: only
the log-probability of the action is differentiated. The baseline V, a second net that predicts G, changes no mean and
lowers the variance. 32 poles fall at once, so a batch of episodes costs as much as one.
The pole: Barto, Sutton, Anderson 1983, as in every collection (cart 1 kg, pole 0.1 kg and 1 m, push of 10 N each 20 ms;
over at 12 degrees or 2.4 m from the middle; cut at 200 steps).
Source: Williams, "REINFORCE", 1992; Sutton et al., "Policy gradient methods", 2000.
Must reach: 180 of 200 steps on average; random pushes stay below 30.
"""

from __future__ import annotations

import numpy as np

import wengert as wg

REACH = {"mean steps": ">= 180", "mean steps at random": "<= 30"}
QUICK = {"mean steps": ">= 90", "mean steps at random": "<= 30"}
POLES, STEPS, DISCOUNT = 32, 200, 0.99


def push(state: np.ndarray, right: np.ndarray) -> np.ndarray:
    """The state (place, speed, angle, turning; each a row) 20 ms later."""
    x, speed, angle, turning = state
    force = np.where(right, 10.0, -10.0)
    pull = (force + 0.05 * turning**2 * np.sin(angle)) / 1.1
    bend = (9.8 * np.sin(angle) - np.cos(angle) * pull) / (0.5 * (4 / 3 - 0.1 * np.cos(angle) ** 2 / 1.1))
    change = np.stack([speed, pull - 0.05 * bend * np.cos(angle) / 1.1, turning, bend])
    return state + 0.02 * change


def play(probability_right, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """States (T, N, 4), pushes (T, N), and which poles stood before each push (T, N)."""
    state = generator.uniform(-0.05, 0.05, (4, POLES))
    up, rows = np.ones(POLES, bool), []
    while up.any() and len(rows) < STEPS:
        right = generator.random(POLES) < probability_right(state.T)
        rows.append((state.T, right, up))
        state = np.where(up, push(state, right), state)
        up = up & (np.abs(state[0]) < 2.4) & (np.abs(state[2]) < np.radians(12))
    return tuple(np.stack(part) for part in zip(*rows, strict=True))


def returns(up: np.ndarray) -> np.ndarray:
    """G_t = 1 + γ G_(t+1) while the pole stands."""
    g = np.zeros((len(up) + 1, up.shape[1]))
    for t in range(len(up) - 1, -1, -1):
        g[t] = np.where(up[t], 1 + DISCOUNT * g[t + 1], 0)
    return g[:-1]


def main(quick: bool = False, seed: int = 0) -> dict[str, float]:
    wg.manual_seed(seed)
    nn, generator = wg.nn, np.random.default_rng(seed)
    policy = nn.Sequential(nn.Linear(4, 32), nn.Tanh(), nn.Linear(32, 1))  # the logit of pushing to the right
    value = nn.Sequential(nn.Linear(4, 32), nn.Tanh(), nn.Linear(32, 1))
    optimizer = wg.optim.Adam([*policy.parameters(), *value.parameters()], lr=1e-2)

    def by_policy(states):
        with wg.no_grad():
            return np.asarray(wg.sigmoid(policy(states)))[:, 0]

    at_random = play(lambda states: np.full(len(states), 0.5), generator)[2].sum(axis=0).mean()
    print(f"at random: {at_random:.0f} steps")
    rounds = 50 if quick else 150
    for k in range(rounds):
        states, right, up = play(by_policy, generator)
        x, pushes, g = states[up], right[up].astype(float), returns(up)[up]
        baseline = value(x)[:, 0]
        advantage = g - baseline.detach().numpy()
        advantage = (advantage - advantage.mean()) / advantage.std()
        surprise = nn.functional.binary_cross_entropy_with_logits(policy(x)[:, 0], pushes, reduction="none")
        loss = (surprise * advantage).mean() + 0.001 * ((baseline - g) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if k % (rounds // 5) == 0:
            print(f"round {k:>3}: {up.sum(axis=0).mean():.0f} steps")
    steps = float(np.mean([play(by_policy, generator)[2].sum(axis=0).mean() for _ in range(5)]))
    print(f"at the end: {steps:.0f} of {STEPS} steps")
    return {"mean steps": steps, "mean steps at random": float(at_random)}


if __name__ == "__main__":
    main()
