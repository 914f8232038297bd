"""What runs: the command line, the configuration, the flow, where documents come from and where rows go.

This package assembles and holds the edges: files, object stores, the network, the runner. What happens to the data in
between is the business of `transforms`, which never imports from here. Both packages are one distribution, `beamwire`,
and its version stands here and nowhere else.
"""

__version__ = "0.2.0"
