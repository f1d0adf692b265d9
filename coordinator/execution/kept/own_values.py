"""Whose values count where the function that brings data back has brought other ones than are kept."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from coordinator.ledger.kept import takes_back
from coordinator.model.kept import NOT_MEASURED
from coordinator.planning.hidden_writes import calls_own_code
from coordinator.planning.kin import Kin, kin_of
from coordinator.planning.origins import brings_rows, names_say_all, origins_of, written_columns
from coordinator.postgres.keeping.origins import measured

if TYPE_CHECKING:
    from collections.abc import Collection

    from coordinator.model.catalog import Catalog
    from coordinator.model.effect import RevisionEffects
    from coordinator.model.kept import KeptData, OriginState
    from coordinator.postgres.session import Session

Table = tuple[str, str]  # schema and name


@dataclass(frozen=True, slots=True, kw_only=True)
class Own:
    """What a function brings back itself counts against one copy, in these columns of it; `why` ends a sentence.

    `rows`: kept rows that it did not bring back do not count either; None: where it is seen to bring some back.
    """

    why: str
    columns: tuple[str, ...]
    rows: bool | None


@dataclass(frozen=True, kw_only=True)  # without slots: what is found out once is remembered
class Function:
    """The function of one step, as far as it is known: `effects` is what its SQL says, None when that is not known.

    `catalog` is the one before it runs.
    """

    effects: RevisionEffects | None
    catalog: Catalog

    @cached_property
    def _said(self) -> RevisionEffects | None:
        """All that it does; None when its SQL does not say all of it."""
        hidden = self.effects is None or self.effects.unknown or calls_own_code(self.effects, (self.catalog,))
        return None if hidden else self.effects

    @cached_property
    def known(self) -> RevisionEffects | None:
        """All that it does, to tables that are called so; None when nobody can tell."""
        said = self._said
        return said if said is not None and names_say_all(said, self.catalog) else None

    @cached_property
    def _kin(self) -> Kin:
        return Kin() if self.effects is None else kin_of(self.effects, self.catalog)

    def origins(self, tables: Collection[Table]) -> frozenset[Table] | None:
        """The other tables from which it fills that one, as far as their names tell; None when its SQL does not."""
        said = self._said  # a step that is still to run may make what it names
        return None if said is None else origins_of(said, tables, self._kin)

    def written(self, tables: Collection[Table]) -> frozenset[str] | None:
        """The columns of that table which it gives values to; None: it may be any."""
        known = self.known
        return None if known is None else written_columns(known, tables, self._kin)

    def brings_rows(self, tables: Collection[Table]) -> bool | None:
        """Whether it puts whole rows into that table; None when nobody can tell."""
        known = self.known
        return None if known is None else brings_rows(known, tables, self._kin)


def compared_with(kept: KeptData, function: Function) -> frozenset[Table]:
    """The tables whose rows are compared with how they were, before that function brings back what is kept."""
    return frozenset() if kept.origins is None else function.origins(kept.relations) or frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnValues:
    """The decision for the copies that one step puts back: kept values count, unless something speaks against it.

    `digest` is that of the revision's content which runs now; larger tables than `limit` bytes are not measured.
    """

    session: Session
    function: Function
    digest: str
    run: int
    limit: int

    def of(self, kept: KeptData) -> Own | None:
        """None: the kept values count. Reads the rows of the tables that the function reads."""
        back = takes_back(self.session, self.run, of=kept.run)
        why = self._changed(kept, taken_back=back)
        others = tuple(each for each in kept.columns if each not in kept.row_key)
        rows = self.function.brings_rows(kept.relations)
        if not why:
            if back or kept.digest in {"", self.digest}:
                return None
            why = "the revision is another one by now"
            rows = False  # rows that people had written are not of its making
        written = self.function.written(kept.relations)
        columns = tuple(each for each in others if written is None or each in written)
        return Own(why=why, columns=columns, rows=rows) if columns or rows is not False else None

    def _changed(self, kept: KeptData, *, taken_back: bool) -> str:
        """Why what the function brings back may be newer than what is kept; empty: it is not."""
        origins = None if self.function.known is None else self.function.origins(kept.relations)
        if origins is None:
            return "" if taken_back else "nobody can tell what it takes them from"
        if not origins:
            return ""
        if kept.origins is None:
            return "" if taken_back else f"nobody knows whether {_named(origins)} has changed meanwhile"
        then = {each.relation: each.state for each in kept.origins}
        now = measured(self.session, origins, limit=self.limit)
        changed = [each.relation for each in now if _is_changed(each, then, taken_back=taken_back)]
        return f"{_named(changed)} may have changed meanwhile" if changed else ""


def _is_changed(now: OriginState, then: dict[Table, str | None], *, taken_back: bool) -> bool:
    before = then.get(now.relation, NOT_MEASURED)
    if NOT_MEASURED in {before, now.state}:
        return not taken_back
    return now.state != before


def _named(tables: Collection[Table]) -> str:
    return ", ".join(f"{schema}.{table}" for schema, table in sorted(tables))
