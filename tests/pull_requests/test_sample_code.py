"""The code of the sample's modules is what it seems: every statement of it runs, every class has its table."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from coordinator.sources.python_code import read_python
from tests.failures.site import REPOSITORY

if TYPE_CHECKING:
    from tests.pull_requests.conftest import Erp

_PLACEHOLDER = re.compile(r"%\(\w+\)s|%s")


def statements() -> list[tuple[str, str]]:
    """Where each statement stands, and its text with NULL for every parameter."""
    found = []
    for file in sorted(REPOSITORY.glob("modules/*/nexus_*/**/*")):
        if file.suffix == ".sql":
            found.append((file.name, file.read_text(encoding="utf-8").rstrip().rstrip(";")))
        elif file.suffix == ".py":
            code = read_python(file.read_bytes())
            assert code is not None
            found += [
                (f"{file.name}:{each.line}", _PLACEHOLDER.sub("NULL", each.text)) for each in code.texts
            ]
    return found


def test_every_statement_is_understood_by_the_applied_sample(erp: Erp) -> None:
    told = statements()
    assert len(told) > 15
    with erp.session() as session:
        for place, text in told:
            assert session.rows(f"EXPLAIN {text}"), place


def test_every_class_maps_columns_that_are_there(erp: Erp) -> None:
    code = read_python((REPOSITORY / "modules/crm/nexus_crm/models.py").read_bytes())
    assert code is not None
    assert [each.name for each in code.models] == ["LeadSource", "Customer", "Deal"]
    with erp.session() as session:
        for model in code.models:
            columns = session.rows(
                "SELECT column_name FROM information_schema.columns WHERE table_schema = %s AND table_name = %s",
                (model.schema, model.table),
            )
            assert {column for column, _ in model.columns.values()} <= {row[0] for row in columns}
