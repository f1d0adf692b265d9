"""Drafts and issues invoices, and notes what was paid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import date
    from decimal import Decimal

    from psycopg import Connection


def draft(connection: Connection[Any], customer: int) -> int:
    """A new invoice without lines; its number is taken from the sequence."""
    row = connection.execute(
        "INSERT INTO billing.invoices (customer_id) VALUES (%s) RETURNING id", (customer,)
    ).fetchone()
    assert row is not None
    return int(row[0])


def issue(connection: Connection[Any], invoice: int, on: date, due: date) -> None:
    """Send the invoice on its way; a trigger announces it as a job."""
    connection.execute(
        "UPDATE billing.invoices SET status = 'issued', issued_on = %s, due_on = %s WHERE id = %s",
        (on, due, invoice),
    )


def address_of(connection: Connection[Any], invoice: int) -> tuple[Any, ...] | None:
    """Whom the invoice goes to: name and address for the letter."""
    return connection.execute(
        """
        SELECT c.name, c.email
        FROM billing.invoices AS i
        JOIN crm.customers AS c ON c.id = i.customer_id
        WHERE i.id = %s
        """,
        (invoice,),
    ).fetchone()


def receive(connection: Connection[Any], invoice: int, amount: Decimal, reference: str) -> None:
    """Note a payment of the bank's file; reading the file twice does no harm."""
    connection.execute(
        """
        INSERT INTO billing.payments (invoice_id, method, amount, bank_reference)
        VALUES (%s, 'pix', %s, %s)
        ON CONFLICT (bank_reference) DO NOTHING
        """,
        (invoice, amount, reference),
    )
