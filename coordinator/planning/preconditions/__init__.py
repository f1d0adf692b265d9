"""What steps demand of the rows that are there: derived from their SQL, one file for each kind of demand. Pure."""
