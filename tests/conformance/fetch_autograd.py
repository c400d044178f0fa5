"""Put the tests of HIPS autograd into a folder: its source distribution from the package index, checked and unpacked.

python fetch_autograd.py FOLDER     afterwards FOLDER/tests is there
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

VERSION = "1.9.1"
SHA256 = "7818c5c69ddf9efb7da74097bd741a4c7920133f41966f68537223a15ef798bc"


def main() -> None:
    target = Path(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        wanted = [f"autograd=={VERSION}", "--no-deps", "--no-binary", "autograd", "--dest", folder]
        subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", *wanted], check=True)
        archive = Path(folder) / f"autograd-{VERSION}.tar.gz"
        found = hashlib.sha256(archive.read_bytes()).hexdigest()
        if found != SHA256:
            sys.exit(f"{archive.name} has the checksum {found}; needs {SHA256}")
        with tarfile.open(archive) as tar:
            tar.extractall(folder, filter="data")  # refuses links and paths that lead out of the folder
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True)
        shutil.move(Path(folder) / f"autograd-{VERSION}" / "tests", target / "tests")


if __name__ == "__main__":
    main()
