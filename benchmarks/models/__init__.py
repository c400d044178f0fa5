"""The networks of the workloads as a user of Wengert writes them."""
