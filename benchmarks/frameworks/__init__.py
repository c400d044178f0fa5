"""One file for each library, which it imports in the process that is timed only: every process reads all files."""
