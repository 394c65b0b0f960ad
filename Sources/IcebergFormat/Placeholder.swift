// IcebergFormat
