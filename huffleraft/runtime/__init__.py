"""The node: one task that drives one core over a store, a network and timers."""
