"""Reports on a stall analysis: a summary for terminals, tracks for Perfetto, a page for browsers."""
