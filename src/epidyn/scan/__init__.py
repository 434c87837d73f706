"""All pairs of enhancers and promoters within reach of one another, scored; see :mod:`epidyn.scan.run`."""
