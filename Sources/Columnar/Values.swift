// A column's values and their text are part of the columns' interface: who sees columns sees scalars.
@_exported import Values
