"""Trees as they are found in the field run beside each other, and all of them go back when one step fails."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.trees import project, versions_of, write_revision

if TYPE_CHECKING:
    from pathlib import Path

    from tests.failures.site import Site

HEADS = {
    "branchy.alembic_version": ("b3",),
    "labelled.alembic_version": ("m1",),
    "moody.alembic_version": ("e2",),
    "plain.alembic_version": ("p2",),
    "twin_a.alembic_version": ("0002",),
    "twin_b.alembic_version": ("0002",),
}
BLOCKED = "INSERT INTO zz.once (id) SELECT id FROM zz.given"


def write_trees(root: Path) -> None:
    """
    plain     p1 → p2                    names without a schema
    branchy   b1 → b2a, b2b → b3         a branch and its merge
    labelled  r1 → r2 ┐                  x1 depends on the label "core", which r1 has
              x1 ─────┴→ m1
    moody     e1 → e2                    both make the enum type "mood"
    twin_a, twin_b   0001 → 0002         the same ids, twin_b's second needs twin_a's
    zz        z1                         after all others
    """
    names = ("plain", "branchy", "labelled", "moody", "twin_a", "twin_b", "zz")
    project(root, modules=names)
    write_plain(versions_of(root, "plain"))
    write_branchy(versions_of(root, "branchy"))
    write_labelled(versions_of(root, "labelled"))
    write_moody(versions_of(root, "moody"))
    for name, needs in (("twin_a", []), ("twin_b", ["twin_a:0002"])):
        folder = versions_of(root, name)
        write_revision(folder, "0001", upgrade=f"op.execute('CREATE TABLE {name}.t (id int PRIMARY KEY)')", downgrade=f"op.execute('DROP TABLE {name}.t')")  # fmt: skip  # noqa: E501 - one revision a line
        other = "integer" if name == "twin_a" else "integer REFERENCES twin_a.t"
        write_revision(folder, "0002", after="0001", upgrade=f"op.execute('ALTER TABLE {name}.t ADD COLUMN other {other}')", downgrade=f"op.execute('ALTER TABLE {name}.t DROP COLUMN other')", requires=needs)  # fmt: skip  # noqa: E501
    write_revision(
        versions_of(root, "zz"),
        "z1",
        upgrade=f"op.execute('CREATE TABLE zz.once (id int PRIMARY KEY)')\nop.execute({BLOCKED!r})",
        downgrade="op.execute('DROP TABLE zz.once')",
        requires=["plain:p2", "branchy:b3", "labelled:m1", "moody:e2", "twin_b:0002"],
    )


def write_plain(folder: Path) -> None:
    write_revision(
        folder,
        "p1",
        upgrade='op.create_table("items", sa.Column("id", sa.Integer, primary_key=True))',
        downgrade='op.drop_table("items")',
    )
    write_revision(
        folder,
        "p2",
        after="p1",
        upgrade=(
            'op.create_table("parts", sa.Column("item", sa.Integer, sa.ForeignKey("items.id")))\n'
            'op.create_index("parts_item", "parts", ["item"])'
        ),
        downgrade='op.drop_table("parts")',
    )


def write_branchy(folder: Path) -> None:
    for revision, after, table in (("b1", None, "root"), ("b2a", "b1", "left"), ("b2b", "b1", "right")):
        write_revision(
            folder,
            revision,
            after=after,
            upgrade=f'op.create_table("{table}_side", sa.Column("id", sa.Integer, primary_key=True))',
            downgrade=f'op.drop_table("{table}_side")',
        )
    write_revision(folder, "b3", after=("b2a", "b2b"))


def write_labelled(folder: Path) -> None:
    write_revision(
        folder,
        "r1",
        upgrade='op.create_table("cores", sa.Column("id", sa.Integer, primary_key=True))',
        downgrade='op.drop_table("cores")',
        branch_labels=("core",),
    )
    write_revision(
        folder,
        "r2",
        after="r1",
        upgrade='op.add_column("cores", sa.Column("name", sa.Text))',
        downgrade='op.drop_column("cores", "name")',
    )
    write_revision(
        folder,
        "x1",
        upgrade='op.create_table("extras", sa.Column("core", sa.Integer, sa.ForeignKey("cores.id")))',
        downgrade='op.drop_table("extras")',
        branch_labels=("extra",),
        depends_on="core",
    )
    write_revision(folder, "m1", after=("r2", "x1"))


def write_moody(folder: Path) -> None:
    mood = 'sa.Column("mood", sa.Enum("good", "bad", name="mood"))'
    write_revision(
        folder,
        "e1",
        upgrade=f'op.create_table("people", sa.Column("id", sa.Integer, primary_key=True), {mood})',
        downgrade='op.drop_table("people")\nop.execute("DROP TYPE mood")',
    )
    write_revision(
        folder,
        "e2",
        after="e1",
        upgrade=f'op.create_table("days", sa.Column("id", sa.Integer, primary_key=True), {mood})',
        downgrade='op.drop_table("days")',
    )


def give(site: Site, *rows: int) -> None:
    """What zz:z1 will find on the target, and in no rehearsal."""
    values = ", ".join(f"({each})" for each in rows)
    site.execute(f"CREATE SCHEMA zz; CREATE TABLE zz.given (id int); INSERT INTO zz.given VALUES {values}")


@pytest.mark.parametrize("atomic", ["run", "step"])
def test_all_shapes_run_beside_each_other(site: Site, atomic: str) -> None:
    write_trees(site.root)
    give(site, 1, 2)

    done = site.migrate("all-modules", "--atomic", atomic, "--staging", "embedded")
    again = site.migrate("all-modules")

    assert done.code == 0, done.err
    assert "17 steps applied" in done.said
    assert "the whole run was taken back and left no trace" in done.said
    assert site.picture().versions == {**HEADS, "zz.alembic_version": ("z1",)}
    assert site.value("SELECT count(*) FROM pg_type WHERE typname = 'mood'") == 1
    assert again.code == 0, again.err
    assert "nothing to do" in again.said


@pytest.mark.parametrize("atomic", ["run", "step"])
def test_all_shapes_go_back_when_the_last_step_fails(site: Site, atomic: str) -> None:
    write_trees(site.root)
    give(site, 1, 1)
    before = site.picture()

    failed = site.migrate("all-modules", "--atomic", atomic, "--staging", "embedded")

    assert failed.code == 3, failed.err
    assert "zz:z1 failed in upgrade()" in failed.said
    assert site.picture() == before
    assert len(site.steps()) == (17 if atomic == "run" else 33)
    assert "Traceback" not in failed.err


@pytest.mark.parametrize("atomic", ["run", "step"])
def test_a_failure_goes_back_to_the_middle_of_each_tree(site: Site, atomic: str) -> None:
    """Half of each tree ran before: one leg of the branch, one of two bases, nothing of the enum."""
    write_trees(site.root)
    later = [("plain", "p2"), ("branchy", "b2b"), ("branchy", "b3"), ("labelled", "x1"), ("labelled", "m1"),
             ("moody", "e1"), ("moody", "e2"), ("twin_a", "0002"), ("twin_b", "0002"), ("zz", "z1")]  # fmt: skip
    files = {key: site.root / site.file(*key) for key in later}
    texts = {key: file.read_text(encoding="utf-8") for key, file in files.items()}
    for file in files.values():
        file.unlink()
    assert site.migrate("all-modules", "--staging", "off").code == 0
    for key, file in files.items():
        file.write_text(texts[key], encoding="utf-8")
    give(site, 1, 1)
    before = site.picture()
    assert before.versions["branchy.alembic_version"] == ("b2a",)
    assert before.versions["labelled.alembic_version"] == ("r2",)

    failed = site.migrate("all-modules", "--atomic", atomic, "--staging", "embedded")

    assert failed.code == 3, failed.err
    assert site.picture() == before

    site.execute("DELETE FROM zz.given")
    done = site.migrate("all-modules", "--atomic", atomic, "--staging", "embedded", "--retry")
    assert done.code == 0, done.err
    assert site.picture().versions == {**HEADS, "zz.alembic_version": ("z1",)}
