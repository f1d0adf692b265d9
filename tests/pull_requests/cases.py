"""Eleven pull requests over the sample ERP as data: the files of each, and what is to be found before it is merged.

Each is laid on a copy of the sample whose modules are all applied. `found` is the whole set of consumers that
`migrate impact` tells, each with verdict, kind, name and place; lines of code are found by the text that stands there,
so that the table does not count lines. `gate` is what `migrate gate` must come to.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from coordinator.model.impact import Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

HEADS = {
    "crm": "189b8878c75d",
    "agendamento": "0dcd4d8e4914",
    "workflow": "0c8c67f341e7",
    "billing": "189661f38b2d",
    "notifications": "1055c9f49ed3",
    "user_management": "",
}
SAFE, DEGRADES, BREAKS = Verdict.SAFE, Verdict.DEGRADES, Verdict.BREAKS


@dataclass(frozen=True, slots=True)
class At:
    """A line of a file: the first that holds `text`, below the first that holds `below`."""

    file: str
    text: str
    below: str = ""

    def place(self, root: Path) -> str:
        """`file:line` in the tree at `root`."""
        lines = list(enumerate((root / self.file).read_text(encoding="utf-8").splitlines(), start=1))
        start = next(number for number, line in lines if self.below in line)
        number = next(number for number, line in lines if number >= start and self.text in line)
        return f"{root / self.file}:{number}"


@dataclass(frozen=True, slots=True)
class Told:
    """One consumer as it must be told."""

    verdict: Verdict
    kind: str
    name: str
    at: At | str


@dataclass(frozen=True, slots=True, kw_only=True)
class PullRequest:
    """One pull request. `edits` replace a text in a file of the sample (old, new); `files` are new ones.

    `live` are statements that the role `reporting` sends before; only a server with pg_stat_statements knows of them.
    """

    name: str
    module: str
    verdict: Verdict
    files: Mapping[str, str]
    edits: tuple[tuple[str, str, str], ...] = ()
    found: frozenset[Told] = frozenset()
    ship_first: tuple[str, ...] = ()
    live: tuple[str, ...] = ()
    gate: str = "blocked"
    gate_why: str = ""
    owners: tuple[str, ...] = field(default=())

    def lay_on(self, root: Path) -> None:
        """Write the pull request over a copy of the sample."""
        for name, text in self.files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text, encoding="utf-8")
        for name, old, new in self.edits:
            before = (root / name).read_text(encoding="utf-8")
            assert old in before, f"{name} does not hold {old!r}"
            (root / name).write_text(before.replace(old, new), encoding="utf-8")


def _revision(
    module: str,
    revision: str,
    message: str,
    upgrade: str,
    downgrade: str,
    *,
    after: str | None = None,
    names: str = "",
) -> dict[str, str]:
    """One revision file, as an author writes it."""

    def body(text: str) -> str:
        return "\n".join(f"    {line}".rstrip() for line in text.strip().splitlines())

    text = f'''"""{message}"""

import sqlalchemy as sa
from alembic import op

revision: str = "{revision}"
down_revision: str | None = "{after or HEADS[module]}"
branch_labels: None = None
depends_on: None = None
{names}

def upgrade() -> None:
{body(upgrade)}


def downgrade() -> None:
{body(downgrade)}
'''
    return {f"modules/{module}/migrations/versions/9_{revision}.py": text}


REMINDERS = "modules/notifications/nexus_notifications/reminders.py"
TEMPLATE = "modules/notifications/nexus_notifications/templates/reminder.html"
MODELS = "modules/crm/nexus_crm/models.py"
CUSTOMERS = "modules/crm/nexus_crm/customers.py"
PHONE = "modules/agendamento/migrations/versions/0006_notification_phone.py"
TARGETS = "modules/agendamento/migrations/versions/0007_create_reminder_targets.py"
MAP = "database_map.md"
BOOKING = "modules/agendamento/nexus_agendamento/booking.py"
QUEUE = "modules/notifications/migrations/versions/0006_queue_appointment_reminders.py"
PROFESSIONALS = "modules/agendamento/migrations/versions/0002_create_professionals.py"
VERSIONS = "modules/{}/migrations/versions"


def _map(verdict: Verdict, name: str, module: str, text: str) -> Told:
    """A line of the map in a module's part of it."""
    return Told(verdict, "map", name, At(MAP, text, f"## Module {module}"))


# What of the sample reads crm.customers.telefone2.
_PHONE = Told(BREAKS, "function", "agendamento.notification_phone", At(PHONE, "op.execute("))
_PHONE_READERS = frozenset(
    {
        _PHONE,
        Told(BREAKS, "function", "notifications.queue_reminders", At(QUEUE, "op.execute(")),
        Told(BREAKS, "code", "day_of", At(BOOKING, "SELECT a.starts_at, a.customer")),
        Told(BREAKS, "code", "Customer.telefone2", At(MODELS, "telefone2")),
        Told(BREAKS, "code", "RECIPIENTS", At(REMINDERS, "telefone2")),
        Told(DEGRADES, "code", "crm.customers.telefone2", At(TEMPLATE, "telefone2")),
        _map(
            BREAKS, "crm is used by agendamento.notification_phone", "crm", "`agendamento.notification_phone`"
        ),
        _map(BREAKS, "agendamento uses crm.customers", "agendamento", "- `crm.customers`"),
        _map(BREAKS, "notifications uses crm.customers", "notifications", "- `crm.customers`"),
        Told(SAFE, "revision", "agendamento:c896e9ec3373", At(TARGETS, "op.execute(")),
    }
)

SAFE_ADDITION = PullRequest(
    name="a safe addition",
    module="crm",
    verdict=SAFE,
    files=_revision(
        "crm",
        "d00000000001",
        "add birthday",
        'op.add_column("customers", sa.Column("birthday", sa.Date()), schema="crm")',
        'op.drop_column("customers", "birthday", schema="crm")',
    ),
    gate="approved",
)

READ_BY_A_VIEW = PullRequest(
    name="a dropped column that a view reads",
    module="crm",
    verdict=BREAKS,
    files=_revision(
        "crm",
        "d00000000002",
        "drop preferred_name",
        'op.drop_column("customers", "preferred_name", schema="crm")',
        'op.add_column("customers", sa.Column("preferred_name", sa.Text()), schema="crm")',
    ),
    found=frozenset(
        {
            Told(
                BREAKS,
                "view",
                "agendamento.agenda",
                At(
                    f"{VERSIONS.format('agendamento')}/0008_agenda_reads_preferred_name.py",
                    'op.execute(AGENDA.format(name="preferred_name"))',
                ),
            ),
            Told(
                BREAKS,
                "view",
                "crm.customer_overview",
                At(f"{VERSIONS.format('crm')}/0010_create_customer_overview.py", "op.execute("),
            ),
            Told(BREAKS, "code", "Customer.preferred_name", At(MODELS, "preferred_name")),
            Told(BREAKS, "code", "RECIPIENTS", At(REMINDERS, "preferred_name")),
            Told(DEGRADES, "code", "crm.customers.preferred_name", At(TEMPLATE, "preferred_name")),
            _map(BREAKS, "crm is used by agendamento.agenda", "crm", "`agendamento.agenda`"),
            _map(BREAKS, "agendamento uses crm.customers", "agendamento", "- `crm.customers`"),
            _map(BREAKS, "notifications uses crm.customers", "notifications", "- `crm.customers`"),
        }
    ),
    owners=("notifications", "agendamento"),
    gate_why="breaks",
)

READ_BY_A_BODY = PullRequest(
    name="a dropped column that a plpgsql body reads",
    module="crm",
    verdict=BREAKS,
    files=_revision(
        "crm",
        "d00000000003",
        "drop telefone2",
        'op.drop_column("customers", "telefone2", schema="crm")',
        'op.add_column("customers", sa.Column("telefone2", sa.Text()), schema="crm")',
    ),
    found=_PHONE_READERS,
    owners=("notifications", "agendamento"),
    gate_why="rehearsal",
)

READ_BY_CODE = PullRequest(
    name="a dropped column that another module's code reads",
    module="agendamento",
    verdict=BREAKS,
    files=_revision(
        "agendamento",
        "d00000000004",
        "drop hours_ahead",
        'op.drop_column("reminder_targets", "hours_ahead", schema="agendamento")',
        """op.add_column(
    "reminder_targets",
    sa.Column("hours_ahead", sa.SmallInteger(), server_default="24", nullable=False),
    schema="agendamento",
)""",
    ),
    found=frozenset(
        {
            Told(BREAKS, "code", "RECIPIENTS", At(REMINDERS, "hours_ahead")),
            _map(
                BREAKS,
                "notifications uses agendamento.reminder_targets",
                "notifications",
                "- `agendamento.reminder_targets`",
            ),
        }
    ),
    owners=("notifications",),
    gate_why="impact",
)

READ_LIVE_ONLY = PullRequest(
    name="a dropped column that only live statements read",
    module="crm",
    verdict=BREAKS,
    files=_revision(
        "crm",
        "d00000000005",
        "drop the position of contacts",
        """op.drop_constraint("uq_contacts_customer_id_kind_position", "contacts", schema="crm", type_="unique")
op.drop_column("contacts", "position", schema="crm")""",
        """op.add_column(
    "contacts", sa.Column("position", sa.SmallInteger(), server_default="1", nullable=False), schema="crm"
)""",
    ),
    live=("SELECT customer_id, value FROM crm.contacts WHERE position = 1",),
    gate_why="impact",
)

RENAME = PullRequest(
    name="a rename",
    module="agendamento",
    verdict=BREAKS,
    files=_revision(
        "agendamento",
        "d00000000006",
        "call the price of a service its fee",
        'op.alter_column("services", "price", new_column_name="fee", schema="agendamento")',
        'op.alter_column("services", "fee", new_column_name="price", schema="agendamento")',
    ),
    found=frozenset(
        {
            Told(
                BREAKS,
                "function",
                "billing.bill_appointment",
                At(f"{VERSIONS.format('billing')}/0009_bill_finished_appointments.py", "op.execute("),
            ),
            Told(
                BREAKS,
                "trigger",
                "agendamento.appointments.bill_appointment",
                At(f"{VERSIONS.format('billing')}/0009_bill_finished_appointments.py", "op.execute(", "END"),
            ),
            Told(DEGRADES, "code", "BOOK", At(BOOKING, "INSERT INTO agendamento.appointments")),
            Told(DEGRADES, "code", "cancel", At(BOOKING, "UPDATE agendamento.appointments")),
            _map(
                BREAKS,
                "agendamento is used by billing.bill_appointment",
                "agendamento",
                "`billing.bill_appointment`",
            ),
            _map(BREAKS, "billing uses agendamento.services", "billing", "- `agendamento.services`"),
        }
    ),
    owners=("billing",),
    gate_why="rehearsal",
)

RETYPE_UNDER_A_KEY = PullRequest(
    name="a type change under a foreign key",
    module="agendamento",
    verdict=BREAKS,
    files=_revision(
        "agendamento",
        "d00000000007",
        "let professionals have ids with letters",
        """op.alter_column(
    "professionals", "user_id", type_=sa.Text(), existing_type=sa.BigInteger(), schema="agendamento"
)""",
        """op.alter_column(
    "professionals",
    "user_id",
    type_=sa.BigInteger(),
    existing_type=sa.Text(),
    schema="agendamento",
    postgresql_using="user_id::bigint",
)""",
    ),
    found=frozenset(
        {
            Told(
                BREAKS,
                "foreign key",
                "agendamento.professionals.fk_professionals_user_id_users",
                At(PROFESSIONALS, "op.create_table("),
            ),
            Told(
                BREAKS,
                "foreign key",
                "agendamento.working_hours.fk_working_hours_user_id_professionals",
                At(PROFESSIONALS, "op.create_table(", '"specialty"'),
            ),
            Told(
                BREAKS,
                "foreign key",
                "agendamento.appointments.fk_appointments_professional_id_professionals",
                At(f"{VERSIONS.format('agendamento')}/0003_create_appointments.py", "op.create_table("),
            ),
        }
    ),
    gate_why="rehearsal",
)

NOT_NULL_OVER_NULLS = PullRequest(
    name="NOT NULL over rows with nulls",
    module="crm",
    verdict=DEGRADES,
    files=_revision(
        "crm",
        "d00000000008",
        "every customer has an address",
        'op.alter_column("customers", "email", nullable=False, existing_type=sa.Text(), schema="crm")',
        'op.alter_column("customers", "email", nullable=True, existing_type=sa.Text(), schema="crm")',
    ),
    found=frozenset({Told(DEGRADES, "code", "add_customer", At(CUSTOMERS, "customer = Customer("))}),
    gate_why="null-rows",
)

MOVED_TABLE = PullRequest(
    name="a table moved between modules",
    module="agendamento",
    verdict=BREAKS,
    files=_revision(
        "agendamento",
        "d00000000009",
        "give the reminder targets to notifications",
        'op.execute("ALTER TABLE agendamento.reminder_targets SET SCHEMA notifications")',
        'op.execute("ALTER TABLE notifications.reminder_targets SET SCHEMA agendamento")',
        names='touches: list[str] = ["notifications"]\n',
    ),
    found=frozenset(
        {
            Told(
                BREAKS,
                "function",
                "notifications.queue_reminders",
                At(f"{VERSIONS.format('notifications')}/0006_queue_appointment_reminders.py", "op.execute("),
            ),
            Told(BREAKS, "code", "RECIPIENTS", At(REMINDERS, "agendamento.reminder_targets")),
            Told(
                SAFE,
                "revision",
                "user_management:c1f471b6498c",
                At(f"{VERSIONS.format('user_management')}/0007_record_contact_origins.py", "op.execute("),
            ),
            _map(
                SAFE,
                "user_management uses agendamento.reminder_targets",
                "user_management",
                "- `agendamento.reminder_targets`",
            ),
            _map(
                BREAKS,
                "agendamento is used by notifications.queue_reminders",
                "agendamento",
                "`notifications.queue_reminders`",
            ),
            _map(
                BREAKS,
                "notifications uses agendamento.reminder_targets",
                "notifications",
                "- `agendamento.reminder_targets`",
            ),
        }
    ),
    owners=("notifications",),
    gate_why="impact",
)

ENUM_VALUE = PullRequest(
    name="an enum value",
    module="workflow",
    verdict=DEGRADES,
    files=_revision(
        "workflow",
        "d00000000010",
        "let jobs expire",
        "op.execute(\"ALTER TYPE workflow.job_status ADD VALUE 'EXPIRED'\")",
        "pass",
        names='irreversible: str = "an enum value cannot be taken away"\n',
    ),
    found=frozenset(
        {
            Told(
                DEGRADES,
                "function",
                "workflow.record_attempt",
                At(f"{VERSIONS.format('workflow')}/0005_record_attempts.py", "op.execute("),
            ),
            Told(
                DEGRADES,
                "function",
                "workflow.claim_next_job",
                At(f"{VERSIONS.format('workflow')}/0007_create_claim_next_job.py", "op.execute("),
            ),
            Told(
                DEGRADES,
                "code",
                "shown_state",
                At("modules/workflow/nexus_workflow/worker.py", "SELECT status"),
            ),
        }
    ),
    gate="approved",
)

SHIP_TOGETHER = PullRequest(
    name="two modules that must ship together",
    module="crm",
    verdict=SAFE,
    files={
        **_revision(
            "crm",
            "d00000000011",
            "drop telefone2 (contract)",
            'op.drop_column("customers", "telefone2", schema="crm")',
            """op.add_column(
    "customers", sa.Column("telefone2", sa.Text(), comment="Mobile, used for reminders"), schema="crm"
)""",
        ),
        **_revision(
            "agendamento",
            "d00000000012",
            "notify customers by their first phone",
            '''op.execute(
    """
    CREATE OR REPLACE FUNCTION agendamento.notification_phone(wanted bigint) RETURNS text
    LANGUAGE plpgsql STABLE AS $$
    BEGIN
        RETURN (SELECT customers.telefone1 FROM crm.customers WHERE customers.id = wanted);
    END
    $$
    """
)''',
            '''op.execute(
    """
    CREATE OR REPLACE FUNCTION agendamento.notification_phone(wanted bigint) RETURNS text
    LANGUAGE plpgsql STABLE AS $$
    DECLARE
        phone text;
    BEGIN
        SELECT coalesce(customers.telefone2, customers.telefone1) INTO phone
        FROM crm.customers WHERE customers.id = wanted;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'there is no customer %', wanted;
        END IF;
        RETURN phone;
    END
    $$
    """
)''',
        ),
    },
    edits=(
        (REMINDERS, "coalesce(c.telefone2, c.telefone1)", "c.telefone1"),
        (TEMPLATE, "customer.telefone2", "customer.telefone1"),
        (MODELS, "    telefone2: Mapped[str | None]\n", ""),
    ),
    found=frozenset(
        {
            Told(SAFE, "function", "agendamento.notification_phone", At(PHONE, "op.execute(")),
            _map(
                SAFE,
                "crm is used by agendamento.notification_phone",
                "crm",
                "`agendamento.notification_phone`",
            ),
            _map(SAFE, "agendamento uses crm.customers", "agendamento", "- `crm.customers`"),
            Told(SAFE, "revision", "agendamento:c896e9ec3373", At(TARGETS, "op.execute(")),
        }
    ),
    ship_first=("agendamento:d00000000012",),
    gate="approved",
)

PULL_REQUESTS = (
    SAFE_ADDITION,
    READ_BY_A_VIEW,
    READ_BY_A_BODY,
    READ_BY_CODE,
    READ_LIVE_ONLY,
    RENAME,
    RETYPE_UNDER_A_KEY,
    NOT_NULL_OVER_NULLS,
    MOVED_TABLE,
    ENUM_VALUE,
    SHIP_TOGETHER,
)
