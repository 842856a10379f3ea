"""What runs on the other side of the wall: the zygote and the sessions that it forks."""
