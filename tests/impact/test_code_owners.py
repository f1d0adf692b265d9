"""CODEOWNERS as GitHub and GitLab read it: the last rule that matches decides."""

from __future__ import annotations

import pytest

from coordinator.repository.code_owners import parse_code_owners

RULES = """
# everybody
* @all
*.js @web  # a remark
/docs/ @writers
apps/ @apps
/build/logs/ @ops
docs/* @pages
**/secret @safe
/a\\ b/ @blank
/nobody/

[Database][2] @dba
modules/*/migrations/
"""


@pytest.mark.parametrize(
    ("path", "owners"),
    [
        ("x.py", "@all"),
        ("deep/x.js", "@web"),
        ("docs/a/b.md", "@writers"),
        ("docs/a.md", "@pages"),
        ("x/apps/y.py", "@apps"),
        ("build/logs/x", "@ops"),
        ("x/build/logs/x", "@all"),
        ("a/b/secret", "@safe"),
        ("a/b/secret/c", "@safe"),
        ("a b/c", "@blank"),
        ("nobody/x", ""),
        ("modules/crm/migrations/versions/1.py", "@dba"),
        ("modules/crm/app.py", "@all"),
    ],
)
def test_who_owns_a_file(path: str, owners: str) -> None:
    assert " ".join(parse_code_owners(RULES).of(path)) == owners
