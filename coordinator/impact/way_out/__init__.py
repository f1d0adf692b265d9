"""How to reach the same end so that nobody breaks: expand, move readers, contract."""
