"""Floor 3: walks over the Wengert list, backwards (reverse) and forwards (forward, batch), and what follows."""
