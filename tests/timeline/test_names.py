import pytest

from perfcheck.timeline.names import call_kind, copy_kind, is_collective, python_function

KINDS = {
    "launch": "cudaLaunchKernel cudaLaunchKernelExC cuLaunchKernel cuLaunchKernelEx hipLaunchKernel "
    "hipExtModuleLaunchKernel hipModuleLaunchKernel cudaLaunchCooperativeKernel cudaMemsetAsync "
    "hipMemsetAsync",
    "graph-launch": "cudaGraphLaunch cuGraphLaunch hipGraphLaunch",
    "sync": "cudaStreamSynchronize cudaDeviceSynchronize cudaEventSynchronize cuCtxSynchronize "
    "cuStreamSynchronize "
    "hipDeviceSynchronize hipStreamSynchronize hipEventSynchronize cudaThreadSynchronize",
    "copy": "cudaMemcpy cudaMemcpyAsync cudaMemcpy2DAsync cuMemcpyHtoDAsync_v2 hipMemcpyAsync "
    "hipMemcpyWithStream",
    "allocation": "cudaMalloc cudaMallocAsync cudaFree cudaFreeHost cudaHostAlloc cudaMallocHost hipMalloc "
    "hipFree "
    "cuMemCreate cuMemMap cuMemUnmap cuMemRelease cuMemAddressReserve cuMemSetAccess cudaHostRegister",
    "event": "cudaStreamWaitEvent cudaEventRecord cudaEventQuery cudaEventCreateWithFlags hipStreamWaitEvent "
    "cudaStreamQuery",
    "other": "cudaStreamIsCapturing cudaFuncGetAttributes "
    "cudaOccupancyMaxActiveBlocksPerMultiprocessorWithFlags "
    "cudaGetDeviceProperties hipGetDevicePropertiesR0600 INVALID",
}


@pytest.mark.parametrize("kind", KINDS)
def test_calls_are_known_by_name_on_nvidia_and_amd(kind: str) -> None:
    assert {name: call_kind(name) for name in KINDS[kind].split()} == dict.fromkeys(KINDS[kind].split(), kind)


def test_collectives_are_known_by_name() -> None:
    assert is_collective("ncclDevKernel_AllReduce_Sum_f32_RING_LL(ncclDevKernelArgsStorage<4096ul>)")
    assert is_collective("ncclKernel_SendRecv_RING_SIMPLE_Sum_int8_t(ncclWorkElem)")
    assert is_collective("void mscclppKernel(int)") is is_collective("msccl_kernel")
    assert not is_collective("void at::native::vectorized_elementwise_kernel<4>")


def test_copies_are_known_by_name() -> None:
    assert copy_kind("Memcpy HtoD (Pageable -> Device)") == ("HtoD", "pageable")
    assert copy_kind("Memcpy DtoH (Device -> Pinned)") == ("DtoH", "pinned")
    assert copy_kind("Memcpy DtoD (Device -> Device)") == ("DtoD", "")
    assert copy_kind("CopyHostToDevice") == ("HtoD", "")


def test_functions_are_taken_apart() -> None:
    assert python_function("a (b)/c.py(12): f") == ("a (b)/c.py", 12, "f")
    assert python_function("<built-in method item of Tensor object at 0x7f>") == (
        "", 0, "<built-in method item of Tensor object at 0x7f>"
    )  # fmt: skip
