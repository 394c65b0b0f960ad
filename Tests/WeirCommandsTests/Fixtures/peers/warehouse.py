"""Opens a Weir warehouse with PyIceberg, without any service running."""

from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.types import UUIDType


def open_catalog(catalog_db, warehouse, create=False, name="weir"):
    return SqlCatalog(
        name,
        uri=f"sqlite:///{catalog_db}",
        warehouse=str(warehouse),
        init_catalog_tables="true" if create else "false",
    )


def uuid_columns(table):
    return [field.name for field in table.schema().fields if isinstance(field.field_type, UUIDType)]
