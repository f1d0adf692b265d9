"""Collects what the statements of one revision do, while they are read in order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from coordinator.model.effect import Effect, Holding, ObjectKind, ObjectName, Verb
from coordinator.sql.namespace import TEMPORARY, Namespace, is_built_in, type_words

if TYPE_CHECKING:
    from coordinator.sql.tree import Node

# Nobody's revision begins or ends what lies in these, so it has no versions.
_NOT_OURS = frozenset({TEMPORARY, "pg_catalog", "information_schema", "pg_toast"})


class Reading:
    """The effects found so far, and what could not be known; `line` is that of the statement being read."""

    def __init__(self, names: Namespace) -> None:
        self.names = names
        self.line = 0
        self.effects: list[Effect] = []
        self.unknown: list[str] = []
        self.added_labels: list[ObjectName] = []
        self._uses: set[Effect] = set()

    def begin_statement(self, line: int) -> None:
        """From here on effects belong to the statement at this line."""
        self.line = line
        self._uses.clear()

    def add(self, verb: Verb, target: ObjectName, **details: Any) -> None:
        """Note one effect of the statement; what lies in PostgreSQL's own schemas is left out."""
        if target.schema in _NOT_OURS:
            return
        effect = Effect(verb=verb, object=target, line=self.line, **details)
        if verb in {Verb.USE, Verb.HOLD}:
            if effect in self._uses:
                return
            self._uses.add(effect)
        self.effects.append(effect)

    def use(
        self,
        target: ObjectName,
        holder: ObjectName | None = None,
        holding: Holding = Holding.FIRM,
        **details: Any,
    ) -> None:
        """Note a use: a lasting one when there is a holder that outlives the session."""
        if holder is None or holder.schema == TEMPORARY:
            self.add(Verb.USE, target, **details)
        else:
            self.add(Verb.HOLD, target, holder=holder, holding=holding, **details)

    def use_type(self, node: Node, holder: ObjectName | None = None, holding: Holding = Holding.FIRM) -> None:
        """Note the use of a type that is not PostgreSQL's own."""
        words = type_words(node)
        if words and not is_built_in(words):
            # Every table is a type as well.
            row = self.names.named(ObjectKind.RELATION, words)
            self.use(self.names.named(ObjectKind.TYPE, words), holder, holding, alternatives=(row,))

    def not_known(self, reason: str) -> None:
        """Note why the effects of the statement are not fully known."""
        text = f"{reason} (line {self.line})" if self.line else reason
        if text not in self.unknown:
            self.unknown.append(text)
