// Lookups
