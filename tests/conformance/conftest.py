"""The runners and what they load are scripts, not tests: pytest leaves them alone."""

collect_ignore_glob = ["run_*.py", "autograd_shim.py", "fetch_autograd.py", "scipy_functions.py", "wengert_adapter.py"]
