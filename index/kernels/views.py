"""Views of arrays by their address, of which no reference is counted.

Getting an array of many out of a list counts references to it and to all that lie beside it, which takes longer than
what a search of a small segment reads.
"""

from typing import Any

import numpy.typing as npt
from numba import types
from numba.extending import intrinsic
from numba.np.arrayobj import populate_array

from lsr.core.jit import kernel


def place_of(array: npt.NDArray[Any] | None) -> tuple[int, int]:
    """Address and number of values of a contiguous array, which must outlive all views; of none, zeros."""
    if array is None:
        return 0, 0
    if not array.flags.c_contiguous:
        raise ValueError("an array with gaps has no view by its address")
    return array.ctypes.data, array.size


@intrinsic
def _view(typingctx, like, address, size):
    def nothing(context, builder, signature, arguments):
        return context.get_dummy_value()

    def codegen(context, builder, signature, arguments):
        kind = signature.return_type
        view = context.make_array(kind)(context, builder)
        item = context.get_abi_sizeof(context.get_data_type(kind.dtype))
        itemsize = context.get_constant(types.intp, item)
        data = builder.inttoptr(arguments[1], context.get_data_type(kind.dtype).as_pointer())
        populate_array(view, data, (arguments[2],), (itemsize,), itemsize, None)
        return view._getvalue()

    if isinstance(like, types.NoneType):
        return types.none(like, types.intp, types.intp), nothing
    if isinstance(like, types.Array) and isinstance(address, types.Integer) and isinstance(size, types.Integer):
        flat = types.Array(like.dtype, 1, "C", readonly=not like.mutable, aligned=like.aligned)
        return flat(like, types.intp, types.intp), codegen
    return None


@kernel(forceinline=True)
def view_at(like, place):
    """The values at a place (int64 [2], see `place_of`) as a flat array of the type of `like`; None for None."""
    return _view(like, place[0], place[1])
