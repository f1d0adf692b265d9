"""The tables of the CRM as classes."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 - SQLAlchemy reads the annotations
from decimal import Decimal  # noqa: TC003 - the same

from sqlalchemy import ForeignKey, MetaData
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    """What all classes here share: the schema."""

    metadata = MetaData(schema="crm")


class LeadSource(Base):
    """Where a customer came from."""

    __tablename__ = "lead_sources"

    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str]
    label: Mapped[str]


class Customer(Base):
    """Somebody we sell to."""

    __tablename__ = "customers"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    preferred_name: Mapped[str | None]
    email: Mapped[str | None]
    telefone1: Mapped[str | None]
    telefone2: Mapped[str | None]
    owner_id: Mapped[int] = mapped_column(ForeignKey("user_management.users.id"))
    lead_source_id: Mapped[int] = mapped_column(ForeignKey("crm.lead_sources.id"))


class Deal(Base):
    """Something a customer may buy."""

    __tablename__ = "deals"

    id: Mapped[int] = mapped_column(primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("crm.customers.id"))
    title: Mapped[str]
    stage: Mapped[str]
    amount: Mapped[Decimal | None]
    closed_at: Mapped[datetime | None]
