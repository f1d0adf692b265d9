"""networkx, imported when a graph is first needed: it is slow to load, and its types are not complete."""

from __future__ import annotations

from typing import Any


def networkx() -> Any:
    """The library."""
    import networkx as nx

    return nx
