// filled by commands
