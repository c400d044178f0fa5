"""Floor 0: errors, dtypes, shapes and source lines; pure Python and tuples, no recording."""
