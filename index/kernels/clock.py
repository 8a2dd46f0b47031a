"""Reading the clock inside a kernel, for searches that stop after a given time."""

import time

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from lsr.core.jit import kernel

_CLOCK = time.CLOCK_MONOTONIC


@intrinsic
def _clock_gettime(typingctx):
    def codegen(context, builder, signature, arguments):
        word = ir.IntType(64)
        moment = builder.alloca(ir.ArrayType(word, 2))
        kind = ir.FunctionType(ir.IntType(32), [ir.IntType(32), moment.type])
        function = builder.module.globals.get("clock_gettime") or ir.Function(builder.module, kind, "clock_gettime")
        builder.call(function, [ir.Constant(ir.IntType(32), _CLOCK), moment])
        seconds, nanoseconds = (builder.extract_value(builder.load(moment), i) for i in range(2))
        return builder.add(builder.mul(seconds, ir.Constant(word, 10**9)), nanoseconds)

    return types.int64(), codegen


@kernel
def nanoseconds():
    """The monotonic clock in int64 nanoseconds, as `time.monotonic_ns` reads it."""
    return _clock_gettime()
