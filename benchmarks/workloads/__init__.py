"""One file for each problem, or for a few that share their data."""
