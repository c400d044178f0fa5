"""The results file: parts are replaced as a whole, so that the numbers of a part always come from one run."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from benchmarks.harness import registry
from benchmarks.harness.machine import ROOT, description
from benchmarks.harness.report import markdown
from benchmarks.harness.sections import sections
from benchmarks.harness.summary import summarise

FOLDER = ROOT / "benchmarks"
_PLACES = ("--out", "--further")  # options whose value is a path


class Results:
    """results.json and RESULTS.md of a folder, and with which commands their numbers were made."""

    def __init__(self, folder: Path = FOLDER, command: str | None = None) -> None:
        self.folder = folder
        self.command = running() if command is None else command
        self.data: dict[str, Any] = {}
        if (folder / "results.json").exists():
            self.data = json.loads((folder / "results.json").read_text())

    def put(self, part: str, name: str, value: Any) -> None:
        """Replace one entry of a part (workloads, latency, memory, scaling) and write both files."""
        self.data.setdefault(part, {})[name] = value
        self.data.setdefault("commands", {}).setdefault(part, {})[name] = self.command
        if part == "workloads":
            order = [w for w in registry.WORKLOADS if w in self.data[part]]
            self.data[part] = {w: self.data[part][w] for w in order}
        self.write()

    def write(self) -> None:
        frameworks = registry.frameworks()
        distributions = {d for framework in frameworks.values() for d in framework.distributions}
        self.data["environment"] = {**self.data.get("environment", {}), **description(distributions)}
        self.data["summary"] = summarise(self.data, frameworks)
        self.data.setdefault("workloads", {})
        self._replace("results.json", json.dumps(self.data, indent=1) + "\n")
        self._replace("RESULTS.md", markdown(self.data, frameworks, sections(self.data)))

    def _replace(self, name: str, text: str) -> None:
        """Whole or not at all: an interrupted run leaves the former file."""
        temporary = self.folder / f".{name}.new"
        temporary.write_text(text)
        os.replace(temporary, self.folder / name)


def running() -> str:
    """The command of this process; folders and interpreters, which are others elsewhere, are left out."""
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    name = f"-m {spec.name}" if spec is not None else Path(sys.argv[0]).name
    words, skip = ["python", name], False
    for word in sys.argv[1:]:
        if not skip and not word.startswith(_PLACES):
            words.append(word)
        skip = word in _PLACES
    return " ".join(words)


def say(*words: object) -> None:
    """Progress, at once."""
    print(*words, flush=True, file=sys.stderr)
