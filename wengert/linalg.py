"""Linear algebra, with NumPy's names and the array API's extension."""

from wengert.ops.decomposition import *  # noqa: F403
from wengert.ops.equations import *  # noqa: F403
from wengert.ops.linalg import *  # noqa: F403
