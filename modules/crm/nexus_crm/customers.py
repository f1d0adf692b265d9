"""What salespeople do with customers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, select

from nexus_crm.models import Customer, Deal

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


def add_customer(session: Session, *, name: str, email: str, owner_id: int, lead_source_id: int) -> Customer:
    """Enter a new customer, looked after by a user."""
    customer = Customer(name=name, email=email, owner_id=owner_id, lead_source_id=lead_source_id)
    session.add(customer)
    return customer


def by_email(session: Session, email: str) -> Customer | None:
    """The customer with that address; the index on lower(email) serves this."""
    return session.scalar(select(Customer).where(func.lower(Customer.email) == email.lower()))


def open_deals(session: Session, owner_id: int) -> list[Deal]:
    """The deals of a salesperson that are neither won nor lost, the largest first."""
    return list(
        session.scalars(
            select(Deal)
            .join(Customer, Customer.id == Deal.customer_id)
            .where(Customer.owner_id == owner_id, Deal.closed_at.is_(None))
            .order_by(Deal.amount.desc())
        )
    )
