"""From a timeline to where the GPU's idle time went."""
