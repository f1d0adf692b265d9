"""Marks the roles that a revision makes on a staging server of others: they belong to all of it, and outlive its database.

The mark says in which staging database a role was made. When that one is gone, the role is a left-over; a role without
a mark is somebody else's, whatever it is called.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.postgres.roles import comment_on_role, role_comments
from coordinator.sql.roles import roles_told_of_in

if TYPE_CHECKING:
    from collections.abc import Callable

    from coordinator.postgres.session import Answer, Session


def marking_roles(session: Session, text: str, send: Callable[[str], Answer]) -> Answer:
    """Send the text, and mark the roles that it names which are there only since, in the same transaction.

    One that bears the mark keeps it when the text gives it another comment.
    """
    names = roles_told_of_in(text)
    if not names or session.failed:
        return send(text)
    before = role_comments(session, names)
    answer = send(text)
    for name, comment in role_comments(session, names).items():
        ours = before.get(name, session.role_mark) == session.role_mark
        if ours and comment != session.role_mark:
            comment_on_role(session, name, session.role_mark)
    return answer
