"""Records at rest: tables, the folder that holds them, and the EMR that opens it."""
