"""What huffleraft costs, measured from outside: real processes, real sockets, a real disk."""
