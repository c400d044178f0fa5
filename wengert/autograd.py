"""PyTorch's ``torch.autograd``: gradients of recorded tensors."""

from wengert.transforms.modes import enable_grad, no_grad, set_grad_enabled
from wengert.transforms.session import backward, grad

__all__ = ["backward", "enable_grad", "grad", "no_grad", "set_grad_enabled"]
