"""The commands: parse, call one workflow, render, exit."""
