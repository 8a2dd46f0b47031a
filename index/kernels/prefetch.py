"""A hint to the processor that memory will soon be read."""

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from lsr.core.jit import kernel


@intrinsic
def _prefetch(typingctx, array, index):
    def codegen(context, builder, signature, arguments):
        array_type, _ = signature.args
        data = context.make_array(array_type)(context, builder, arguments[0]).data
        address = builder.gep(data, [arguments[1]])
        pointer = ir.IntType(8).as_pointer()
        flag = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [pointer, flag, flag, flag])
        function = builder.module.declare_intrinsic("llvm.prefetch", [pointer], kind)
        read, keep, data_cache = (ir.Constant(flag, value) for value in (0, 3, 1))
        builder.call(function, [builder.bitcast(address, pointer), read, keep, data_cache])
        return context.get_dummy_value()

    if isinstance(array, types.Array) and isinstance(index, types.Integer):
        return types.void(array, index), codegen
    return None


@kernel
def prefetch(array, index):
    """Start loading the cache line of array[index]. Does nothing else, in or out of bounds."""
    _prefetch(array, index)
