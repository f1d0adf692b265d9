"""`migrate gate`: the checks of the CI staging gate, one file each, and the verdict over them."""
