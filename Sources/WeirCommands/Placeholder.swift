// WeirCommands
