"""The lines of conditions that take several: which of them Python is at when it asks for the truth.

``if (`` with operands on lines of their own runs each operand at its line; whether it is true is asked at the
line of the statement, before Python 3.12.
"""

import ast
from collections.abc import Mapping


def asked_at(text: str) -> Mapping[int, int]:
    """Line of an operand -> line of the statement whose condition it is part of, for conditions of several
    lines. Empty for what does not parse.
    """
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return {}
    return {
        line: node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.If | ast.While | ast.Assert)
        for line in range(node.lineno + 1, (node.test.end_lineno or node.test.lineno) + 1)
    }
