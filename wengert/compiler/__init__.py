"""The compiler: a function is recorded once for each signature, its list is made shorter and run without overhead."""
