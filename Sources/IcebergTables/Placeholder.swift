// IcebergTables
