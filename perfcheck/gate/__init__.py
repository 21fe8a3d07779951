"""What keeps a mended project mended: baselines, changed lines, budgets."""
