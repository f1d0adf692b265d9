"""Which rights commands need, from what is there and what a run would make."""

from __future__ import annotations

from pathlib import Path

from coordinator.model.module import Module
from coordinator.model.rights import Existing, ExistingTable, Need, Right, RightKind
from coordinator.planning.rights import schemas_of, wanted_rights
from coordinator.postgres.rights import grants


def module(name: str, *, owner: str | None = None, version_table: str | None = None) -> Module:
    return Module(name=name, path=Path(name), schemas=(name,), owner=owner, version_table=version_table)


def existing(*tables: tuple[str, str, str], superusers: tuple[str, ...] = ()) -> Existing:
    return Existing(
        database="erp",
        schemas=frozenset(schema for schema, _, _ in tables),
        roles=frozenset({"deploy"}),
        superusers=frozenset(superusers),
        tables=tuple(ExistingTable(schema=schema, name=name, owner=owner) for schema, name, owner in tables),
    )


def sentences(rights: tuple[Right, ...]) -> set[str]:
    return {f"{each.holder}: {each.sentence}" for each in rights}


def test_an_empty_database_needs_nothing_to_read_and_create_to_apply() -> None:
    wanted = wanted_rights((module("crm"),), existing(), "deploy")
    assert wanted[Need.READ] == ()
    assert wanted[Need.REHEARSE] == ()
    assert sentences(wanted[Need.APPLY]) == {"deploy: CREATE on database 'erp'"}
    assert wanted[Need.NOTE] == ()


def test_reading_needs_version_tables_and_the_ledger_and_no_more() -> None:
    there = existing(("crm", "alembic_version", "x"), ("crm", "customers", "x"), ("migrate", "run", "x"))
    assert sentences(wanted_rights((module("crm"),), there, "reader")[Need.READ]) == {
        "reader: USAGE on schema 'crm'",
        "reader: SELECT on table 'crm.alembic_version'",
        "reader: USAGE on schema 'migrate'",
        "reader: SELECT on table 'migrate.run'",
    }


def test_writing_needs_a_place_for_kept_data_and_noting_does_not() -> None:
    there = existing(("migrate", "kept", "boss"), ("migrate", "kept_7", "other"))
    wanted = wanted_rights((module("crm"),), there, "deploy")
    noting, writing = sentences(wanted[Need.NOTE]), sentences(wanted[Need.APPLY])
    assert "deploy: USAGE on schema 'migrate'" in noting
    assert "deploy: DELETE on table 'migrate.kept'" in noting
    assert writing - noting == {
        "deploy: CREATE on schema 'migrate'",
        "deploy: USAGE on sequence 'migrate.kept_number_seq'",
        "deploy: membership in role 'other'",
        "deploy: CREATE on database 'erp'",
    }


def test_a_modules_owner_acts_and_the_login_must_be_its_member() -> None:
    there = existing(("crm", "customers", "crm_owner"), ("crm", "old", "somebody"))
    wanted = sentences(wanted_rights((module("crm", owner="crm_owner"),), there, "deploy")[Need.APPLY])
    assert "deploy: membership in role 'crm_owner'" in wanted
    assert "crm_owner: CREATE on schema 'crm'" in wanted
    assert "crm_owner: membership in role 'somebody'" in wanted
    assert "crm_owner: membership in role 'crm_owner'" not in wanted


def test_tables_of_a_superuser_should_be_given_to_another_role() -> None:
    there = existing(("crm", "customers", "postgres"), superusers=("postgres",))
    wanted = wanted_rights((module("crm"),), there, "deploy")[Need.APPLY]
    (membership,) = (each for each in wanted if each.kind is RightKind.ROLE)
    assert "let another role own them" in membership.why


def test_a_shared_version_table_in_another_schema_is_looked_at() -> None:
    shared = module("crm", version_table="public.alembic_version")
    assert schemas_of((shared,)) == ("crm", "public", "migrate")
    there = existing(("public", "alembic_version", "x"), ("crm", "customers", "x"))
    assert "r: SELECT on table 'public.alembic_version'" in sentences(
        wanted_rights((shared,), there, "r")[Need.READ]
    )


def test_rights_on_one_schemas_tables_are_given_in_one_quoted_statement() -> None:
    def right(name: str, privilege: str) -> Right:
        return Right(
            kind=RightKind.TABLE, name=('cr"m', name), privilege=privilege, holder='de"ploy', why="w"
        )

    statements = grants(
        [right("a", "SELECT"), right("b", "SELECT"), right("c", "SELECT"), right("c", "INSERT")]
    )
    assert statements == (
        'GRANT SELECT ON TABLE "cr""m"."a", "cr""m"."b" TO "de""ploy";',
        'GRANT SELECT, INSERT ON TABLE "cr""m"."c" TO "de""ploy";',
    )
    member = Right(kind=RightKind.ROLE, name=("crm_owner",), holder="deploy", why="w")
    assert grants([member]) == ('GRANT "crm_owner" TO "deploy";',)
