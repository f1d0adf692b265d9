"""Each preflight check is seen to fail on something broken for it, and is silent on what is healthy.

Revisions are real files, and what they send is captured by the real worker.
"""

from __future__ import annotations

import datetime
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from coordinator.checks.preflight.edited_revision import difference
from coordinator.checks.preflight.facts import PreflightFacts
from coordinator.checks.preflight.identifier_too_long import cut, long_names
from coordinator.checks.preflight.registry import PREFLIGHT_CHECKS, run_preflight
from coordinator.checks.preflight.waivers import apply_waivers
from coordinator.model.capture import Capture, Direction
from coordinator.model.finding import Finding, Severity
from coordinator.model.module import Module
from coordinator.model.names import RevisionKey
from coordinator.model.run import AppliedRevision
from coordinator.revisions.capture import capture
from coordinator.revisions.reader import read_trees
from coordinator.settings.load import load_settings
from coordinator.settings.values import Flags
from coordinator.worker.process import Worker
from tests.trees import versions_of, write_revision

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coordinator.model.revision import ModuleTree, Revision

TODAY = datetime.date(2026, 11, 22)
SERVER = 150000
TABLE = "op.create_table('t', sa.Column('id', sa.Integer))"
DROP = "op.drop_table('t')"
WAIVE = {"empty-downgrade": ("nothing to undo", "2026-11-22")}


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    with Worker() as running:
        yield running


class Project:
    """Trees on disk, and the facts that can be had of them."""

    def __init__(self, root: Path, worker: Worker) -> None:
        self.root = root
        self._worker = worker
        self._modules: dict[str, Module] = {}

    def module(self, name: str, **values: Any) -> Module:
        path = versions_of(self.root, name).parent
        (path / "versions").mkdir(parents=True, exist_ok=True)
        made = Module(name=name, path=path, schemas=(name,), import_paths=(self.root,), **values)
        self._modules[name] = made
        return made

    def write(self, module: str, revision: str, **values: Any) -> Path:
        if module not in self._modules:
            self.module(module)
        return write_revision(self._modules[module].path, revision, **values)

    def trees(self) -> tuple[ModuleTree, ...]:
        return read_trees([self._modules[name] for name in sorted(self._modules)])

    def facts(self, *, captured: bool = False, **values: Any) -> PreflightFacts:
        facts = PreflightFacts(trees=self.trees(), today=TODAY, **values)
        if not captured:
            return facts
        return replace(
            facts, captures=tuple(each for one in facts.all_pending for each in self._capture(one))
        )

    def _capture(self, revision: Revision) -> Iterator[Capture]:
        module = replace(self._modules[revision.key.module], name=f"{self.root.name}/{revision.key.module}")
        self._worker.open_module(module, SERVER)  # the worker remembers modules; each test has its own
        for direction in Direction:
            yield capture(self._worker, module, revision, direction)


@pytest.fixture
def project(tmp_path: Path, worker: Worker) -> Project:
    return Project(tmp_path, worker)


def found(rule: str, facts: PreflightFacts) -> tuple[Finding, ...]:
    """What the check of that name says."""
    (check,) = (each for each in PREFLIGHT_CHECKS if each.name == rule)
    findings = check.run(facts)
    assert {each.rule for each in findings} <= {rule}
    return findings


def one(rule: str, facts: PreflightFacts, severity: Severity = Severity.ERROR) -> Finding:
    """Its only finding, which has a module, a file and something to do."""
    (finding,) = found(rule, facts)
    assert finding.severity is severity
    assert finding.module
    assert finding.place is not None
    assert finding.help
    return finding


def line_of(finding: Finding) -> str:
    """The line of the file that the finding points at."""
    assert finding.place is not None
    with open(finding.place.file, encoding="utf-8") as file:
        return file.read().splitlines()[finding.place.line - 1].strip()


def applied(revision: Revision, **values: Any) -> AppliedRevision:
    """The ledger's memory of a revision, as it is now in its file."""
    memory = {
        "key": revision.key,
        "run": 7,
        "digest": revision.digest,
        "source": revision.source,
        "parents": revision.parents,
        "file": revision.place.file,
        "changes": "[]",
        "grade": "reversible",
    }
    return AppliedRevision(**{**memory, **values})


def test_names_of_checks_are_unique_and_in_kebab_case() -> None:
    names = [check.name for check in PREFLIGHT_CHECKS]
    assert len(set(names)) == len(names) == 16
    assert all(name == name.lower().replace("_", "-") for name in names)


def test_a_healthy_project_has_no_findings(project: Project) -> None:
    project.write("crm", "a1", upgrade=TABLE, downgrade=DROP)
    project.write(
        "crm", "a2", after="a1", upgrade="op.execute('SELECT 1')", downgrade="op.execute('SELECT 1')"
    )
    project.write("billing", "b1", upgrade=TABLE, downgrade=DROP, requires=["crm:a1"])
    facts = project.facts(captured=True, heads={"crm": frozenset({"a1"})}, widths={"crm": 32})
    assert len(facts.captures) == 4
    assert run_preflight(facts) == ()


def test_the_sample_erp_has_no_findings(worker: Worker) -> None:
    root = Path(__file__).parents[2]
    settings = load_settings(start=root, environment={}, flags=Flags())
    trees = read_trees(settings.modules)
    captures = []
    for tree in trees:
        worker.open_module(tree.module, SERVER)
        for revision in tree.revisions:
            captures += [capture(worker, tree.module, revision, direction) for direction in Direction]
    assert len(captures) >= 80
    assert run_preflight(PreflightFacts(trees=trees, today=TODAY, captures=tuple(captures))) == ()


class TestSeveralHeads:
    def test_two_revisions_on_one_parent_are_named_with_their_files_and_the_merge(
        self, project: Project
    ) -> None:
        project.write("crm", "a1")
        files = [project.write("crm", name, after="a1") for name in ("b1", "b2")]
        finding = one("several-heads", project.facts())
        assert all(str(file) in finding.message for file in files)
        assert "alembic merge -m merge b1 b2" in str(finding.help)

    def test_after_the_merge_all_is_well(self, project: Project) -> None:
        project.write("crm", "a1")
        for name in ("b1", "b2"):
            project.write("crm", name, after="a1")
        project.write("crm", "c1", after=("b1", "b2"))
        assert found("several-heads", project.facts()) == ()

    def test_a_labelled_branch_beside_the_trunk_is_meant(self, project: Project) -> None:
        project.write("crm", "a1")
        project.write("crm", "b1", branch_labels="reports")
        project.write("crm", "b2", after="b1")
        assert found("several-heads", project.facts()) == ()
        project.write("crm", "b3", after="b1")
        assert "'a1'" in one("several-heads", project.facts()).message


class TestAmbiguousVersionRow:
    def test_one_id_in_two_modules_with_one_version_table(self, project: Project) -> None:
        for name in ("crm", "billing"):
            project.module(name, version_table="public.alembic_version")
            project.write(name, "001")
        finding = one("ambiguous-version-row", project.facts())
        assert "billing:001" in finding.message
        assert "public.alembic_version keeps the heads of both" in finding.message

    def test_with_a_table_each_ids_may_repeat(self, project: Project) -> None:
        for name in ("crm", "billing"):
            project.write(name, "001")
        assert found("ambiguous-version-row", project.facts()) == ()


class TestMissingRevisionFile:
    def test_a_version_row_that_nobody_knows(self, project: Project) -> None:
        project.write("crm", "9c41ab")
        finding = one("missing-revision-file", project.facts(heads={"crm": frozenset({"9c41ad"})}))
        assert "crm.alembic_version says that crm:9c41ad is in" in finding.message
        assert "'9c41ab'" in str(finding.help)

    def test_one_that_the_ledger_remembers_is_no_finding(self, project: Project) -> None:
        project.write("crm", "a1")
        memory = applied(project.trees()[0].revisions[0], key=RevisionKey("crm", "a2"))
        facts = project.facts(heads={"crm": frozenset({"a2"})}, applied=(memory,))
        assert found("missing-revision-file", facts) == ()

    def test_rows_of_a_table_that_modules_share_belong_to_any_of_them(self, project: Project) -> None:
        for name, revision in (("crm", "a1"), ("billing", "b1")):
            project.module(name, version_table="public.alembic_version")
            project.write(name, revision)
        rows = frozenset({"a1", "b1"})
        assert found("missing-revision-file", project.facts(heads={"crm": rows, "billing": rows})) == ()
        lost = rows | {"c1"}
        assert "crm:c1" in one("missing-revision-file", project.facts(heads={"crm": lost})).message


class TestBelowAppliedHead:
    def test_revisions_put_between_applied_ones_are_found(self, project: Project) -> None:
        project.write("crm", "a1")
        project.write("crm", "a3", after="a1")
        memories = tuple(applied(each) for each in project.trees()[0].revisions)
        heads = {"crm": frozenset({"a3"})}
        assert found("below-applied-head", project.facts(heads=heads, applied=memories)) == ()
        project.write("crm", "n1", after="a1")
        project.write("crm", "n2", after="n1")
        project.write("crm", "a3", after="n2")
        findings = found("below-applied-head", project.facts(heads=heads, applied=memories))
        assert [str(each.revision) for each in findings] == ["crm:n1", "crm:n2"]
        assert "below 'a3', which is in" in findings[0].message
        assert "down_revision = 'a3'" in str(findings[0].help)

    def test_what_was_applied_before_there_was_a_ledger_is_no_finding(self, project: Project) -> None:
        project.write("crm", "a1")
        project.write("crm", "a2", after="a1")
        memory = applied(project.trees()[0].revisions[1])
        facts = project.facts(heads={"crm": frozenset({"a2"})}, applied=(memory,))
        assert found("below-applied-head", facts) == ()


class TestEditedRevision:
    @pytest.fixture
    def memory(self, project: Project) -> AppliedRevision:
        project.write("crm", "a1", upgrade="op.execute('SELECT 1')")
        return applied(project.trees()[0].revisions[0])

    def edit(self, project: Project) -> None:
        project.write("crm", "a1", upgrade="op.execute('SELECT 2')")

    def test_a_deploy_is_warned_and_shown_the_difference(
        self, project: Project, memory: AppliedRevision
    ) -> None:
        self.edit(project)
        facts = project.facts(heads={"crm": frozenset({"a1"})}, applied=(memory,))
        finding = one("edited-revision", facts, Severity.WARNING)
        assert "run 7" in finding.message
        assert line_of(finding) == "op.execute('SELECT 2')"
        assert "`migrate accept crm:a1 --reason TEXT`" in str(finding.help)
        assert "-    op.execute('SELECT 1')\n+    op.execute('SELECT 2')" in str(finding.help)

    def test_a_gate_is_stopped(self, project: Project, memory: AppliedRevision) -> None:
        self.edit(project)
        one("edited-revision", project.facts(heads={"crm": frozenset({"a1"})}, applied=(memory,), gate=True))

    def test_a_deploy_is_stopped_when_a_pending_revision_stands_on_it(
        self, project: Project, memory: AppliedRevision
    ) -> None:
        self.edit(project)
        project.write("crm", "a2", after="a1")
        facts = project.facts(heads={"crm": frozenset({"a1"})}, applied=(memory,))
        assert "pending crm:a2 stands on it" in one("edited-revision", facts).message

    def test_so_it_is_when_another_module_requires_it(
        self, project: Project, memory: AppliedRevision
    ) -> None:
        self.edit(project)
        project.write("billing", "b1", requires=["crm:a1"])
        facts = project.facts(heads={"crm": frozenset({"a1"})}, applied=(memory,))
        assert "pending billing:b1 stands on it" in one("edited-revision", facts).message

    def test_layout_comments_and_docstrings_are_no_edit(
        self, project: Project, memory: AppliedRevision
    ) -> None:
        file = project.write(
            "crm", "a1", upgrade="op.execute(  # one\n    'SELECT 1',\n)", message="other words"
        )
        file.write_text("# licence\n" + file.read_text())
        facts = project.facts(heads={"crm": frozenset({"a1"})}, applied=(memory,), gate=True)
        assert found("edited-revision", facts) == ()

    def test_a_long_difference_is_cut_and_says_so(self, project: Project, memory: AppliedRevision) -> None:
        project.write(
            "crm", "a1", upgrade="\n".join(f"op.execute('SELECT {number}')" for number in range(40))
        )
        text = difference(memory, project.trees()[0].revisions[0])
        assert len(text.splitlines()) == 21
        assert text.splitlines()[-1].endswith("lines more")


class TestForeignDependsOn:
    @pytest.mark.parametrize("name", ["a1", "crm:a1", "customers"])
    def test_another_modules_revision_gets_the_line_to_write_instead(
        self, project: Project, name: str
    ) -> None:
        project.write("crm", "a1", branch_labels="customers")
        project.write("billing", "b1", depends_on=name)
        finding = one("foreign-depends-on", project.facts())
        assert repr(name) in finding.message
        assert finding.help == 'Write instead: requires = ["crm:a1"]'

    def test_a_name_that_several_modules_have_lists_all(self, project: Project) -> None:
        for module in ("crm", "users"):
            project.write(module, "001")
        project.write("billing", "b1", depends_on="001")
        help_text = str(one("foreign-depends-on", project.facts()).help)
        assert 'requires = ["crm:001", "users:001"]' in help_text

    def test_a_name_that_nobody_has_gets_the_nearest(self, project: Project) -> None:
        project.write("crm", "9c41ab")
        project.write("crm", "a2", after="9c41ab", depends_on="9c41ad")
        assert one("foreign-depends-on", project.facts()).help == "Did you mean '9c41ab'?"

    def test_in_an_applied_revision_it_warns(self, project: Project) -> None:
        project.write("crm", "a1")
        project.write("billing", "b1", depends_on="a1")
        facts = project.facts(heads={"billing": frozenset({"b1"})})
        one("foreign-depends-on", facts, Severity.WARNING)

    def test_inside_one_tree_it_is_alembics_business(self, project: Project) -> None:
        project.write("crm", "a1")
        project.write("crm", "b1", branch_labels="left")
        project.write("crm", "b2", after="b1", depends_on=("a1", "left"))
        assert found("foreign-depends-on", project.facts()) == ()


class TestUnknownRequires:
    @pytest.mark.parametrize(
        ("requires", "message", "remedy"),
        [
            ("crm:9c41ad", "module 'crm' has no such revision", "Did you mean '9c41ab'?"),
            ("crn:9c41ab", "there is no module 'crn'", "Did you mean 'crm'?"),
            ("billing:b0", "a revision of its own module", "depends_on = 'b0'"),
            ("stock:s2", "is not in; module 'stock' is not in this checkout", "Apply module 'stock' first"),
        ],
    )
    def test_what_nobody_has_is_told_with_the_nearest(
        self, project: Project, requires: str, message: str, remedy: str
    ) -> None:
        project.write("crm", "9c41ab")
        project.write("billing", "b0")
        project.write("billing", "b1", after="b0", requires=[requires])
        stock = applied(project.trees()[0].revisions[0], key=RevisionKey("stock", "s1"))
        finding = one("unknown-requires", project.facts(applied=(stock,)))
        assert message in finding.message
        assert remedy in str(finding.help)

    def test_what_is_in_files_or_in_the_ledger_is_known(self, project: Project) -> None:
        project.write("crm", "a1")
        project.write("billing", "b1", requires=["crm:a1", "stock:s1"])
        stock = applied(project.trees()[0].revisions[0], key=RevisionKey("stock", "s1"))
        assert found("unknown-requires", project.facts(applied=(stock,))) == ()

    def test_an_applied_revision_is_not_asked_any_more(self, project: Project) -> None:
        project.write("billing", "b1", requires=["gone:g1"])
        assert found("unknown-requires", project.facts(heads={"billing": frozenset({"b1"})})) == ()


class TestNotLoadable:
    def test_what_a_function_raises_is_told_with_its_line(self, project: Project) -> None:
        project.write("crm", "a1", upgrade="x = 1\nraise RuntimeError('no luck')", downgrade="pass")
        finding = one("not-loadable", project.facts(captured=True))
        assert "fails in upgrade()" in finding.message
        assert "no luck" in finding.message
        assert line_of(finding) == "raise RuntimeError('no luck')"

    def test_an_import_that_fails_is_told(self, project: Project) -> None:
        project.write("crm", "a1", header="import not_there_at_all")
        upgrade, downgrade = found("not-loadable", project.facts(captured=True))
        assert (upgrade.severity, downgrade.severity) == (Severity.ERROR, Severity.WARNING)
        assert "not_there_at_all" in upgrade.message
        assert "import_paths" in str(upgrade.help)

    def test_a_downgrade_that_refuses_is_fine_when_it_was_said(self, project: Project) -> None:
        refuses = "raise NotImplementedError('never')"
        project.write("crm", "a1", upgrade=TABLE, downgrade=refuses)
        one("not-loadable", project.facts(captured=True), Severity.WARNING)
        project.write("crm", "a1", upgrade=TABLE, downgrade=refuses, irreversible="never")
        assert found("not-loadable", project.facts(captured=True)) == ()

    def test_one_that_asked_the_database_first_is_left_to_the_rehearsal(self, project: Project) -> None:
        upgrade = "op.get_bind().execute(sa.text('SELECT 1')).fetchall()[0]"
        project.write("crm", "a1", upgrade=upgrade)
        facts = project.facts(captured=True)
        assert facts.captures[0].error
        assert found("not-loadable", facts) == ()


class TestOwnTransaction:
    @pytest.mark.parametrize(
        ("line", "verb"),
        [
            ("op.execute('COMMIT')", "COMMIT"),
            ("op.execute('SELECT 1; ROLLBACK')", "ROLLBACK"),
            ("op.execute('-- now\\nbegin')", "BEGIN"),
            ("op.get_bind().connection.commit()", "COMMIT"),
        ],
    )
    def test_each_way_of_ending_it_is_found_with_its_line(
        self, project: Project, line: str, verb: str
    ) -> None:
        project.write("crm", "a1", upgrade=f"{TABLE}\n{line}", downgrade=DROP)
        finding = one("own-transaction", project.facts(captured=True))
        assert f"sends {verb} in upgrade()" in finding.message
        assert line_of(finding) == line
        assert "autocommit_block" in str(finding.help)

    def test_in_a_downgrade_it_warns(self, project: Project) -> None:
        project.write("crm", "a1", upgrade=TABLE, downgrade="op.execute('COMMIT')")
        one("own-transaction", project.facts(captured=True), Severity.WARNING)

    def test_savepoints_texts_and_bodies_are_no_transaction(self, project: Project) -> None:
        body = "CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $$BEGIN RETURN 1; END$$"
        lines = ["op.execute('SAVEPOINT s')", "op.execute(\"SELECT 'COMMIT'\")", f"op.execute({body!r})"]
        project.write("crm", "a1", upgrade="\n".join(lines), downgrade="op.execute('DROP FUNCTION f')")
        assert found("own-transaction", project.facts(captured=True)) == ()


class TestOutsideTransaction:
    INDEX = "op.execute('CREATE INDEX CONCURRENTLY i ON t (id)')"
    BLOCK = "with op.get_context().autocommit_block():\n    "

    def test_an_index_built_concurrently_inside_the_transaction(self, project: Project) -> None:
        project.write("crm", "a1", upgrade=self.INDEX, downgrade="op.execute('DROP INDEX i')")
        finding = one("outside-transaction", project.facts(captured=True))
        assert "sends CREATE INDEX CONCURRENTLY inside the transaction" in finding.message
        assert line_of(finding) == self.INDEX

    def test_inside_the_block_it_is_right(self, project: Project) -> None:
        project.write("crm", "a1", upgrade=self.BLOCK + self.INDEX, downgrade="op.execute('DROP INDEX i')")
        assert found("outside-transaction", project.facts(captured=True)) == ()

    def test_beside_another_command_in_one_text_it_is_not(self, project: Project) -> None:
        text = "SELECT 1; VACUUM t"
        project.write(
            "crm", "a1", upgrade=f"{self.BLOCK}op.execute({text!r})", downgrade="op.execute('SELECT 1')"
        )
        assert (
            "in one text with other commands"
            in one("outside-transaction", project.facts(captured=True)).message
        )


class TestOwnConnection:
    def test_a_second_connection_is_found(self, project: Project) -> None:
        upgrade = "import psycopg\npsycopg.connect('host=127.0.0.1 port=1')"
        project.write("crm", "a1", upgrade=upgrade, downgrade="pass")
        facts = project.facts(captured=True)
        finding = one("own-connection", facts)
        assert "op.get_bind()" in str(finding.help)
        assert found("not-loadable", facts) == ()

    def test_the_one_it_is_given_is_right(self, project: Project) -> None:
        project.write("crm", "a1", upgrade="op.get_bind().execute(sa.text('SELECT 1'))", downgrade="pass")
        assert found("own-connection", project.facts(captured=True)) == ()


class TestWithheldEnvironment:
    def test_a_databases_address_is_an_error(self, project: Project) -> None:
        project.write("crm", "a1", header="import os", upgrade="os.environ['DATABASE_URL']", downgrade="pass")
        facts = project.facts(captured=True)
        assert "reads DATABASE_URL in upgrade()" in one("withheld-environment", facts).message
        assert found("not-loadable", facts) == ()

    def test_another_variable_warns(self, project: Project) -> None:
        project.write("crm", "a1")
        facts = project.facts()
        reads = Capture(key=RevisionKey("crm", "a1"), direction=Direction.UPGRADE, withheld=("REGION",))
        assert (
            "REGION"
            in one("withheld-environment", replace(facts, captures=(reads,)), Severity.WARNING).message
        )

    def test_reading_nothing_withheld_is_right(self, project: Project) -> None:
        project.write("crm", "a1", header="import os", upgrade="os.environ['PATH']", downgrade="pass")
        assert found("withheld-environment", project.facts(captured=True)) == ()


class TestEmptyDowngrade:
    def test_one_under_a_busy_upgrade_warns(self, project: Project) -> None:
        project.write("crm", "a1", upgrade=TABLE, downgrade="pass")
        finding = one("empty-downgrade", project.facts(captured=True), Severity.WARNING)
        assert 'irreversible = "reason"' in str(finding.help)

    def test_one_whose_upgrade_does_nothing_or_that_is_declared_is_right(self, project: Project) -> None:
        project.write("crm", "a1", upgrade="pass", downgrade="pass")
        project.write("crm", "a2", after="a1", upgrade=TABLE, downgrade="pass", irreversible="old data")
        project.write("crm", "a3", after="a2", upgrade=TABLE, downgrade=DROP)
        assert found("empty-downgrade", project.facts(captured=True)) == ()


class TestIdentifierTooLong:
    def test_an_id_longer_than_the_version_tables_column(self, project: Project) -> None:
        name = "add_second_telephone_to_customers"
        project.write("crm", name)
        finding = one("identifier-too-long", project.facts(widths={"crm": 32}))
        assert "an id of 33 characters, and crm.alembic_version holds 32" in finding.message
        assert found("identifier-too-long", project.facts(widths={"crm": 33})) == ()
        assert found("identifier-too-long", project.facts()) == ()

    def test_an_applied_one_is_in_already(self, project: Project) -> None:
        project.write("crm", "a" * 40)
        facts = project.facts(widths={"crm": 32}, heads={"crm": frozenset({"a" * 40})})
        assert found("identifier-too-long", facts) == ()

    def test_a_name_in_sql_that_postgresql_would_cut(self, project: Project) -> None:
        name = "x" * 64
        project.write("crm", "a1", upgrade=f"op.execute('CREATE TABLE {name} (id int)')", downgrade=DROP)
        finding = one("identifier-too-long", project.facts(captured=True), Severity.WARNING)
        assert repr("x" * 63) in str(finding.help)
        assert "CREATE TABLE" in line_of(finding)
        project.write("crm", "a1", upgrade=f"op.execute('CREATE TABLE {name[1:]} (id int)')", downgrade=DROP)
        assert found("identifier-too-long", project.facts(captured=True)) == ()

    @pytest.mark.parametrize(
        ("sql", "names"),
        [
            ("SELECT '" + "x" * 80 + "'", ()),
            ("SELECT 1 -- " + "x" * 80, ()),
            ("SELECT $$" + "x" * 80 + "$$", ()),
            ('SELECT "' + "é" * 32 + '"', ("é" * 32,)),
            ('SELECT "' + "é" * 31 + '"', ()),
            ('SELECT "a ""' + "x" * 70 + '"', ('a "' + "x" * 70,)),
            ("SELECT '" + "x" * 80, ()),
        ],
    )
    def test_only_names_count_and_bytes_are_counted(self, sql: str, names: tuple[str, ...]) -> None:
        assert long_names(sql) == names

    def test_a_name_is_cut_between_characters(self) -> None:
        assert cut("é" * 40) == "é" * 31


class TestWaivers:
    def facts(self, project: Project, **names: Any) -> PreflightFacts:
        project.write("crm", "a1", upgrade=TABLE, downgrade="pass", **names)
        return project.facts(captured=True)

    def test_a_waived_finding_is_a_note_through_its_last_day(self, project: Project) -> None:
        (finding,) = run_preflight(self.facts(project, waive=WAIVE))
        assert (finding.rule, finding.severity) == ("empty-downgrade", Severity.NOTE)
        assert finding.message.endswith("Waived until 2026-11-22: nothing to undo.")

    def test_the_day_after_it_counts_again_and_the_waiver_is_told(self, project: Project) -> None:
        facts = replace(self.facts(project, waive=WAIVE), today=TODAY + datetime.timedelta(days=1))
        severities = {each.rule: each.severity for each in run_preflight(facts)}
        assert severities == {"empty-downgrade": Severity.WARNING, "waiver-expired": Severity.WARNING}
        expired = one("waiver-expired", facts, Severity.WARNING)
        assert "'empty-downgrade' until 2026-11-22" in expired.message

    def test_a_waiver_is_for_its_rule_and_its_revision_only(self, project: Project) -> None:
        facts = self.facts(project, waive={"several-heads": ("other", "2027-01-01")})
        finding, _ = run_preflight(facts)
        assert finding.severity is Severity.WARNING
        elsewhere = replace(finding, revision=RevisionKey("crm", "a9"))
        assert apply_waivers((elsewhere,), facts.trees, TODAY) == (elsewhere,)

    def test_an_applied_revisions_old_waiver_is_not_told(self, project: Project) -> None:
        project.write("crm", "a1", waive={"x": ("y", "2020-01-01")})
        assert found("waiver-expired", project.facts(heads={"crm": frozenset({"a1"})})) == ()
        one("waiver-expired", project.facts(), Severity.WARNING)
