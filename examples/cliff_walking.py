"""Q-learning walks along the cliff, SARSA keeps away from it.

    Q-learning: Q(s, a) += α [r + max_a' Q(s', a') - Q(s, a)]        SARSA: Q(s, a) += α [r + Q(s', a') - Q(s, a)]

Both learn while one step in ten is random. Q-learning learns the value of the best policy, whatever it does meanwhile:
13 steps along the edge. SARSA learns the value of what it does, falls included: it goes the long way round, and falls
less while learning. The change of Q is a gradient step on (target - Q(s, a))² / 2 with the target held fixed, which
the example checks by automatic differentiation (`stop_gradient`).
The grid: 4 x 12, start and goal at the ends of the bottom row, between them the cliff (-100 and back to the start), any
other step -1.
Source: Watkins, Dayan 1992; Rummery, Niranjan 1994; Sutton, Barto, "Reinforcement learning", example 6.6.
Must reach: return -13 for Q-learning without random steps, the Bellman equation's solution; SARSA's way two to
four steps longer, and its mean return better by 5 while both still take random steps.
"""

from __future__ import annotations

import numpy as np

import wengert as wg

REACH = {"return of Q-learning": "== -13", "return by Bellman's equation": "== -13", "return of SARSA": "-16 +- 1",
         "SARSA above Q-learning while learning": ">= 5", "update - gradient step": "<= 1e-12"}  # fmt: skip
QUICK = REACH
ROWS, COLUMNS = 4, 12
MOVES = ((-1, 0), (0, 1), (1, 0), (0, -1))
START, GOAL = 36, 47
RANDOM = 0.1


def step(state: int, action: int) -> tuple[int, int]:
    """The next state and the reward."""
    row, column = divmod(state, COLUMNS)
    row = min(max(row + MOVES[action][0], 0), ROWS - 1)
    column = min(max(column + MOVES[action][1], 0), COLUMNS - 1)
    place = row * COLUMNS + column
    return (START, -100) if START < place < GOAL else (place, -1)


def learn(method: str, episodes: int, seed: int) -> tuple[np.ndarray, list[int]]:
    """Q and the return of every episode."""
    generator, q, returns = np.random.default_rng(seed), np.zeros((ROWS * COLUMNS, 4)), []

    def choose(state: int) -> int:
        return int(generator.integers(4)) if generator.random() < RANDOM else int(q[state].argmax())

    for episode in range(episodes):
        rate = 0.5 / (1 + episode / 100)  # the sum of all rates is infinite, that of their squares is not
        state, action, total = START, choose(START), 0
        while state != GOAL:
            following, reward = step(state, action)
            next_action = choose(following)
            value = q[following].max() if method == "Q-learning" else q[following, next_action]
            q[state, action] += rate * (reward + value - q[state, action])  # Q of the goal stays 0
            state, action, total = following, next_action, total + reward
        returns.append(total)
    return q, returns


def greedy_return(q: np.ndarray) -> int:
    """The return without random steps, cut after 100."""
    state, total = START, 0
    for _ in range(100):
        if state == GOAL:
            break
        state, reward = step(state, int(q[state].argmax()))
        total += reward
    return total


def bellman() -> float:
    """V(s) = max_a [r + V(s')], iterated until it stands still; the value of the start."""
    v = np.zeros(ROWS * COLUMNS)
    while True:
        new = np.array([max(r + v[s] for s, r in (step(state, a) for a in range(4))) for state in range(len(v))])
        new[GOAL] = 0
        if (new == v).all():
            return float(v[START])
        v = new


def gradient_difference(seed: int) -> float:
    """How far the rule for Q is from a gradient step on the squared error."""
    q = np.random.default_rng(seed).normal(size=(ROWS * COLUMNS, 4))
    state, action, rate = 14, 1, 0.3
    following, reward = step(state, action)

    def loss(q):
        target = wg.stop_gradient(reward + wg.max(q[following]))
        return (target - q[state, action]) ** 2 / 2

    updated = q.copy()
    updated[state, action] += rate * (reward + q[following].max() - q[state, action])
    return float(np.abs(q - rate * wg.grad(loss)(q) - updated).max())


def main(quick: bool = False, seed: int = 0) -> dict[str, float]:
    episodes, found, meanwhile = 1000 if quick else 3000, {}, {}
    for method in ("Q-learning", "SARSA"):
        q, returns = learn(method, episodes, seed)
        found[method], meanwhile[method] = greedy_return(q), float(np.mean(returns[100:]))
        print(
            f"{method}: return {found[method]} without random steps, {meanwhile[method]:.1f} on average while learning"
        )
        for row in q.reshape(ROWS, COLUMNS, 4):
            print(
                "  " + "".join("^>v<"[a] if values.any() else "#" for values, a in zip(row, row.argmax(1), strict=True))
            )
    return {
        "return of Q-learning": found["Q-learning"], "return by Bellman's equation": bellman(),
        "return of SARSA": found["SARSA"],
        "SARSA above Q-learning while learning": meanwhile["SARSA"] - meanwhile["Q-learning"],
        "update - gradient step": gradient_difference(seed),
    }  # fmt: skip


if __name__ == "__main__":
    main()
