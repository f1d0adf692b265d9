"""What the gate found, in every format; all but the first are made of the JSON document alone."""
