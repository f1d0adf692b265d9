"""Values that flow between the packages: frozen, standard library only."""
