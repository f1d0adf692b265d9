"""The formats of a gate's report by the names that people type."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from coordinator.reports.gate.code_quality import gate_code_quality
from coordinator.reports.gate.junit import gate_junit
from coordinator.reports.gate.markdown import gate_markdown
from coordinator.reports.gate.sarif import gate_sarif
from coordinator.reports.gate.text import gate_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from coordinator.reports.gate.json_ import Document
    from coordinator.reports.page import Page


def _json(document: Document, page: Page) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


FORMATS: Final[dict[str, Callable[[Document, Page], str]]] = {
    "json": _json,
    "text": gate_text,
    "markdown": lambda document, page: gate_markdown(document),
    "junit": lambda document, page: gate_junit(document),
    "sarif": lambda document, page: gate_sarif(document),
    "code-quality": lambda document, page: gate_code_quality(document),
}


def rendered(document: Document, form: str, page: Page) -> str:
    """The document in that format. `page` is what text is written on."""
    return FORMATS[form](document, page)
