"""An internet in a box: real TCP/IP stacks, real servers, and a path that can be told to censor."""
