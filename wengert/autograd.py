"""PyTorch's ``torch.autograd``: gradients of recorded tensors."""

from wengert.transforms.session import backward, enable_grad, grad, no_grad, set_grad_enabled

__all__ = ["backward", "enable_grad", "grad", "no_grad", "set_grad_enabled"]
