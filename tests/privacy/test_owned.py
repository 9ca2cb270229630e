"""No table is forgotten: the models are walked, so that one added later must be thought of."""

from sqlmodel import SQLModel

from recuerda.privacy.export import SECTIONS
from recuerda.privacy.owned import KEPT, owned_tables

TABLES = SQLModel.metadata.tables
# A customer's words reach these through a customer's row only, so each must say whose it is.
_ABOUT_A_CUSTOMER = {"conversation", "message", "fact", "evidence", "memory", "identity"}


def test_every_table_with_a_customer_is_erased_or_kept_on_purpose() -> None:
    with_customer = {name for name, table in TABLES.items() if "customer_id" in table.c}
    assert with_customer == {table.name for table in owned_tables()} | KEPT


def test_every_table_with_a_customer_is_exported() -> None:
    with_customer = {name for name, table in TABLES.items() if "customer_id" in table.c}
    exported = {model.__tablename__ for model, _ in SECTIONS.values()}
    # Evidence comes with its fact; an erasure leaves nobody to export.
    assert with_customer == exported | {"evidence", "erasure"}


def test_what_hangs_on_a_customers_row_says_whose_it_is() -> None:
    for name, table in TABLES.items():
        points_at = {key.column.table.name for key in table.foreign_keys}
        if points_at & (_ABOUT_A_CUSTOMER | {"customer"}) and name != "customer":
            assert "customer_id" in table.c, name


def test_purging_knows_all_that_hangs_on_what_it_removes() -> None:
    """A table that points at messages, conversations or facts would stop the nightly purge."""
    pointing = {
        (name, key.column.table.name)
        for name, table in TABLES.items()
        for key in table.foreign_keys
        if key.column.table.name in {"conversation", "message", "fact"} and name != key.column.table.name
    }
    assert pointing == {
        ("message", "conversation"),
        ("evidence", "conversation"),
        ("evidence", "message"),
        ("evidence", "fact"),
        ("fact_event", "fact"),
        ("consent", "message"),
        ("model_call", "message"),  # let go and removed by the database itself
        ("model_call", "conversation"),
    }


def test_what_is_kept_after_an_erasure_points_at_nobody() -> None:
    for name in KEPT:
        assert not TABLES[name].foreign_keys
