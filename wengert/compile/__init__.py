"""The compiler: a function recorded once for each signature, its list made shorter, and run without Python's overhead."""
