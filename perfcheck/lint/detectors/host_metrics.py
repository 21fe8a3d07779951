"""Metrics of host libraries, computed in a step."""

from __future__ import annotations

from collections.abc import Iterator

from perfcheck.lint.facts import Match, Scope


def host_metrics(scope: Scope) -> Iterator[Match]:
    """Calls of ``sklearn.metrics``."""
    for call in scope.calls(*_METRICS):
        name = scope.resolve(call.func)
        if name is not None and name.startswith("sklearn.metrics."):
            yield Match(call, {"F": call.func}, name)


_METRICS = tuple(
    """accuracy_score balanced_accuracy_score f1_score fbeta_score precision_score recall_score roc_auc_score roc_curve
    average_precision_score precision_recall_curve precision_recall_fscore_support confusion_matrix classification_report
    cohen_kappa_score matthews_corrcoef jaccard_score log_loss mean_squared_error mean_absolute_error r2_score
    top_k_accuracy_score auc""".split()
)
