// Scalars and their text form are part of the API of columns, so importing `Columnar` also imports `Values`.
@_exported import Values
