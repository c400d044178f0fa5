"""Floor 1: the Wengert list, primitives, recording, and trees."""
