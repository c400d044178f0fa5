"""Floor T: the proof kit, public: the battery of primitives, random programs, comparisons."""
