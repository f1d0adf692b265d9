"""How long `migrate impact` takes to look through people's code: a tree of so many files, most of which say nothing.

Run `python benchmarks/impact_sources.py [FILES]`; it prints one line of JSON.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

from coordinator.model.effect import ObjectKind, ObjectName
from coordinator.model.known_objects import ColumnShape, KnownObjects
from coordinator.model.module import Module
from coordinator.sources.search import search_sources
from coordinator.sources.wanted import Wanted

HIT = 200  # one file in so many uses the column


def write_tree(root: Path, files: int) -> int:
    """Python, SQL and JavaScript of ordinary length; how many of them use the column."""
    filler = "\n".join(f"def f{n}(a, b):\n    return a * {n} + b  # nothing about tables" for n in range(60))
    hits = 0
    for number in range(files):
        folder = root / f"pkg{number % 200}"
        folder.mkdir(parents=True, exist_ok=True)
        uses = number % HIT == 0
        hits += uses
        kind = ("py", "py", "py", "sql", "js")[number // 3 % 5]
        column = "telefone2" if uses else f"column_{number}"
        table = "crm.customers" if uses else f"other.table_{number}"
        if kind == "py":
            text = f'{filler}\n\nSQL = """\nSELECT {column}\nFROM {table}\nWHERE id = %s\n"""\n'
        elif kind == "sql":
            text = f"-- a report\nSELECT {column} FROM {table};\n" * 20
        else:
            text = f"{filler}\nconst x = customer.{column};\n"
        (folder / f"file{number}.{kind}").write_text(text, encoding="utf-8")
    return hits


def main() -> None:
    """Write the tree, search it, say how long that took."""
    files = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    known = KnownObjects(columns={("crm", "customers"): {"id": ColumnShape(), "telefone2": ColumnShape()}})
    column = ObjectName(ObjectKind.COLUMN, "crm", "customers", "telefone2")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder, "src")
        hits = write_tree(root, files)
        module = Module(name="crm", path=root / "migrations", schemas=("crm",), sources=(root,))
        began, worked = time.perf_counter(), time.process_time()
        found = search_sources([module], Wanted.of([column]), known)
        print(
            json.dumps(
                {
                    "files": found.files,
                    "bytes": sum(each.stat().st_size for each in root.rglob("*.*") if each.is_file()),
                    "using": hits,
                    "found": len(found.consumptions),
                    "seconds": round(time.perf_counter() - began, 2),
                    "cpu_seconds": round(time.process_time() - worked, 2),
                }
            )
        )


if __name__ == "__main__":
    main()
