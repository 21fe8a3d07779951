from perfcheck.lint.conversions import is_kernel
from tests.lint.programs import Program


def test_kernels() -> None:
    source = """
        from numba import cuda
        @cuda.jit(fastmath=True)
        def add(x, y): ...
        @cuda.stream
        def run(x, y): ...
    """
    program = Program(source)
    assert is_kernel(program.function("add"))
    assert not is_kernel(program.function("run"))
