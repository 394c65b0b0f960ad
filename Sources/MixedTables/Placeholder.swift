// MixedTables
