"""Control feeds as their makers make them: learnt at an uncensored place, of a crowd, of a public network."""
