"""Data that a step destroys: copied before, put back by its opposite."""
