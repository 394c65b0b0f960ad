// EventDecoders
