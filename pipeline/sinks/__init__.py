"""Where rows go: data files, dead letters, links, the commit and the row of the run."""
