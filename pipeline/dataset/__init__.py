"""What stands on disk: storage, layout, tables, commits, index, views."""
