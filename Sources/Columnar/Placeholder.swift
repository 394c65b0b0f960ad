// Columnar
