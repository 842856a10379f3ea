"""The parts of `hint_infer`: the hints, and the places in the thinking where they are given; one file a place."""
