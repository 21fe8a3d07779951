"""From paths to text: discovery, decoding, notebooks, suppressions, and the cache."""
