"""The processor as a target: machine code for lists, generated through llvmlite."""
