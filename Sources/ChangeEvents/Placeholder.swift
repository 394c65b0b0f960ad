// ChangeEvents
