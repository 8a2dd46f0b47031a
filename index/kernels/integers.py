"""Operations on unsigned integers that NumPy's rules would widen, so that loops over them stay in narrow vectors."""

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic


def _same_unsigned(left: Any, right: Any) -> bool:
    return isinstance(left, types.Integer) and left == right and not left.signed  # type: ignore[attr-defined]


@intrinsic
def add_saturating(typingctx, left, right):
    """left + right, or the largest value of their (common, unsigned) type if the sum exceeds it."""

    def codegen(context, builder, signature, arguments):
        kind = arguments[0].type
        function = builder.module.declare_intrinsic("llvm.uadd.sat", [kind], ir.FunctionType(kind, [kind, kind]))
        return builder.call(function, arguments)

    return (left(left, right), codegen) if _same_unsigned(left, right) else None


@intrinsic
def larger(typingctx, left, right):
    """The larger of two values of one unsigned type."""

    def codegen(context, builder, signature, arguments):
        return builder.select(builder.icmp_unsigned(">", *arguments), *arguments)

    return (left(left, right), codegen) if _same_unsigned(left, right) else None
