"""Revision files become a tree without being run, and everything that is wrong with them is told at once."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from coordinator.errors import RevisionError, UsageError
from coordinator.model.module import Module
from coordinator.model.names import RevisionKey
from coordinator.model.revision import Waiver
from coordinator.revisions.digest import digest_of
from coordinator.revisions.reader import read_tree, read_trees
from coordinator.worker.process import Worker
from tests.trees import project, versions_of, write_revision

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from coordinator.model.finding import Finding


@pytest.fixture
def crm(tmp_path: Path) -> Module:
    project(tmp_path, modules=("crm",))
    return Module(name="crm", path=versions_of(tmp_path, "crm").parent, schemas=("crm",))


def refusals(module: Module) -> tuple[Finding, ...]:
    with pytest.raises(RevisionError) as refusal:
        read_tree(module)
    assert refusal.value.exit_code == 2
    return refusal.value.findings


def refusal(module: Module, rule: str) -> Finding:
    found = refusals(module)
    assert [each.rule for each in found] == [rule]
    assert found[0].module == "crm"
    return found[0]


def ids(module: Module) -> list[str]:
    return [each.key.revision for each in read_tree(module).revisions]


class TestReading:
    def test_names_lines_and_message(self, crm: Module) -> None:
        file = write_revision(
            crm.path,
            "a1",
            message="add customers\n\nRevision ID: a1",
            requires=["users:u1"],
            seen={"users": "u1", "billing": ["b1", "b2"]},
            touches="billing",
            irreversible="drops the old numbers",
            deletes_rows=True,
            waive={"empty-downgrade": ("nothing to undo", "2027-03-01")},
            branch_labels=("main",),
        )
        (revision,) = read_tree(crm).revisions
        assert revision.key == RevisionKey("crm", "a1")
        assert revision.message == "add customers"
        assert file.read_text().splitlines()[revision.place.line - 1] == "revision = 'a1'"
        assert revision.place.file == str(file)
        assert revision.requires == (RevisionKey("users", "u1"),)
        assert revision.seen == (("billing", "b1"), ("billing", "b2"), ("users", "u1"))
        assert revision.touches == ("billing",)
        assert revision.irreversible == "drops the old numbers"
        assert revision.deletes_rows
        assert revision.waivers == (
            Waiver(rule="empty-downgrade", reason="nothing to undo", until="2027-03-01"),
        )
        assert revision.branch_labels == ("main",)
        assert revision.source == file.read_text()

    def test_annotated_names_are_read(self, crm: Module) -> None:
        text = "from typing import Union\nrevision: str = 'a1'\ndown_revision: Union[str, None] = None\n"
        (crm.versions / "a1.py").write_text(text)
        (revision,) = read_tree(crm).revisions
        assert (revision.key.revision, revision.down_revisions, revision.place.line) == ("a1", (), 2)

    def test_nothing_is_run(self, crm: Module, tmp_path: Path) -> None:
        trace = tmp_path / "trace"
        write_revision(crm.path, "a1", header=f"open({str(trace)!r}, 'w').close()\nraise SystemExit(3)")
        assert ids(crm) == ["a1"]
        assert not trace.exists()

    def test_parents_come_first_and_ties_go_by_id(self, crm: Module) -> None:
        r"""a0 - c1 - e0, b1 - e0: drawn so that neither file names nor ids alone give the order."""
        write_revision(crm.path, "e0", after=("c1", "b1"), file="0.py")
        write_revision(crm.path, "b1", after="z9", file="1.py")
        write_revision(crm.path, "c1", after="z9", file="2.py")
        write_revision(crm.path, "z9", file="3.py")
        write_revision(crm.path, "a0", depends_on="e0", file="4.py")
        tree = read_tree(crm)
        assert [each.key.revision for each in tree.revisions] == ["z9", "b1", "c1", "e0", "a0"]
        assert tree.heads == ("e0", "a0")
        assert tree.bases == ("z9", "a0")

    def test_depends_on_may_be_text_tuple_list_or_a_branch_label(self, crm: Module) -> None:
        write_revision(crm.path, "a1", branch_labels="left")
        write_revision(crm.path, "b1")
        write_revision(crm.path, "b2", after="b1", depends_on="left")
        write_revision(crm.path, "b3", after="b2", depends_on=["a1"])
        write_revision(crm.path, "b4", after="b3", depends_on=("a1", "b1"))
        tree = read_tree(crm)
        depends = {each.key.revision: each.depends_on for each in tree.revisions if each.depends_on}
        assert depends == {"b2": ("a1",), "b3": ("a1",), "b4": ("a1", "b1")}

    def test_what_alembic_would_not_load_is_passed_over(self, crm: Module) -> None:
        write_revision(crm.path, "a1")
        for name in ("__init__.py", ".#a1.py", "__pycache__/x.py", "deep/b1.py"):
            write_revision(crm.path, "b1", file=name)
        (crm.versions / "readme.txt").write_text("revision = 'no'")
        (crm.versions / "constants.py").write_text("LENGTH = 20\n")
        assert ids(crm) == ["a1"]

    def test_sub_folders_are_read_where_alembic_ini_says_so(self, crm: Module) -> None:
        write_revision(crm.path, "a1")
        write_revision(crm.path, "a2", after="a1", file="2026/a2.py")
        assert ids(crm) == ["a1"]
        (crm.path / "alembic.ini").write_text("[alembic]\nrecursive_version_locations = true\nx = %(here)s\n")
        assert ids(crm) == ["a1", "a2"]

    def test_an_empty_tree_is_a_tree(self, crm: Module) -> None:
        assert read_tree(crm).revisions == ()

    def test_a_file_with_a_byte_order_mark_is_read(self, crm: Module) -> None:
        file = write_revision(crm.path, "a1")
        file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
        assert ids(crm) == ["a1"]


class TestComputedNames:
    @pytest.mark.parametrize(
        "line",
        [
            "depends_on = [x for x in ['a1']]",
            "if True:\n    depends_on = 'a1'",
            "from os import name as depends_on",
        ],
    )
    def test_without_a_worker_they_are_refused_with_their_line(self, crm: Module, line: str) -> None:
        file = write_revision(crm.path, "a1", header=line)
        found = refusal(crm, "computed-name")
        assert found.place is not None
        assert "depends_on" in found.message
        text = file.read_text().splitlines()
        assert any("depends_on" in row for row in text[found.place.line - 1 : found.place.line + 1])

    def test_the_worker_is_asked_for_that_file_only(self, crm: Module) -> None:
        write_revision(crm.path, "a1")
        computed = write_revision(crm.path, "a2", after="a1", header="depends_on = str('a1')")
        asked = []

        def header_of(file: Path) -> Mapping[str, object]:
            asked.append(file)
            return {"revision": "not asked for", "depends_on": "a1"}

        tree = read_tree(crm, header_of=header_of)
        assert asked == [computed]
        assert [(each.key.revision, each.depends_on) for each in tree.revisions] == [
            ("a1", ()),
            ("a2", ("a1",)),
        ]

    def test_the_real_worker_tells_them(self, crm: Module) -> None:
        write_revision(crm.path, "a1")
        write_revision(
            crm.path, "a2", header="import os\nparent = 'a' + str(1)\ndepends_on = [parent]", file="x.py"
        )
        with Worker() as worker:
            worker.open_module(crm, 150000)
            (tree,) = read_trees((crm,), header_of=worker.header)
        assert [each.depends_on for each in tree.revisions] == [(), ("a1",)]

    def test_a_file_that_the_worker_cannot_run_is_told_like_the_others(self, crm: Module) -> None:
        write_revision(crm.path, "a1", header="depends_on = str(None)")

        def header_of(file: Path) -> Mapping[str, object]:
            raise UsageError(f"{file.name} cannot be imported: No module named 'crm_models'.")

        with pytest.raises(RevisionError, match="No module named 'crm_models'"):
            read_tree(crm, header_of=header_of)


class TestRefusals:
    def test_a_missing_folder_is_named_exactly(self, tmp_path: Path) -> None:
        found = refusal(
            Module(name="crm", path=tmp_path / "gone", schemas=("crm",)), "missing-versions-folder"
        )
        assert str(tmp_path / "gone" / "versions") in found.message
        assert "[tool.migrate.modules.crm] path" in str(found.help)

    def test_a_syntax_error_has_file_line_and_pythons_words(self, crm: Module) -> None:
        (crm.versions / "a1.py").write_text("revision = 'a1'\ndef upgrade(:\n")
        found = refusal(crm, "syntax-error")
        assert found.place is not None
        assert (found.place.file, found.place.line) == (str(crm.versions / "a1.py"), 2)
        assert f"{crm.versions / 'a1.py'}:2:" in found.message
        assert "invalid syntax" in found.message

    def test_binary_rubbish_is_refused(self, crm: Module) -> None:
        (crm.versions / "a1.py").write_bytes(bytes(range(256)))
        assert "a1.py" in refusal(crm, "not-utf8").message
        (crm.versions / "a1.py").write_bytes(b"revision = 'a1'\0")
        assert "null" in refusal(crm, "syntax-error").message

    def test_two_files_with_one_id_are_both_named(self, crm: Module) -> None:
        first, second = (write_revision(crm.path, "a1", file=name) for name in ("x.py", "y.py"))
        message = refusal(crm, "duplicate-revision").message
        assert str(first) in message
        assert str(second) in message

    def test_a_missing_parent_is_told_with_the_nearest_id(self, crm: Module) -> None:
        write_revision(crm.path, "9c41ab")
        write_revision(crm.path, "b2", after="9c41ad")
        found = refusal(crm, "missing-parent")
        assert "'9c41ad'" in found.message
        assert found.help == "Did you mean '9c41ab'?"
        assert found.place is not None
        assert found.place.line

    def test_a_cycle_is_told_with_its_files(self, crm: Module) -> None:
        write_revision(crm.path, "a1", after="a3")
        write_revision(crm.path, "a2", after="a1")
        write_revision(crm.path, "a3", after="a2")
        write_revision(crm.path, "a4", after="a3")
        message = refusal(crm, "revision-cycle").message
        assert "'a1' after 'a3' after 'a2' after 'a1'" in message
        assert "a4" not in message

    @pytest.mark.parametrize(
        ("name", "value", "wanted"),
        [
            ("revision", 12, "a text of printable characters that is not empty"),
            ("revision", "a1\x1b[31m", "a text of printable characters that is not empty"),
            ("down_revision", 12, "a tuple of texts"),
            ("down_revision", ("a0\u202e",), "a text of printable characters"),
            ("requires", ["crm"], "module:revision"),
            ("requires", 3, "module:revision"),
            ("seen", ["crm"], "a dictionary"),
            ("touches", {"crm": 1}, "a tuple of texts"),
            ("irreversible", True, "the reason"),
            ("deletes_rows", "yes", "True or False"),
            ("waive", {"rule": "reason"}, "2027-03-01"),
            ("waive", {"rule": ("reason", "soon")}, "'soon' is no date"),
        ],
    )
    def test_a_declared_name_of_the_wrong_form_is_refused(
        self, crm: Module, name: str, value: object, wanted: str
    ) -> None:
        names = {"revision": "a1", "down_revision": None, name: value}
        (crm.versions / "a1.py").write_text("\n".join(f"{key} = {item!r}" for key, item in names.items()))
        found = refusal(crm, "bad-declaration")
        assert f"`{name}` must be" in found.message
        assert wanted in found.message
        assert found.place is not None
        assert found.place.line == list(names).index(name) + 1
        assert str(found.help).startswith("Correct the file")

    def test_a_migration_without_an_id_is_not_dropped_silently(self, crm: Module) -> None:
        (crm.versions / "a1.py").write_text("def upgrade():\n    pass\n")
        assert "defines upgrade() but no `revision`" in refusal(crm, "no-revision-id").message

    def test_the_problems_of_all_modules_are_told_at_once(self, crm: Module, tmp_path: Path) -> None:
        (crm.versions / "a1.py").write_text("(")
        write_revision(crm.path, "b2", after="b1")
        gone = Module(name="gone", path=tmp_path / "gone", schemas=("gone",))
        with pytest.raises(RevisionError, match="3 problems") as told:
            read_trees((crm, gone))
        assert [each.rule for each in told.value.findings] == [
            "syntax-error",
            "missing-parent",
            "missing-versions-folder",
        ]

    def test_healthy_trees_of_several_modules_are_read(self, tmp_path: Path) -> None:
        root = project(tmp_path / "p", modules=("a", "b"))
        modules = tuple(
            Module(name=name, path=versions_of(root, name).parent, schemas=(name,)) for name in "ab"
        )
        for module in modules:
            write_revision(module.path, "001")
        assert [tree.revisions[0].key for tree in read_trees(modules)] == [
            RevisionKey("a", "001"),
            RevisionKey("b", "001"),
        ]


class TestOrderAgainstRandomTrees:
    @pytest.mark.parametrize("seed", range(5))
    def test_parents_always_come_first_whatever_the_file_names(self, crm: Module, seed: int) -> None:
        chance = random.Random(seed)
        names = [f"r{number:02}" for number in chance.sample(range(100), 30)]
        for position, name in enumerate(names):
            parents = tuple(chance.sample(names[:position], min(position, chance.randrange(3))))
            write_revision(crm.path, name, after=parents or None)
        tree = read_tree(crm)
        place = {each.key.revision: position for position, each in enumerate(tree.revisions)}
        assert len(place) == 30
        assert all(
            place[parent] < place[each.key.revision] for each in tree.revisions for parent in each.parents
        )


class TestDigest:
    SOURCE = (
        "import sqlalchemy as sa\nfrom alembic import op\nrevision = 'a1'\n"
        "def upgrade():\n    op.execute('SELECT 1')\ndef downgrade():\n    pass\n"
    )

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ("import sqlalchemy", "# licence\n'''a docstring'''\nimport sqlalchemy"),
            (
                "    op.execute('SELECT 1')",
                '\n    """Select."""\n\n    op.execute(  # one\n        "SELECT 1",\n    )',
            ),
            (
                "import sqlalchemy as sa\nfrom alembic import op\n",
                "from alembic import op\nimport sqlalchemy as sa\n",
            ),
            ("import sqlalchemy", "from __future__ import annotations\nimport sqlalchemy"),
            ("revision = 'a1'", "revision: str = 'a1'"),
            ("def upgrade():", "def upgrade() -> None:"),
            ("    pass", "    '''Nothing to undo.'''"),
            ("revision = 'a1'", "revision = 'a1'\nwaive = {'empty-downgrade': ('why', '2027-03-01')}"),
        ],
    )
    def test_layout_comments_docstrings_annotations_and_waivers_do_not_change_it(
        self, old: str, new: str
    ) -> None:
        assert self.SOURCE.count(old) == 1
        assert digest_of(self.SOURCE.replace(old, new)) == digest_of(self.SOURCE)

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ("SELECT 1", "SELECT 2"),
            ("'SELECT 1'", "1"),
            ("    pass", "    op.execute('SELECT 1')"),
            ("execute(", "f("),
            ("'a1'", "'a2'"),
            ("'a1'", "'a1'\ndepends_on = None"),
            ("alembic import op", "alembic import context as op"),
        ],
    )
    def test_a_real_edit_changes_it(self, old: str, new: str) -> None:
        assert self.SOURCE.count(old) == 1
        assert digest_of(self.SOURCE.replace(old, new)) != digest_of(self.SOURCE)

    def test_values_of_different_types_differ(self) -> None:
        texts = [
            "x = 1",
            "x = True",
            "x = 1.0",
            "x = '1'",
            "x = b'1'",
            "x = None",
            "x = ...",
            "x = [1]",
            "x = (1,)",
        ]
        assert len({digest_of(text) for text in texts}) == len(texts)

    def test_it_is_the_same_under_every_version_of_python(self) -> None:
        """Fixed values: a ledger written under one version is read under another."""
        text = self.SOURCE + "def f(a, *, b: int = 2):\n    return f'{a!r:>{b}}' if a else lambda: None\n"
        assert digest_of(text) == DIGEST


DIGEST = "38671f3e9b56836328f12287e0c31f27851c74bae1e7de4642b3dacf496e6359"
